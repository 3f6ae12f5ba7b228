"""Pages of things: what a description looks like to people."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Store, Triple
from starlette.types import Scope

from kgbuild.namespaces import shorten
from kgbuild.server.languages import Reader
from kgbuild.server.rendering import page
from kgbuild.server.responses import Response

ROWS_SHOWN = 500
"""A page is made while all other requests wait."""
_LABELS = (
    NamedNode("http://www.w3.org/2000/01/rdf-schema#label"),
    NamedNode("http://www.w3.org/2004/02/skos/core#prefLabel"),
)


@dataclass(frozen=True)
class Cell:
    """A term as a cell shows it: text, and what it is in."""

    text: str
    iri: str = ""
    language: str = ""
    datatype: str = ""


async def thing_page(scope: Scope, iri: str, described: Store, reader: Reader) -> Response:
    """Show what is said of a thing; `described` holds its description, `scope["links"]` what belongs to the page."""
    triples = _sorted(described, iri)
    return page(
        "described.html",
        reader,
        iri=iri,
        short=shorten(iri),
        names=_labels(described, iri),
        rows=[(_cell(t.subject), _cell(t.predicate), _cell(t.object)) for t in triples[:ROWS_SHOWN]],
        total=len(triples),
        links=scope["links"],
    )


async def ontology_page(scope: Scope, iri: str, described: Store, reader: Reader) -> Response:
    """Show the ontology: `described` holds all of it in the graph of that name."""
    return await thing_page(scope, iri, described, reader)


def _sorted(described: Store, iri: str) -> list[Triple]:
    """Sort the triples: those of the thing itself, those that lead to it, the others."""
    triples = {quad.triple for quad in described}
    ranks = {True: 0, False: 2}

    def key(triple: Triple) -> tuple[int, str, str, str]:
        own = getattr(triple.subject, "value", "") == iri
        leads = not own and getattr(triple.object, "value", "") == iri
        return 1 if leads else ranks[own], str(triple.subject), str(triple.predicate), str(triple.object)

    return sorted(triples, key=key)


def _cell(term: object) -> Cell:
    if isinstance(term, NamedNode):
        return Cell(shorten(term.value), iri=term.value)
    if isinstance(term, Literal):
        return Cell(term.value, language=term.language or "", datatype=shorten(term.datatype.value))
    return Cell(str(term))


def _labels(described: Store, iri: str) -> dict[str, str]:
    node = NamedNode(iri)
    found = (quad.object for p in _LABELS for quad in described.quads_for_pattern(node, p, None, None))
    return {term.language or "": term.value for term in found if isinstance(term, Literal)}
