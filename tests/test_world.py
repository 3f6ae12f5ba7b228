# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Hard cases of the world: `tests/fixtures/world/README.md` has them, with their pages; here is what must come out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Store

from kgbuild.build.compilation import Sources
from kgbuild.build.pipeline import compile_graph, validate
from kgbuild.core.namespaces import sparql_header
from kgbuild.core.terms import Engine, Table, select
from kgbuild.questions.named import ask, load_questions
from kgbuild.questions.tables import short
from kgbuild.sparql.embedded import EmbeddedEngine
from nonempty import nonempty
from servers import loaded

ROOT = Path(__file__).resolve().parents[1]
WORLD = ROOT / "tests" / "fixtures" / "world"
SOURCES = Sources(data=WORLD / "data", ontology=ROOT / "ontology", queries=ROOT / "queries", root=WORLD)
CASES = tuple(sorted(path.stem for path in (WORLD / "questions").glob("*.rq")))
MEMBERS = load_questions(ROOT / "queries" / "questions")["members-as-of"]
README = (WORLD / "README.md").read_text(encoding="utf-8")

DISAGREEMENTS = {
    ("membership:denmark--efta", "icn:left", "date:1973", "date:1972", "order:support"),
    ("membership:gdr--united-nations", "icn:joined", "date:1973-09-18", "date:1972-12-31", "order:support"),
    ("membership:indonesia--united-nations", "icn:left", "date:1965-03-01", "date:1965-01-07", "order:tie"),
    ("membership:indonesia--united-nations", "icn:left", "date:1965-03-01", "date:1965-01-20", "order:tie"),
    ("membership:kosovo--seecp", "icn:standing", "standing:member", "standing:participant", "order:tie"),
    ("membership:palestine--united-nations--2012", "icn:joined", "date:2012-11-29", "date:2012-11-28", "order:support"),
    (
        "membership:turkmenistan--cis--2005",
        "icn:standing",
        "standing:associate",
        "standing:participant",
        "order:support",
    ),
    ("membership:united-kingdom--efta", "icn:left", "date:1973", "date:1972", "order:support"),
    ("suspension:mali--african-union--2021", "icn:began", "date:2021-06-01", "date:2021-06-02", "order:support"),
}
"""Subject, property, kept, set aside, what decided: all that there are, and each is real; the README says why."""


@pytest.fixture(scope="module")
def store() -> Store:
    """Compile, resolve and infer the records, once; no test changes them."""
    return compile_graph(SOURCES).dataset


@pytest.fixture(scope="module")
def embedded(store: Store) -> Engine:
    return EmbeddedEngine(store)


