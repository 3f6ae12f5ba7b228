# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The named questions: their files, their answers on the repository's data, and how parameters are read and bound.

Answers on `data/` stand in `queries/questions/*.expected.csv`.  What that data does not hold yet (denials, returns,
ties, names that are no longer borne) is asked of the mini fixture, which `tests/fixtures/mini/README.md` describes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Store
from rdflib import Dataset, URIRef
from rdflib.paths import Path as PropertyPath
from rdflib.plugins.sparql import prepareQuery

from kgbuild.build.store import canonical_nquads
from kgbuild.core.errors import DataError, UsageError
from kgbuild.core.namespaces import ARTICLE_GRAPH, ONTOLOGY, expand, sparql_header
from kgbuild.core.terms import Answer, Table, Term, iri, literal, select
from kgbuild.questions.headers import read_header
from kgbuild.questions.named import (
    ask,
    bind,
    default_terms,
    empty_sentence,
    find_question,
    load_questions,
    parse_question,
    read_values,
    sort_lists,
)
from kgbuild.questions.tables import format_csv, short
from kgbuild.questions.values import ParameterError, find_thing, write_value
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import run
from mini import kgbuild_here
from nonempty import nonempty

ROOT = Path(__file__).resolve().parents[1]
MINI = ROOT / "tests" / "fixtures" / "mini"
QUERIES = ROOT / "queries"
QUESTIONS = load_questions(QUERIES / "questions")
NAMES = tuple(sorted(path.stem for path in (QUERIES / "questions").glob("*.rq")))


@pytest.fixture(scope="module")
def engine(real_store: Store) -> EmbeddedEngine:
    return EmbeddedEngine(real_store)


@pytest.fixture(scope="module")
def mini(mini_store: Store) -> EmbeddedEngine:
    """Give the golden fixture, with its denials, returns and ties."""
    return EmbeddedEngine(mini_store)


def rows(table: Table, *columns: str) -> list[tuple[str, ...]]:
    """Give some columns as people see them."""
    return [tuple(short(record.get(column)) for column in columns) for record in table.records()]


def answer(engine: EmbeddedEngine, name: str, *columns: str, **values: str) -> list[tuple[str, ...]]:
    return rows(ask(engine, QUESTIONS[name], values), *columns)


def mapping(engine: EmbeddedEngine, name: str, key: str, column: str, **values: str) -> dict[str, str]:
    """Give one column by another, of which no value comes twice."""
    pairs = [(row[0], row[1]) for row in answer(engine, name, key, column, **values)]
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def changed(store: Store, update: str) -> EmbeddedEngine:
    """Copy a graph and change the copy by a SPARQL update."""
    copy = Store()
    copy.bulk_extend(store)
    copy.update(sparql_header() + update)
    return EmbeddedEngine(copy)


def complaint(engine: EmbeddedEngine, name: str, **values: str) -> str:
    with pytest.raises(UsageError) as caught:
        ask(engine, QUESTIONS[name], values)
    return str(caught.value)


# --- the files ----------------------------------------------------------------------------------------------------


def test_every_question_has_its_expected_answer_beside_it() -> None:
    """There are at least 24 questions, and no question or answer stands alone."""
    expected = {f"{name}.{end}" for name in NAMES for end in ("rq", "expected.csv")}
    assert expected == {path.name for path in (QUERIES / "questions").iterdir() if path.suffix in (".rq", ".csv")}
    assert 24 <= len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_question_gives_its_expected_answer(engine: EmbeddedEngine, name: str) -> None:
    """On the repository's records each question gives what was checked by hand: rows, their order, and columns."""
    expected = (QUERIES / "questions" / f"{name}.expected.csv").read_bytes().decode()
    assert expected == format_csv(ask(engine, QUESTIONS[name], {}))


@pytest.mark.parametrize("name", NAMES)
def test_header_describes_the_columns(engine: EmbeddedEngine, name: str) -> None:
    """The header describes exactly the columns that the query gives, in their order."""
    expected = tuple(QUESTIONS[name].columns)
    assert expected == ask(engine, QUESTIONS[name], {}).columns


class Rdflib:
    """Rdflib as an engine: SPARQL 1.1 by other hands, with rows in no order but the query's."""

    def __init__(self, store: Store) -> None:
        self._dataset = Dataset()
        self._dataset.parse(data=canonical_nquads(store).decode(), format="nquads")

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer a SELECT query."""
        result = self._dataset.query(text)
        assert result.vars is not None, name
        columns = tuple(map(str, result.vars))
        return Table(
            columns, tuple(tuple(map(self._read, (row.get(v) for v in result.vars))) for row in result.bindings)
        )

    @staticmethod
    def _read(node: Any) -> Term | None:
        if node is None or isinstance(node, URIRef):
            return None if node is None else iri(str(node))
        return literal(str(node), str(node.datatype or ""), node.language or "")


ON_MINI: list[tuple[str, dict[str, str]]] = [
    ("academies-joined-network", {"network": "lakes-academies", "year": "2019"}),
    ("articles-behind-fact", {"fact": "membership:lakeland-academy--lakes-academies"}),
    ("disagreements", {}),
    ("find-by-name", {"text": "lake"}),
    ("members-as-of", {"organization": "lakes-academies", "date": "2024-03-01", "possible": "true"}),
    ("memberships-of-actor", {"actor": "highmoor-school"}),
    ("office-holders-on-date", {"date": "2021-03-02"}),
    ("proposals-and-status", {}),
    ("trail", {"network": "lakes-academies"}),
    ("unidentified-members", {"network": "lakes-academies"}),
]


@pytest.fixture(scope="module")
def rdflib(mini_store: Store) -> Rdflib:
    return Rdflib(mini_store)


@pytest.mark.filterwarnings("ignore:Dataset:DeprecationWarning")  # rdflib's own, in its parser and its queries
@pytest.mark.parametrize(("name", "values"), ON_MINI, ids=[name for name, _ in ON_MINI])
def test_another_engine_gives_the_same_rows(
    mini: EmbeddedEngine, rdflib: Rdflib, name: str, values: dict[str, str]
) -> None:
    """The questions are plain SPARQL 1.1 with a total order: rdflib gives the same terms in the same rows."""
    expected = ask(mini, QUESTIONS[name], values)
    assert expected.rows
    query = bind(QUESTIONS[name], run(mini, read_values(QUESTIONS[name], values)))
    assert expected == sort_lists(QUESTIONS[name], select(rdflib, query))


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_may_be_a_named_graph(real_store: Store, engine: EmbeddedEngine, name: str) -> None:
    """An engine that keeps the default graph under a name of its own mistakes it for no article."""
    everything = changed(real_store, "INSERT { GRAPH <urn:default> { ?s ?p ?o } } WHERE { ?s ?p ?o }")
    assert ask(engine, QUESTIONS[name], {}) == ask(everything, QUESTIONS[name], {})


class ShuffledLists:
    """An engine that hands over the items of lists in an order of its own, as SPARQL allows."""

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer always the same."""
        assert "SELECT" in text, name
        return Table(("fact", "articles", "by"), ((literal("b a"), literal("c b a"), literal("B b; A a; ")),))


