"""The first page: what this is, one answer with its sources, what there is, and where to go on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Store
from starlette.types import Receive, Scope, Send

from kgbuild import __version__
from kgbuild.dates import date_slug
from kgbuild.engines import Term
from kgbuild.ids import date_iri
from kgbuild.lookups import Bindings, LookUp, select, select_all
from kgbuild.namespaces import DATASET_IRI, ID, PREFIXES, expand
from kgbuild.query_error import QueryError
from kgbuild.questions.lookup import expand_name
from kgbuild.questions.named import Question
from kgbuild.server.languages import Reader, reader_of
from kgbuild.server.lookups import drive
from kgbuild.server.negotiation import takes_gzip
from kgbuild.server.pages.layout import Shown
from kgbuild.server.pages.reading import Reading, read_names
from kgbuild.server.pages.terms import Terms, icn, terms_of
from kgbuild.server.rendering import page
from kgbuild.server.responses import Encoded, Response, header
from kgbuild.server.service import Service

FLAGSHIP: Final = "academies-joined-network"
"""The named question that is answered on the page, with the values that it is asked with by default."""
MOST: Final = 12
"""Things in each list."""
COUNTED: Final = ("Article", "Claim", "Network", "Institution", "State", "Person", "Meeting", "Agreement")
_ARTICLES: Final = f"""SELECT ?x ?edtf ?publisher {{
  ?x a icn:Article ; icn:published ?date FILTER (isIRI(?x)) ?date icn:edtf ?edtf ; icn:latest ?latest
  OPTIONAL {{ ?x dcterms:publisher ?publisher }}
}} ORDER BY DESC(?latest) ?x LIMIT {MOST}"""
_NETWORKS: Final = f"""SELECT ?x (COUNT(DISTINCT ?member) AS ?members) {{
  ?x a icn:Network FILTER (isIRI(?x)) OPTIONAL {{ ?m icn:organization ?x ; icn:member ?member }}
}} GROUP BY ?x ORDER BY DESC(?members) ?x LIMIT {MOST}"""

Binding = dict[str, Term]


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of the answer: an academy, since when, the articles that name it, and whether a curator inferred which."""

    thing: Shown
    joined: str
    articles: tuple[Shown, ...]
    is_inferred: bool
    is_contested: bool


@dataclass(frozen=True, slots=True)
class Recent:
    """An article, newest first."""

    thing: Shown
    published: str
    publisher: Shown | None


async def home(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give the first page; made once for each release and language."""
    service: Service = scope["service"]
    reader = reader_of(scope)
    packs = takes_gzip(header(scope, b"accept-encoding"))
    key = ("home", service.release_id, __version__, reader.labels, reader.chosen, packs)
    asked = reader.here == "/"  # what else is in an address is for the links to other languages alone
    made: Encoded | None = service.cache.get(key) if asked else None
    if made is None:
        release = service.release_id
        made = (await _page(service, reader)).encoded(takes_gzip=packs)
        if asked and release == service.release_id:
            service.cache.put(key, made)
    await made.send(scope["method"], header(scope, b"if-none-match"), send)


async def _page(service: Service, reader: Reader) -> Response:
    question = service.settings.questions.get(FLAGSHIP)
    try:
        rows = await drive(service, _asked_of(question)) if question else []
    except QueryError:
        rows = []  # the data cannot answer it
    terms = await terms_of(service)
    return await drive(service, _made(service, reader, terms, rows))


def _made(service: Service, reader: Reader, terms: Terms, rows: Bindings) -> LookUp[Response]:
    articles, networks = yield from select_all(_ARTICLES, _NETWORKS)
    network = _iri(_asked(service, "network")) if rows else ""
    names = yield from read_names(_mentioned(rows, articles, networks) | {network} - {""})
    reading = Reading(reader, terms, Store(), names)
    counts = [(icn(name), service.catalogue.classes.get(icn(name), 0)) for name in COUNTED]
    return page(
        "home.html",
        reader,
        question=service.settings.questions[FLAGSHIP] if rows else None,
        network=reading.name(network) if network else None,
        year=_asked(service, "year") if rows else "",
        answer=[_answered(row, reading) for row in rows],
        counts=[(reading.heading(kind, terms.plurals), n) for kind, n in counts if n],
        networks=[(reading.name(row["x"].value), int(row["members"].value)) for row in networks if "x" in row],
        articles=[_recent(row, reading) for row in articles],
        questions=service.settings.questions,
        dataset=DATASET_IRI,
        release=service.release_id,
    )


# --- what is asked ------------------------------------------------------------------------------------------------


def _asked_of(question: Question) -> LookUp[Bindings]:
    """Ask the question as it stands; each row has an academy."""
    # `select` writes all prefixes before it.
    text = re.sub(r"(?mi)^\s*PREFIX\s+\S+\s+<[^>]*>\s*$", "", question.text)
    return [row for row in (yield from select(text)) if "academy" in row]


def _asked(service: Service, parameter: str) -> str:
    """Give a value that the question is asked with by default, as its file has it."""
    found = service.settings.questions[FLAGSHIP].parameters.get(parameter)
    return found.default if found else ""


def _iri(written: str) -> str:
    return expand(written) if written.partition(":")[0] in PREFIXES else written.strip("<>")


def _mentioned(rows: Bindings, articles: Bindings, networks: Bindings) -> set[str]:
    found = {row[name].value for row in (*articles, *networks) for name in ("x", "publisher") if name in row}
    found |= {row["academy"].value for row in rows} | {each for row in rows for each in _article_iris(row)}
    found |= {date_iri(slug) for row in (*rows, *articles) if (slug := date_slug(_edtf(row)))}
    return {each for each in found if expand_name(f"<{each}>")}  # in files of others, an article's id may be any text


def _edtf(row: Binding) -> str:
    return next((row[name].value for name in ("joined", "edtf") if name in row), "")


def _when(row: Binding, reading: Reading) -> str:
    slug = date_slug(_edtf(row))
    return reading.name(date_iri(slug)).text if slug else _edtf(row)


def _article_iris(row: Binding) -> list[str]:
    return [f"{ID}article/{each}" for each in sorted(row["articles"].value.split())] if "articles" in row else []


# --- as the page shows it -----------------------------------------------------------------------------------------


def _answered(row: Binding, reading: Reading) -> Answered:
    texts = {name: term.value for name, term in row.items()}
    return Answered(
        reading.name(row["academy"].value),
        _when(row, reading),
        tuple(map(reading.name, _article_iris(row))),
        texts.get("inferred") == "true",
        texts.get("contested") == "true",
    )


def _recent(row: Binding, reading: Reading) -> Recent:
    publisher = reading.name(row["publisher"].value) if "publisher" in row else None
    return Recent(reading.name(row["x"].value), _when(row, reading), publisher)
