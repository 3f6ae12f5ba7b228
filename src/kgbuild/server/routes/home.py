"""The first page: what this is, one answer with its sources, what there is, and where to go on."""

from __future__ import annotations

import re
from typing import Final

from pyoxigraph import Store
from starlette.types import Receive, Scope, Send

from kgbuild.core.dates import date_slug
from kgbuild.core.ids import date_iri
from kgbuild.core.namespaces import DATASET_IRI, ID
from kgbuild.core.terms import Term
from kgbuild.questions.lookup import expand_name
from kgbuild.questions.named import Question, default_terms
from kgbuild.server.exchange.kept_documents import send_kept
from kgbuild.server.exchange.lookups import drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.layout import Shown
from kgbuild.server.pages.reading import Reading, read_names
from kgbuild.server.pages.rendering import page
from kgbuild.server.pages.terms import Terms, icn, terms_of
from kgbuild.sparql.lookups import Bindings, LookUp, select, select_all
from kgbuild.sparql.query_error import QueryError

FLAGSHIP: Final = "academies-joined-network"
"""The named question that is answered on the page, with the values that it is asked with by default."""
MOST: Final = 12
"""Things in each list."""
COUNTED: Final = ("Article", "Claim", "Network", "Institution", "Polity", "Person", "Meeting", "Agreement")
_ARTICLES: Final = f"""SELECT ?x ?edtf ?publisher {{
  ?x a icn:Article ; icn:published ?date FILTER (isIRI(?x)) ?date icn:edtf ?edtf ; icn:latest ?latest
  OPTIONAL {{ ?x dcterms:publisher ?publisher }}
}} ORDER BY DESC(?latest) ?x LIMIT {MOST}"""
_NETWORKS: Final = f"""SELECT ?x (COUNT(DISTINCT ?member) AS ?members) {{
  ?x a icn:Network FILTER (isIRI(?x)) OPTIONAL {{ ?m icn:organization ?x ; icn:member ?member }}
}} GROUP BY ?x ORDER BY DESC(?members) ?x LIMIT {MOST}"""

Binding = dict[str, Term]


async def home(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give the first page; made once for each release and language."""
    service: Service = scope["service"]
    reader = reader_of(scope)
    await send_kept(scope, send, lambda: _page(service, reader), reader.here)


async def _page(service: Service, reader: Reader) -> Response:
    question = service.settings.questions.get(FLAGSHIP)
    try:
        rows = await drive(service, _asked_of(question)) if question else []
    except QueryError:
        rows = []  # the data cannot answer it
    return await drive(service, _made(service, reader, await terms_of(service), rows))


def _made(service: Service, reader: Reader, terms: Terms, rows: Bindings) -> LookUp[Response]:
    articles, networks = yield from select_all(_ARTICLES, _NETWORKS)
    question = service.settings.questions[FLAGSHIP] if rows else None
    values = default_terms(question) if question else {}
    network, year = (term.value if (term := values.get(name)) else "" for name in ("network", "year"))
    names = yield from read_names(_mentioned(rows, articles, networks) | {network} - {""})
    reading = Reading(reader, terms, Store(), names)
    counts = [(icn(name), service.catalogue.classes.get(icn(name), 0)) for name in COUNTED]
    return page(
        "home.html",
        reader,
        question=question,
        network=reading.name(network) if network else None,
        year=year,
        answer=[_answered(row, reading) for row in rows],
        counts=[(reading.heading(kind, terms.plurals), n) for kind, n in counts if n],
        networks=[(reading.name(row["x"].value), int(row["members"].value)) for row in networks if "x" in row],
        articles=[(reading.name(row["x"].value), _when(row, reading), _publisher(row, reading)) for row in articles],
        questions=service.settings.questions,
        dataset=DATASET_IRI,
        release=service.release_id,
    )


def _asked_of(question: Question) -> LookUp[Bindings]:
    """Ask the question as it stands; each row has an academy."""
    # `select` writes all prefixes before it.
    text = re.sub(r"(?mi)^\s*PREFIX\s+\S+\s+<[^>]*>\s*$", "", question.text)
    return [row for row in (yield from select(text)) if "academy" in row]


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


def _answered(row: Binding, reading: Reading) -> tuple[Shown, str, tuple[Shown, ...], list[str]]:
    """Give an academy, since when it is a member, the articles that name it, and what marks that."""
    articles = tuple(map(reading.name, _article_iris(row)))
    marks: list[str] = [mark for mark in ("inferred", "contested") if mark in row and row[mark].value == "true"]
    return reading.name(row["academy"].value), _when(row, reading), articles, marks


def _publisher(row: Binding, reading: Reading) -> Shown | None:
    return reading.name(row["publisher"].value) if "publisher" in row else None
