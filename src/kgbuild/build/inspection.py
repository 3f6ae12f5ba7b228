"""What a build reads and others have written, looked at before anything of it is used: names, kinds of files, queries.

Every finding of every file is told at once, beside those of the records: a rule that is refused hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kgbuild.build.checks import load_checks
from kgbuild.build.constraints import constraint_issues
from kgbuild.build.ontology import read_turtle
from kgbuild.build.reasoning import load_rules
from kgbuild.build.stages import Stage, StageLimits, Watch, pack_issues, unpack_issues
from kgbuild.core.errors import DataError, Findings, Issue, display_name
from kgbuild.core.files import find_files, folder_issues, raise_if_link
from kgbuild.questions.named import load_questions


def inspect_sources(
    data: Path, ontology: Path, queries: Path, root: Path, limits: StageLimits, findings: Findings
) -> None:
    """Find what is wrong with the names of all files, and with the texts of rules, checks, questions and constraints.

    Raises DataError where one of the folders is a link.
    """
    for folder in (data, ontology, queries):
        raise_if_link(folder, root)
        findings.add(folder_issues(folder, root))
    shapes, rules, checks, questions = (
        ontology / "shapes",
        ontology / "rules",
        queries / "checks",
        queries / "questions",
    )
    looks: dict[Path, Callable[[Watch], object]] = {
        shapes: lambda _: _read_shapes(find_files(shapes, "*.ttl"), root),
        rules: lambda _: load_rules(rules, root),
        checks: lambda watch: load_checks(checks, root, watch),
        questions: lambda _: load_questions(questions),
    }

    def work(watch: Watch) -> Iterator[bytes]:
        for folder, look in looks.items():
            if folder.is_dir() and watch.begin(display_name(folder, root)):
                yield pack_issues(_issues_of(look, watch))

    for payload in Stage("reading rules, checks, questions and shapes", limits, findings).run(work):
        findings.add(unpack_issues(payload))


def _read_shapes(paths: list[Path], root: Path) -> None:
    findings = Findings(constraint_issues(paths, root))
    read_turtle(paths, root, findings)
    findings.raise_errors()


def _issues_of(look: Callable[[Watch], object], watch: Watch) -> list[Issue]:
    try:
        look(watch)
    except DataError as refused:
        return refused.issues
    return []
