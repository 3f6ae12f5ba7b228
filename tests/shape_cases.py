"""Examples and cases of shapes: graphs in rdflib, with all that describes what they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import rdflib
from pyshacl.errors import ReportableRuntimeError
from pyshacl.graph_abstraction import DataGraph
from pyshacl.validator import Validator
from rdflib.namespace import RDFS, SH, SKOS
from rdflib.term import Node

from cases import ROOT, Case, dated, read_cases
from kgbuild.build.shapes import Shapes, shacl_report
from kgbuild.build.stages import Watch
from kgbuild.build.store import to_rdflib
from kgbuild.core.errors import DataError, Place
from kgbuild.core.namespaces import PREFIXES
from kgbuild.core.terms import reach

ONTOLOGY = ROOT / "ontology"
EXAMPLES = ONTOLOGY / "examples"
HIERARCHY = (RDFS.subClassOf, SKOS.inScheme)
"""What shapes read of the ontology: the hierarchy of classes, and which vocabulary a concept stands in."""

WARNINGS = frozenset({"claim-asserts", "programme-announced", "programme-itself"})
"""Shapes that keep no release from being published; all others do."""


@cache
def context() -> rdflib.Graph:
    """Everything an example takes for granted."""
    return rdflib.Graph().parse(EXAMPLES / "context.ttl")


@cache
def hierarchy() -> rdflib.Graph:
    """Take from the ontology what shapes read of it."""
    graph = rdflib.Graph()
    for path in (ONTOLOGY / "core.ttl", *sorted(ONTOLOGY.glob("vocabularies/*.ttl"))):
        read = rdflib.Graph().parse(path)
        for property_ in HIERARCHY:
            graph += read.triples((None, property_, None))
    return graph


def described(example: rdflib.Graph) -> rdflib.Graph:
    """Give an example with what describes the things that it names, as the build gives an article to the shapes."""
    data = rdflib.Graph()
    data += hierarchy()
    data += example
    seen = set[rdflib.term.Node]()
    left = set(example.all_nodes())
    while left:
        seen |= left
        found = [triple for node in left for triple in context().triples((node, None, None))]
        data += found
        left = {object_ for _, _, object_ in found} - seen
    return data


@dataclass(frozen=True)
class Example:
    """A graph of a class, and the codes of the shapes that it must break."""

    name: str
    graph: rdflib.Graph
    codes: frozenset[str]


def read_example(name: str) -> rdflib.Graph:
    """Read a file of `ontology/examples`."""
    return rdflib.Graph().parse(EXAMPLES / name)


def case_graph(case: Case) -> rdflib.Graph:
    """Read the graph of a case; it may name any date, and what `context.ttl` describes."""
    return to_rdflib(dated(case))


@cache
def examples_of(shape: str) -> tuple[Example, ...]:
    """Give all examples and cases of a shape with a target."""
    return tuple(_examples(shape))


def _examples(shape: str) -> Iterator[Example]:
    for path in sorted(EXAMPLES.glob(f"{shape}.*.ttl")):
        fault = path.name.split(".")[1]
        codes = frozenset[str]() if fault == "valid" else frozenset({f"{shape}-{fault}"})
        yield Example(path.name, described(read_example(path.name)), codes)
    for case in read_cases("shapes"):
        if case.name == shape:
            yield Example(str(case), described(case_graph(case)), frozenset(case.expected))


# --- shapes one by one ------------------------------------------------------------------------------------------------

Triples = set[tuple[Node, Node, Node]]


@cache
def all_shapes() -> rdflib.Graph:
    """Read all files of shapes."""
    graph = rdflib.Graph()
    for path in sorted((ONTOLOGY / "shapes").glob("*.ttl")):
        graph.parse(path)
    return graph


def code(node: Node) -> str:
    """Name a shape as findings do."""
    return str(node).removeprefix(PREFIXES["shape"])


@cache
def whole(shape: Node) -> frozenset[Node]:
    """Give all nodes that a shape consists of: its queries and lists, and the shapes that it asks."""
    graph = all_shapes()
    return frozenset(reach([shape], lambda node: (o for o in graph.objects(node) if (o, None, None) in graph)))


def part_of(shape: Node, parts: Iterable[Node]) -> Triples:
    """Take a shape with some of its property shapes, and all that these consist of."""
    graph, chosen = all_shapes(), set(parts)
    nodes = {shape}.union(*(whole(part) for part in chosen))
    found = {triple for node in nodes for triple in graph.triples((node, None, None))}
    return {(s, p, o) for s, p, o in found if s != shape or p != SH.property or o in chosen}


class CannotRunError(Exception):
    """A shape that is no SHACL, or whose query is none."""


def compile_shapes(triples: Triples) -> Shapes:
    """Compile shapes that are given as triples."""
    graph = rdflib.Graph()
    for triple in triples:
        graph.add(triple)
    try:
        validator = Validator(DataGraph.from_rdflib(rdflib.Graph()), shacl_graph=graph, options={})
        assert validator.shacl_graph.shapes is not None
    except ReportableRuntimeError as fault:
        raise CannotRunError from fault
    return Shapes(graph, validator, Place("shapes"), Watch())


def reported(shapes: Shapes, data: rdflib.Graph) -> set[tuple[str, Node]]:
    """Run shapes over a graph: the code and the severity of each result."""
    try:
        report = shacl_report(data, shapes)
    except DataError as fault:
        raise CannotRunError from fault
    results = report.objects(predicate=SH.result)  # not those that a result only explains itself with
    told = [(report.value(result, SH.sourceShape), report.value(result, SH.resultSeverity)) for result in results]
    return {(code(shape), severity) for shape, severity in told if shape and severity}
