"""What the modules of the build share: rows, and properties of a subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgbuild.core.terms import term
from kgbuild.records.documents import KeyPath

Term = NamedNode | Literal
Values = Term | Iterable[Term] | None
"""One value, several, or none."""
Row = tuple[tuple[NamedNode, NamedNode, Term], KeyPath]
"""A triple, and the path in a record to what says it."""


def describe(subject: NamedNode, said: Mapping[str, Values]) -> Iterator[Triple]:
    """Say properties of a subject, each by its prefixed name."""
    for name, values in said.items():
        for value in (values,) if isinstance(values, NamedNode | Literal) else values or ():
            yield Triple(subject, term(name), value)


def describe_in(graph: NamedNode, subject: NamedNode, said: Mapping[str, Values]) -> Iterator[Quad]:
    """Say properties of a subject in a graph."""
    return (Quad(t.subject, t.predicate, t.object, graph) for t in describe(subject, said))
