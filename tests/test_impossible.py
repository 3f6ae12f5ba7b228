# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Facts that cannot be, in records: `tests/fixtures/impossible`, each told at its line, and what is only odd is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kgbuild.build.compilation import Sources, compile_sound
from kgbuild.build.pipeline import assemble, check_articles, check_graph
from kgbuild.core.errors import Findings, Issue
from kgbuild.core.progress import Silent
from nonempty import nonempty

ROOT = Path(__file__).resolve().parents[1]
IMPOSSIBLE = ROOT / "tests" / "fixtures" / "impossible"
TABLE = (ROOT / "docs" / "impossible.md").read_text(encoding="utf-8")
Told = tuple[str, int, str]
"""File, line, code."""


@pytest.fixture(scope="module")
def issues() -> list[Issue]:
    """Take the records through the whole pipeline; no stage hides what a later one finds."""
    sources = Sources(data=IMPOSSIBLE / "data", ontology=ROOT / "ontology", queries=ROOT / "queries", root=IMPOSSIBLE)
    silent, findings = Silent(), Findings()
    compiled = compile_sound(sources, silent, findings)
    graph = assemble(compiled, sources, silent)
    return [*findings, *check_articles(compiled, sources, silent), *check_graph(graph, sources, silent)]


def marked() -> set[Told]:
    """Read the marks: `# impossible:` and the codes, behind the line that says what cannot be."""
    found = set()
    for path in nonempty(sorted(IMPOSSIBLE.glob("data/**/*.yaml"))):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            _, _, codes = line.partition("# impossible: ")
            found |= {(path.relative_to(IMPOSSIBLE).as_posix(), number, code) for code in codes.split()}
    return found


def test_each_impossible_fact_is_told_at_its_line(issues: list[Issue]) -> None:
    """What is marked is told, with that code and at that line; what is odd but true is not."""
    assert marked() == {(issue.place.path, issue.place.line, issue.code) for issue in issues}


def test_each_is_told_with_a_finding_and_a_remedy(issues: list[Issue]) -> None:
    """No issue leaves its reader alone."""
    assert [] == [issue for issue in nonempty(issues) if not issue.finding or not issue.remedy]


def test_the_table_and_the_records_have_the_same_codes(issues: list[Issue]) -> None:
    """Each kind of the table is told of a record here, with the severity it says; but for what only Turtle can say."""
    rows = [line.split("|") for line in TABLE.splitlines() if re.match(r"\| \d+ ", line) and "in Turtle" not in line]
    listed = {(code, row[3].strip()) for row in rows for code in re.findall(r"`([a-z-]+)`", row[2])}
    assert 35 <= len(rows)
    assert listed == {(issue.code, issue.severity) for issue in issues}