def test_lists_are_sorted_whatever_the_engine() -> None:
    """Items of the columns that are lists come sorted, at their separators only; other columns stay."""
    text = QUESTION.replace("# empty:", '# lists: {articles: " ", by: "; "}\n# empty:')
    question = parse_question("x", text.replace("#   x: what", "#   fact: a\n#   articles: b\n#   by: c"))
    expected = ((literal("b a"), literal("a b c"), literal("A a; B b")),)
    assert expected == ask(ShuffledLists(), question, {}).rows


# --- the flagship -------------------------------------------------------------------------------------------------


def test_six_academies_joined_in_2023(engine: EmbeddedEngine) -> None:
    """Six academies, all on one day, five of them by inference; one article names each and one supports it."""
    expected = {
        ("institution:acs-tm", "2023-11-08", "1", "1", "true"),
        ("institution:apa-kg", "2023-11-08", "1", "1", "true"),
        ("institution:apa-kz", "2023-11-08", "1", "1", "true"),
        ("institution:apa-tj", "2023-11-08", "1", "1", "true"),
        ("institution:apa-uz", "2023-11-08", "1", "1", "true"),
        ("institution:nag-china", "2023-11-08", "1", "1", "false"),
    }
    asked = {"network": "china-central-asia-academies", "year": "2023"}
    given_ = answer(
        engine, "academies-joined-network", "academy", "joined", "naming", "supporting", "inferred", **asked
    )
    assert len(expected) == len(given_)
    assert expected == set(given_)


def test_nobody_joined_in_2022(engine: EmbeddedEngine) -> None:
    """For another year there is no row, and a sentence says so with names."""
    values = {"year": "2022"}
    assert () == ask(engine, QUESTIONS["academies-joined-network"], values).rows
    expected = (
        "No source says that an academy joined "
        "China–Central Asia Network of Academies of Governance and Public Administration in 2022."
    )
    assert expected == run(engine, empty_sentence(QUESTIONS["academies-joined-network"], values))


def test_naming_and_supporting_are_counted_apart(mini: EmbeddedEngine) -> None:
    """Two articles name Lakeland's academy and none supports it; Rivermark's is named once, by inference."""
    expected = [
        (
            "institution:lakeland-academy",
            "2",
            "0",
            "false",
            "2019-05-15-network-founded 2019-06-03-founding-members",
            "",
        ),
        (
            "institution:rivermark-academy",
            "1",
            "1",
            "true",
            "2019-06-03-founding-members",
            "2019-05-15-network-founded",
        ),
    ]
    columns = ("academy", "naming", "supporting", "inferred", "articles", "supporting_articles")
    asked = {"network": "lakes-academies", "year": "2019"}
    assert expected == answer(mini, "academies-joined-network", *columns, **asked)


def test_one_article_that_names_outright_is_enough(mini_store: Store) -> None:
    """As soon as one article names the academy, its membership rests on no inference; both are counted."""
    another = changed(
        mini_store,
        """INSERT DATA { <urn:claim> icn:claims membership:rivermark-academy--lakes-academies ;
                                     icn:inArticle article:2021-03-02-academy-page }""",
    )
    expected = [("institution:lakeland-academy", "2", "false"), ("institution:rivermark-academy", "2", "false")]
    asked = {"network": "lakes-academies", "year": "2019"}
    assert expected == answer(another, "academies-joined-network", "academy", "naming", "inferred", **asked)


def test_an_observer_did_not_join_as_a_member(mini_store: Store) -> None:
    """An academy that became an observer in the year is no member, and not in the answer."""
    observing = changed(
        mini_store,
        """INSERT DATA { membership:stonefell-institute--lakes-academies--observer icn:joined date:2021-03-01 .
                         institution:stonefell-institute a icn:Academy }""",
    )
    expected = [("institution:highmoor-school",)]
    asked = {"network": "lakes-academies", "year": "2021"}
    assert expected == answer(observing, "academies-joined-network", "academy", **asked)


def test_doubt_is_told(mini_store: Store, mini: EmbeddedEngine) -> None:
    """A date that only recency chose is contested, and so is a membership that one source denies."""
    expected = [("institution:highmoor-school", "2021-03-01", "true")]
    columns = ("academy", "joined", "contested")
    assert expected == answer(mini, "academies-joined-network", *columns, network="lakes-academies", year="2021")
    denied = changed(mini_store, "INSERT DATA { <urn:d> icn:denies membership:rivermark-academy--lakes-academies }")
    expected = [
        ("institution:lakeland-academy", "2019-05-14", "false"),
        ("institution:rivermark-academy", "2019-05-14", "true"),
    ]
    assert expected == answer(denied, "academies-joined-network", *columns, network="lakes-academies", year="2019")


# --- the others, on the fixture -----------------------------------------------------------------------------------


def test_members_are_certain_presumed_or_possible(mini: EmbeddedEngine) -> None:
    """Between two dates a member is certain; without an end, presumed; without a beginning, only possible."""
    expected = {
        "institution:highmoor-school": "certain",
        "institution:lakeland-academy": "presumed",
        "institution:lakes-hub": "presumed",
        "institution:rivermark-academy": "presumed",
        "institution:stonefell-institute": "certain",
        "network:stonefell-circle": "possible",
        "unidentified:institution--highmoor--lakes-academies": "presumed",
        "unidentified:institution--stonefell--lakes-academies": "presumed",
    }
    asked = {"organization": "lakes-academies", "date": "2021-04-10"}
    assert expected == mapping(mini, "members-as-of", "member", "certainty", **asked, possible="true")
    by_default = {member: how for member, how in expected.items() if how != "possible"}
    assert by_default == mapping(mini, "members-as-of", "member", "certainty", **asked)


@pytest.mark.parametrize(
    ("day", "member"),
    [("2021-02-28", False), ("2021-03-01", True), ("2022-06-29", True), ("2022-06-30", False), ("2024-01-31", True)],
)
def test_the_day_of_joining_is_inside_and_that_of_leaving_outside(mini: EmbeddedEngine, day: str, member: bool) -> None:
    """Highmoor's school belongs from the day it joined to the day before it left, and again once it returned.

    On the other days it is not even possible.
    """
    asked = {"organization": "lakes-academies", "date": day, "possible": "true"}
    assert member == (("institution:highmoor-school",) in answer(mini, "members-as-of", "member", **asked))


def test_joining_and_leaving_are_told(mini: EmbeddedEngine) -> None:
    """The dates of a member are those of the spell that the day lies in."""
    dates = answer(mini, "members-as-of", "member", "joined", "left", organization="lakes-academies", date="2022-01-01")
    assert ("institution:highmoor-school", "2021-03-01", "2022-06-30") in dates


def test_before_the_founding_nobody_is_even_possible(mini: EmbeddedEngine) -> None:
    """Who has no date at all is no possible member of a network that was not founded yet."""
    asked = {"organization": "lakes-academies", "date": "2019-05-13", "possible": "true"}
    assert [] == answer(mini, "members-as-of", "member", **asked)


def test_a_denied_member_is_marked(mini: EmbeddedEngine) -> None:
    """The Hub, whose membership its own page denies, stays in the answer and is marked as disputed, alone."""
    members = answer(mini, "members-as-of", "member", "disputed", organization="lakes-academies", date="2020-01-01")
    assert [("institution:lakes-hub", "true")] == [row for row in members if row[1] == "true"]


