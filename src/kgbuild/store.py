"""Load, query, dump: the only import of pyoxigraph's Store on the build side."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, serialize

from kgbuild.namespaces import PREFIXES


def make_store(quads: Iterable[Quad] = ()) -> Store:
    """Make a store in memory."""
    store = Store()
    store.bulk_extend(quads)
    return store


def update(store: Store, text: str) -> None:
    """Run a SPARQL update of our own; all prefixes of the project are known to it."""
    store.update(text, prefixes=PREFIXES)


def canonical_nquads(store: Store) -> bytes:
    """Dump a store as N-Quads, sorted: the same quads give the same bytes, in whatever order they came."""
    dumped = store.dump(format=RdfFormat.N_QUADS) or b""
    return b"".join(sorted(dumped.splitlines(keepends=True)))


def sorted_trig(store: Store) -> bytes:
    """Dump a store as TriG with our prefixes, in a stable order."""
    quads = sorted(store, key=lambda q: (str(q.graph_name), str(q.subject), str(q.predicate), str(q.object)))
    return serialize(quads, format=RdfFormat.TRIG, prefixes=PREFIXES) or b""


def copy_graph(store: Store, graph: NamedNode) -> None:
    """Copy a named graph into the default graph."""
    copies = [
        Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in store.quads_for_pattern(None, None, None, graph)
    ]
    store.extend(copies)
