"""Pages of the named questions: the list, the form with its fields, and the answer with names in place of addresses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard
from urllib.parse import urlencode

from kgbuild.date_text import write_point
from kgbuild.dates import date_slug
from kgbuild.engines import Table, Term, iri
from kgbuild.engines.attribution import MEMBER
from kgbuild.engines.results import read_table
from kgbuild.ids import date_iri
from kgbuild.lookups import Bindings, LookUp, select
from kgbuild.namespaces import BASE, EXTERNAL, ID, PREFIXES, shorten
from kgbuild.questions.lookup import write_term
from kgbuild.questions.named import THEMES, Question, sort_lists
from kgbuild.questions.values import CONCEPT_TYPES, ENTITY_TYPES, Parameter
from kgbuild.server.languages import Reader
from kgbuild.server.lookups import drive
from kgbuild.server.negotiation import SHORT_NAMES
from kgbuild.server.problems import Problem
from kgbuild.server.query_pages import ROWS_SHOWN, SOURCED_ROWS_SHOWN, STATEMENTS_SHOWN
from kgbuild.server.rendering import best_label, page
from kgbuild.server.responses import Response
from kgbuild.server.service import Service
from kgbuild.workers.spool import Answer

FEW: Final = 500
"""Entities up to which a field suggests all of them."""
MOST_NAMED: Final = 1500
"""Things of a page that are called by their names: the query for these has a greatest length."""
DOWNLOADS: Final = ("csv", "tsv", "json", "xml")
XSD_DATE: Final = EXTERNAL["xsd"] + "date"
_GROUPED: Final = re.compile(r"^[ \t]*GROUP BY\b", re.MULTILINE)
"""In a query whose rows stand for many: their sources are in a column of articles, or at the thing itself."""

Names = Mapping[str, Mapping[str, str]]
"""IRI -> its names, by language; "" for one that is in no language."""


@dataclass(frozen=True)
class Option:
    """A value that a field offers, and how it is called."""

    value: str
    text: str
    language: str = ""


@dataclass(frozen=True)
class Field:
    """A parameter as the form shows it; `kind` is `choice`, `date` or `text`."""

    parameter: Parameter
    kind: str
    value: str
    options: tuple[Option, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Item:
    """One thing or text in a cell."""

    text: str
    iri: str = ""
    language: str = ""
    title: str = ""
    """The text as the data have it, where another is shown."""


@dataclass(frozen=True)
class ShownQuestion:
    """What a page is of: a question, all its values as people give them, the query, and the page's own address."""

    service: Service
    question: Question
    texts: Mapping[str, str]
    query: str
    address: str
    reader: Reader
    errors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Parameter -> what is wrong with it."""

    def link(self, **more: str) -> str:
        """Write the address of the same question with more parameters."""
        return f"{self.address}{'&' if '?' in self.address else '?'}{urlencode(more)}"


def index_page(service: Service, reader: Reader) -> Response:
    """List all questions by theme."""
    questions = service.settings.questions.values()
    themes = [(name, title, [q for q in questions if q.theme == name]) for name, title in THEMES.items()]
    listed = [each for each in themes if each[2]]
    return page("questions.html", reader, themes=listed, total=len(questions), release=service.release_id)


async def refused_page(shown: ShownQuestion, found: Problem) -> Response:
    """Show the form as it was filled in, with what is wrong at each field."""
    elsewhere = [each for name, each in shown.errors.items() if name not in shown.question.parameters]
    values = {"question": shown.question, "fields": await _fields(shown), "release": shown.service.release_id}
    headers = {"Cache-Control": "no-store"}
    return page("question.html", shown.reader, found.status, headers, **values, problem=found, elsewhere=elsewhere)


async def answer_page(
    shown: ShownQuestion, values: Mapping[str, Term | None], answer: Answer, empty: Callable[[], Awaitable[str]]
) -> Response:
    """Show the form and the answer below it; `empty` says in words that there is none."""
    # In a thread, as the page itself is made: a long answer would hold up all other requests.
    found, sources = await asyncio.to_thread(_read, shown.question, answer.read())
    count = min(len(found.rows), SOURCED_ROWS_SHOWN if sources and isinstance(sources, list) else ROWS_SHOWN)
    visible = Table(found.columns, found.rows[:count])
    things = _things(shown.question, visible, values)
    fields, names = await asyncio.gather(_fields(shown), drive(shown.service, _names(things)))
    return await asyncio.to_thread(
        page,
        "question.html",
        shown.reader,
        question=shown.question,
        fields=fields,
        problem=None,
        named={name: _item(term.value, names, shown.reader) for name, term in values.items() if _is_thing(term)},
        query=shown.query,
        columns=found.columns,
        rows=_rows(shown, visible, names),
        total=len(found.rows),
        shown=count,
        empty="" if found.rows else await empty(),
        sources=sources if isinstance(sources, list) else [],
        no_sources=sources["notAttributable"] if isinstance(sources, dict) else "",
        most=STATEMENTS_SHOWN,
        downloads=[(name, shown.link(format=name)) for name in DOWNLOADS],
        types=SHORT_NAMES,
        sourced="" if sources is not None or _GROUPED.search(shown.query) else shown.link(sources="1"),
        sparql=f"/sparql?{urlencode({'query': shown.query})}",
        release=shown.service.release_id,
    )


def _read(question: Question, body: bytes) -> tuple[Table, Any]:
    """Read an answer, and the sources of its rows: None if nobody asked for them."""
    read = json.loads(body)
    return sort_lists(question, read_table(read)), read.get(MEMBER)


# --- fields -------------------------------------------------------------------------------------------------------


async def _fields(shown: ShownQuestion) -> list[Field]:
    return list(await asyncio.gather(*(_field(shown, each) for each in shown.question.parameters.values())))


async def _field(shown: ShownQuestion, parameter: Parameter) -> Field:
    kind, options = await drive(shown.service, _options(parameter, shown.reader))
    value = shown.texts.get(parameter.name, "")
    if kind == "choice" and value not in {option.value for option in options}:
        options = (*options, Option(value, value))  # what was given stays, right or wrong
    found = shown.errors.get(parameter.name, {"detail": ""})
    return Field(parameter, kind, value, options, found["detail"])


def _options(parameter: Parameter, reader: Reader) -> LookUp[tuple[str, tuple[Option, ...]]]:
    if parameter.type in CONCEPT_TYPES:
        base = PREFIXES[CONCEPT_TYPES[parameter.type]]
        inside = f'FILTER (STRSTARTS(STR(?thing), "{base}"))'
        found = yield from select(f"SELECT ?thing ?name {{ ?thing a skos:Concept ; skos:prefLabel ?name {inside} }}")
        return "choice", _named_options(found, len(base), reader)
    if parameter.type in ENTITY_TYPES:
        typed = f"?thing a icn:{ENTITY_TYPES[parameter.type]} ." if ENTITY_TYPES[parameter.type] else ""
        some = f"SELECT DISTINCT ?thing {{ ?thing dcterms:identifier ?id . {typed} }} LIMIT {FEW + 1}"
        # A name for each language: those of more things than are suggested need not be told apart.
        found = yield from select(f"SELECT ?thing ?name {{ {{ {some} }} ?thing rdfs:label ?name }}")
        few = len({row["thing"] for row in found}) <= FEW
        return "text", _named_options(found, 0, reader) if few else ()
    if parameter.type == "year":
        found = yield from select("SELECT DISTINCT ?year { ?date icn:year ?year } ORDER BY ?year")
        return "choice", tuple(Option(row["year"].value, row["year"].value) for row in found)
    return {"boolean": "choice", "date": "date"}.get(parameter.type, "text"), _PLAIN.get(parameter.type, ())


_PLAIN: Final = {"boolean": (Option("true", "true"), Option("false", "false"))}


def _named_options(found: Bindings, skipped: int, reader: Reader) -> tuple[Option, ...]:
    """Make an option of each thing, by name; its value is the IRI without what is skipped, or the id."""
    names = _by_thing(found)
    options = []
    for thing, labels in names.items():
        value = thing[skipped:] if skipped else thing.removeprefix(ID).partition("/")[2]
        options.append(Option(value, *best_label(labels, reader)))
    return tuple(sorted(options, key=lambda option: (option.text.casefold(), option.value)))


# --- answers ------------------------------------------------------------------------------------------------------


def _is_thing(term: Term | None) -> TypeGuard[Term]:
    return term is not None and term.kind == "iri"


def _things(question: Question, found: Table, values: Mapping[str, Term | None]) -> list[str]:
    """List what a page calls by name, the parameters first."""
    things = dict.fromkeys(term.value for term in values.values() if _is_thing(term))
    for row in found.rows:
        for column, term in zip(found.columns, row, strict=True):
            if term is not None and term.kind == "iri":
                things[term.value] = None
            elif term is not None and _lists_articles(question, column):
                things |= dict.fromkeys(_article(id_) for id_ in term.value.split())
            elif term is not None and is_date_column(question, column):
                slugs = filter(None, map(date_slug, _texts(question, column, term)))
                things |= dict.fromkeys(map(date_iri, slugs))
    return list(things)[:MOST_NAMED]


def _names(things: list[str]) -> LookUp[Names]:
    """Name things in every language that they have a name in."""
    known = [thing for thing in things if thing.startswith(BASE)]
    if not known:
        return {}
    block = " ".join(write_term(iri(thing)) for thing in known)
    found = yield from select(f"""SELECT ?thing ?name {{ VALUES ?thing {{ {block} }}
      {{ ?thing rdfs:label|skos:prefLabel ?name }} UNION {{ GRAPH graph:names {{ ?thing rdfs:label ?name }} }} }}""")
    return _by_thing(found)


def _by_thing(found: Bindings) -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = {}
    for row in found:
        labels = names.setdefault(row["thing"].value, {})
        # Two names in one language: the same one on every page.
        labels[row["name"].language] = min(labels.get(row["name"].language, row["name"].value), row["name"].value)
    return names


def _rows(shown: ShownQuestion, found: Table, names: Names) -> list[list[list[Item]]]:
    return [
        [_items(shown, names, column, term) for column, term in zip(found.columns, row, strict=True)]
        for row in found.rows
    ]


def _items(shown: ShownQuestion, names: Names, column: str, term: Term | None) -> list[Item]:
    """Show the content of a cell; an article that is named by its id is a link, a date is written in words."""
    if term is None or not term.value:
        return []
    if term.kind != "literal":
        return [_item(term.value, names, shown.reader) if term.kind == "iri" else Item(f"_:{term.value}")]
    texts = _texts(shown.question, column, term)
    if _lists_articles(shown.question, column):
        return [_item(_article(id_), names, shown.reader) for id_ in texts]
    if is_date_column(shown.question, column) or term.datatype == XSD_DATE:
        return [_date_item(text, names, shown.reader) for text in texts]
    # Names that a query picks out in English have lost their language in it.
    language = term.language or ("en" if "English" in shown.question.columns.get(column, "") else "")
    return [Item(text, language=language) for text in texts]


def _texts(question: Question, column: str, term: Term) -> list[str]:
    separator = question.lists.get(column)
    return term.value.split(separator) if separator else [term.value]


def _date_item(text: str, names: Names, reader: Reader) -> Item:
    """Write a date in words: by the name of its node, or, of a plain day, by the calendar."""
    label, language = best_label(names.get(date_iri(date_slug(text)), {}), reader)
    return Item(label or write_point(text, reader.interface), language=language, title=text)


def _item(thing: str, names: Names, reader: Reader) -> Item:
    text, language = best_label(names.get(thing, {}), reader)
    return Item(text or shorten(thing), thing, language)


def _lists_articles(question: Question, column: str) -> bool:
    return column.endswith("articles") and column in question.lists


def is_date_column(question: Question, column: str) -> bool:
    """Tell whether a column holds dates: its description says that they are in EDTF."""
    return "EDTF" in question.columns.get(column, "")


def _article(id_: str) -> str:
    return f"{ID}article/{id_}"
