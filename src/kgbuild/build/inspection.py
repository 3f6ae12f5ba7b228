"""What a build reads and others have written, looked at before anything of it is used: names, kinds of files, queries.

Every finding of every file is told at once, beside those of the records: a rule that is refused hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kgbuild.build.checks import load_checks
from kgbuild.build.constraints import constraint_issues
from kgbuild.build.reasoning import load_rules
from kgbuild.core.errors import DataError, Issue
from kgbuild.core.files import find_files, folder_issues, raise_if_link
from kgbuild.questions.named import load_questions


def source_issues(data: Path, ontology: Path, queries: Path, root: Path) -> Iterator[Issue]:
    """Say what is wrong with the names of all files, and with the texts of rules, checks, questions and constraints.

    Raises DataError where one of the folders is a link.
    """
    folders = (data, ontology, queries)
    for folder in folders:
        raise_if_link(folder, root)
    for folder in folders:
        yield from folder_issues(folder, root)
    yield from constraint_issues(find_files(ontology, "shapes/*.ttl"), root)
    yield from _issues_of(lambda: load_rules(ontology / "rules", root))
    yield from _issues_of(lambda: load_checks(queries / "checks", root))
    if (questions := queries / "questions").is_dir():
        yield from _issues_of(lambda: load_questions(questions))


def _issues_of(load: Callable[[], object]) -> Iterator[Issue]:
    try:
        load()
    except DataError as refused:
        yield from refused.issues
