"""The quads that tell who says something of some things, read with few queries from any engine into a small store.

`support.evidence_for` finds in it, for each triple whose subject is one of the things, what it finds in the whole data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from kgbuild.core.namespaces import EXTERNAL, ONTOLOGY
from kgbuild.core.terms import iri
from kgbuild.questions.lookup import write_term
from kgbuild.sparql.embedded import rdf_term
from kgbuild.sparql.lookups import LookUp, Solutions, ask_all
from kgbuild.sparql.results import Rows, read_term, written

MOST_THINGS: Final = 400
"""Things of which one look-up reads the facts: it must not make the others wait."""
LONGEST_BLOCK: Final = 50_000
"""Characters of the IRIs in one query."""
LARGEST_ANSWER: Final = 20_000
"""Rows of one answer that are read."""

HIERARCHY: Final = tuple(
    f"SELECT ?s ({name} AS ?p) ?o {{ ?s {name} ?o FILTER (isIRI(?s) && isIRI(?o)) }} LIMIT {LARGEST_ANSWER}"
    for name in ("rdfs:subClassOf", "rdfs:subPropertyOf")
)
# What premises are found on: observations, namings, denials, other entities, placeholders, what a disagreement is
# about, what replaced a membership, and what began and ended a body or a member, with its dates.
RELATED: Final = (
    """SELECT DISTINCT ?found { VALUES ?thing { %s } {
  { ?found icn:observed ?thing ; icn:status|icn:legalForm|icn:polityStatus ?status } UNION { ?found icn:nameOf ?thing }
  UNION { ?found icn:replaces ?thing }
  UNION { ?found icn:denies ?thing } UNION { ?found icn:possiblySameAs ?thing } UNION { ?thing icn:resolves ?found }
  UNION { ?thing icn:onSubject ?found FILTER NOT EXISTS { ?thing icn:statedIn ?article } } } }""",
    """SELECT DISTINCT ?found ?date { VALUES ?thing { %s } ?thing ?role ?body .
  VALUES ?role { icn:organization icn:institution icn:member icn:suspendedMember }
  ?found icn:founded|icn:changed|icn:original|icn:resulting ?body ; icn:happened ?date }""",
)
_RESOLVED: Final = "SELECT ?s ?p ?o { VALUES ?s { %s } ?s ?p ?o }"
_GRAPHS: Final = "SELECT ?g ?s ?p ?o { VALUES ?s { %s } GRAPH ?g { ?s ?p ?o } }"
# Of a claim a page needs what its own graph says, without the names that the build has made.
_ABOUT: Final = "{ SELECT DISTINCT ?g ?claim { VALUES ?thing { %s } GRAPH ?g { ?claim icn:claims ?thing } } }"
_OF_CLAIM: Final = (
    # A claim without a position has the whole article as its target.
    "?claim oa:hasTarget ?s . ?s oa:hasSource ?article ; ?p ?o",
    "?claim oa:hasTarget/oa:hasSelector ?s . ?s ?p ?o",
    # Of an article, what `ClaimDetails` tells; a block of values in place of the filter costs ten times as much.
    "?claim icn:inArticle ?s . ?s ?p ?o FILTER (?p IN (dcterms:publisher, icn:published))",
)
_CREDITED: Final = (
    f"SELECT ?g (?claim AS ?s) ?p ?o {{ {_ABOUT} GRAPH ?g {{ ?claim ?p ?o }} }}",
    *(
        f"SELECT DISTINCT ?g ?s ?p ?o {{ VALUES ?thing {{ %s }} GRAPH ?g {{ ?claim icn:claims ?thing . {part} }} }}"
        for part in _OF_CLAIM
    ),
    # Claims that describe a party, and that quote a spelling: neither need be about it.
    """SELECT ?claim ?g ?s ?p ?o { VALUES ?o { %s } GRAPH ?g {
  ?o a icn:UnidentifiedParty . ?s ?p ?o . ?claim icn:claims ?s } }""",
    """SELECT ?claim ?g ?s ?p ?o { VALUES ?o { %s } GRAPH ?g {
  ?o skos:altLabel ?text . ?claim icn:namedAs ?text ; icn:claims ?s . ?s ?p ?o } }""",
    # What the build wrote down of who gives a triple.
    """SELECT ?claim ?g ?s ?p ?o { VALUES ?thing { %s } GRAPH ?g {
  ?s rdf:subject ?thing ; ?p ?o . ?claim icn:gives ?s } }""",
    """SELECT (?s AS ?claim) ?g ?s ?p ?o { VALUES ?thing { %s } GRAPH ?g {
  ?o rdf:subject ?thing . ?s icn:gives ?o ; ?p ?o } }""",
)
_CLAIM: Final = (
    _GRAPHS,
    *(f"SELECT DISTINCT ?g ?s ?p ?o {{ VALUES ?claim {{ %s }} GRAPH ?g {{ {part} }} }}" for part in _OF_CLAIM),
)
_CLAIMS, _TARGET = ONTOLOGY + "claims", EXTERNAL["oa"] + "hasTarget"
_DEFAULT: Final = DefaultGraph()


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What was found by `RELATED`, and of which things."""

    of: Set[str] = frozenset()
    found: Set[str] = frozenset()


