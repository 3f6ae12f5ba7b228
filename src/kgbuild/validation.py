"""Shapes and checks: a graph -> sorted issues at the curator's lines.  Prints nothing, decides nothing.

Shapes (ontology/shapes, https://www.w3.org/TR/shacl/) say what one article may say; pyshacl runs them over an
rdflib graph in memory, where it is both fastest and most correct.  Checks (queries/checks) are bulk SPARQL over
the resolved default graph: each row is an issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import rdflib
from pyshacl.errors import ReportableRuntimeError
from pyshacl.graph_abstraction import DataGraph
from pyshacl.validator import Validator
from rdflib.namespace import RDFS, SH
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.evaluate import evalQuery
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.processor import SPARQLProcessor
from rdflib.term import Node

from kgbuild.errors import DataError, Issue, Place, error, raise_errors, warning
from kgbuild.namespaces import GRAPH, shorten
from kgbuild.questions.headers import read_header
from kgbuild.records import display_name
from kgbuild.sourcemap import SourceMap

ENTITIES_GRAPH = f"<{GRAPH}entities>"
LONGEST_VALUE = 60
"""Characters of a value that a finding shows."""


# --- shapes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shapes:
    """Compiled shapes: `graph` as read, `validator` with every shape built."""

    graph: rdflib.Graph
    validator: Validator


def load_shapes(directory: Path, root: Path = Path()) -> Shapes:
    """Read and compile all shapes of a folder; places in messages are relative to `root`.

    Raises DataError with every file that is no Turtle, at its line, or when the shapes are no SHACL.
    """
    graph, issues = rdflib.Graph(), list[Issue]()
    for path in sorted(directory.glob("*.ttl")):
        place = display_name(path, root)
        try:
            # Parsed by Oxigraph, which names line and column of a fault, and is strict.
            triples = list(ox.parse(path=str(path), format=ox.RdfFormat.TURTLE))
        except SyntaxError as fault:
            here = Place(place, fault.lineno or 1, fault.offset or 1)
            issues.append(error(here, "shapes", f"This is no Turtle: {fault.msg}", "Mend the file."))
            continue
        lines = ox.serialize((quad.triple for quad in triples), format=ox.RdfFormat.N_TRIPLES) or b""
        graph.parse(data=lines, format="nt")
    raise_errors(issues)
    try:
        validator = Validator(DataGraph.from_rdflib(rdflib.Graph()), shacl_graph=graph, options={})
        assert validator.shacl_graph.shapes is not None  # noqa: S101 - the property builds the shapes
    except ReportableRuntimeError as fault:
        finding = f"The shapes are no SHACL: {fault.message}"
        raise DataError([error(Place(display_name(directory, root)), "shapes", finding, "Mend the shape.")]) from fault
    return Shapes(graph, validator)


def validate_graph(data: rdflib.Graph, shapes: Shapes, graph_iri: str, places: SourceMap) -> list[Issue]:
    """Check a graph against the shapes; every result is an issue, at the record's line where `places` knows it.

    `data` is one article's graph with all that describes its nodes (dates, entities, concepts, the hierarchy of
    classes); `graph_iri` is that article's graph, where places are looked for first.
    """
    report = shacl_report(data, shapes)
    names = [f"<{graph_iri}>", ENTITIES_GRAPH] if graph_iri else [ENTITIES_GRAPH]
    unknown = Place(graph_iri or GRAPH)
    issues = set()
    for result in report.objects(predicate=SH.result):
        source, severity = report.value(result, SH.sourceShape), report.value(result, SH.resultSeverity)
        focus, path, value = (report.value(result, p) for p in (SH.focusNode, SH.resultPath, SH.value))
        message = _text(shapes.graph, source, SH.message) or "The shape is not met"
        place = locate(places, spell(focus), spell(path), spell(value), names)
        place = place or _used_at(data, focus, places, names) or unknown
        issue = warning if severity == SH.Warning else error
        code, remedy = str(source).rpartition("/")[2], _text(shapes.graph, source, RDFS.comment)
        issues.add(issue(place, code, _finding(message, focus, value), remedy))
    return sorted(issues)


def shacl_report(data: rdflib.Graph, shapes: Shapes) -> rdflib.Graph:
    """Run all shapes over a graph; gives the W3C report.  The graph is not changed."""
    # `Shape.validate` for each shape instead of `Validator.run`: the shapes are compiled once for all articles.
    validator, graph = shapes.validator, DataGraph.from_rdflib(data)
    executor, conforms, results = validator.make_executor(), True, list[Any]()
    with cached_parsing():
        for shape in validator.shacl_graph.shapes:
            good, found = shape.validate(executor, graph)
            conforms = conforms and good
            results.extend(found)
    report, _ = validator.create_validation_report(validator.shacl_graph, conforms, results)
    made: rdflib.Graph = report
    return made


def _text(shapes: rdflib.Graph, shape: Node | None, property_: rdflib.URIRef) -> str:
    """Take the English text of a shape."""
    texts = shapes.objects(shape, property_)
    return min((str(text) for text in texts if getattr(text, "language", None) == "en"), default="")


def _finding(message: str, focus: Node | None, value: Node | None) -> str:
    """Write a finding: the shape's message, the value, and the node that has it."""
    shown = _show(focus) if value in (None, focus) else f"{_show(value)} of {_show(focus)}"
    return f"{message.rstrip('.')} ({shown})"