def test_unnamed_members_are_listed_as_such(mini: EmbeddedEngine) -> None:
    """Members that no source names are told by what they are said to be."""
    members = answer(mini, "members-as-of", "name", organization="lakes-academies", date="2020-01-01")
    expected = [("Institution of Highmoor, not named",), ("Institution of Stonefell, not named",)]
    assert expected == [row for row in members if row[0].endswith("not named")]


def test_a_return_is_a_membership_of_its_own(mini: EmbeddedEngine) -> None:
    """An actor's memberships come in the order of time, each with its own beginning, end and status."""
    expected = [("2021-03-01", "2022-06-30", "ended"), ("2024-01", "", "no end known")]
    assert expected == answer(
        mini, "memberships-of-actor", "joined", "left", "status", actor="institution:highmoor-school"
    )


def test_memberships_come_in_the_order_of_time(mini_store: Store) -> None:
    """The earlier spell comes first, whatever the spells are called."""
    earlier = changed(
        mini_store,
        """DELETE { ?spell icn:beganNotBefore ?day } INSERT { ?spell icn:beganNotBefore "2020-01-01"^^xsd:date }
           WHERE { ?spell icn:beganNotBefore ?day FILTER (STRENDS(STR(?spell), "--lakes-academies--2024")) }""",
    )
    assert [("2024-01",), ("2021-03-01",)] == answer(earlier, "memberships-of-actor", "joined", actor="highmoor-school")


def test_a_membership_may_end_without_a_date_of_leaving(mini_store: Store) -> None:
    """Where only a bound of the end is known, as after a dissolution, the membership is ended."""
    dissolved = changed(
        mini_store,
        'INSERT DATA { membership:lakeland-academy--lakes-academies icn:endedBy "2030-01-01"^^xsd:date }',
    )
    assert [("", "ended")] == answer(dissolved, "memberships-of-actor", "left", "status", actor="lakeland-academy")


def test_standing_attestation_and_dispute_are_told(mini: EmbeddedEngine) -> None:
    """An observer is no member, an attestation is neither beginning nor end, and a denial makes disputed."""
    columns = ("standing", "features", "joined", "attested", "status")
    observer = answer(mini, "memberships-of-actor", *columns, actor="stonefell-institute")
    assert [("observer", "", "", "2021-04-10", "no end known")] == observer
    assert [("member", "", "2019", "", "disputed")] == answer(mini, "memberships-of-actor", *columns, actor="lakes-hub")


TRAIL = [
    ("3", "network:lakes-academies"),
    ("4", "agreement:lakes-founding-agreement"),
    ("5", "meeting:lakes-forum-2019"),
    ("5", "meeting:lakes-summit-2020"),
    ("5", "meeting:lakes-summit-2022"),
    ("6", "proposal:lakes-summit-2020--common-library"),
]


def test_trail_holds_what_leads_to_the_network_and_from_it(mini: EmbeddedEngine) -> None:
    """A decision of the network itself is no part of its trail; founding, agreement, meetings and proposals are."""
    assert TRAIL == answer(mini, "trail", "step", "thing", network="lakes-academies")


def test_trail_follows_amendments_and_decisions(mini_store: Store) -> None:
    """An agreement that amends the founding one is a step, and a decision on the network with its meeting.

    A decision that is set out in the founding agreement is none, nor does the meeting come twice.
    """
    said = """agreement:amendment icn:amends agreement:lakes-founding-agreement .
      decision:a a icn:Decision ; icn:concerning network:lakes-academies ; icn:occurredAt meeting:lakes-congress-2019 .
      decision:b a icn:Decision ; icn:setOutIn agreement:lakes-founding-agreement .
      <urn:claim> icn:claims agreement:amendment , decision:a , decision:b ;
        icn:asserts icn:amends , icn:concerning , icn:occurredAt , icn:setOutIn ;
        icn:inArticle article:2022-01-hub-page"""
    update = f"INSERT DATA {{ {said} . GRAPH <{ARTICLE_GRAPH}2022-01-hub-page> {{ {said} }} }}"
    update += "; INSERT DATA { decision:a icn:statedIn article:2022-01-hub-page }"
    added = [("1", "meeting:lakes-congress-2019"), ("2", "decision:a"), ("4", "agreement:amendment")]
    trail = answer(changed(mini_store, update), "trail", "step", "thing", network="lakes-academies")
    assert sorted([*TRAIL, *added]) == sorted(trail)


def test_trail_marks_what_is_only_planned(mini: EmbeddedEngine) -> None:
    """A meeting that is announced and not held is in the trail with its planned date, marked."""
    trail = answer(mini, "trail", "kind", "thing", "date", network="lakes-academies")
    assert ("summit (planned)", "meeting:lakes-summit-2022", "2022?") in trail
    assert ("summit", "meeting:lakes-summit-2020", "2020-10-03") in trail


def test_trail_cites_who_says_the_link(mini: EmbeddedEngine) -> None:
    """The forum's articles are those that connect it with the network; three more tell of it otherwise."""
    trail = mapping(mini, "trail", "thing", "articles", network="lakes-academies")
    assert "2019-05-15-network-founded" == trail["meeting:lakes-forum-2019"]


DEPRECATED = """INSERT DATA { GRAPH <https://w3id.org/icn/graph/article/2021-11-09-hub-anniversary> {
  <urn:claim> icn:claims meeting:lakes-summit-2022 , <urn:m> ; icn:asserts icn:concerning ;
    icn:inArticle article:2021-11-09-hub-anniversary .
  meeting:lakes-summit-2022 icn:concerning network:lakes-academies .
  <urn:m> icn:organization network:lakes-academies ; icn:member <urn:nobody> .
  <urn:nobody> a icn:UnidentifiedParty } }"""


def test_a_deprecated_claim_is_no_source(mini_store: Store, mini: EmbeddedEngine) -> None:
    """A claim that only its article's graph holds, since a curator set it aside, is cited for no link or member."""
    deprecated = changed(mini_store, DEPRECATED)
    for name in ("trail", "unidentified-members"):
        asked = {"network": "lakes-academies"}
        assert ask(mini, QUESTIONS[name], asked) == ask(deprecated, QUESTIONS[name], asked)


def test_trail_reaches_a_decision_through_the_document_that_sets_it_out(engine: EmbeddedEngine) -> None:
    """A decision laid down in a declaration leads back to the declaration and to the summit it was made at."""
    expected = {
        ("1", "meeting:xian-summit-2023"),
        ("2", "agreement:xian-declaration"),
        ("2", "decision:xian-declaration--heads-of-state-mechanism"),
        ("3", "network:china-central-asia-mechanism"),
        ("5", "meeting:xian-summit-2023"),
    }
    assert expected <= set(answer(engine, "trail", "step", "thing", network="china-central-asia-mechanism"))


def test_proposals_tell_their_history(mini: EmbeddedEngine) -> None:
    """Each status is a row, in the order of time, with the article that gives it; only the last holds."""
    expected = [
        ("proposed", "2020-10-15", "false", "2020-10-15-summit-report"),
        ("adopted", "2021-02", "true", "2021-03-02-academy-page"),
    ]
    assert expected == answer(mini, "proposals-and-status", "status", "as_of", "latest", "articles")


