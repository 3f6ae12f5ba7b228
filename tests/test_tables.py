# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Answers as text: plain and fitted tables, CSV, JSON, Markdown; for every kind of term, and for hostile ones."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import QueryResultsFormat, QuerySolutions, Store, parse_query_results
from rich.cells import cell_len

from kgbuild.core.errors import UsageError
from kgbuild.core.namespaces import expand
from kgbuild.core.terms import Row, Table, Term, Triple, iri, literal
from kgbuild.questions.tables import FORMATS, as_table, fit_table, format_answer, one_line, short
from kgbuild.sparql.embedded import EmbeddedEngine, convert_term
from nonempty import nonempty

INTEGER = expand("xsd:integer")
STRING = expand("xsd:string")
ACSH = iri(expand("institution:acsh"))
# One of each kind of term, and a cell in which nothing is bound.
KINDS = Table(
    ("iri", "text", "tagged", "typed", "blank", "none"),
    ((ACSH, literal("a hub"), literal("хаб", language="ru"), literal("7", INTEGER), Term("blank", "b0"), None),),
)


def table_of(*texts: str) -> Table:
    return Table(("x",), tuple((literal(text),) for text in texts))


# --- kinds of terms and of answers --------------------------------------------------------------------------------


def test_a_plain_table_shows_terms_for_people() -> None:
    """IRIs are shortened, texts bare, columns aligned; what is not bound is empty, and no line ends in spaces."""
    expected = (
        "iri               text   tagged  typed  blank  none\n"
        "----------------  -----  ------  -----  -----  ----\n"
        "institution:acsh  a hub  хаб     7      _:b0\n"
    )
    assert expected == format_answer(KINDS, "table")


def test_csv_is_that_of_the_standard() -> None:
    """CSV holds whole IRIs and bare texts, nothing for what is not bound, and ends lines in CR LF."""
    expected = "iri,text,tagged,typed,blank,none\r\nhttps://w3id.org/icn/id/institution/acsh,a hub,хаб,7,_:b0,\r\n"
    assert expected == format_answer(KINDS, "csv")


def test_json_is_that_of_the_standard() -> None:
    """JSON keeps kinds, languages and datatypes, and leaves out what is not bound."""
    expected = {
        "head": {"vars": ["iri", "text", "tagged", "typed", "blank", "none"]},
        "results": {
            "bindings": [
                {
                    "iri": {"type": "uri", "value": "https://w3id.org/icn/id/institution/acsh"},
                    "text": {"type": "literal", "value": "a hub"},
                    "tagged": {"type": "literal", "value": "хаб", "xml:lang": "ru"},
                    "typed": {"type": "literal", "value": "7", "datatype": INTEGER},
                    "blank": {"type": "bnode", "value": "b0"},
                }
            ]
        },
    }
    assert expected == json.loads(format_answer(KINDS, "json"))


def test_a_datatype_of_strings_is_not_written() -> None:
    """A term that names xsd:string is a plain text in JSON, as engines write it."""
    binding = json.loads(format_answer(Table(("x",), ((Term("literal", "a", STRING),),)), "json"))
    assert {"type": "literal", "value": "a"} == binding["results"]["bindings"][0]["x"]


def test_markdown_links_iris_under_their_short_names() -> None:
    """An IRI is a link to itself; texts are texts."""
    expected = (
        "| iri | text | tagged | typed | blank | none |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| [institution:acsh](https://w3id.org/icn/id/institution/acsh) | a hub | хаб | 7 | \\_:b0 |  |\n"
    )
    assert expected == format_answer(KINDS, "markdown")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", "answer\n------\ntrue\n"),
        ("csv", "answer\r\ntrue\r\n"),
        ("markdown", "| answer |\n| --- |\n| true |\n"),
    ],
)
def test_a_yes_is_one_cell(form: str, expected: str) -> None:
    """The answer of an ASK query is a table of one cell."""
    assert expected == format_answer(True, form)


def test_a_yes_or_no_in_json_is_that_of_the_standard() -> None:
    """JSON has a form of its own for ASK: a boolean, not a text."""
    assert {"head": {}, "boolean": False} == json.loads(format_answer(False, "json"))


