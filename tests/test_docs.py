"""What the documents promise: the README's answer is the one that is printed, examples run, commands are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions, Store

from kgbuild.cli import app
from kgbuild.questions.named import ask, load_questions
from kgbuild.questions.tables import format_answer
from kgbuild.server.http.problems import TITLES
from kgbuild.sparql.embedded import EmbeddedEngine

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENDPOINT = (ROOT / "docs" / "endpoint.md").read_text(encoding="utf-8")
COOKBOOK = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")


def test_the_readme_shows_the_answer_that_is_printed(real_store: Store) -> None:
    """Whoever runs `make` sees the table of the README."""
    question = load_questions(ROOT / "queries" / "questions")["academies-joined-network"]
    values = {"network": "china-central-asia-academies", "year": "2023"}
    printed = format_answer(ask(EmbeddedEngine(real_store), question, values), "table")
    assert printed.strip() in README


def test_the_readme_names_every_command() -> None:
    """A command that is added without a line in the README is found."""
    names = [command.name for command in app.registered_commands] + [group.name for group in app.registered_groups]
    assert [name for name in names if f"kgbuild {name}" not in README] == []


def test_the_table_of_problems_is_whole() -> None:
    """Each type of problem has its place among the statuses, and none is listed that is never sent."""
    table = ENDPOINT.partition("| status | types |")[2].partition("##")[0]
    assert sorted(re.findall(r"`([a-z-]+)`", table)) == sorted([*TITLES, "internal", "worker-died"])


EXAMPLES = re.findall(r"```sparql\n(PREFIX.*?)```", COOKBOOK, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_query_of_the_cookbook_has_an_answer(real_store: Store, number: int) -> None:
    """The examples run as they stand, and find something."""
    answer = real_store.query(EXAMPLES[number])
    assert isinstance(answer, QuerySolutions)
    assert next(answer, None) is not None


def test_the_trap_of_the_cookbook_is_one(real_store: Store) -> None:
    """The wrong form has no row, the right one has."""
    prefix = "PREFIX icn: <https://w3id.org/icn/ontology#> "
    wrong = real_store.query(prefix + "ASK { GRAPH ?article { ?m icn:joined/icn:year 2023 } }")
    right = real_store.query(prefix + "ASK { GRAPH ?article { ?m icn:joined ?d } ?d icn:year 2023 }")
    assert (bool(wrong), bool(right)) == (False, True)


@pytest.mark.parametrize(
    "path",
    [
        *("README.md", "CONTRIBUTING.md", "data/README.md", "queries/README.md", "bench/README.md"),
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
    ],
)
def test_links_lead_somewhere(path: str) -> None:
    """Every relative link of a document is a file or folder."""
    text = (ROOT / path).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [link for link in links if not ((ROOT / path).parent / link).exists()] == []