def test_a_proposal_may_stand_in_a_document(mini_store: Store) -> None:
    """Where no meeting is known, the document that sets a proposal out is the place it was made at."""
    update = """DELETE { ?proposal icn:occurredAt ?meeting }
      INSERT { ?proposal icn:setOutIn agreement:lakes-founding-agreement }
      WHERE { ?proposal a icn:Proposal ; icn:occurredAt ?meeting }"""
    expected = [("agreement:lakes-founding-agreement",)] * 2
    assert expected == answer(changed(mini_store, update), "proposals-and-status", "at")


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"network": "china-central-asia-academies"}, 4),
        ({"network": "china-central-asia-mechanism"}, 0),
        ({"meeting": "hub-nag-talks-2024-02"}, 4),
        ({"meeting": "xian-summit-2023"}, 0),
        ({"network": "china-central-asia-academies", "meeting": "hub-nag-talks-2024-02"}, 4),
        ({"network": "", "meeting": ""}, 4),
    ],
)
def test_proposals_are_narrowed_by_network_and_meeting(
    engine: EmbeddedEngine, values: dict[str, str], count: int
) -> None:
    """Optional parameters narrow the answer when given, and not when left out or empty."""
    assert count == len(ask(engine, QUESTIONS["proposals-and-status"], values).rows)


def test_articles_behind_a_fact_are_told_by_their_part(mini: EmbeddedEngine) -> None:
    """Who states, who denies and who only supports are told apart; a deprecated claim is shown as one."""
    columns = ("how", "article", "rank")
    expected_hub = [
        ("states", "article:2019-05-15-network-founded", "normal"),
        ("denies", "article:2022-01-hub-page", "normal"),
    ]
    assert expected_hub == answer(mini, "articles-behind-fact", *columns, fact="membership:lakes-hub--lakes-academies")
    lakeland = answer(
        mini, "articles-behind-fact", *columns, "gives", fact="membership:lakeland-academy--lakes-academies"
    )
    assert ["normal", "normal", "deprecated"] == [row[2] for row in lakeland]
    gives = [row[3].split("; ") for row in lakeland]
    assert ["joined: 2019", "joined: 2019-05-14", "joined: 2019-07"] == [
        next(given for given in row if given.startswith("joined")) for row in gives
    ]
    assert ["feature: founding" in row for row in gives] == [False, True, False]


def test_positions_are_those_of_the_record(mini: EmbeddedEngine) -> None:
    """A claim with two passages has a row for each, with its offsets."""
    fact = "membership:rivermark-academy--lakes-academies"
    expected = [("supports", "74", "150"), ("supports", "151", "216"), ("states", "", "")]
    assert expected == answer(mini, "articles-behind-fact", "how", "start", "end", fact=fact)


def test_an_article_gives_its_own_values_only(engine: EmbeddedEngine) -> None:
    """What one article says of the summit's date is not put into the mouth of another, which is vaguer."""
    given_ = mapping(engine, "articles-behind-fact", "article", "gives", fact="xian-summit-2023")
    assert "held: 2023-05; meetingType: summit; venue: Xi'an" == given_["article:2023-11-09-network-launched"]


def test_offices_have_the_same_three_degrees(mini: EmbeddedEngine) -> None:
    """Between a beginning and an attestation an office is certain; with a beginning or an attestation, presumed."""
    expected = {"ambassador": "presumed", "rector": "certain", "secretary-general": "presumed"}
    assert expected == mapping(mini, "office-holders-on-date", "position", "certainty", date="2021-03-02")


def test_an_attestation_makes_the_days_before_possible(mini: EmbeddedEngine) -> None:
    """The day before an envoy is attested they may have held the office: told only if asked for."""
    asked = {"date": "2020-10-14", "office": "ambassador"}
    assert [] == answer(mini, "office-holders-on-date", "holder", **asked)
    expected = [("person:tessa-marlow", "possible", "Lakeland")]
    columns = ("holder", "certainty", "accredited_to")
    assert expected == answer(mini, "office-holders-on-date", *columns, **asked, possible="yes")


def test_an_office_has_its_bounds(mini_store: Store) -> None:
    """Before it began and from the day it ended an office is not even possible.

    Whose end a source tells may have left on any day before; what ended with its body is presumed to have lasted.
    """
    tenure = "tenure:mira-oslan--head-of-institution--lakeland-academy"
    over = f'INSERT DATA {{ {tenure} icn:endedBy "2022-01-01"^^xsd:date }}'
    with_its_body = changed(mini_store, over)
    of_its_own = changed(mini_store, f"{over} ; INSERT DATA {{ {tenure} icn:ended date:2021-uncertain }}")
    days = ("2018-08-31", "2018-09-01", "2021-03-03", "2021-12-31", "2022-01-01")
    asked = {"office": "rector", "possible": "true"}
    for engine, between in ((with_its_body, "presumed"), (of_its_own, "possible")):
        on = [answer(engine, "office-holders-on-date", "certainty", **asked, date=day) for day in days]
        assert [[], [("certain",)], [(between,)], [(between,)], []] == on


def test_an_office_tells_its_dates(mini_store: Store) -> None:
    """Beginning, end and attestation are told as sources give them."""
    ended = changed(
        mini_store, "INSERT DATA { tenure:mira-oslan--head-of-institution--lakeland-academy icn:ended date:2024-02-05 }"
    )
    expected = [("2018-09-01", "2024-02-05", "2021-03-02")]
    columns = ("began", "ended", "attested")
    assert expected == answer(ended, "office-holders-on-date", *columns, office="rector", date="2021-03-02")


UNNAMED = """INSERT DATA {
  <urn:someone> a icn:UnidentifiedParty ; icn:expectedType icn:Person ; icn:ofState polity:rivermark ;
    rdfs:label "Person of Rivermark, not named"@en .
  tenure:tessa-marlow--ambassador--rivermark--lakeland icn:holder <urn:someone> .
  proposal:lakes-summit-2020--common-library icn:madeBy <urn:someone> }"""


def test_an_unnamed_person_is_told_as_such(mini_store: Store) -> None:
    """Who is not named goes by what is said of them: as holder of an office, and as proposer beside a named one."""
    unnamed = changed(mini_store, UNNAMED)
    expected = [("Person of Rivermark, not named",), ("Tessa Marlow",)]
    assert expected == answer(unnamed, "office-holders-on-date", "name", office="ambassador", date="2021-03-02")
    (by, _) = answer(unnamed, "proposals-and-status", "by")
    assert ("Mira Oslan; Person of Rivermark, not named",) == by


def test_a_broader_office_finds_the_narrower(engine: EmbeddedEngine) -> None:
    """Who asks for vice-presidents gets the executive one; an office that nobody holds gives nothing."""
    expected = [("person:xie-chuntao", "executive vice-president")]
    assert expected == answer(engine, "office-holders-on-date", "holder", "position", office="vice-president")
    assert [] == answer(engine, "office-holders-on-date", "holder", office="editor-in-chief")


def test_offices_are_narrowed_by_institution(engine: EmbeddedEngine) -> None:
    """Only offices of the institution asked for, be it a state."""
    expected = [("person:zhang-xiao",), ("person:xi-jinping",)]
    assert expected == answer(engine, "office-holders-on-date", "holder", institution="china")


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("staff college", "institution:lakeland-academy"),
        ("ИВО БРАНДТ", "person:ivo-brandt"),
        ("озёрная", "network:lakes-academies"),
        (unicodedata.normalize("NFD", "озёрная"), "network:lakes-academies"),
        ("Суммит", ""),
        ("Lakes.*", ""),
    ],
)
def test_anything_is_found_by_any_name(mini: EmbeddedEngine, text: str, thing: str) -> None:
    """A former name, a spelling in an article, another script, capitals and decomposed letters all find."""
    assert ({thing} if thing else set()) == {row[0] for row in answer(mini, "find-by-name", "thing", text=text)}