def test_a_graph_has_a_row_for_each_triple() -> None:
    """Triples are a table of three columns."""
    triple: Triple = (ACSH, iri(expand("rdfs:label")), literal("Hub", language="en"))
    expected = "subject,predicate,object\r\n" + ",".join((ACSH.value, expand("rdfs:label"), "Hub")) + "\r\n"
    assert expected == format_answer([triple], "csv")
    assert ("subject", "predicate", "object") == as_table([triple]).columns


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", "a  bc\n-  --\n"),
        ("csv", "a,bc\r\n"),
        ("json", '{"head":{"vars":["a","bc"]},"results":{"bindings":[]}}'),
        ("markdown", "| a | bc |\n| --- | --- |\n"),
    ],
)
def test_no_rows_still_have_their_columns(form: str, expected: str) -> None:
    """An answer without rows is well formed and says what its columns are, on the narrowest terminal too."""
    for width in (0, 3):
        written = format_answer(Table(("a", "bc"), ()), form, width)
        assert expected == ("".join(written.split()) if form == "json" else written)


def test_no_columns_are_no_failure() -> None:
    """A query that selects nothing, as `SELECT * {}`, has an answer all the same."""
    assert "\n" == fit_table(Table((), ((), ())), 80)


def test_an_unknown_format_is_told() -> None:
    """A format that does not exist is a wrong usage, and the message lists those that do."""
    with pytest.raises(UsageError, match="Choose one of table, csv, json, markdown"):
        format_answer(True, "xml")


# --- escaping -----------------------------------------------------------------------------------------------------

NASTY = 'a "b", c\r\nd|e_f*[g](h)<i>`j`\\k\x1b[31m\x00\u202e國'


def test_csv_reads_back_what_was_written() -> None:
    """Quotes, commas and line ends survive a CSV reader."""
    (_, (cell,)) = csv.reader(io.StringIO(format_answer(table_of(NASTY), "csv"), newline=""))
    assert NASTY == cell


def test_markdown_stays_one_table() -> None:
    """No text ends its cell, begins a link, or hides as HTML; a line end is a space."""
    lines = format_answer(table_of(NASTY), "markdown").splitlines()
    assert 3 == len(lines)
    assert r'| a "b", c d\|e\_f\*\[g\](h)\<i\>\`j\`\\k\\u{1b}\[31m\\u{0}\\u{202e}國' in lines[2]


def test_a_link_of_markdown_ends_where_its_iri_ends() -> None:
    """Brackets and bars in an IRI do not end the link or the cell, and only web addresses are links."""
    web = iri("https://example.org/a_(b)")
    assert r"[https://example.org/a\_(b)](https://example.org/a_%28b%29)" in format_answer(
        Table(("x",), ((web,),)), "markdown"
    )
    assert "| javascript:alert(1) |" in format_answer(Table(("x",), ((iri("javascript:alert(1)"),),)), "markdown")


