"""A store that asks another server for what it lacks, for code that reads the surroundings of a thing.

What is asked for once is kept.  Where a node is missing, its neighbours that are known by name are fetched with it,
so that a description costs a request for each step away from its thing, and not one for each triple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pyoxigraph import (
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryResultsFormat,
    QuerySolutions,
    Store,
    parse_query_results,
)

from kgbuild.core.namespaces import BASE, ONTOLOGY, VOCABULARY

Ask = Callable[[str], bytes]
"""Answers a SELECT query in JSON."""
TOGETHER: Final = 200
"""Nodes that are fetched in one request."""
MOST: Final = 20_000
"""Rows of one request."""
_DEFAULT: Final = DefaultGraph()


class RemoteStore:
    """The part of `pyoxigraph.Store` that reads by patterns; `resolved` names the graph that is the default one."""

    def __init__(self, ask: Ask, resolved: str = "") -> None:
        self.ask, self.resolved = ask, resolved
        self.store = Store()
        self.known: dict[str, set[str]] = {"s": set(), "o": set()}
        """Position -> IRIs of which all quads with them there are in the store."""
        self.graphs: dict[str, bool] = {}
        self.waiting: dict[str, dict[str, None]] = {"s": {}, "o": {}}
        """Nodes that have been met, and that may be asked for next."""

    def contains_named_graph(self, node: NamedNode) -> bool:
        """Tell whether there is a graph of that name."""
        if node.value not in self.graphs:
            self.graphs[node.value] = bool(self._rows(f"SELECT ?s {{ GRAPH {node} {{ ?s ?p ?o }} }} LIMIT 1"))
        return self.graphs[node.value]

    def quads_for_pattern(
        self, s: object, p: object, o: object, g: NamedNode | DefaultGraph | None = None
    ) -> Iterator[Quad]:
        """Find quads; what is a blank node there is not found again, since its name ends with the answer."""
        if isinstance(s, NamedNode):
            self._fetch("s", s.value)
        elif isinstance(o, NamedNode) and (p is None or isinstance(p, NamedNode)):
            self._fetch("o", o.value)
        else:
            self._fetch_pattern(s, p, o, g)
        return self.store.quads_for_pattern(s, p, o, g)  # type: ignore[arg-type]  # as the caller has them

    def _fetch(self, at: str, iri: str) -> None:
        if iri in self.known[at]:
            return
        waiting = self.waiting[at]
        waiting.pop(iri, None)
        together = [iri, *list(waiting)[: TOGETHER - 1]]
        if not self._fetch_all(at, together) and len(together) > 1:
            together = [iri]
            self._fetch_all(at, together)
        for each in together:
            self.known[at].add(each)
            waiting.pop(each, None)

    def _fetch_all(self, at: str, nodes: list[str]) -> bool:
        """Fetch all quads with some nodes at one position; returns False where there are too many."""
        values = " ".join(f"<{node}>" for node in nodes)
        pattern = f"VALUES ?{at} {{ {values} }} {{ ?s ?p ?o }}"
        named = f"VALUES ?{at} {{ {values} }} GRAPH ?g {{ ?s ?p ?o }}"
        rows = self._rows(f"SELECT ?s ?p ?o ?g {{ {{ {pattern} }} UNION {{ {named} }} }} LIMIT {MOST}")
        if len(rows) == MOST and len(nodes) > 1:
            return False
        self._take(rows)
        return True

    def _fetch_pattern(self, s: object, p: object, o: object, g: NamedNode | DefaultGraph | None) -> None:
        terms = [str(t) if isinstance(t, NamedNode | Literal) else f"?{n}" for t, n in ((s, "s"), (p, "p"), (o, "o"))]
        triple = " ".join(terms)
        inside = triple if isinstance(g, DefaultGraph) else f"GRAPH {g or '?g'} {{ {triple} }}"
        if g is None:
            inside = f"{{ {triple} }} UNION {{ GRAPH ?g {{ {triple} }} }}"
        graph = g.value if isinstance(g, NamedNode) else ""
        given = tuple(t if isinstance(t, NamedNode | Literal) else None for t in (s, p, o))
        self._take(self._rows(f"SELECT * {{ {inside} }} LIMIT {MOST}"), given, graph)

    def _rows(self, query: str) -> list[dict[str, object]]:
        read = parse_query_results(self.ask(query), format=QueryResultsFormat.JSON)
        assert isinstance(read, QuerySolutions)  # noqa: S101 - of a SELECT
        names = [variable.value for variable in read.variables]
        return [dict(zip(names, solution, strict=True)) for solution in read]

    def _take(
        self, rows: list[dict[str, object]], given: tuple[object, ...] = (None, None, None), graph: str = ""
    ) -> None:
        for row in rows:
            s, p, o = (t or row.get(name) for t, name in zip(given, "spo", strict=True))
            name = row.get("g")
            where = name if isinstance(name, NamedNode) else NamedNode(graph) if graph else _DEFAULT
            if isinstance(where, NamedNode) and where.value == self.resolved:
                continue  # it stands in the default graph already
            self.store.add(Quad(s, p, o, where))  # type: ignore[arg-type]  # what a server gives as such
            for term in (s, o):
                if isinstance(term, NamedNode):
                    self._meet(term.value)

    def _meet(self, iri: str) -> None:
        """Remember a node of the data: terms of vocabularies lead to half of them."""
        if iri.startswith(BASE) and not iri.startswith((ONTOLOGY, VOCABULARY)):
            for at, known in self.known.items():
                if iri not in known:
                    self.waiting[at][iri] = None
