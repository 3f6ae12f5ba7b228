"""The first page: what this is, one answer with its sources, what there is, and where to go on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from kgbuild import __version__
from kgbuild.engines import iri
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import DATASET_IRI, ID, ONTOLOGY, PREFIXES, expand
from kgbuild.query_error import QueryError
from kgbuild.server.languages import Reader, reader_of
from kgbuild.server.negotiation import takes_gzip
from kgbuild.server.rendering import page
from kgbuild.server.responses import Encoded, Response, header
from kgbuild.server.service import Service, table
from kgbuild.server.views.graph import Labels, Thing, When
from kgbuild.server.views.layout import N_

FLAGSHIP: Final = "academies-joined-network"
"""The named question that is answered on the page, with the values that it is asked with by default."""
MOST: Final = 12
"""Things in each list."""
COUNTED: Final = {
    "Article": N_("Articles"),
    "Claim": N_("Claims"),
    "Network": N_("Networks"),
    "Institution": N_("Institutions"),
    "State": N_("States"),
    "Person": N_("Persons"),
    "Meeting": N_("Meetings"),
    "Agreement": N_("Agreements"),
}
_ARTICLES: Final = f"""SELECT ?x ?edtf ?publisher {{
  ?x a icn:Article ; icn:published ?date FILTER (isIRI(?x)) ?date icn:edtf ?edtf ; icn:latest ?latest
  OPTIONAL {{ ?x dcterms:publisher ?publisher }}
}} ORDER BY DESC(?latest) ?x LIMIT {MOST}"""
_NETWORKS: Final = f"""SELECT ?x (COUNT(DISTINCT ?member) AS ?members) {{
  ?x a icn:Network FILTER (isIRI(?x)) OPTIONAL {{ ?m icn:organization ?x ; icn:member ?member }}
}} GROUP BY ?x ORDER BY DESC(?members) ?x LIMIT {MOST}"""
_LABELS: Final = """SELECT ?x ?label {{
  VALUES ?x {{ {} }} VALUES ?p {{ rdfs:label dcterms:title }} ?x ?p ?label
}}"""

Binding = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of the answer: an academy, since when, the articles that name it, and whether a curator inferred which."""

    thing: Thing
    joined: When | None
    articles: tuple[Thing, ...]
    is_inferred: bool
    is_contested: bool


@dataclass(frozen=True, slots=True)
class Recent:
    """An article, newest first."""

    thing: Thing
    published: When
    publisher: Thing | None


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
    rows = await _flagship(service)
    articles, networks = await table(service, _ARTICLES), await table(service, _NETWORKS)
    network = _iri(_asked(service, "network")) if rows else ""
    labels = await _labels(service, {*_mentioned(rows, articles, networks), *filter(None, [network])})
    counts = [(name, service.catalogue.classes.get(ONTOLOGY + kind, 0)) for kind, name in COUNTED.items()]
    question = service.settings.questions.get(FLAGSHIP)
    return page(
        "home.html",
        reader,
        question=question if rows else None,
        network=_thing(network, labels) if network else None,
        year=_asked(service, "year") if rows else "",
        answer=[_answered(row, labels) for row in rows],
        counts=[(name, count) for name, count in counts if count],
        networks=[(_thing(row["x"]["value"], labels), int(row["members"]["value"])) for row in networks if "x" in row],
        articles=[_recent(row, labels) for row in articles],
        questions=service.settings.questions,
        dataset=DATASET_IRI,
        release=service.release_id,
        kind_names={},
    )


# --- what is asked ------------------------------------------------------------------------------------------------


async def _flagship(service: Service) -> list[Binding]:
    """Ask the question as it stands; nothing where there is no such question or the data cannot answer it."""
    question = service.settings.questions.get(FLAGSHIP)
    if question is None:
        return []
    try:
        return [row for row in await table(service, _without_prefixes(question.text)) if "academy" in row]
    except QueryError:
        return []


def _without_prefixes(text: str) -> str:
    """Leave out the prefixes of a query: `table` writes all of them before it."""
    return re.sub(r"(?mi)^\s*PREFIX\s+\S+\s+<[^>]*>\s*$", "", text)


def _asked(service: Service, parameter: str) -> str:
    """Give a value that the question is asked with by default, as its file has it."""
    found = service.settings.questions[FLAGSHIP].parameters.get(parameter)
    return found.default if found else ""


def _iri(written: str) -> str:
    return expand(written) if written.partition(":")[0] in PREFIXES else written.strip("<>")


def _mentioned(rows: list[Binding], articles: list[Binding], networks: list[Binding]) -> set[str]:
    found = {row[name]["value"] for row in (*articles, *networks) for name in ("x", "publisher") if name in row}
    return found | {row["academy"]["value"] for row in rows} | {each for row in rows for each in _article_iris(row)}


def _article_iris(row: Binding) -> list[str]:
    return [f"{ID}article/{each}" for each in sorted(row.get("articles", {"value": ""})["value"].split())]


async def _labels(service: Service, things: Iterable[str]) -> dict[str, Labels]:
    terms = []
    for each in sorted(things):
        try:
            terms.append(write_term(iri(each)))
        except ValueError:
            continue  # from files of others: no IRI, and so it has no name
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in await table(service, _LABELS.format(" ".join(terms))) if terms else []:
        found[row["x"]["value"]].setdefault(row["label"].get("xml:lang", ""), row["label"]["value"])
    return dict(found)


# --- as the page shows it -----------------------------------------------------------------------------------------


def _thing(iri_: str, labels: dict[str, Labels]) -> Thing:
    return Thing(iri_, labels.get(iri_, {}))


def _answered(row: Binding, labels: dict[str, Labels]) -> Answered:
    joined = row.get("joined")
    return Answered(
        _thing(row["academy"]["value"], labels),
        When("", joined["value"]) if joined else None,
        tuple(_thing(each, labels) for each in _article_iris(row)),
        row.get("inferred", {}).get("value") == "true",
        row.get("contested", {}).get("value") == "true",
    )


def _recent(row: Binding, labels: dict[str, Labels]) -> Recent:
    publisher = row.get("publisher")
    return Recent(
        _thing(row["x"]["value"], labels),
        When("", row["edtf"]["value"]),
        _thing(publisher["value"], labels) if publisher else None,
    )
