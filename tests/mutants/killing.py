"""Which mutants of rules, checks and shapes their cases notice: all in one process, over small graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import rdflib
from rdflib.namespace import RDF, SH
from rdflib.term import Node
from shape_mutants import ShapeMutant, mutate_shapes
from sparql_mutants import mutate

from cases import (
    ROOT,
    Case,
    described,
    effect,
    expected_effect,
    finds,
    parse,
    read_cases,
    severities,
    store_for_check,
)
from shape_cases import (
    WARNINGS,
    CannotRunError,
    all_shapes,
    code,
    compile_shapes,
    examples_of,
    part_of,
    reported,
    whole,
)

RULES, CHECKS, SHAPES = (ROOT / folder for folder in ("ontology/rules", "queries/checks", "ontology/shapes"))


Judged = Iterator[tuple[str, bool]]
"""What was done, and whether it was noticed."""


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


def judge(path: Path, every: int = 1) -> list[Verdict]:
    """Make the mutants of a file, and tell which its cases notice; one that cannot be run at all is none.

    Of the mutants of shapes, which take longest, only some may be made: one of `every` so many.
    """
    by_kind: dict[str, Callable[[Path], Judged]] = {
        ".ru": _judge_rule,
        ".rq": _judge_check,
        ".ttl": partial(_judge_shapes, every=every),
    }
    return [Verdict(path.name, what, killed) for what, killed in by_kind[path.suffix](path)]


# --- rules ------------------------------------------------------------------------------------------------------------


def _judge_rule(path: Path) -> Judged:
    prepared = [(described(parse(case.graph)), expected_effect(case)) for case in _cases("rules", path)]
    text = path.read_text(encoding="utf-8")

    def passes(rule: str) -> bool:
        return all(effect(quads, rule) == expected for quads, expected in prepared)

    if not passes(text):
        yield "as it is it fails its cases", False
        return
    for mutant in mutate(text):
        try:
            yield mutant.what, not passes(mutant.text)
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

    if not passes(text):
        yield "as it is it fails its cases", False
        return
    for severity in ("error", "warning"):
        if f"# severity: {severity}\n" not in text:
            yield f"severity {severity}", severities()[path.stem] != severity
    for mutant in mutate(text):
        try:
            yield mutant.what, not passes(mutant.text)
        except (SyntaxError, RuntimeError):
            continue


# --- shapes -----------------------------------------------------------------------------------------------------------


def _judge_shapes(path: Path, every: int) -> Judged:
    graph = rdflib.Graph().parse(path)
    parts = sorted({at for node in graph.subjects(RDF.type) for at in _affected(node)}, key=str)
    if wrong := [code(part) for shape, part in parts if _is_noticed(None, shape, part)]:
        yield f"as it is it fails its cases: {', '.join(wrong)}", False
        return
    for mutant in islice(mutate_shapes(graph), 0, None, every):
        try:
            yield mutant.what, any(_is_noticed(mutant, *at) for at in _affected(mutant.old[0]))
        except CannotRunError:
            continue


def _affected(node: Node) -> Iterator[tuple[Node, Node]]:
    """Give (shape with a target, property shape) wherever a node is a part of what is reported."""
    graph = all_shapes()
    for shape in sorted(graph.subjects(SH.targetClass, unique=True), key=str):
        for part in sorted(graph.objects(shape, SH.property), key=str):
            if node == shape or node in whole(part):
                yield shape, part


def _is_noticed(mutant: ShapeMutant | None, shape: Node, part: Node) -> bool:
    triples, name = part_of(shape, [part]), code(part)
    if mutant:
        triples = (triples - {mutant.old}) | ({mutant.new} if mutant.new else set())
    examples = sorted(examples_of(code(shape)), key=lambda example: name not in example.codes)
    if (shape, SH.property, part) not in triples:
        return name in examples[0].codes
    shapes, finding = compile_shapes(triples), (name, SH.Warning if name in WARNINGS else SH.Violation)
    return any(reported(shapes, each.graph) != ({finding} if name in each.codes else set()) for each in examples)
