"""Which mutants of rules, checks and shapes their cases notice: all in one process, over small graphs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import rdflib
from pyshacl.errors import ReportableRuntimeError
from pyshacl.graph_abstraction import DataGraph
from pyshacl.validator import Validator
from rdflib.namespace import RDF, SH
from rdflib.term import Node
from shape_mutants import ShapeMutant, mutate_shapes
from sparql_mutants import mutate

from cases import ROOT, Case, described, effect, expected_effect, finds, parse, read_cases, severities, store_for_check
from kgbuild.build.shapes import Shapes, shacl_report
from kgbuild.build.stages import Watch
from kgbuild.core.errors import DataError, Place
from kgbuild.core.namespaces import PREFIXES
from shape_cases import WARNINGS, Example, examples_of

RULES, CHECKS, SHAPES = (ROOT / folder for folder in ("ontology/rules", "queries/checks", "ontology/shapes"))


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: `file` is its name without a folder, `what` says what was done to it."""

    file: str
    what: str
    killed: bool


def files() -> list[Path]:
    """List what is mutated: the long ones first, so that two processes end together."""
    found = [*SHAPES.glob("*.ttl"), *RULES.glob("*.ru"), *CHECKS.glob("*.rq")]
    return sorted(found, key=lambda path: (-path.stat().st_size, path.name))


def judge(path: Path) -> list[Verdict]:
    """Make all mutants of a file, and tell which its cases notice; one that cannot be run at all is none."""
    by_kind = {".ru": _judge_rule, ".rq": _judge_check, ".ttl": _judge_shapes}
    verdicts = list(by_kind[path.suffix](path))
    return [Verdict(path.name, what, killed) for what, killed in verdicts]


Judged = Iterator[tuple[str, bool]]


# --- rules ------------------------------------------------------------------------------------------------------------


def _judge_rule(path: Path) -> Judged:
    prepared = [(described(parse(case.graph)), expected_effect(case)) for case in _cases("rules", path)]
    text = path.read_text(encoding="utf-8")
    assert all(effect(quads, text) == expected for quads, expected in prepared), f"{path.name} fails its cases"
    for mutant in mutate(text):
        try:
            yield mutant.what, any(effect(quads, mutant.text) != expected for quads, expected in prepared)
        except (SyntaxError, RuntimeError):
            continue


def _cases(folder: str, path: Path) -> list[Case]:
    return [case for case in read_cases(folder) if case.name == path.stem]


# --- checks -----------------------------------------------------------------------------------------------------------


def _judge_check(path: Path) -> Judged:
    prepared = [(store_for_check(case), case) for case in _cases("checks", path)]
    text = path.read_text(encoding="utf-8")

    def passes(query: str) -> bool:
        return all(finds(store, query, case) for store, case in prepared)

    assert passes(text), f"{path.name} fails its cases"
    for severity in ("error", "warning"):
        if f"# severity: {severity}\n" not in text:
            yield f"severity {severity}", severities()[path.stem] != severity
    for mutant in mutate(text):
        try:
            yield mutant.what, not passes(mutant.text)
        except (SyntaxError, RuntimeError):
            continue


# --- shapes -----------------------------------------------------------------------------------------------------------


@cache
def _shapes() -> rdflib.Graph:
    graph = rdflib.Graph()
    for path in sorted(SHAPES.glob("*.ttl")):
        graph.parse(path)
    return graph


@cache
def _examples(shape: str) -> tuple[Example, ...]:
    return tuple(examples_of(shape))


def _judge_shapes(path: Path) -> Judged:
    graph = rdflib.Graph().parse(path)
    for shape, part in sorted({at for node in graph.subjects(RDF.type) for at in _affected(node)}, key=str):
        assert not _is_noticed(None, shape, part), f"{path.name}: {_stem(part)} fails its examples"
    for mutant in mutate_shapes(graph):
        try:
            yield mutant.what, any(_is_noticed(mutant, *at) for at in _affected(mutant.old[0]))
        except _CannotRunError:
            continue


class _CannotRunError(Exception):
    pass


@cache
def _reach(node: Node) -> frozenset[Node]:
    """Give what a shape consists of: all that its triples lead to."""
    graph, found, waiting = _shapes(), {node}, [node]
    while waiting:
        new = {
            o for p, o in graph.predicate_objects(waiting.pop()) if (o, None, None) in graph and p != SH.property
        } - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def _affected(node: Node) -> Iterator[tuple[Node, Node]]:
    """Give (shape with a target, property shape) wherever a node is a part of what is reported."""
    graph = _shapes()
    for shape in sorted(graph.subjects(SH.targetClass), key=str):
        for part in sorted(graph.objects(shape, SH.property), key=str):
            if node == shape or node in _whole(part):
                yield shape, part


@cache
def _whole(part: Node) -> frozenset[Node]:
    """Give all that a property shape asks, the properties of the shapes that it names among it."""
    found = set(_reach(part))
    for node in list(found):
        for inner in _shapes().objects(node, SH.property):
            found |= _whole(inner)
    return frozenset(found)


def _is_noticed(mutant: ShapeMutant | None, shape: Node, part: Node) -> bool:
    code, own = _stem(part), {shape, *_whole(part)}
    triples = {t for node in own for t in _shapes().triples((node, None, None))}
    others = {(shape, SH.property, other) for other in _shapes().objects(shape, SH.property) if other != part}
    mutated = triples - others
    if mutant:
        mutated = (mutated - {mutant.old}) | ({mutant.new} if mutant.new else set())
    examples = sorted(_examples(_stem(shape)), key=lambda example: code not in example.codes)
    if (shape, SH.property, part) not in mutated:
        return code in examples[0].codes
    shapes, severity = _compile(mutated), SH.Warning if code in WARNINGS else SH.Violation
    return any(_reports(shapes, each, part) != ({severity} if code in each.codes else set()) for each in examples)


def _stem(node: Node) -> str:
    return str(node).removeprefix(PREFIXES["shape"])


def _compile(triples: set[tuple[Node, Node, Node]]) -> Shapes:
    graph = rdflib.Graph()
    for triple in triples:
        graph.add(triple)
    try:
        validator = Validator(DataGraph.from_rdflib(rdflib.Graph()), shacl_graph=graph, options={})
        assert validator.shacl_graph.shapes is not None
    except ReportableRuntimeError as fault:
        raise _CannotRunError from fault
    return Shapes(graph, validator, Place("shapes"), Watch())


def _reports(shapes: Shapes, example: Example, part: Node) -> set[Node]:
    """Give the severities that a property shape reports for an example."""
    try:
        report = shacl_report(example.graph, shapes)
    except DataError as fault:
        raise _CannotRunError from fault
    return {s for r in report.subjects(SH.sourceShape, part) for s in report.objects(r, SH.resultSeverity)}
