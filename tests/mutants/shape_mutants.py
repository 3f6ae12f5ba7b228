"""Mutants of shapes (https://www.w3.org/TR/shacl/): each triple that decides something dropped, or changed by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import rdflib
from rdflib.namespace import RDF, RDFS, SH
from sparql_mutants import mutate

from kgbuild.core.namespaces import shorten

_WORDS = {
    SH.message, SH.prefixes, RDFS.label, RDFS.comment, RDF.type, RDF.first, RDF.rest, SH.path, SH.select, SH.declare,
    SH.prefix, SH.namespace, SH.name, SH.description, SH.order, SH.group,
}  # fmt: skip
"""Properties without which a shape says the same, or is none."""
_NUMBERS = {SH.minCount, SH.maxCount, SH.minInclusive, SH.maxInclusive, SH.minLength, SH.maxLength}
_BORDERS: dict[rdflib.term.Node, rdflib.URIRef] = {
    SH.lessThan: SH.lessThanOrEquals, SH.lessThanOrEquals: SH.lessThan,
}  # fmt: skip

Triple = tuple[rdflib.term.Node, rdflib.term.Node, rdflib.term.Node]


@dataclass(frozen=True)
class ShapeMutant:
    """A triple that is gone, or has another in its place."""

    what: str
    old: Triple
    new: Triple | None


def mutate_shapes(graph: rdflib.Graph) -> Iterator[ShapeMutant]:
    """Give every mutant of the shapes of a file."""
    for triple in sorted(graph, key=str):
        yield from _of_triple(*triple)
    for shape in sorted(graph.subjects(RDF.type, SH.PropertyShape), key=str):
        if (shape, SH.severity, None) not in graph and (shape, SH.message, None) in graph:
            mark = (shape, SH.severity, SH.Warning)
            yield ShapeMutant(f"{_show(shape)}: a warning", mark, mark)


def _of_triple(s: rdflib.term.Node, p: rdflib.term.Node, o: rdflib.term.Node) -> Iterator[ShapeMutant]:
    old, name = (s, p, o), _show(s)
    if p not in _WORDS:
        yield ShapeMutant(f"{name}: drop {_show(p)} {_show(o)}", old, None)
    if p == RDF.first:
        yield ShapeMutant(f"{name}: drop the item {_show(o)}", old, (s, p, rdflib.Literal("of no list")))
    if p in _NUMBERS:
        for step in (-1, 1):
            number = int(str(o)) + step
            yield ShapeMutant(f"{name}: {_show(p)} {number} for {o}", old, (s, p, rdflib.Literal(number)))
    if p == SH.pattern:
        for part in ("^", "$"):
            if part in str(o):
                new = (s, p, rdflib.Literal(str(o).replace(part, "")))
                yield ShapeMutant(f"{name}: drop {part} of {o}", old, new)
    if p in _BORDERS:
        other = _BORDERS[p]
        yield ShapeMutant(f"{name}: {_show(other)} for {_show(p)}", old, (s, other, o))
    if p == SH.select:
        for mutant in mutate(str(o)):
            yield ShapeMutant(f"{name}: {mutant.what}", old, (s, p, rdflib.Literal(mutant.text)))


def _show(term: rdflib.term.Node) -> str:
    return shorten(str(term)) if isinstance(term, rdflib.URIRef) else str(term)
