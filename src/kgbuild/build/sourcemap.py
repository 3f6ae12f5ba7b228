"""Which line of which record says a quad: a side table outside the graph.

Terms are spelled as in N-Quads (`<iri>`, `"text"@en`), so that one table serves every engine.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from kgbuild.core.errors import Place
from kgbuild.core.namespaces import GRAPH

Quad = tuple[str, str, str, str]
"""(graph, subject, predicate, object), each spelled as in N-Quads."""
_ENTITIES = f"<{GRAPH}entities>"


class SourceMap:
    """(graph, subject, predicate, object) -> the places that say it, in order."""

    def __init__(self) -> None:
        self._places: dict[Quad, set[Place]] = defaultdict(set)
        self._by_subject: dict[str, set[Quad]] = defaultdict(set)

    def add(self, quad: Quad, place: Place) -> None:
        """Note that `place` says `quad`; a quad may be said in several places."""
        self._places[quad].add(place)
        self._by_subject[quad[1]].add(quad)

    def update(self, other: SourceMap) -> None:
        """Take over all of another map."""
        for quad, places in other._places.items():
            for place in places:
                self.add(quad, place)

    def find(
        self, subject: str, predicate: str | None = None, object_: str | None = None, graph: str | None = None
    ) -> list[Place]:
        """Find the places that say something, as narrowly as known.

        Falls back from (subject, predicate, object) to (subject, predicate) to the item that makes the
        subject: a missing value has no place of its own.  An unknown subject has no place: an empty list.
        """
        quads = [q for q in self._by_subject.get(subject, ()) if graph is None or q[0] == graph]
        exact = [q for q in quads if q[2] == predicate and q[3] == object_]
        same_property = [q for q in quads if q[2] == predicate]
        typed = [q for q in quads if q[2].endswith("#type>")]
        chosen = exact or same_property or typed or quads
        return sorted({place for quad in chosen for place in self._places[quad]})

    def locate(
        self, subject: str | None, predicate: str | None, object_: str | None, graphs: Sequence[str] = ()
    ) -> Place | None:
        """Find the first place that says a triple, else its property, else the subject; `graphs` go first.

        A property said in one graph goes before the subject's own place in another: an entity is described in its
        file, and what happened to it in articles.
        """
        if subject is None:
            return None
        looked: list[str | None] = [*graphs, None]
        for graph in looked:
            found = self.find(subject, predicate, object_, graph)
            if found and found != self.find(subject, graph=graph):
                return found[0]
        # A missing value has no place: the entity's file, if there is one, else the item that makes the subject.
        for graph in (_ENTITIES, *looked):
            if found := self.find(subject, graph=graph):
                return found[0]
        return None

    def lines(self) -> Iterable[str]:
        """Write the map as JSON lines, sorted: the form in a release."""
        for quad in sorted(self._places):
            yield json.dumps([*quad, [str(p) for p in sorted(self._places[quad])]], ensure_ascii=False)

    @classmethod
    def parse(cls, lines: Iterable[str]) -> SourceMap:
        """Read what `lines` wrote."""
        made = cls()
        for text in lines:
            graph, subject, predicate, object_, places = json.loads(text)
            for place in places:
                path, _, rest = place.partition(":")
                line, _, column = rest.partition(":")
                made.add((graph, subject, predicate, object_), Place(path, int(line or 0), int(column or 0)))
        return made