def test_no_control_character_reaches_a_terminal() -> None:
    """Control characters, which could move or colour the cursor, are escaped in every table for people."""
    for written in (format_answer(table_of(NASTY), "table"), format_answer(table_of(NASTY), "table", 40)):
        assert not [c for c in written if c != "\n" and (c < " " or "\x7f" <= c < "\xa0")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n b\x1b[31m", r"a b\u{1b}[31m"),
        ("\x00", r"\u{0}"),
        (" a\tb\u2028c ", "a b c"),
        ("\x9b31mx", r"\u{9b}31mx"),
        ("й 國", "й 國"),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    """A text for people is one line, with single spaces and without control characters."""
    assert expected == one_line(text)


def test_unicode_is_written_as_itself() -> None:
    """No format spells letters as code points."""
    for form in nonempty(FORMATS):
        assert "國й" in format_answer(table_of("國й"), form)


# --- layout -------------------------------------------------------------------------------------------------------


def test_wide_characters_take_two_columns() -> None:
    """Columns are aligned by what a terminal shows: a Han character is two wide."""
    table = Table(("name", "x"), ((literal("國家"), literal("1")), (literal("abc"), literal("2"))))
    assert "name  x\n----  -\n國家  1\nabc   2\n" == format_answer(table, "table")


ACADEMIES = Table(
    ("academy", "name", "joined"),
    (
        (iri(expand("institution:apa-kz")), literal("Academy of Public Administration of a state"), literal("2023")),
        (iri(expand("institution:nag-china")), literal("National Academy"), literal("2023-11-08")),
    ),
)


def test_a_table_that_fits_is_plain() -> None:
    """On a terminal that is wide enough a table is as it is in a file."""
    assert format_answer(ACADEMIES, "table") == format_answer(ACADEMIES, "table", 100)


def test_a_file_is_never_wrapped() -> None:
    """What does not go to a terminal has one line a row, however narrow the terminal may be."""
    assert 4 == format_answer(ACADEMIES, "table").count("\n")


def test_a_long_text_is_wrapped_at_spaces() -> None:
    """The widest column gives way, words stay whole, and rows of several lines are set apart."""
    expected = (
        "academy                name                joined\n"
        "---------------------  ------------------  ----------\n"
        "institution:apa-kz     Academy of Public   2023\n"
        "                       Administration of\n"
        "                       a state\n"
        "\n"
        "institution:nag-china  National Academy    2023-11-08\n"
    )
    assert expected == fit_table(ACADEMIES, 53)


def test_long_ids_are_broken_at_their_marks_only() -> None:
    """An id goes on in the next line after one of its marks, so that it can be put together again."""
    table = Table(("id", "x"), ((literal("proposal:hub-talks-2024--alliance-of-practitioners"), literal("1")),))
    lines = [line.split() for line in fit_table(table, 27).splitlines()[2:]]
    assert ["proposal:hub-talks-", "2024--alliance-of-", "practitioners"] == [line[0] for line in lines]


def test_what_all_rows_share_is_said_once() -> None:
    """Where a table would be too tall, columns of one value are said above it, and nothing is lost."""
    shared = [literal("one article that all of the rows have in common"), literal("another one, with as long a text")]
    rows: tuple[Row, ...] = tuple((*row, *shared) for row in ACADEMIES.rows)
    expected = (
        "In all rows:\n"
        "  article  one article that all of the rows have in common\n"
        "  other    another one, with as long a text\n"
        "\n"
        "academy                name                        joined\n"
        "---------------------  --------------------------  ----------\n"
        "institution:apa-kz     Academy of Public           2023\n"
        "                       Administration of a state\n"
        "\n"
        "institution:nag-china  National Academy            2023-11-08\n"
    )
    assert expected == fit_table(Table((*ACADEMIES.columns, "article", "other"), rows), 61)


def test_rows_that_do_not_fit_are_blocks() -> None:
    """Where words would have to be broken, each row is a block of lines, with long values below themselves."""
    expected = (
        "academy  institution:apa-kz\n"
        "name     Academy of Public\n"
        "         Administration of a\n"
        "         state\n"
        "joined   2023\n"
        "\n"
        "academy  institution:nag-china\n"
        "name     National Academy\n"
        "joined   2023-11-08\n"
    )
    assert expected == fit_table(ACADEMIES, 30)


def test_one_row_alone_has_nothing_in_common() -> None:
    """A single row is a block rather than a list of what all rows share."""
    assert "In all rows" not in fit_table(Table(ACADEMIES.columns, ACADEMIES.rows[:1]), 30)


CELLS = st.one_of(
    st.none(),
    st.text(st.sampled_from("ab -:/_國й\n\x1b"), max_size=40).map(literal),
    st.sampled_from(["network:x", "membership:acsh--china-central-asia-academies"]).map(lambda name: iri(expand(name))),
)


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=4), st.integers(min_value=30, max_value=120))
def test_nothing_is_cut_and_lines_fit(rows: list[tuple[Any, ...]], width: int) -> None:
    """At any width no line is wider than the terminal, and every character of every cell is shown."""
    table = Table(("first", "second_column", "third"), tuple(rows))
    drawn = fit_table(table, width)
    assert all(cell_len(line) <= width for line in drawn.splitlines())
    letters = "".join(drawn.split())
    for row in rows:
        for term in row:
            for word in short(term).split():
                assert all(letters.count(c) >= word.count(c) for c in set(word))


# --- an oracle ----------------------------------------------------------------------------------------------------

TERMS = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"])).map(literal),
    st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: literal(text, language="ru")),
    st.integers().map(lambda number: literal(str(number), INTEGER)),
    st.just(ACSH),
)


@settings(deadline=None)
@given(st.lists(st.tuples(TERMS, TERMS), max_size=4))
def test_json_is_read_by_another_program(rows: list[tuple[Term | None, ...]]) -> None:
    """Another reader, that of pyoxigraph, gets from our JSON the very terms that were written."""
    table = Table(("a", "b"), tuple(rows))
    read = parse_query_results(format_answer(table, "json"), QueryResultsFormat.JSON)
    assert isinstance(read, QuerySolutions)
    got = [tuple(None if row[name] is None else convert_term(row[name]) for name in ("a", "b")) for row in read]
    assert list(table.rows) == got


def test_csv_is_that_of_pyoxigraph() -> None:
    """For the same query our CSV is what pyoxigraph itself writes."""
    query = 'SELECT * { VALUES (?a ?b) { ("x, \\"y\\"" <urn:z>) (UNDEF 7) ("к\\r\\nл"@ru "") } }'
    solutions = Store().query(query)
    assert isinstance(solutions, QuerySolutions)
    expected = (solutions.serialize(format=QueryResultsFormat.CSV) or b"").decode()
    assert expected == format_answer(EmbeddedEngine(Store()).query(query), "csv")