def test_an_article_is_found_by_its_title(mini: EmbeddedEngine) -> None:
    """An article that has no English title goes by its own."""
    title = "Хаймур возвращается в сеть"
    expected = [("article:2024-02-05-highmoor-returns", title, title, "ru")]
    assert expected == answer(mini, "find-by-name", "thing", "name", "found", "language", text="хаймур")


def test_han_is_found_within_a_run(engine: EmbeddedEngine) -> None:
    """Two characters out of the middle of a Chinese name find it."""
    expected = [
        ("institution:nag-china", "国家行政学院", "zh"),
        ("polity-status:special-administrative-region", "特别行政区", "zh"),
    ]
    assert expected == answer(engine, "find-by-name", "thing", "found", "language", text="行政")


def test_disagreements_say_what_decided(mini: EmbeddedEngine) -> None:
    """Every disagreement of the fixture is told once, with the rule; only the tie is contested."""
    expected = [
        ("agreement:lakes-founding-agreement", "signedOn", "2019-05-14", "2019-06-01", "support", "false"),
        ("meeting:lakes-forum-2019", "held", "2019-05-13/2019-05-14", "2019-05-14", "support", "false"),
        ("meeting:lakes-summit-2020", "held", "2020-10-03", "2020-09", "precision", "false"),
        ("membership:highmoor-school--lakes-academies", "joined", "2021-03-01", "2021-02-10", "tie", "true"),
        ("tenure:ivo-brandt--secretary-general--lakes-hub", "began", "2019-08-01", "2019-07-01", "rank", "false"),
        (
            "tenure:mira-oslan--head-of-institution--lakeland-academy",
            "began",
            "2018-09-01",
            "2018-08-15",
            "official",
            "false",
        ),
    ]
    columns = tuple(QUESTIONS["disagreements"].columns)
    assert expected == answer(mini, "disagreements", *columns)
    # Narrowed: by the thing itself, or by one in its key.
    assert expected[2:3] == answer(mini, "disagreements", *columns, about="lakes-summit-2020")
    assert expected[3:4] == answer(mini, "disagreements", *columns, about="lakes-academies")
    assert expected[5:] == answer(mini, "disagreements", *columns, about="mira-oslan")


def test_unidentified_members_show_their_witness(mini: EmbeddedEngine) -> None:
    """One of three unnamed members is resolved; the others stay unnamed, and nothing is guessed."""
    expected = [("Highmoor", ""), ("Rivermark", "institution:rivermark-academy"), ("Stonefell", "")]
    assert expected == answer(mini, "unidentified-members", "of", "resolved_by", network="lakes-academies")


# --- parameters ---------------------------------------------------------------------------------------------------


def test_an_unknown_question_is_answered_with_a_near_one() -> None:
    """A wrong name is told with the names that come near."""
    with pytest.raises(UsageError, match=re.escape("Did you mean academies-joined-network?")):
        find_question(QUESTIONS, "academies-joined-networks")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        (
            "academies-joined-network",
            {"yaer": "2023"},
            "Question 'academies-joined-network' has no parameter 'yaer'. Did you mean year? It has: network, year.",
        ),
        (
            "academies-joined-network",
            {"network": "china-central-asia-academy"},
            "Parameter 'network': 'china-central-asia-academy' is neither id nor name of a network. "
            "Did you mean china-central-asia-academies (China–Central Asia Network of Academies of Governance and "
            "Public Administration) or china-central-asia-mechanism (China–Central Asia mechanism)?",
        ),
        (
            "academies-joined-network",
            {"network": "Китайско-Центральноазиатская сеть академий"},
            "Parameter 'network': 'Китайско-Центральноазиатская сеть академий' is neither id nor name of a network. "
            "Did you mean china-central-asia-academies (China–Central Asia Network of Academies of Governance and "
            "Public Administration)?",
        ),
        (
            "academies-joined-network",
            {"network": "acsh"},
            "Parameter 'network': 'acsh' is Astana Civil Service Hub, not a network. Give the id of a network.",
        ),
        (
            "academies-joined-network",
            {"network": "zzzz"},
            "Parameter 'network': 'zzzz' is neither id nor name of a network. "
            "The question find-by-name tells ids by a part of a name.",
        ),
        (
            "office-holders-on-date",
            {"office": "ректорат"},
            "Parameter 'office': 'ректорат' is neither id nor name of an office. "
            "Did you mean rector, director or vice-rector?",
        ),
        (
            "articles-behind-fact",
            {"fact": "membership:acsh--china-central-asia-academy"},
            "Parameter 'fact': 'membership:acsh--china-central-asia-academy' is not in the graph. "
            "Did you mean membership:acsh--china-central-asia-academies",
        ),
        ("members-as-of", {"possible": "maybe"}, "Parameter 'possible': 'maybe' is neither yes nor no."),
        ("find-by-name", {"text": "  "}, "Parameter 'text': '  ' is empty. Give a value."),
        ("academies-joined-network", {"network": ""}, "Parameter 'network': '' is empty. Give a value."),
        ("find-by-name", {"text": "Baim\udce9nov"}, "Parameter 'text': 'Baim\\udce9nov' is no valid Unicode."),
    ],
)
def test_a_wrong_parameter_is_told_with_its_remedy(
    engine: EmbeddedEngine, name: str, values: dict[str, str], expected: str
) -> None:
    """What is wrong with a parameter is said with its name, the value, and what to write instead."""
    assert complaint(engine, name, **values).startswith(expected)


@pytest.mark.parametrize("year", ["23", "02023", "0000", "-2023", "2023.0", "２０２３", "2023-01", "MMXXIII"])
def test_a_year_is_four_digits(engine: EmbeddedEngine, year: str) -> None:
    """Anything but four ASCII digits is no year."""
    assert "is no year. Write four digits, as 2023." in complaint(engine, "academies-joined-network", year=year)


@pytest.mark.parametrize(
    "day", ["2024-02-30", "2023-02-29", "2024-2-1", "20240201", "2024-W05-4", "2024-02", "0000-01-01", "２０２４-02-01"]
)
def test_a_date_is_a_day_of_the_calendar(engine: EmbeddedEngine, day: str) -> None:
    """Neither days that do not exist nor other ways of writing one are dates."""
    assert "is no date. Write a day of the calendar, as 2023-11-08." in complaint(engine, "members-as-of", date=day)


@pytest.mark.parametrize("written", ["2000-02-29", " 2024-02-21 "])
def test_a_date_of_the_calendar_is_read(engine: EmbeddedEngine, written: str) -> None:
    """A leap day is a day; space around it does not matter."""
    expected = {"date": literal(written.strip(), expand("xsd:date"))}
    assert expected == run(engine, read_values(QUESTIONS["members-as-of"], {"date": written}))


