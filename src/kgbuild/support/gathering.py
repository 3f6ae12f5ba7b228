"""The quads that tell who says something of some things, read with few queries from any engine into a small store.

`support.evidence_for` finds in it, for each triple whose subject is one of the things, what it finds in the whole data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from kgbuild.core.namespaces import ONTOLOGY
from kgbuild.core.terms import Term, iri
from kgbuild.questions.lookup import write_term
from kgbuild.sparql.embedded import rdf_term
from kgbuild.sparql.lookups import Bindings, LookUp, select_all

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
# about, and the founding and the dissolution of an organization, with their dates.
_RELATED: Final = (
    """SELECT DISTINCT ?found { VALUES ?thing { %s } {
  { ?found icn:about ?thing ; icn:status ?status } UNION { ?found icn:nameOf ?thing }
  UNION { ?found icn:denies ?thing } UNION { ?found icn:possiblySameAs ?thing } UNION { ?thing icn:resolves ?found }
  UNION { ?thing icn:about ?found FILTER NOT EXISTS { ?thing icn:statedIn ?article } } } }""",
    """SELECT DISTINCT ?found ?date { VALUES ?thing { %s } ?thing ?in ?body . ?found ?of ?body ; icn:happened ?date
  FILTER (?in IN (icn:organization, icn:institution) && ?of IN (icn:founded, icn:changed)) }""",
)
_RESOLVED: Final = "SELECT ?s ?p ?o { VALUES ?s { %s } ?s ?p ?o }"
_GRAPHS: Final = "SELECT ?g ?s ?p ?o { VALUES ?s { %s } GRAPH ?g { ?s ?p ?o } }"
_CREDITED: Final = (
    "SELECT DISTINCT ?claim { VALUES ?thing { %s } GRAPH ?g { ?claim icn:claims ?thing } }",
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
_DEFAULT: Final = DefaultGraph()
# A claim without a position has the whole article as its target.
_TARGETS: Final = """SELECT ?g ?s ?p ?o { VALUES ?claim { %s }
  GRAPH ?g { ?claim oa:hasTarget ?s . ?s oa:hasSource ?article ; ?p ?o } }"""
_POSITIONS: Final = """SELECT ?g ?s ?p ?o { VALUES ?claim { %s }
  GRAPH ?g { ?claim oa:hasTarget/oa:hasSelector ?s . ?s ?p ?o } }"""


def gather(things: Iterable[str], hierarchies: tuple[Quad, ...] = ()) -> LookUp[Store]:
    """Read what all graphs say of some things, the claims behind it, and what it follows from.

    `hierarchies` are the quads that answer `HIERARCHY`, for who has them already.
    """
    wanted = {each for thing in sorted(set(things))[:MOST_THINGS] for each in (thing, thing.partition("#")[0])}
    related = yield from _ask(wanted, *_RELATED)
    everything = wanted | {term.value for row in related for term in row.values() if term.kind == "iri"}
    found = yield from _ask(everything, _RESOLVED, _GRAPHS, *_CREDITED)
    claims = {row["claim"].value for row in found if "claim" in row}
    found += yield from _ask(claims - everything, _GRAPHS)
    found += yield from _ask(claims | wanted, _TARGETS, _POSITIONS)
    articles = {row["o"].value for row in found if "p" in row and row["p"].value == ONTOLOGY + "inArticle"}
    found += yield from _ask(articles, _GRAPHS)
    if not hierarchies:
        hierarchies = read_quads((yield from select_all(*HIERARCHY)))
    store = Store()
    store.extend((*read_quads((found,)), *hierarchies))
    return store


def read_quads(answers: Iterable[Bindings]) -> tuple[Quad, ...]:
    """Read the quads of all rows that hold one."""
    nodes: dict[str, NamedNode] = {}  # the same few stand in most rows
    rows = (row for rows in answers for row in rows if "s" in row and "p" in row and "o" in row)
    return tuple([quad for row in rows if (quad := _quad(row, nodes)) is not None])


def _ask(things: Iterable[str], *queries: str) -> LookUp[Bindings]:
    """Ask queries about some things, all at once; their answers come one after the other."""
    parts = list(in_parts(sorted(things), LONGEST_BLOCK // len(queries)))
    asked = ([f"{query % write_block(part)} LIMIT {LARGEST_ANSWER}" for query in queries] for part in parts)
    # One query for all of them: what it costs to ask is more than what most of them cost.
    answers = yield from select_all(*(f"SELECT * {{ {{ {' } UNION { '.join(each)} }} }}" for each in asked))
    return [row for rows in answers for row in rows]


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


def _quad(row: dict[str, Term], nodes: dict[str, NamedNode]) -> Quad | None:
    """Read the quad of a row, if it holds one: without `g` it is of the default graph."""
    s, p, o = _node(row["s"], nodes), _node(row["p"], nodes), _node(row["o"], nodes)
    graph = _iri(row["g"].value, nodes) if "g" in row else _DEFAULT
    return Quad(s, p, o, graph) if isinstance(p, NamedNode) and not isinstance(s, Literal) else None


def _iri(value: str, nodes: dict[str, NamedNode]) -> NamedNode:
    return nodes.get(value) or nodes.setdefault(value, NamedNode(value))


def _node(term: Term, nodes: dict[str, NamedNode]) -> NamedNode | BlankNode | Literal:
    return _iri(term.value, nodes) if term.kind == "iri" else rdf_term(term)
