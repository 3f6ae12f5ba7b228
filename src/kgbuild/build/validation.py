"""All articles and entities against the shapes, in a stage of its own: each constraint is asked of all at once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, Store
from rdflib.term import Node

from kgbuild.build import setwise
from kgbuild.build.graph import ENTITIES_GRAPH, CompiledArticle, describe_date
from kgbuild.build.ontology import Ontology
from kgbuild.build.setwise import Constraint, Result
from kgbuild.build.shapes import Shapes, describe_result, described_entities, load_shapes, show, without_texts
from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.stages import Stage, StageLimits, Watch, pack_issues, unpack_issues
from kgbuild.build.store import make_store
from kgbuild.core.errors import DataError, Findings, Issue, Place, display_name, error
from kgbuild.core.namespaces import GRAPH


def validate_apart(
    articles: Sequence[CompiledArticle],
    entities: Sequence[Quad],
    ontology: Ontology,
    directory: Path,
    root: Path,
    places: SourceMap,
    limits: StageLimits,
    findings: Findings,
) -> None:
    """Check each article's graph, and the entities', against the shapes of a folder, in a stage of its own.

    A shape that passes its limit is a finding at its place, and is left out from there on.
    """

    def work(watch: Watch) -> Iterator[bytes]:
        if watch.begin(display_name(directory, root)):
            # What is refused was told by the inspection.
            shapes = load_shapes(directory, root, watch, Findings(), ontology)
            for issues in validate_together(articles, entities, ontology, shapes, places):
                yield pack_issues(issues)

    stage = Stage("the shapes", limits, findings, lambda key: locate_shape(directory, root, key))
    for issues in stage.run(work):
        findings.add(unpack_issues(issues))


def validate_together(
    articles: Iterable[CompiledArticle], entities: Sequence[Quad], ontology: Ontology, shapes: Shapes, places: SourceMap
) -> Iterator[list[Issue]]:
    """Check all articles and the entities: gives the findings of each constraint; those done are passed over."""
    checked = _Checked(tuple(articles), places, shapes)
    store, prefixes = copy_all(checked.articles, entities, ontology), setwise.prefixes(shapes.graph)
    given = 0
    for shape in setwise.targeted(shapes.graph):
        if not shapes.watch.begin(str(shape)):
            continue
        for constraint in checked.written(shape):
            given += 1
            if given > shapes.watch.done:
                can_run = shapes.watch.begin(str(constraint.shape))
                yield checked.ask(constraint, store, prefixes) if can_run else []


def copy_all(articles: Iterable[CompiledArticle], entities: Sequence[Quad], ontology: Ontology) -> Store:
    """Make the store that constraints are asked of: the ontology, dates and entities once, and each article's copy."""
    articles, describing = tuple(articles), described_entities(entities)
    dates = sorted({date for article in articles for date in article.dates}, key=lambda date: date.slug)
    store = make_store(
        _without_graph((*without_texts(ontology), *entities, *(q for date in dates for q in describe_date(date))))
    )
    for number, article in enumerate(articles):
        told = [Quad(*triple) for triple in article.triples()]
        store.bulk_extend(setwise.copies(number, [*told, *_without_graph(describing(article))]))
    return setwise.with_classes(store)


def _without_graph(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Take quads out of their graphs."""
    return (Quad(quad.subject, quad.predicate, quad.object) for quad in quads)


@dataclass(frozen=True)
class _Checked:
    """What is checked, and where findings have their places."""

    articles: tuple[CompiledArticle, ...]
    places: SourceMap
    shapes: Shapes

    def written(self, shape: Node) -> list[Constraint]:
        """Write the constraints of a shape; raises DataError for one that is not understood: it must not pass."""
        try:
            return setwise.constraints(self.shapes.graph, shape)
        except setwise.ShapeError as fault:
            raise DataError([error(self.shapes.place, "shapes", str(fault), "Mend the shape.")]) from fault

    def ask(self, constraint: Constraint, store: Store, prefixes: dict[str, str]) -> list[Issue]:
        """Find what breaks a constraint; raises DataError where it cannot be asked."""
        try:
            results = setwise.run(constraint, store, prefixes)
        except (SyntaxError, ValueError, RuntimeError) as fault:
            finding = str(setwise.ShapeError(constraint.shape, str(fault)))
            raise DataError([error(self.shapes.place, "shapes", finding, "Mend the shape.")]) from fault
        return sorted({issue for result in results for issue in self._describe(result, store)})

    def _describe(self, result: Result, store: Store) -> Iterator[Issue]:
        focus = show(result.focus.value, isinstance(result.focus, NamedNode))
        value = show(result.value.value, isinstance(result.value, NamedNode)) if result.value is not None else ""
        if result.path is not None and result.constraint.path is None:
            value = show(result.path.strip("<>"), True)  # a closed shape: the property is what is wrong
        for place in self._places(result, store):
            yield describe_result(self.shapes.graph, result.constraint.shape, focus, value, place)

    def _places(self, result: Result, store: Store) -> list[Place]:
        """Find where a result belongs: one place, or for what belongs to no record one in each that uses it."""
        graphs = self._graphs(result.copy)
        value = str(result.value) if result.value is not None else None
        if found := self.places.locate(str(result.focus), result.path, value, graphs):
            return [found]
        node, only = setwise.copy_of(result.focus, result.copy), result.constraint.objects_of
        meant = {setwise.original(quad.subject)[1] for quad in _uses(store, node, only)}
        used: dict[int | None, set[Place]] = defaultdict(set)
        for quad in _uses(store, node):
            user, number = setwise.original(quad.subject)
            place = self.places.locate(str(user), str(quad.predicate), str(result.focus), self._graphs(number))
            used[number].update([place] if place else [])
        firsts = [min(each) for number, each in used.items() if each and number in meant]
        return firsts or [Place(graphs[0].strip("<>") if result.copy is not None else GRAPH)]

    def _graphs(self, copy: int | None) -> list[str]:
        own = [str(self.articles[copy].graph)] if copy is not None else []
        return [*own, str(ENTITIES_GRAPH)]


def locate_shape(directory: Path, root: Path, shape: str) -> Place:
    """Find where a shape stands: the first line of a file that begins with its name; else the folder."""
    name = re.compile(
        rf"^(?:[\w-]*:{re.escape(re.split('[#/]', shape)[-1])}|<{re.escape(shape)}>)(?=[\s;])", re.MULTILINE
    )
    for path in sorted(directory.glob("*.ttl")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if found := name.search(text):
            return Place(display_name(path, root), text.count("\n", 0, found.start()) + 1, 1)
    return Place(display_name(directory, root))


def _uses(store: Store, node: Any, predicate: Node | None = None) -> Iterator[Quad]:
    """List the quads whose object is a node."""
    return store.quads_for_pattern(
        None, NamedNode(str(predicate)) if predicate is not None else None, node, DefaultGraph()
    )