@pytest.mark.parametrize(
    "written",
    [
        "acsh",
        "institution:acsh",
        "https://w3id.org/icn/id/institution/acsh",
        "<https://w3id.org/icn/id/institution/acsh>",
    ],
)
def test_an_entity_may_be_written_in_four_ways(engine: EmbeddedEngine, written: str) -> None:
    """Id, prefixed name and IRI, with and without its brackets, mean the same entity."""
    expected = {"actor": iri(expand("institution:acsh"))}
    assert expected == run(engine, read_values(QUESTIONS["memberships-of-actor"], {"actor": written}))


@pytest.mark.parametrize(
    "written", ["Astana Civil Service Hub", "  astana  civil SERVICE hub", "Астанинский хаб государственной службы"]
)
def test_an_entity_may_be_called_by_its_name(engine: EmbeddedEngine, written: str) -> None:
    """A name that one entity alone bears means it, in any language and case."""
    expected = {"actor": iri(expand("institution:acsh"))}
    assert expected == run(engine, read_values(QUESTIONS["memberships-of-actor"], {"actor": written}))


def test_a_name_of_several_is_told(mini_store: Store) -> None:
    """What two bear means neither: both are named, so that one can be chosen by its id."""
    same = "network:lakes-academies rdfs:label ?name . FILTER (LANG(?name) = 'en')"
    engine = changed(mini_store, f"INSERT {{ institution:lakeland-academy skos:altLabel ?name }} WHERE {{ {same} }}")
    with pytest.raises(ParameterError, match=r"is the name of 2 things\. Did you mean ") as caught:
        run(engine, read_values(QUESTIONS["memberships-of-actor"], {"actor": "Lakes Network of Academies"}))
    assert {"lakes-academies", "lakeland-academy"} == {near.id for near in caught.value.near}
    with pytest.raises(UsageError, match=r"^'Lakes Network of Academies' is the name of 2 things\. Did you mean "):
        run(engine, find_thing("Lakes Network of Academies"))
    chosen = run(engine, read_values(QUESTIONS["trail"], {"network": "Lakes Network of Academies"}))
    assert {"network": iri(expand("network:lakes-academies"))} == chosen


def test_a_concept_may_be_called_by_its_name(engine: EmbeddedEngine) -> None:
    """So do offices and measures, in any language of the vocabulary."""
    for written in ("rector", "Rector", "ректор"):
        read = run(engine, read_values(QUESTIONS["office-holders-on-date"], {"office": written}))
        assert {"office": iri(expand("office:rector"))} == read


@pytest.mark.parametrize("name", NAMES)
def test_a_default_is_written_as_people_write_it(engine: EmbeddedEngine, name: str) -> None:
    """What is shown as the default is read as the same term."""
    question = QUESTIONS[name]
    shown = {key: write_value(question.parameters[key], term) for key, term in default_terms(question).items()}
    assert ask(engine, question, {}) == ask(engine, question, shown)


@pytest.mark.parametrize("written", ["mira-ostlan", "person:mira-ostlan", expand("person:mira-ostlan")])
def test_a_retired_id_is_followed(mini: EmbeddedEngine, written: str) -> None:
    """A retired id means its successor, for entities and for facts, and answers the same."""
    successor = iri(expand("person:mira-oslan"))
    assert {"actor": successor} == run(mini, read_values(QUESTIONS["memberships-of-actor"], {"actor": written}))
    assert {"about": successor} == run(mini, read_values(QUESTIONS["disagreements"], {"about": written}))
    assert 1 == len(ask(mini, QUESTIONS["disagreements"], {"about": written}).rows)


def test_an_optional_parameter_left_out_is_unbound(engine: EmbeddedEngine) -> None:
    """An empty text leaves an optional parameter out; what is not mentioned keeps its default."""
    question = QUESTIONS["proposals-and-status"]
    assert {"network": None} == run(engine, read_values(question, {"network": " "}))
    assert question.text == bind(question, {"network": None})


def test_empty_sentence_names_what_was_asked(engine: EmbeddedEngine) -> None:
    """Things are told by their names, texts as given, and what was left out as any."""
    expected = "No source tells of a proposal (network: China–Central Asia mechanism; meeting: any)."
    question = QUESTIONS["proposals-and-status"]
    assert expected == run(engine, empty_sentence(question, {"network": "china-central-asia-mechanism"}))
    expected = "Nothing has a name that holds the text “{year} \\1”."
    assert expected == run(engine, empty_sentence(QUESTIONS["find-by-name"], {"text": "{year} \\1"}))


@pytest.mark.parametrize("name", NAMES)
def test_empty_sentence_has_no_slot_left(engine: EmbeddedEngine, name: str) -> None:
    """Every slot of a sentence is a parameter of its question."""
    slots = set(re.findall(r"\{(\w+)\}", QUESTIONS[name].empty))
    assert slots <= set(QUESTIONS[name].parameters)
    assert "{" not in run(engine, empty_sentence(QUESTIONS[name], {}))


# --- on the command line ------------------------------------------------------------------------------------------


def test_the_command_says_that_there_is_nothing(project: Path) -> None:
    """Without rows the table is left out and a sentence says so, beside what programs read; that is no failure."""
    asked = ("ask", "academies-joined-network", "--network", "lakes-academies", "--year=1999")
    done = kgbuild_here(project, *asked)
    sentence = "No source says that an academy joined Lakes Network of Academies in 1999.\n"
    assert (0, "", sentence) == (done.returncode, done.stdout, done.stderr)
    done = kgbuild_here(project, *asked, "--format", "csv")
    assert (0, ",".join(QUESTIONS["academies-joined-network"].columns) + "\n", sentence) == (
        done.returncode,
        done.stdout.replace("\r\n", "\n"),
        done.stderr,
    )


def test_the_command_explains_a_question(project: Path) -> None:
    """The help of a question tells its parameters and its columns, with what they mean."""
    written = kgbuild_here(project, "ask", "members-as-of", "--help").stdout
    assert written.startswith(QUESTIONS["members-as-of"].question)
    for name, parameter in nonempty(QUESTIONS["members-as-of"].parameters.items()):
        assert f"--{name} {parameter.type.upper()}" in written
    for name, about in nonempty(QUESTIONS["members-as-of"].columns.items()):
        assert re.search(rf"^  {name} +{re.escape(about)}$", written, re.MULTILINE)


def test_the_command_lists_all_questions(project: Path) -> None:
    """Every question is listed with its title."""
    expected = [(name, question.title["en"]) for name, question in QUESTIONS.items()]
    listed = kgbuild_here(project, "questions").stdout.splitlines()
    assert expected == [(line.split()[0], line.split(maxsplit=1)[1]) for line in listed]


def test_the_command_tells_a_wrong_parameter(project: Path) -> None:
    """A wrong parameter is one message and the exit code of a wrong usage."""
    done = kgbuild_here(project, "ask", "academies-joined-network", "--network", "lakes-academy")
    assert (2, "") == (done.returncode, done.stdout)
    assert "Did you mean lakes-academies (Lakes Network of Academies)?" in done.stderr


# --- binding is safe ----------------------------------------------------------------------------------------------