NONE: Final = Neighbours()


def gather(things: Iterable[str], hierarchies: tuple[Quad, ...] = (), related: Neighbours = NONE) -> LookUp[Store]:
    """Read what all graphs say of some things, the claims behind it, and what it follows from.

    `hierarchies` are the quads that answer `HIERARCHY`, and `related` is what some of the things are related to, for
    who has them already.
    """
    found = yield from gather_rows(things, related)
    if not hierarchies:
        hierarchies = read_quads((yield from ask_all(*HIERARCHY)))
    store = Store()
    store.extend((*quads_of(found), *hierarchies))
    return store


def gather_rows(things: Iterable[str], related: Neighbours = NONE) -> LookUp[Rows]:
    """Read what `gather` puts into a store, but for the hierarchies, as rows with `s`, `p`, `o` and perhaps `g`."""
    wanted = {each for thing in sorted(set(things))[:MOST_THINGS] for each in (thing, thing.partition("#")[0])}
    rows = yield from ask_about(wanted - related.of, *RELATED)
    everything = wanted | related.found | iris_of(rows, "found", "date")
    found = yield from ask_about(everything, _RESOLVED, _GRAPHS, *_CREDITED)
    if claims := _left(found, everything):
        found += yield from ask_about(claims, *_CLAIM)
    return found


def gather_whole(things: Iterable[str]) -> LookUp[list[Quad]]:
    """Read all that named graphs say of some things."""
    return quads_of((yield from ask_about(things, _GRAPHS)))


def _left(found: Rows, everything: set[str]) -> set[str]:
    """List the claims that were met otherwise than by what they are about."""
    quads = [row for row in found if "g" in row and "p" in row]
    claiming = [row for row in quads if row["p"]["value"] == _CLAIMS]
    met = iris_of([row for row in quads if row["p"]["value"] == _TARGET], "s") | iris_of(claiming, "s")
    read = iris_of([row for row in claiming if row["o"]["value"] in everything], "s")
    return (met | iris_of(found, "claim")) - read


def read_quads(answers: Iterable[Solutions]) -> tuple[Quad, ...]:
    """Read the quads of all rows that hold one."""
    return tuple(quads_of([row for found in answers for row in written(found)]))


def ask_about(things: Iterable[str], *queries: str) -> LookUp[Rows]:
    """Ask queries about some things, all at once; their answers come one after the other."""
    parts = list(in_parts(sorted(things), LONGEST_BLOCK // len(queries)))
    asked = ([f"{query % write_block(part)} LIMIT {LARGEST_ANSWER}" for query in queries] for part in parts)
    # One query for all of them: what it costs to ask is more than what most of them cost.
    answers = yield from ask_all(*(f"SELECT * {{ {{ {' } UNION { '.join(each)} }} }}" for each in asked))
    return [row for found in answers for row in written(found)]


def in_parts(things: Iterable[str], longest: int = LONGEST_BLOCK) -> Iterator[list[str]]:
    """Cut a list for one query each: none has more characters, however many things there are."""
    part: list[str] = []
    for thing in things:
        if part and sum(map(len, part)) + len(thing) > longest:
            yield part
            part = []
        part.append(thing)
    if part:
        yield part


def write_block(things: Iterable[str]) -> str:
    """Write IRIs for a VALUES block."""
    return " ".join(write_term(iri(thing)) for thing in things)


def iris_of(rows: Rows, *columns: str) -> set[str]:
    """List the IRIs in some columns."""
    return {row[name]["value"] for row in rows for name in columns if name in row and row[name]["type"] == "uri"}


def quads_of(rows: Rows) -> list[Quad]:
    """Read the quad of each row that holds one: without `g` it is of the default graph."""
    nodes = _Nodes()  # the same few stand in most rows

    def node(term: dict[str, str]) -> NamedNode | BlankNode | Literal:
        return nodes[term["value"]] if term["type"] == "uri" else rdf_term(read_term(term))

    made = []
    for row in rows:
        if "s" in row and "p" in row and "o" in row:
            s, p, graph = node(row["s"]), node(row["p"]), node(row["g"]) if "g" in row else _DEFAULT
            if isinstance(p, NamedNode) and not isinstance(s, Literal) and not isinstance(graph, Literal):
                made.append(Quad(s, p, node(row["o"]), graph))
    return made


class _Nodes(dict[str, NamedNode]):
    def __missing__(self, iri: str) -> NamedNode:
        made = self[iri] = NamedNode(iri)
        return made
