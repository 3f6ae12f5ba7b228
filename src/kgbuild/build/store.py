"""Load, query, dump: the only import of pyoxigraph's Store on the build side."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Store, Triple, serialize

from kgbuild.core.namespaces import EXTERNAL, PREFIXES

_DATE = NamedNode(EXTERNAL["xsd"] + "date")


def make_store(quads: Iterable[Quad] = ()) -> Store:
    """Make a store in memory."""
    store = Store()
    store.bulk_extend(quads)
    return store


def day_after(day: NamedNode | BlankNode | Literal | Triple) -> Literal | None:
    """Give the day after an xsd:date: pyoxigraph 0.5.13 answers date + duration in some runs and not in others."""
    if not isinstance(day, Literal) or day.datatype != _DATE:
        return None
    following = datetime.date.fromisoformat(day.value) + datetime.timedelta(days=1)
    return Literal(following.isoformat(), datatype=_DATE)


def update(store: Store, text: str) -> None:
    """Run a SPARQL update of our own; the project's prefixes and `function:day-after` are known to it."""
    store.update(text, prefixes=PREFIXES, custom_functions={NamedNode(PREFIXES["function"] + "day-after"): day_after})


def canonical_nquads(store: Store) -> bytes:
    """Dump a store as N-Quads, sorted: the same quads give the same bytes, in whatever order they came."""
    dumped = store.dump(format=RdfFormat.N_QUADS) or b""
    return b"".join(sorted(dumped.splitlines(keepends=True)))


def sorted_trig(store: Store) -> bytes:
    """Dump a store as TriG with our prefixes, in a stable order."""
    quads = sorted(store, key=lambda q: (str(q.graph_name), str(q.subject), str(q.predicate), str(q.object)))
    return serialize(quads, format=RdfFormat.TRIG, prefixes=PREFIXES) or b""


def to_rdflib(quads: Iterable[Quad]) -> rdflib.Graph:
    """Hand quads over to rdflib, without their graphs."""
    nt = serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES) or b""
    return rdflib.Graph().parse(data=nt, format="nt")