ATTACKS = (
    '" } #',
    '") } ?thing ?p ?o . #',
    "\\u0022) } ?thing ?p ?o #",
    "\\",
    '\\" }',
    "'''",
    'x"^^<urn:x>',
    'x"@en',
    "UNDEF",
    "x\n} SELECT * { ?thing ?name ?found",
    "x\r\n# parameters",
    "$network",
    "<urn:x> ) } #",
    "urn:x> ) } <urn:x",
    "a:b) } #",
    "network:china-central-asia-academies) (network:china-central-asia-mechanism",
    "2023) (2022",
    "true) (false",
    '2023-11-08"^^xsd:date) ("2023-11-09',
    "SERVICE <http://127.0.0.1/> {}",
)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", NAMES)
def test_no_attack_changes_a_query(engine: EmbeddedEngine, name: str, attack: str) -> None:
    """Through no parameter of any question does a text that would end its term get further than its term."""
    question = QUESTIONS[name]
    for parameter in nonempty(question.parameters.values()):
        if parameter.type == "text":
            assert () == ask(engine, question, {parameter.name: attack}).rows
        else:
            with pytest.raises(UsageError, match=f"Parameter '{parameter.name}': "):
                ask(engine, question, {parameter.name: attack})


ECHO = """# title: {en: Echo, ru: Эхо}
# question: What was asked?
# parameters:
#   text: {type: text, about: anything}
# columns: {text: the same}
# empty: none
# theme: names
# since: 0.1.0
SELECT $text {
  VALUES ($text) { ("x") }  # parameters
}
"""
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
SPECIAL = st.text(st.sampled_from("\\\"'{}()<>#^@?$.;uU0127ux \t\r\n\x00\x7f\u2028\ufeff\uffff\U0001f600й"))


@settings(deadline=None)
@given(st.one_of(UNICODE, SPECIAL))
@example("\\\x07")
@example("\\u0022) } #")
@example("\\\\U00000022")
@example("\r")
def test_any_text_comes_back_as_itself(text: str) -> None:
    """A bound text is one term of the query, whatever it holds: the engine gives it back unchanged."""
    query = bind(parse_question("echo", ECHO), {"text": literal(text)})
    assert ECHO.count("\n") == query.count("\n")
    assert ((literal(text),),) == select(EmbeddedEngine(Store()), query).rows


@settings(deadline=None, max_examples=50)
@given(text=st.one_of(UNICODE, SPECIAL).filter(str.strip))
def test_any_text_only_finds_names_that_hold_it(engine: EmbeddedEngine, text: str) -> None:
    """Whatever the text, the rows are of the question's shape, and each name that was found holds the text."""
    table = ask(engine, QUESTIONS["find-by-name"], {"text": text})
    assert tuple(QUESTIONS["find-by-name"].columns) == table.columns
    sought = unicodedata.normalize("NFC", text).lower()
    assert all(sought in record["found"].value.lower() for record in table.records())


@settings(deadline=None, max_examples=50)
@given(text=st.one_of(UNICODE, SPECIAL, st.from_regex(r"\A(urn:|network:|https://)[^\n]*\Z")))
def test_no_text_becomes_an_entity(engine: EmbeddedEngine, text: str) -> None:
    """What is no entity's id is refused, and never sent on as a term of its own."""
    with pytest.raises(UsageError, match="Parameter 'network': "):
        ask(engine, QUESTIONS["academies-joined-network"], {"network": text})


@pytest.mark.parametrize("value", ["urn:x> <urn:y", "urn:x y", "urn:x\n", 'urn:"x', "urn:{x}", "urn:x\\u003E"])
def test_an_iri_that_is_none_is_not_written(value: str) -> None:
    """A term that would not be one IRI in the query is refused where it is written."""
    with pytest.raises(UsageError, match="is no IRI"):
        bind(parse_question("echo", ECHO), {"text": iri(value)})


def test_binding_replaces_each_line_of_parameters_and_nothing_else() -> None:
    """All lines of parameters get the same values; lines that only look alike stay."""
    question = QUESTIONS["trail"]
    other = expand("network:china-central-asia-mechanism")
    bound = bind(question, {"network": iri(other)})
    changed = [(old, new) for old, new in zip(question.text.split("\n"), bound.split("\n"), strict=True) if old != new]
    assert question.text.count("# parameters\n") == len(changed) > 1
    assert {f"VALUES ($network) {{ (<{other}>) }}  # parameters"} == {new.strip() for _, new in changed}


def test_binding_an_unknown_parameter_is_refused() -> None:
    """A value for a parameter that the question does not have is not dropped silently."""
    with pytest.raises(UsageError, match="has no parameter 'yaer'"):
        bind(QUESTIONS["academies-joined-network"], {"yaer": literal("2023")})


# --- headers ------------------------------------------------------------------------------------------------------

QUESTION = """# title: {en: A, ru: Б}
# question: What is x?
# parameters:
#   year: {type: year, about: a year}
# columns:
#   x: what
# empty: Nothing in {year}.
# theme: names
# since: 0.1.0

SELECT ?x WHERE {
  VALUES ($year) { (2023) }  # parameters
  ?x ?p $year
}
"""


def findings(text: str) -> list[tuple[int, str]]:
    with pytest.raises(DataError) as caught:
        parse_question("x", text, "queries/questions/x.rq")
    for issue in caught.value.issues:
        assert "queries/questions/x.rq" == issue.place.path
        assert issue.remedy
    return [(issue.place.line, issue.finding) for issue in caught.value.issues]


def test_a_good_header_is_read() -> None:
    """What the header says is what the question has; a default is kept as written."""
    question = parse_question("x", QUESTION)
    assert ({"en": "A", "ru": "Б"}, "What is x?", "Nothing in {year}.") == (
        question.title,
        question.question,
        question.empty,
    )
    assert [("year", "year", "a year", False, "2023")] == [
        (p.name, p.type, p.about, p.optional, p.default) for p in question.parameters.values()
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "finding"),
    [
        ("# question: What is x?\n", "", 1, "The header has no 'question' as it should be"),
        ("# theme: names", "# theme: nothing", 1, "There is no theme 'nothing'"),
        ("# since: 0.1.0", "# until: 0.1.0", 1, "The header has an unknown key 'until'"),
        (", ru: Б", "", 1, "The title is not in English and Russian"),
        ("# empty: Nothing", "# empty: : Nothing", 7, "The header is no YAML"),
        ("#   x: what\n", "", 1, "The header has no 'columns' as it should be"),
        ("{type: year, about: a year}", "a year", 1, "The parameters are no mapping"),
        ("type: year", "type: annum", 1, "Parameter 'year' has no known type"),
        (", about: a year", "", 1, "Parameter 'year' is not described as it should be"),
        ("about: a year", "about: a year, default: 5", 1, "Parameter 'year' is not described as it should be"),
        ("about: a year", "about: a year, optional: true", 1, "The default of 'year' does not fit"),
        ("(2023)", "(UNDEF)", 1, "The default of 'year' does not fit"),
        ("  # parameters", "", 1, "Parameter 'year' stands only in the header"),
        ("#   year: {type: year, about: a year}\n", "", 1, "Parameter 'year' stands only in a line of parameters"),
        ("($year) { (2023) }", "($year) { (2023) (2022) }", 12, "This line of parameters cannot be read"),
        ("($year) { (2023) }", "$year { 2023 }", 12, "This line of parameters cannot be read"),
        ("($year) { (2023) }", "($year $x) { (2023) }", 12, "This line of parameters cannot be read"),
        ("($year) { (2023) }", "(year) { (2023) }", 12, "This line of parameters cannot be read"),
        ("  ?x ?p", "  VALUES ($year) { (2022) }  # parameters\n  ?x ?p", 13, "Parameter 'year' has two defaults"),
        ("# empty:", "# lists: [x]\n# empty:", 1, "The lists are no mapping of texts"),
        ("# empty:", '# lists: {x: ""}\n# empty:', 1, "The lists are no mapping of texts"),
        ("# empty:", '# lists: {y: " "}\n# empty:', 1, "There is no column 'y' to be a list"),
    ],
)
def test_a_fault_of_a_header_is_placed(old: str, new: str, line: int, finding: str) -> None:
    """What is wrong with a question file is told at its line, with a remedy."""
    assert 1 == QUESTION.count(old)
    found = findings(QUESTION.replace(old, new))
    assert (line, finding) in [(at, said[: len(finding)]) for at, said in found]


