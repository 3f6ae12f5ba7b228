"""What a page of an actor shows beyond the description: dates and sources of what leads to it, and further pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse

from kgbuild.engines import iri
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import ID, expand
from kgbuild.server.service import Service, table
from kgbuild.workers.request import Request

WHOLE: Final = 6
"""Pages of a description that are put on one page for people; what is larger is shown page by page."""
MOST: Final = 400
"""Things of which dates and sources are asked for, at a time."""
_QUADS: Final = "application/n-quads"
_DATED: Final = "icn:held, icn:planned, icn:signed, icn:began, icn:happened"
_PLACED: Final = "icn:place, icn:agreementType, icn:currentStatus, icn:programmeType"
_CLAIMED: Final = (
    "icn:claims, icn:says, icn:asserts, icn:infers, icn:because, icn:namedAs, icn:inArticle, icn:rank, oa:hasTarget"
)
_NAMED: Final = "rdfs:label, skos:prefLabel, rdf:type"
# Each branch goes from what is known to what is asked; the properties are a filter, since a second VALUES makes the
# engine read all triples that have one of them (Oxigraph 0.5.13).
_ASKED: Final = f"""SELECT DISTINCT ?s ?p ?o WHERE {{
  {{ VALUES ?s {{ %(dated)s }} ?s ?p ?o FILTER (?p IN ({_DATED}, {_PLACED})) }}
  UNION {{ VALUES ?x {{ %(dated)s }} ?x ?q ?s FILTER (?q IN ({_DATED})) ?s icn:edtf ?o BIND (icn:edtf AS ?p) }}
  UNION {{ VALUES ?x {{ %(dated)s }} ?x ?q ?s FILTER (?q IN ({_PLACED})) ?s ?p ?o FILTER (?p IN ({_NAMED})) }}
  UNION {{ VALUES ?x {{ %(claimed)s }} ?s icn:claims ?x ; ?p ?o FILTER (?p IN ({_CLAIMED})) }}
  UNION {{ VALUES ?x {{ %(claimed)s }} ?c icn:claims ?x ; oa:hasTarget ?s . ?s oa:hasSelector ?o
    BIND (oa:hasSelector AS ?p) }}
  UNION {{ VALUES ?x {{ %(claimed)s }} ?c icn:claims ?x ; oa:hasTarget ?t . ?t oa:hasSelector ?s . ?s ?p ?o
    FILTER (?p IN (oa:start, oa:end)) }}
  UNION {{ VALUES ?x {{ %(claimed)s }} ?c icn:claims ?x ; icn:inArticle ?s . ?s ?p ?o
    FILTER (?p IN (dcterms:title, dcterms:publisher, icn:published, schema:url, {_NAMED})) }}
  UNION {{ VALUES ?x {{ %(claimed)s }} ?c icn:claims ?x ; icn:inArticle ?a . ?a dcterms:publisher ?s . ?s ?p ?o
    FILTER (?p IN ({_NAMED})) }}
  UNION {{ VALUES ?x {{ %(claimed)s }} ?c icn:claims ?x ; icn:inArticle ?a . ?a icn:published ?s . ?s icn:edtf ?o
    BIND (icn:edtf AS ?p) }}
}}"""


async def whole(service: Service, thing: str, described: Store, number: int) -> tuple[list[Quad], int]:
    """Give all that a page shows of a thing, and how many such pages there are.

    `described` is page `number` of its description; the others are read too where there are few of them.
    """
    quads = list(described)
    pages = _pages(described)
    if number == 1 and 1 < pages <= WHOLE:
        quads += await _further(service, thing, pages)
        pages = 1
    return [*quads, *await _asked(service, thing, quads)], pages


def _pages(described: Store) -> int:
    lasts = described.quads_for_pattern(None, NamedNode(expand("hydra:last")), None, None)
    return max((int(q.object.value.rpartition("=")[2]) for q in lasts if isinstance(q.object, NamedNode)), default=1)


async def _further(service: Service, thing: str, pages: int) -> list[Quad]:
    found: list[Quad] = []
    for number in range(2, pages + 1):
        answer = await service.query(Request("", (), (_QUADS,), describe=thing, page=number))
        try:
            found += await asyncio.to_thread(_read, answer.read())
        finally:
            answer.close()
    return found


def _read(quads: bytes) -> list[Quad]:
    return list(parse(quads, format=RdfFormat.N_QUADS))


async def _asked(service: Service, thing: str, quads: Iterable[Quad]) -> list[Quad]:
    """Ask for dates of the meetings and agreements that are named, and for the claims behind what leads here."""
    dated, claimed = _wanted(thing, quads)
    if not dated and not claimed:
        return []
    terms = {"dated": _listed(dated), "claimed": _listed(claimed)}
    return list(map(_quad, await table(service, _ASKED % terms)))


def _wanted(thing: str, quads: Iterable[Quad]) -> tuple[list[str], list[str]]:
    dated, claimed = set(), set()
    for quad in quads:
        subject, value = quad.subject, quad.object
        if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode):
            continue
        if quad.predicate.value in (expand("icn:meeting"), expand("icn:agreement")):
            dated.add(value.value)
        elif quad.predicate.value == expand("icn:resolves"):
            claimed.add(value.value)
        elif value.value == thing and subject.value.startswith((f"{ID}meeting/", f"{ID}agreement/", f"{ID}programme/")):
            dated.add(subject.value)
            claimed.add(subject.value)
        elif value.value == thing and subject.value.startswith(f"{ID}publication/"):
            claimed.add(subject.value)
    return sorted(dated)[:MOST], sorted(claimed)[:MOST]


def _listed(things: Iterable[str]) -> str:
    return " ".join(write_term(iri(each)) for each in things)


def _quad(row: dict[str, dict[str, str]]) -> Quad:
    value = row["o"]
    term: NamedNode | Literal
    if value["type"] == "uri":
        term = NamedNode(value["value"])
    elif "xml:lang" in value:
        term = Literal(value["value"], language=value["xml:lang"])
    else:
        datatype = value.get("datatype")
        term = Literal(value["value"], datatype=NamedNode(datatype) if datatype else None)
    return Quad(NamedNode(row["s"]["value"]), NamedNode(row["p"]["value"]), term)