def _show(term: Node | None) -> str:
    text = shorten(str(term)) if isinstance(term, rdflib.URIRef) else f"'{term}'"
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


# --- places -----------------------------------------------------------------------------------------------------------


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


def locate(
    places: SourceMap, subject: str | None, predicate: str | None, object_: str | None, graphs: Sequence[str] = ()
) -> Place | None:
    """Find the first place that says a triple, else its property, else the subject; `graphs` go first.

    A property said in one graph goes before the subject's own place in another: an entity is described in its
    file, and what happened to it in articles.
    """
    if subject is None:
        return None
    looked: list[str | None] = [*graphs, None]
    for graph in looked:
        found = places.find(subject, predicate, object_, graph)
        if found and found != places.find(subject, graph=graph):
            return found[0]
    # A missing value has no place: the entity's file, if there is one, else the item that makes the subject.
    for graph in (ENTITIES_GRAPH, *looked):
        if found := places.find(subject, graph=graph):
            return found[0]
    return None


def _used_at(data: rdflib.Graph, focus: Node | None, places: SourceMap, graphs: Sequence[str]) -> Place | None:
    """Find the first place that uses a node which no record describes, such as a date."""
    uses = ((spell(s), spell(p)) for s, p in data.subject_predicates(focus))
    found = (locate(places, subject, predicate, spell(focus), graphs) for subject, predicate in uses)
    return min((place for place in found if place), default=None)


# --- the parse cache --------------------------------------------------------------------------------------------------


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
    return translateQuery(parseQuery(text), base, dict(prefixes))


# --- checks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A query any row of which is an issue; `place` is its file, `code` that file's name."""

    code: str
    place: Place
    title: dict[str, str]
    severity: str
    remedy: str
    since: str
    query: str


def load_checks(directory: Path, root: Path = Path()) -> list[Check]:
    """Read all checks of a folder; raises DataError with every fault of every file."""
    checks, issues = [], list[Issue]()
    for path in sorted(directory.glob("*.rq")):
        try:
            checks.append(read_check(path.read_text("utf-8"), display_name(path, root)))
        except DataError as fault:
            issues += fault.issues
    raise_errors(issues)
    return checks


def read_check(text: str, path: str) -> Check:
    """Read a check: a header with title, severity, remedy and since, and a query that gives ?subject and ?finding."""
    header = read_header(text, path)
    title, severity = header.get("title"), header.get("severity", "")
    issues = []
    if not isinstance(title, dict) or not {"en", "ru"} <= set(title):
        issues.append(_header_issue(path, "has no title in en and ru", "Write `title: {en: …, ru: …}`."))
    if severity not in ("error", "warning"):
        issues.append(_header_issue(path, "has no severity", "Write `severity: error` or `severity: warning`."))
    issues += [
        _header_issue(path, f"has no {key}", f"Write `{key}: …`.") for key in ("remedy", "since") if not header.get(key)
    ]
    issues += _query_issues(text, path)
    raise_errors(issues)
    return Check(Path(path).stem, Place(path), header["title"], severity, header["remedy"], header["since"], text)


def _header_issue(path: str, lack: str, remedy: str) -> Issue:
    return error(Place(path, 1, 1), "query-header", f"The header {lack}", remedy)


def _query_issues(text: str, path: str) -> Iterator[Issue]:
    """Try a query on an empty store: it must be SPARQL, and have the columns of a check."""
    try:
        found = ox.Store().query(text)
    except SyntaxError as fault:
        at = re.search(r"(\d+):(\d+)", str(fault))
        place = Place(path, int(at[1]), int(at[2])) if at else Place(path, 1, 1)
        yield error(place, "query", f"This is no SPARQL: {fault}", "Mend the query.")
        return
    names = {variable.value for variable in found.variables} if isinstance(found, ox.QuerySolutions) else set()
    if not {"subject", "finding"} <= names:
        remedy = "Write SELECT ?subject ?predicate ?object ?finding."
        yield error(Place(path), "query", "The query does not give ?subject and ?finding", remedy)


def run_checks(store: ox.Store, checks: Sequence[Check], places: SourceMap) -> list[Issue]:
    """Run checks over the default graph; every row is an issue, at the record's line where `places` knows it."""
    return sorted({issue for check in checks for issue in _run_check(store, check, places)})


def _run_check(store: ox.Store, check: Check, places: SourceMap) -> Iterator[Issue]:
    found = store.query(check.query)
    assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - read_check saw that it is a SELECT
    given = {variable.value for variable in found.variables}
    for row in found:
        terms = [row[name] if name in given else None for name in ("subject", "predicate", "object")]
        subject, predicate, object_ = (str(term) if term is not None else None for term in terms)
        place = locate(places, subject, predicate, object_) or check.place
        finding = getattr(row["finding"], "value", "") or check.title["en"]
        yield Issue(place, check.severity, check.code, finding, check.remedy)
