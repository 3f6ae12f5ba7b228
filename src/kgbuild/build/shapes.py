"""Shapes (ontology/shapes, https://www.w3.org/TR/shacl/) say what one article may say: a graph -> sorted issues.

pyshacl runs them over an rdflib graph in memory, where it is both fastest and most correct.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import rdflib
from pyoxigraph import NamedNode, Quad
from pyshacl.errors import ReportableRuntimeError
from pyshacl.graph_abstraction import DataGraph
from pyshacl.validator import Validator
from rdflib.namespace import RDFS, SH
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.evaluate import evalQuery
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.processor import SPARQLProcessor
from rdflib.term import Node

from kgbuild.build.closing import TermGraph, add_closed, add_single
from kgbuild.build.constraints import constraint_issues, leaving
from kgbuild.build.graph import ENTITIES_GRAPH, CompiledArticle, describe_date
from kgbuild.build.ontology import Ontology, read_turtle
from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.stages import Watch
from kgbuild.build.store import to_rdflib
from kgbuild.core.errors import DataError, Findings, Issue, KgError, Place, display_name, error, warning
from kgbuild.core.files import find_files
from kgbuild.core.namespaces import EXTERNAL, GRAPH, shorten
from kgbuild.core.terms import reach

LONGEST_VALUE = 60
"""Characters of a value that a finding shows."""


@dataclass(frozen=True)
class Shapes:
    """Compiled shapes: `graph` as read, `validator` with every shape built, `place` of their folder."""

    graph: rdflib.Graph
    validator: Validator
    place: Place
    watch: Watch
    """Is told which shape runs."""


def load_shapes(
    directory: Path,
    root: Path = Path(),
    watch: Watch | None = None,
    refused: Findings | None = None,
    ontology: Ontology | None = None,
) -> Shapes:
    """Read and compile all shapes of a folder, and those that follow from `ontology`; places are relative to `root`.

    Raises DataError with every file that is refused, at its line, or when the shapes are no SHACL; with `refused`, such
    files are left out and noted there.
    """
    paths, findings = find_files(directory, "*.ttl"), Findings()
    findings.add(constraint_issues(paths, root))
    wrong = {issue.place.path for issue in findings}
    graph = to_rdflib(read_turtle([path for path in paths if display_name(path, root) not in wrong], root, findings))
    if refused is None:
        findings.raise_errors()
    else:
        refused.add(findings)
    if ontology is not None:
        terms, written = TermGraph(ontology), graph
        graph = rdflib.Graph() + written
        add_single(graph, written, terms)
        add_closed(graph, written, terms)
    return compile_shapes(graph, Place(display_name(directory, root)), watch)


def compile_shapes(graph: rdflib.Graph, place: Place, watch: Watch | None = None) -> Shapes:
    """Compile shapes; raises DataError, at their place, when they are no SHACL."""
    try:
        validator = Validator(DataGraph.from_rdflib(rdflib.Graph()), shacl_graph=graph, options={})
        assert validator.shacl_graph.shapes is not None  # noqa: S101 - the property builds the shapes
    except ReportableRuntimeError as fault:
        finding = f"The shapes are no SHACL: {fault.message}"
        raise DataError([error(place, "shapes", finding, "Mend the shape.")]) from fault
    return Shapes(graph, validator, place, watch or Watch())


def validate_graph(data: rdflib.Graph, shapes: Shapes, graph_iri: str, places: SourceMap) -> list[Issue]:
    """Check a graph against the shapes; every result is an issue, at the record's line where `places` knows it.

    `data` is one article's graph with all that describes its nodes (dates, entities, concepts, the hierarchy of
    classes); `graph_iri` is that article's graph, where places are looked for first.
    """
    report = shacl_report(data, shapes)
    names = [f"<{graph_iri}>", str(ENTITIES_GRAPH)] if graph_iri else [str(ENTITIES_GRAPH)]
    unknown = Place(graph_iri or GRAPH)
    issues = set()
    for result in report.objects(predicate=SH.result):
        source = report.value(result, SH.sourceShape)
        focus, path, value = (report.value(result, p) for p in (SH.focusNode, SH.resultPath, SH.value))
        place = places.locate(spell(focus), spell(path), spell(value), names)
        place = place or _used_at(data, focus, places, names) or unknown
        if report.value(result, SH.sourceConstraintComponent) == SH.ClosedConstraintComponent:
            value = path  # the property is what is wrong
        issues.add(describe_result(shapes.graph, source, _show(focus), _show(value), place))
    return sorted(issues)


def describe_result(shapes: rdflib.Graph, source: Node | None, focus: str, value: str, place: Place) -> Issue:
    """Say what a shape found, in its words; `focus` and `value` as they are shown, "" for no value."""
    issue = warning if shapes.value(source, SH.severity) == SH.Warning else error
    message = text_of(shapes, source, SH.message) or "The shape is not met"
    shown = focus if value in ("", focus) else f"{value} of {focus}"
    code, remedy = str(source).rpartition("/")[2], text_of(shapes, source, RDFS.comment)
    return issue(place, code, f"{message.rstrip('.')} ({shown})", remedy)


def shacl_report(data: rdflib.Graph, shapes: Shapes) -> rdflib.Graph:
    """Run all shapes over a graph; gives the W3C report.  The graph is not changed.

    Raises DataError where a shape cannot be run: what only its query's engine sees.
    """
    # `Shape.validate` for each shape instead of `Validator.run`: the shapes are compiled once for all articles.
    validator, graph = shapes.validator, DataGraph.from_rdflib(data)
    executor, conforms, results = validator.make_executor(), True, list[Any]()
    with cached_parsing():
        for shape in validator.shacl_graph.shapes:
            if not shapes.watch.begin(_UNNAMED if isinstance(shape.node, rdflib.BNode) else str(shape.node)):
                continue
            try:
                good, found = shape.validate(executor, graph)
            except (KgError, MemoryError):
                raise
            except Exception as fault:  # whatever pyshacl, rdflib and pyparsing raise
                finding = f"{shorten(str(shape.node))} cannot be run: {getattr(fault, 'message', fault)}"
                raise DataError([error(shapes.place, "shapes", finding, "Mend the shape.")]) from fault
            conforms = conforms and good
            results.extend(found)
    report, _ = validator.create_validation_report(validator.shacl_graph, conforms, results)
    made: rdflib.Graph = report
    return made


_UNNAMED = "a shape without a name"


def text_of(shapes: rdflib.Graph, shape: Node | None, property_: rdflib.URIRef) -> str:
    """Take the English text of a shape."""
    texts = shapes.objects(shape, property_)
    return min((str(text) for text in texts if getattr(text, "language", None) == "en"), default="")


def _show(term: Node | None) -> str:
    return show(str(term), isinstance(term, rdflib.URIRef)) if term is not None else ""


def show(text: str, is_iri: bool) -> str:
    """Write a term as findings show it: an IRI with its prefix, a text in quotes, at most so long."""
    shown = shorten(text) if is_iri else f"'{text}'"
    return shown if len(shown) <= LONGEST_VALUE else f"{shown[: LONGEST_VALUE - 1]}…"


def spell(term: Node | None) -> str | None:
    r"""Spell an rdflib term as N-Quads do, which is how a source map is keyed; no term is None.

    >>> spell(rdflib.Literal("two\nlines", lang="en"))
    '"two\\nlines"@en'
    """
    # Not `term.n3()`, which writes a literal of two lines in Turtle's long form.
    if isinstance(term, rdflib.Literal):
        datatype = ox.NamedNode(str(term.datatype)) if term.datatype else None
        language = term.language or None
        return str(ox.Literal(str(term), language=language) if language else ox.Literal(str(term), datatype=datatype))
    if isinstance(term, rdflib.URIRef):
        return f"<{term}>"
    return f"_:{term}" if term is not None else None


def _used_at(data: rdflib.Graph, focus: Node | None, places: SourceMap, graphs: Sequence[str]) -> Place | None:
    """Find the first place that uses a node which no record describes, such as a date."""
    uses = ((spell(s), spell(p)) for s, p in data.subject_predicates(focus))
    found = (places.locate(subject, predicate, spell(focus), graphs) for subject, predicate in uses)
    return min((place for place in found if place), default=None)


def validate_articles(
    articles: Iterable[CompiledArticle], entities: Sequence[Quad], ontology: Ontology, shapes: Shapes, places: SourceMap
) -> Iterator[list[Issue]]:
    """Check each article's graph, and then the entities', with pyshacl: the reference for all of them at once."""
    known, describing = to_rdflib(without_texts(ontology)), described_entities(entities)
    for article in articles:
        quads = [Quad(*triple, article.graph) for triple in article.triples()]
        quads += [*(quad for date in article.dates for quad in describe_date(date)), *describing(article)]
        yield _validate_with(known, quads, shapes, article.graph.value, places)
    yield _validate_with(known, entities, shapes, "", places)


def described_entities(entities: Iterable[Quad]) -> Callable[[CompiledArticle], Iterator[Quad]]:
    """Give what finds all quads on the entities that an article uses, and on what they lie within or belong to."""
    by_subject: dict[object, list[Quad]] = defaultdict(list)
    for quad in entities:
        by_subject[quad.subject].append(quad)

    def linked(node: NamedNode) -> Iterator[NamedNode]:
        return (quad.object for quad in by_subject.get(node, ()) if isinstance(quad.object, NamedNode))

    def describing(article: CompiledArticle) -> Iterator[Quad]:
        return (quad for node in reach(article.entities, linked) for quad in by_subject.get(node, ()))

    return describing


def without_texts(ontology: Ontology) -> Iterator[Quad]:
    """Take from the ontology what shapes may ask of it."""
    return (quad for quad in ontology.quads if quad.predicate.value not in _TEXTS)


_TEXTS = frozenset(f"{EXTERNAL['skos']}{name}" for name in ("definition", "example", "prefLabel", "scopeNote"))


def _validate_with(
    known: rdflib.Graph, quads: Iterable[Quad], shapes: Shapes, graph: str, places: SourceMap
) -> list[Issue]:
    """Check quads together with what is known of their terms."""
    added = [triple for triple in to_rdflib(quads) if triple not in known]
    for triple in added:
        known.add(triple)
    try:
        return validate_graph(known, shapes, graph, places)
    finally:
        for triple in added:
            known.remove(triple)


@contextmanager
def cached_parsing() -> Iterator[None]:
    """Let rdflib parse each query text once, while this lasts.

    pyshacl hands the same text to rdflib for every focus node, and parsing is three quarters of its time: with the
    cache it is 14 times as fast on 10,000 triples.  A patch, hence explicit, bounded, undone, and rdflib pinned.
    """
    original = SPARQLProcessor.query
    SPARQLProcessor.query = _query_cached  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        SPARQLProcessor.query = original  # type: ignore[method-assign]


def _query_cached(
    self: SPARQLProcessor,
    query: Any,
    initBindings: Any = None,  # noqa: N803 - rdflib's names, given by keyword
    initNs: Any = None,  # noqa: N803
    base: str | None = None,
    DEBUG: bool = False,  # noqa: N803, ARG001
) -> Any:
    """Do what SPARQLProcessor.query does, with the translation cached."""
    if isinstance(query, str):
        query = _translated(query, base, tuple(sorted((initNs or {}).items())))
    return evalQuery(self.graph, query, initBindings, base)


@lru_cache(maxsize=512)
def _translated(text: str, base: str | None, prefixes: tuple[tuple[str, Any], ...]) -> Any:
    translated = translateQuery(parseQuery(text), base, dict(prefixes))
    if word := leaving(translated):  # told at its place where the shapes were read; nothing else passes here
        raise KgError(f"A query of the shapes says {word}: it was not run. Ask the graph that is checked alone.")
    return translated