def test_all_faults_of_all_files_are_told(tmp_path: Path) -> None:
    """Loading a folder fails once, with the findings of every file; a file that is no UTF-8 is one."""
    (tmp_path / "a.rq").write_text(QUESTION.replace("# since: 0.1.0\n", ""), encoding="utf-8")
    (tmp_path / "b.rq").write_text(QUESTION, encoding="utf-8")
    (tmp_path / "c.rq").write_bytes(QUESTION.encode("cp1251"))
    with pytest.raises(DataError) as caught:
        load_questions(tmp_path)
    assert ["a.rq", "c.rq"] == [Path(issue.place.path).name for issue in caught.value.issues]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """Where there is no folder of questions, the message says what to give."""
    with pytest.raises(UsageError, match="there is no such directory"):
        load_questions(tmp_path / "none")


# --- lint ---------------------------------------------------------------------------------------------------------

OF_DATES = {ONTOLOGY + name for name in ("approximate", "earliest", "edtf", "latest", "precision", "uncertain", "year")}
ALL_QUERIES = sorted(QUERIES.glob("*/*.rq"))


def dates_in_article_graphs(text: str) -> set[str]:
    """Name the properties of dates that a query asks of a graph other than that of the dates (model: D6)."""
    return set(_asked_of_graphs(prepareQuery(text).algebra, inside=False)) & OF_DATES


def _asked_of_graphs(node: Any, inside: bool) -> Iterator[str]:
    if isinstance(node, dict):
        # Within EXISTS rdflib leaves the pattern as it was parsed.
        if getattr(node, "name", "") in ("Graph", "GraphGraphPattern"):
            inside = inside or str(node["term"]) != expand("graph:dates")
        for value in node.values():
            yield from _asked_of_graphs(value, inside)
    elif isinstance(node, (list, tuple)):
        for each in node:
            yield from _asked_of_graphs(each, inside)
    elif inside and isinstance(node, (PropertyPath, URIRef)):
        yield from re.findall(r"<([^<>]*)>", node.n3())


@pytest.mark.parametrize("path", ALL_QUERIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_query_asks_an_article_for_dates(path: Path) -> None:
    """An article's graph does not describe dates: a query that asks it for a year would silently have no rows."""
    assert set() == dates_in_article_graphs(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("GRAPH ?g { ?m icn:joined/icn:year 2023 }", {"year"}),
        ("GRAPH ?g { ?m icn:joined ?d . ?d icn:edtf ?text }", {"edtf"}),
        ("GRAPH ?g { ?m icn:member ?x OPTIONAL { ?m (icn:joined|icn:left)/icn:latest ?day } }", {"latest"}),
        ("?m icn:joined ?d FILTER NOT EXISTS { GRAPH ?g { ?d icn:earliest ?day } }", {"earliest"}),
        ("GRAPH ?g { { SELECT ?m { ?m icn:joined/icn:year ?y } } }", {"year"}),
        ("GRAPH ?g { ?m icn:joined ?d } ?d icn:year 2023", set()),
        ("GRAPH graph:dates { ?d icn:year 2023 }", set()),
        ("?m icn:joined/icn:year 2023 # GRAPH ?g { ?m icn:joined/icn:year 2023 }", set()),
    ],
)
def test_the_lint_catches_a_seeded_fault(where: str, expected: set[str]) -> None:
    """The wrong form is found in each way of writing it, and the right one is left alone."""
    query = f"{sparql_header()}SELECT * WHERE {{ {where} \n}}"
    assert expected == {name.removeprefix(ONTOLOGY) for name in dates_in_article_graphs(query)}


def test_the_trap_of_the_readme_is_one(engine: EmbeddedEngine) -> None:
    """Of the three queries that the README begins with, the wrong one has no rows and the right ones have."""
    block = re.findall(r"```sparql\n(.*?)```", readme(), re.DOTALL)[0]
    counts = [len(select(engine, sparql_header() + line).rows) for line in block.strip().split("\n")]
    assert 0 == counts[0]
    assert counts[1] > 0
    assert counts[2] > 0


# --- reports and README -------------------------------------------------------------------------------------------


def readme() -> str:
    return (QUERIES / "README.md").read_text(encoding="utf-8")


def test_readme_has_a_line_for_every_query() -> None:
    """Every query file is in the README, and every file named there exists."""
    named = set(re.findall(r"^\| `([\w-]+\.rq)` \|", readme(), re.MULTILINE))
    assert {path.name for path in ALL_QUERIES} == named


def test_example_of_the_readme_runs(engine: EmbeddedEngine) -> None:
    """The question that the README shows is one: it parses, and answers with its default and with a parameter."""
    question = parse_question("example", re.findall(r"```sparql\n(.*?)```", readme(), re.DOTALL)[1])
    assert tuple(question.columns) == ask(engine, question, {}).columns
    assert [
        (
            "institution:nag-china",
            "National Academy of Governance of China; Китайская национальная академия госуправления; 国家行政学院",
        )
    ] == [row for row in rows(ask(engine, question, {}), "institution", "names") if row[0] == "institution:nag-china"]
    assert [("institution:nag-china", "国家行政学院")] == rows(
        ask(engine, question, {"text": "国家"}), "institution", "names"
    )


REPORTS: Mapping[str, int] = {"conflicts": 6, "denials": 1, "inferred-identities": 1}


@pytest.mark.parametrize("path", sorted((QUERIES / "reports").glob("*.rq")), ids=lambda path: path.stem)
def test_report_runs_and_is_described(mini: EmbeddedEngine, path: Path) -> None:
    """Each report has a title in two languages, describes its columns, and finds what the fixture holds."""
    text = path.read_text(encoding="utf-8")
    header = read_header(text, str(path))
    table = select(mini, text, path.name)
    assert {"en", "ru"} == set(header["title"])
    assert tuple(header["columns"]) == table.columns
    assert REPORTS[path.stem] == len(table.rows)


def test_conflicts_are_those_that_resolution_wrote_down(mini: EmbeddedEngine, mini_store: Store) -> None:
    """The report shows exactly the disagreements of graph `resolution`: it derives none of its own."""
    kept = NamedNode(expand("icn:kept"))
    graph = NamedNode(expand("graph:resolution"))
    expected = sorted(
        q.object.value
        for q in mini_store.quads_for_pattern(None, kept, None, graph)
        if isinstance(q.object, (NamedNode, Literal))
    )
    table = select(mini, (QUERIES / "reports" / "conflicts.rq").read_text(encoding="utf-8"))
    assert expected == sorted(record["kept"].value for record in table.records())