@pytest.fixture(scope="module")
def oxigraph(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with loaded("oxigraph", store, tmp_path_factory.mktemp("oxigraph")) as engine:
        yield engine


@pytest.fixture(scope="module")
def virtuoso(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with loaded("virtuoso", store, tmp_path_factory.mktemp("virtuoso")) as engine:
        yield engine


def rows(table: Table) -> list[tuple[str, ...]]:
    """Take the columns, and the rows in no order but that of their texts: what is not bound is sorted differently."""
    return [tuple(table.columns), *sorted(tuple(short(term) for term in row) for row in table.rows)]


def expected(case: str) -> list[tuple[str, ...]]:
    with (WORLD / "questions" / f"{case}.csv").open(encoding="utf-8", newline="") as file:
        columns, *answers = (tuple(row) for row in csv.reader(file))
    return [columns, *sorted(answers)]


def answer(engine: Engine, case: str) -> list[tuple[str, ...]]:
    return rows(select(engine, (WORLD / "questions" / f"{case}.rq").read_text(encoding="utf-8")))


# --- the records ------------------------------------------------------------------------------------------------------


def test_records_have_no_error_and_two_warnings() -> None:
    """No case is an error; what pages say against each other across kinds is a warning, and no more."""
    assert [
        ("2000-11-02-yugoslavia-readmitted", "suspension-outside-membership", "warning"),
        ("2024-02-15-invitation-stands", "member-while-candidate", "warning"),
    ] == sorted((Path(i.place.path).stem, i.code, i.severity) for i in validate(SOURCES))


def test_disagreements_are_the_true_ones(embedded: Engine) -> None:
    """Pages that differ are told of; those that say the same with more or fewer words are not."""
    query = """SELECT ?about ?property ?kept ?aside ?step { ?node a icn:Disagreement ; icn:onSubject ?about ;
        icn:onProperty ?property ; icn:kept ?kept ; icn:setAside ?aside ; icn:decidedBy ?step }"""
    assert DISAGREEMENTS == set(rows(select(embedded, sparql_header() + query))[1:])


def test_one_letter_of_two_pages_is_proposed_to_be_one(embedded: Engine) -> None:
    """Two pages without a common occasion tell of the Russian President's letter: two statements, not merged."""
    letters = {"undated-un-library-on-the-letters--presidents-letter", "undated-un-page-on-russia--letter-of-yeltsin"}
    found = rows(select(embedded, sparql_header() + "SELECT ?one ?other { ?one icn:possiblySameAs ?other }"))[1:]
    assert {(f"statement:{one}", f"statement:{other}") for one in letters for other in letters - {one}} == set(found)


@pytest.mark.parametrize(
    ("organization", "day", "members"),
    [
        ("gatt", "1990-01-01", {("hong-kong", "member")}),
        ("cern", "1993-02-01", set()),
        ("cern", "1993-07-02", {("czechia", "member"), ("slovakia", "member")}),
        ("council-of-europe", "1970-01-01", set()),
        ("efta", "1985-06-01", {("finland", "associate")}),
        ("efta", "1990-06-01", {("finland", "member")}),
        ("asean", "2024-06-01", {("timor-leste", "observer")}),
        ("asean", "2025-10-26", {("timor-leste", "member")}),
        ("gatt", "1996-01-01", set()),
        ("european-union", "2020-01-30", {("finland", "member"), ("united-kingdom", "member")}),
        ("european-union", "2020-02-01", {("finland", "member")}),
    ],
)
def test_members_on_a_day(embedded: Engine, organization: str, day: str, members: set[tuple[str, str]]) -> None:
    """Who was dissolved, left or was replaced is no member any more; who changed its standing is counted once."""
    table = ask(embedded, MEMBERS, {"organization": organization, "date": day})
    found = [(short(row["member"]).partition(":")[2], short(row["standing"])) for row in table.records()]
    assert sorted(members) == sorted(found)


def test_a_state_that_is_there_again_is_a_member_again(embedded: Engine) -> None:
    """The union of 1958 ended Syria's first membership of the United Nations, and not that of 1961."""
    found = [
        [
            short(row["member"])
            for row in ask(embedded, MEMBERS, {"organization": "united-nations", "date": day}).records()
        ]
        for day in ("1957-01-01", "1960-01-01", "1962-01-01")
    ]
    assert [1, 0, 1] == [members.count("polity:syria") for members in found]


# --- the questions ----------------------------------------------------------------------------------------------------


def test_there_are_thirty_cases_each_with_its_answer() -> None:
    """Each question has its rows beside it and its line in the README, in the words of its first line."""
    assert 30 == len(CASES)
    folder = WORLD / "questions"
    assert {f"{case}.{end}" for case in CASES for end in ("rq", "csv")} == {path.name for path in folder.iterdir()}
    for case in nonempty(CASES):
        words = (folder / f"{case}.rq").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        assert f"| [{case}](questions/{case}.rq) | {words} |" in README
        assert 1 < len(expected(case)), case


def test_the_readme_names_every_record_and_disagreement() -> None:
    """No page is read for nothing, and no disagreement goes without a judgement."""
    for path in nonempty((WORLD / "data" / "articles").rglob("*.yaml")):
        assert f"`{path.stem}`" in README
    for subject, property_, *_ in nonempty(DISAGREEMENTS):
        assert f"| `{subject}` {property_.removeprefix('icn:')} |" in README


@pytest.mark.parametrize("case", CASES)
def test_embedded_engine_answers(case: str, embedded: Engine) -> None:
    """What was checked by hand."""
    assert expected(case) == answer(embedded, case)


@pytest.mark.parametrize("case", CASES)
def test_oxigraph_server_answers(case: str, oxigraph: Engine) -> None:
    """The same, with the resolved graph as the server's default graph."""
    assert expected(case) == answer(oxigraph, case)


@pytest.mark.parametrize("case", CASES)
def test_virtuoso_answers(case: str, virtuoso: Engine) -> None:
    """The same, with the resolved graph under a name."""
    assert expected(case) == answer(virtuoso, case)
