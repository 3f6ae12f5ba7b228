"""Pages of the named questions: the list, the form with its fields, and the answer with names in place of addresses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from pyoxigraph import Store

from kgbuild.core.date_text import write_point
from kgbuild.core.dates import date_slug
from kgbuild.core.ids import date_iri
from kgbuild.core.namespaces import BASE, EXTERNAL, ID, PREFIXES
from kgbuild.core.terms import Table, Term
from kgbuild.questions.named import THEMES, Question, say_empty, sort_lists
from kgbuild.questions.values import CONCEPT_TYPES, ENTITY_TYPES, Parameter
from kgbuild.server.exchange.lookups import drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.negotiation import SHORT_NAMES
from kgbuild.server.http.problems import Problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.layout import Shown
from kgbuild.server.pages.query import FORMATS, rows_shown
from kgbuild.server.pages.reading import Reading, read_names
from kgbuild.server.pages.rendering import best_label, page
from kgbuild.server.pages.terms import Terms
from kgbuild.sparql.lookups import Bindings, LookUp, select
from kgbuild.sparql.results import MEMBER, read_json, read_table
from kgbuild.workers.spool import Answer

FEW: Final = 500
"""Entities up to which a field suggests all of them."""
MOST_NAMED: Final = 1500
"""Things of a page that are called by their names: the query for these has a greatest length."""
XSD_DATE: Final = EXTERNAL["xsd"] + "date"
_GROUPED: Final = re.compile(r"^[ \t]*GROUP BY\b", re.MULTILINE)
"""In a query whose rows stand for many: their sources are in a column of articles, or at the thing itself."""


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
    more = {**values, "problem": found, "elsewhere": elsewhere}
    return await asyncio.to_thread(page, "question.html", shown.reader, found.status, headers, **more)


async def answer_page(shown: ShownQuestion, values: Mapping[str, Term | None], answer: Answer) -> Response:
    """Show the form and the answer below it, or say in words that there is none."""
    # In a thread, as the page itself is made: a long answer would hold up all other requests.
    found, sources = await asyncio.to_thread(_read, shown.question, answer.read())
    counted = rows_shown(sources, len(found.rows))
    visible = Table(found.columns, found.rows[: counted["shown"]])
    named = {name: term.value for name, term in values.items() if term is not None and term.kind == "iri"}
    things = dict.fromkeys((*named.values(), *_things(shown.question, visible)))
    names = read_names([thing for thing in list(things)[:MOST_NAMED] if thing.startswith(BASE)])
    fields, found_names = await asyncio.gather(_fields(shown), drive(shown.service, names))
    reading = Reading(shown.reader, Terms(), Store(), found_names)
    return await asyncio.to_thread(
        page,
        "question.html",
        shown.reader,
        question=shown.question,
        fields=fields,
        problem=None,
        named={name: reading.name(thing) for name, thing in named.items()},
        query=shown.query,
        columns=found.columns,
        rows=_rows(shown.question, visible, reading),
        empty="" if found.rows else await drive(shown.service, say_empty(shown.question, values)),
        **counted,
        downloads=[(name, shown.link(format=name)) for name in FORMATS["table"]],
        types=SHORT_NAMES,
        sourced="" if sources is not None or _GROUPED.search(shown.query) else shown.link(sources="1"),
        sparql=f"/sparql?{urlencode({'query': shown.query})}",
        release=shown.service.release_id,
    )


def _read(question: Question, body: bytes) -> tuple[Table, Any]:
    """Read an answer, and the sources of its rows: None if nobody asked for them."""
    read = read_json(body)
    return sort_lists(question, read_table(read)), read.get(MEMBER)


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


def _things(question: Question, found: Table) -> Iterator[str]:
    for row in found.rows:
        for column, term in zip(found.columns, row, strict=True):
            yield from (thing for _, thing in _content(question, column, term) if thing)


def _content(question: Question, column: str, term: Term | None) -> Iterator[tuple[str, str]]:
    """Give the texts of a cell, each with what it names: a thing, the article of an id, the node of a date; or ""."""
    if term is None or not term.value:
        return
    if term.kind != "literal":
        yield (term.value, term.value) if term.kind == "iri" else (f"_:{term.value}", "")
        return
    separator = question.lists.get(column)
    for text in term.value.split(separator) if separator else [term.value]:
        if separator and column.endswith("articles"):
            yield text, f"{ID}article/{text}"
        else:
            slug = date_slug(text) if _is_date(question, column, term) else ""
            yield text, date_iri(slug) if slug else ""


def _by_thing(found: Bindings) -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = {}
    for row in found:
        labels = names.setdefault(row["thing"].value, {})
        # Two names in one language: the same one on every page.
        labels[row["name"].language] = min(labels.get(row["name"].language, row["name"].value), row["name"].value)
    return names


def _rows(question: Question, found: Table, reading: Reading) -> list[list[list[Shown]]]:
    return [
        [list(_cell(question, column, term, reading)) for column, term in zip(found.columns, row, strict=True)]
        for row in found.rows
    ]


def _cell(question: Question, column: str, term: Term | None, reading: Reading) -> Iterator[Shown]:
    """Show the content of a cell: things by name, a date in words, by its node or, of a plain day, by the calendar."""
    for text, thing in _content(question, column, term):
        assert term is not None  # noqa: S101 - an empty cell has no content
        if _is_date(question, column, term):
            label, language = best_label(reading.labels(thing), reading.reader)
            yield Shown(label or write_point(text, reading.reader.interface), "", language, title=text)
        elif thing:
            yield reading.name(thing)
        else:
            # Names that a query picks out in English have lost their language in it.
            language = term.language or ("en" if "English" in question.columns.get(column, "") else "")
            yield Shown(text, "", language)


def _is_date(question: Question, column: str, term: Term) -> bool:
    return term.kind == "literal" and (is_date_column(question, column) or term.datatype == XSD_DATE)


def is_date_column(question: Question, column: str) -> bool:
    """Tell whether a column holds dates: its description says that they are in EDTF."""
    return "EDTF" in question.columns.get(column, "")
