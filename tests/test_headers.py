"""The header of a query file: YAML in its leading comment lines."""

from __future__ import annotations

import pytest

from kgbuild.core.errors import DataError, Place
from kgbuild.questions.headers import comment_block, read_header


def place_of(text: str) -> Place:
    with pytest.raises(DataError) as caught:
        read_header(text, "queries/x.rq")
    (issue,) = caught.value.issues
    assert issue.code == "query-header"
    assert issue.remedy
    return issue.place


def test_values_stay_as_written() -> None:
    """A version stays a text and `no` stays Norway: nothing is typed by guess."""
    text = "# since: 0.10\n# state: no\n# title: {en: Who, ru: Кто}\nSELECT * {}"
    expected = {"since": "0.10", "state": "no", "title": {"en": "Who", "ru": "Кто"}}
    assert expected == read_header(text)


def test_header_ends_with_the_first_other_line() -> None:
    """A comment inside the query is no header, be it valid YAML or not."""
    expected = "a: 1"
    assert expected == comment_block("# a: 1\nSELECT * {}\n# b: 2")


def test_nesting_survives_the_cut() -> None:
    """One space after the mark is cut, further ones are indentation."""
    expected = {"parameters": {"year": {"type": "integer"}}}
    assert expected == read_header("# parameters:\n#   year:\n#     type: integer\n")


def test_bad_yaml_is_placed_in_the_file() -> None:
    """Line and column are those of the file, with the comment mark counted."""
    expected = Place("queries/x.rq", 2, 16)
    assert expected == place_of("# since: 0.1.0\n# remedy: Write: it.\nSELECT * {}")


@pytest.mark.parametrize("text", ["SELECT * {}", "# only a sentence\nSELECT * {}", ""])
def test_missing_header_is_an_issue(text: str) -> None:
    """A file that begins with no mapping has no header."""
    expected = Place("queries/x.rq", 1, 1)
    assert expected == place_of(text)


@pytest.mark.parametrize(
    ("line", "column"),
    [("[" * 50_000, 12), ("{a: " * 50_000, 36), ("a: {b: &x [y], c: *x}", 21)],
    ids=["lists", "mappings", "alias"],
)
def test_nothing_deep_and_nothing_twice(line: str, column: int) -> None:
    """Brackets without end and aliases are issues at their place, as in a record, and no end of the process."""
    assert Place("queries/x.rq", 1, column) == place_of(f"# {line}\nSELECT * {{}}")
