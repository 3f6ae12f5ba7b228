# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The tests themselves: none passes because there was nothing to check, and none is skipped unseen."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from conftest import ALONE, ByFile, pytest_runtest_makereport
from nonempty import nonempty

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("test_*.py"))
KEEP = {"enumerate", "zip", "sorted", "reversed", "list", "tuple", "set", "items", "keys", "values", "permutations"}
"""Calls that give nothing only for nothing."""

Loop = ast.For | ast.AsyncFor | ast.comprehension


def unsure_loops(source: str) -> list[int]:
    """List the lines of loops that check something and may go over nothing.

    A loop is sure of something where it goes over a literal, over `nonempty(…)`, or over a name that an earlier
    assertion of the function shows to have something.  A loop within a loop may be empty where the outer one checks
    something, and so may any in a test by Hypothesis, which draws the empty case among others.
    """
    tree = ast.parse(source)
    known = {
        name.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for name in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(name, ast.Name)
    }
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test"))
    plain = (function for function in functions if not any(_is_given(node) for node in function.decorator_list))
    return sorted({line for function in plain for line in _unsure_in(function, known)})


def _is_given(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "given"


def _unsure_in(function: ast.FunctionDef, known: dict[str, ast.expr]) -> Iterator[int]:
    shown: set[str] = set()
    for node in _in_order(function):
        if isinstance(node, ast.For) and _checks(node) and not _is_sure(node.iter, known, shown):
            yield node.iter.lineno
        if isinstance(node, ast.Assert):
            for call in ast.walk(node.test):
                loops = call.args[0].generators if _is_all(call) else []  # type: ignore[attr-defined]
                if loops and not _is_sure(loops[0].iter, known, shown):
                    yield loops[0].iter.lineno
            shown |= set(_shown_by(node.test))


def _in_order(node: ast.AST, within: bool = False) -> Iterator[ast.AST]:
    """Go through statements as they stand, but not through loops within a loop that checks something by itself."""
    for child in ast.iter_child_nodes(node):
        loop = isinstance(child, ast.For)
        if loop and within:
            continue
        yield child
        yield from _in_order(child, within or (loop and _checks(child, inner=False)))


def _checks(loop: ast.AST, inner: bool = True) -> bool:
    """Tell whether a loop has an assertion in it; in loops within it too where `inner` is set."""
    return any(
        isinstance(child, ast.Assert) or ((inner or not isinstance(child, ast.For)) and _checks(child, inner))
        for child in ast.iter_child_nodes(loop)
    )


def _is_all(node: ast.AST) -> bool:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "all"
    return named and isinstance(node.args[0], ast.GeneratorExp | ast.ListComp)  # type: ignore[attr-defined]


def _shown_by(test: ast.expr) -> Iterator[str]:
    """Name what an assertion shows to have something: `assert found`, `assert 3 == len(found)`, `{"x"} <= found`."""
    if isinstance(test, ast.Name):
        yield test.id
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for value in test.values:
            yield from _shown_by(value)
    if isinstance(test, ast.Compare) and not isinstance(test.ops[0], ast.NotEq | ast.NotIn):
        sides = [test.left, *test.comparators]
        if any(_is_sure(side, {}, set()) for side in sides):
            yield from (name.id for side in sides for name in ast.walk(side) if isinstance(name, ast.Name))


def _is_sure(node: ast.expr, known: dict[str, ast.expr], shown: set[str]) -> bool:
    """Tell whether an expression has something in it, whatever the data are."""
    match node:
        case ast.Constant(value):
            return bool(value)
        case ast.Tuple(items) | ast.List(items) | ast.Set(items):
            return any(not isinstance(item, ast.Starred) or _is_sure(item.value, known, shown) for item in items)
        case ast.Dict(keys):
            return any(key is not None for key in keys)
        case ast.BinOp(left, _, right):
            return _is_sure(left, known, shown) or _is_sure(right, known, shown)
        case ast.Name(name):
            return name in shown or (name in known and _is_sure(known[name], {}, set()))
        case ast.Call(ast.Name("nonempty" | "range")):
            return True
        case ast.Call(ast.Attribute(of, name), []) if name in KEEP:
            return _is_sure(of, known, shown)
        case ast.Call(ast.Name(name), given) if name in KEEP and given:
            return all(_is_sure(argument, known, shown) for argument in given)
        case ast.Call(ast.Attribute(of, "split" | "splitlines")):
            return _is_sure(of, known, shown)
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_loop_checks_nothing(path: Path) -> None:
    """A test that asserts in a loop asserts something: the loop is over `nonempty(…)`, or what is written out."""
    assert [] == [f"{path.name}:{line}" for line in unsure_loops(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ([2], "for x in found():\n        assert x"),
        ([2], "assert all(x for x in found())"),
        ([3], "for x in (1, 2):\n        for y in found(x):\n            assert y"),
        ([2], "for x in sorted(found()):\n        assert x"),
        ([3], "assert [] == found\n    for x in found:\n        assert x"),
        ([], "for x in nonempty(found()):\n        assert x"),
        ([], "for x in (1, 2):\n        assert x\n        for y in found(x):\n            assert y"),
        ([], "assert found\n    for x in found:\n        assert x"),
        ([], "assert 3 == len(found)\n    for x in found:\n        assert x"),
        ([], "for x in found():\n        print(x)"),
        ([], "assert all(x for x in {'a': 1}.items())"),
    ],
)
def test_a_loop_that_may_be_empty_is_found(lines: list[int], body: str) -> None:
    """The check finds what it is for, and lets pass what is sure."""
    assert lines == unsure_loops(f"def test_something():\n    {body}\n")


def test_nonempty_fails_for_nothing() -> None:
    """`nonempty` gives all there is, and fails where that is nothing."""
    assert [1, 2] == nonempty(iter((1, 2)))
    with pytest.raises(AssertionError, match="nothing to check"):
        nonempty([])


@pytest.mark.parametrize(("set_", "outcome"), [("", "skipped"), ("1", "failed")])
def test_a_skip_is_a_failure_where_nothing_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, set_: str, outcome: str
) -> None:
    """With KGBUILD_NO_SKIPS a test that is skipped has failed, with its reason; what is known to fail has not."""
    monkeypatch.setenv("KGBUILD_NO_SKIPS", set_)

    def reported(known: str = "") -> pytest.TestReport:
        where = ("test_x.py", 1, "Skipped: no browser")
        report = pytest.TestReport("x", ("test_x.py", 1, "x"), {}, "skipped", where, "call")
        if known:
            report.wasxfail = known
        hook = pytest_runtest_makereport()
        next(hook)
        with pytest.raises(StopIteration) as ended:
            hook.send(report)
        changed: pytest.TestReport = ended.value.value
        return changed

    assert outcome == reported().outcome
    assert "no browser" in str(reported().longrepr)
    assert "skipped" == reported("a known deviation").outcome


def test_each_file_runs_in_one_process() -> None:
    """Two processes share the files between them, and no file; what is to be alone comes into one of them."""
    files = ["tests/test_kinds.py", "tests/test_headers.py", "tests/test_w3id.py"]
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-v", "-n", "2", "--dist", "loadscope", *files]
    done = subprocess.run(command, cwd=TESTS.parent, check=False, capture_output=True, text=True, timeout=120)
    seen = set(re.findall(r"^\[(gw\d)\] .* PASSED (tests/\w+\.py)", done.stdout, re.MULTILINE))
    assert sorted(files) == sorted(file for _, file in seen), done.stdout
    scopes = {ByFile._split_scope(cast(Any, None), f"tests/{name}.py::test_x") for name in ALONE}
    assert {"alone"} == scopes
