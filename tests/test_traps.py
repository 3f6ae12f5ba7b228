# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The traps that real sources set: `tests/fixtures/traps/README.md` names them, and here is what must come out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, QuerySolutions, RdfFormat, Store

from kgbuild.build.compilation import Sources
from kgbuild.build.pipeline import compile_graph, validate
from kgbuild.build.reasoning import infer, load_rules
from kgbuild.core.errors import Issue
from kgbuild.core.namespaces import PREFIXES, shorten

ROOT = Path(__file__).resolve().parents[1]
TRAPS = ROOT / "tests" / "fixtures" / "traps"
SOURCES = Sources(data=TRAPS / "data", ontology=ROOT / "ontology", queries=ROOT / "queries", root=TRAPS)
TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())


@pytest.fixture(scope="module")
def store() -> Store:
    """Compile, resolve and infer the traps, once; no test changes them."""
    return compile_graph(SOURCES).dataset


@pytest.fixture(scope="module")
def warnings() -> list[Issue]:
    """Validate the traps: shapes, checks and HermiT; an error would raise."""
    return validate(SOURCES)


def rows(store: Store, query: str) -> list[tuple[str, ...]]:
    """Ask the default graph; terms come back with our prefixes, texts bare, what is not bound as nothing."""
    answer = store.query(query, prefixes=PREFIXES)
    assert isinstance(answer, QuerySolutions)
    return sorted(tuple(map(show, solution)) for solution in answer)


def show(term: object) -> str:
    if isinstance(term, Literal):
        return term.value
    return shorten(term.value) if isinstance(term, NamedNode) else ""


def values(store: Store, subject: str, predicate: str) -> set[str]:
    """Ask the default graph for the values of a property."""
    return {row[0] for row in rows(store, f"SELECT ?v {{ {subject} {predicate} ?v }}")}


def findings(warnings: list[Issue], code: str) -> list[str]:
    return [issue.finding for issue in warnings if issue.code == code]


def members(store: Store, organization: str) -> list[tuple[str, ...]]:
    """List who is in a membership of a body, with its standing."""
    return rows(store, f"SELECT ?x ?s {{ ?m icn:organization {organization} ; icn:member ?x ; icn:standing ?s }}")


# --- all together ---


def test_traps_are_sound_and_warn_of_what_is_contradictory(warnings: list[Issue]) -> None:
    """No trap is an error; each contradiction across articles is a warning, at the line that says it, and no more."""
    assert [
        ("2022-07-26-three-sign", 11, "asserted-and-denied"),
        ("2024-12-24-accession-paused", 11, "asserted-and-denied"),
        ("2024-12-27-new-members", 9, "member-while-candidate"),
        ("undated-institute-history", 13, "signatory-joined-later"),
    ] == [(Path(i.place.path).stem, i.place.line, i.code) for i in warnings]
    assert {"warning"} == {issue.severity for issue in warnings}


def test_disagreements_are_these(store: Store) -> None:
    """Of all the traps, four facts are told in two ways at once; each says what was kept and which step decided."""
    query = """SELECT ?about ?p ?kept ?aside ?by { ?d a icn:Disagreement ; icn:onSubject ?about ; icn:onProperty ?p ;
        icn:kept ?kept ; icn:setAside ?aside ; icn:decidedBy ?by }"""
    signature = "signature:central-asia-friendship-treaty--tajikistan--signature"
    assert [
        ("change:caricad--founding", "icn:happened", "date:1980", "date:1979", "order:official"),
        ("count:acsh--founding-organizations--2013", "icn:number", "6", "5", "order:tie"),
        ("count:nispacee--institutional-members--2015", "icn:number", "130", "120", "order:tie"),
        ("count:nispacee--institutional-members--2015", "icn:number", "130", "125", "order:tie"),
        (signature, "icn:signedOn", "date:2022-07-21", "date:2025-uncertain", "order:precision"),
    ] == rows(store, query)


def test_only_what_took_effect_is_a_membership(store: Store) -> None:
    """Neither invitation nor admission, accession, suspension, signature or denial makes a membership."""
    assert [
        ("membership:egypt--brics",),
        ("membership:egypt--ndb",),
        ("membership:greece--council-of-europe",),
        ("membership:greece--council-of-europe--1974",),
        ("membership:panama--icap",),
        ("membership:saudi-arabia--brics",),
        ("membership:serbia--respa",),
    ] == rows(store, "SELECT ?m { ?m a icn:Membership }")


# --- memberships and the way to them ---


def test_kosovo_is_a_beneficiary_and_a_candidate(store: Store) -> None:
    """Admitted in 2014 and pending in 2016-10 are one accession; whom a body serves does not belong to it."""
    accession = "accession:kosovo--respa"
    assert ({"date:2014"}, {"status-concept:pending"}) == (
        values(store, accession, "icn:admitted"),
        values(store, accession, "icn:currentStatus"),
    )
    assert {"date:2016-10"} == values(store, accession, "^icn:observed/icn:asOf")
    assert {"article:2014-kosovo-admitted", "article:undated-school-director-travels"} == values(
        store, accession, "icn:statedIn"
    )
    assert [("polity:serbia", "standing:member")] == members(store, "institution:respa")
    assert [("polity:kosovo", "tie-type:serves")] == rows(
        store, "SELECT ?x ?type { ?t icn:tiedFrom institution:respa ; icn:tiedTo ?x ; icn:tieType ?type }"
    )


def test_a_territory_is_an_actor_beside_states(store: Store) -> None:
    """Kosovo acts as the states do; no class says of either what it is in law."""
    kosovo, serbia = (
        {c for c in values(store, polity, "a") if c.startswith("icn:")} for polity in ("polity:kosovo", "polity:serbia")
    )
    assert {"icn:Actor", "icn:Polity"} == kosovo == serbia


def test_saudi_arabia_is_a_disputed_member(store: Store, warnings: list[Issue]) -> None:
    """Invited, then a member for one page and none for another, which also says that the accession is paused."""
    membership, accession = "membership:saudi-arabia--brics", "accession:saudi-arabia--brics"
    assert {"true"} == values(store, membership, "icn:disputed")
    assert {"article:2024-12-27-new-members"} == values(store, membership, "icn:statedIn")
    assert [("denial:membership--saudi-arabia--brics--2024-12",)] == rows(
        store, f"SELECT ?d {{ ?d icn:denies {membership} }}"
    )
    assert ({"date:2023-08"}, {"status-concept:paused"}) == (
        values(store, accession, "icn:invited"),
        values(store, accession, "icn:currentStatus"),
    )
    assert [
        "membership/saudi-arabia--brics began by 2024-01-01, and accession/saudi-arabia--brics is paused as of 2024-12"
    ] == findings(warnings, "member-while-candidate")
    assert "membership/saudi-arabia--brics is asserted by one source and denied by another" in findings(
        warnings, "asserted-and-denied"
    )


def test_an_invited_member_is_no_contradiction(store: Store) -> None:
    """Egypt was invited to BRICS and became a member; nothing disputes it."""
    assert {"date:2023-08"} == values(store, "accession:egypt--brics", "icn:invited")
    assert {"date:2024-01-01"} == values(store, "membership:egypt--brics", "icn:joined")
    assert set() == values(store, "membership:egypt--brics", "icn:disputed")


def test_admitted_is_not_effective(store: Store) -> None:
    """Egypt was admitted in 2021 and a member from 2023, in no disagreement; Uruguay was admitted and is no member."""
    assert {"date:2021-12-29"} == values(store, "accession:egypt--ndb", "icn:admitted")
    assert {"date:2023-02-20"} == values(store, "membership:egypt--ndb", "icn:joined")
    assert [("polity:egypt", "standing:member")] == members(store, "institution:ndb")
    assert ({"date:2021-09-02"}, {"status-concept:admitted-not-effective"}) == (
        values(store, "accession:uruguay--ndb", "icn:admitted"),
        values(store, "accession:uruguay--ndb", "icn:currentStatus"),
    )


AS_OF = """
SELECT ?how {{
  ?m icn:member polity:greece ; icn:organization institution:council-of-europe .
  BIND ("{day}"^^xsd:date AS ?day)
  OPTIONAL {{ ?m icn:beganNotBefore ?b1 }} OPTIONAL {{ ?m icn:beganBy ?b2 }}
  OPTIONAL {{ ?m icn:endedNotBefore ?e1 }} OPTIONAL {{ ?m icn:endedBy ?e2 }}
  FILTER (!COALESCE(?b1 > ?day, false) && !COALESCE(?e2 <= ?day, false))
  BIND (IF(COALESCE(?b2 <= ?day, false), IF(COALESCE(?e1 > ?day, false), "certain",
    IF(BOUND(?e2), "possible", "presumed")), "possible") AS ?how)
}}
"""


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("1949-08-08", []),
        ("1949-08-09", [("certain",)]),
        ("1969-12-11", [("certain",)]),
        ("1969-12-12", []),
        ("1974-11-27", []),
        ("1974-11-28", [("presumed",)]),
    ],
)
def test_greece_was_a_member_twice(store: Store, day: str, expected: list[tuple[str, ...]]) -> None:
    """The bounds of both spells answer for any day: the day of leaving is outside, the years between too."""
    assert expected == rows(store, AS_OF.format(day=day))


def test_panama_signed_and_joined_later(warnings: list[Issue]) -> None:
    """To have signed the founding agreement of 1954 and to have joined in 1961 is said, and stays."""
    assert [
        "membership/panama--icap begins on 1961, and its member signed agreement/icap-founding-agreement on 1954"
    ] == findings(warnings, "signatory-joined-later")


def test_sudan_was_suspended_twice(store: Store) -> None:
    """Each suspension has its own beginning and no end; a suspension is not taken for a membership."""
    query = """SELECT ?s ?d ?by ?end { ?s a icn:Suspension ; icn:suspendedMember polity:sudan ; icn:began ?d ;
        icn:suspendedFrom institution:african-union ; icn:beganBy ?by OPTIONAL { ?s icn:endedBy ?end } }"""
    assert [
        ("suspension:sudan--african-union", "date:2019-06-06", "2019-06-06", ""),
        ("suspension:sudan--african-union--2021", "date:2021-10", "2021-10-31", ""),
    ] == rows(store, query)
    assert {"All activities."} == values(store, "suspension:sudan--african-union", "icn:scope")
    assert [] == members(store, "institution:african-union")


# --- foundings, names, numbers ---


def test_stages_of_a_founding_are_no_rivals(store: Store) -> None:
    """Founded in 1961, conceived in 1962, incorporated in 1971, after a round table: four things, one date each."""
    assert [
        ("change:iasia--founding", "change-type:founding", "date:1961"),
        ("change:iasia--registration", "change-type:registration", "date:1971"),
    ] == rows(store, "SELECT ?c ?t ?d { ?c icn:changed network:iasia ; icn:changeType ?t ; icn:happened ?d }")
    assert [
        ("meeting:iasia-round-table-1961", "date:1961-09"),
        ("statement:undated-on-the-association--concept", "date:1962"),
    ] == rows(store, "SELECT ?x ?d { ?x icn:concerning network:iasia ; icn:held|icn:madeOn ?d }")


def test_a_leap_year_is_no_vaguer(store: Store) -> None:
    """CARICAD 1979 or 1980: not the shorter year is kept, but the centre's own word."""
    assert {"date:1980"} == values(store, "change:caricad--founding", "icn:happened")


def test_the_academy_is_found_by_its_old_name(store: Store) -> None:
    """Institute until 29 February 2020, academy since; either name finds it, and one entity bears both."""
    query = """SELECT ?x ?text ?began ?ended { ?n icn:nameOf ?x ; icn:nameText ?text
        OPTIONAL { ?n icn:began ?began } OPTIONAL { ?n icn:ended ?ended } }"""
    assert [
        ("institution:apa-tj", "Academy of Public Administration", "date:2020-02-29", ""),
        ("institution:apa-tj", "Institute of Public Administration", "", "date:2020-02-29"),
    ] == rows(store, query)
    old = 'SELECT ?x { ?x skos:altLabel "Institute of Public Administration"@en }'
    assert [("institution:apa-tj",)] == rows(store, old)
    assert [("change:apa-tj--transformation",)] == rows(store, "SELECT ?c { ?c icn:changed institution:apa-tj }")


def test_counts_of_two_dates_do_not_disagree(store: Store) -> None:
    """29 countries in 2014 and 32 in 2016 both hold; of 5 and 6 founders in 2013, one is kept."""
    query = """SELECT ?measure ?on ?value ?how { ?c a icn:CountObservation ; icn:observed institution:acsh ;
        icn:measure ?measure ; icn:asOf ?on ; icn:number ?value ; icn:comparator ?how }"""
    assert [
        ("measure:founding-organizations", "date:2013", "6", "comparator:equal"),
        ("measure:participating-countries", "date:2014-09", "29", "comparator:equal"),
        ("measure:participating-countries", "date:2016", "32", "comparator:equal"),
    ] == rows(store, query)


def test_a_comparator_goes_with_its_number(store: Store) -> None:
    """Two voices say "more than", of two numbers, and the latest says exactly 130: it is not "more than 130"."""
    count = "count:nispacee--institutional-members--2015"
    assert ({"130"}, {"comparator:equal"}) == (
        values(store, count, "icn:number"),
        values(store, count, "icn:comparator"),
    )
    told = f"SELECT ?v ?how {{ GRAPH ?g {{ {count} icn:number ?v ; icn:comparator ?how }} }}"
    assert [
        ("120", "comparator:more-than"),
        ("125", "comparator:more-than"),
        ("130", "comparator:equal"),
    ] == rows(store, told)


# --- meetings, signatures, ties, seats, the rest ---


def test_one_forum_or_two(store: Store) -> None:
    """Two titles are two meetings that may be the same; neither takes over what is said of the other."""
    assert [
        ("meeting:beijing-forum-2023", "meeting:traditions-forum-2023"),
        ("meeting:traditions-forum-2023", "meeting:beijing-forum-2023"),
    ] == rows(store, "SELECT ?a ?b { ?a icn:possiblySameAs ?b }")
    assert set() == values(store, "meeting:beijing-forum-2023", "icn:topic")
    assert 1 == len(values(store, "meeting:traditions-forum-2023", "icn:topic"))


def test_announced_is_not_held(store: Store) -> None:
    """The launch was announced for 18 August and held on 24 and 25 August 2005."""
    launch = "meeting:amdin-launch-2005"
    assert ({"date:2005-08-18"}, {"date:2005-08-24_2005-08-25"}, {"status-concept:held"}) == (
        values(store, launch, "icn:planned"),
        values(store, launch, "icn:held"),
        values(store, launch, "icn:currentStatus"),
    )


def test_a_denied_signature(store: Store, warnings: list[Issue]) -> None:
    """Tajikistan's is disputed; Turkmenistan's, which nobody asserts, is a denial and no signature."""
    treaty = "signature:central-asia-friendship-treaty"
    assert [
        (f"{treaty}--kazakhstan--signature", ""),
        (f"{treaty}--tajikistan--signature", "true"),
    ] == rows(store, "SELECT ?s ?d { ?s a icn:Signature OPTIONAL { ?s icn:disputed ?d } }")
    assert [
        (f"{treaty}--tajikistan--signature", "date:2022-07-21"),
        (f"{treaty}--turkmenistan--signature", "date:2022-07-21"),
    ] == rows(
        store,
        "SELECT ?s ?on { ?d icn:denies ?s ; icn:attestedOn ?on FILTER STRSTARTS(STR(?s), STR(signature:)) }",
    )
    assert [] == rows(store, f"SELECT ?p ?v {{ {treaty}--turkmenistan--signature ?p ?v }}")
    assert 2 == len(findings(warnings, "asserted-and-denied"))


def test_a_symmetric_tie_is_one_node(store: Store) -> None:
    """The Hub cooperates with the academy, and the academy with the Hub: one tie, two articles, one of them dated."""
    tie = "tie:acsh--nag-china--cooperates"
    assert [(tie, "institution:acsh", "institution:nag-china")] == rows(
        store, "SELECT ?t ?a ?b { ?t icn:tieType tie-type:cooperates ; icn:tiedFrom ?a ; icn:tiedTo ?b }"
    )
    assert {"article:2016-11-07-hub-partners", "article:undated-academy-partners"} == values(store, tie, "icn:statedIn")
    assert ({"2016-11-07"}, {"2016-11-08"}, set()) == (
        values(store, tie, "icn:beganBy"),
        values(store, tie, "icn:endedNotBefore"),
        values(store, tie, "icn:endedBy"),
    )
    assert [("network:menapar", "institution:iias")] == rows(
        store, "SELECT ?a ?b { ?t icn:tieType tie-type:affiliated ; icn:tiedFrom ?a ; icn:tiedTo ?b }"
    )


def test_a_seat_moved(store: Store) -> None:
    """Seoul until 2017-12-01, Songdo from that day; an undated page's Seoul is the first seat and no third."""
    query = """SELECT ?place ?began ?ended { ?s icn:seatOf institution:unpog ; icn:seatKind seat-kind:headquarters ;
        icn:place ?place OPTIONAL { ?s icn:beganBy ?began } OPTIONAL { ?s icn:endedBy ?ended } }"""
    assert [("place:seoul", "", "2017-12-01"), ("place:songdo", "2017-12-01", "")] == rows(store, query)
    assert {"article:2017-12-01-office-moves", "article:undated-office-in-seoul"} == values(
        store, "seat:unpog--headquarters--seoul", "icn:statedIn"
    )


def test_a_journal_and_two_projects(store: Store) -> None:
    """What is said of publications and programmes stands on them: ISSN, publisher, dates, status."""
    assert [("institution:acsh", "2409-5532", "publication-type:journal")] == rows(
        store, "SELECT ?p ?i ?t { publication:hub-journal icn:publishedBy ?p ; icn:issn ?i ; icn:publicationType ?t }"
    )
    query = """SELECT ?x ?by ?began ?ended ?status { ?x a icn:Programme ; icn:began ?began OPTIONAL { ?x icn:runBy ?by }
        OPTIONAL { ?x icn:ended ?ended } OPTIONAL { ?x icn:currentStatus ?status } }"""
    assert [
        ("programme:cafrad-transformation", "institution:african-development-bank", "date:2017-03", "date:2020-09", ""),
        ("programme:hub-digitalization-project", "", "date:2021-08-24", "", "status-concept:under-way"),
    ] == rows(store, query)


# --- what a denial says ---


@pytest.mark.parametrize(
    ("denied_on", "disputed"), [("2020", [("true",)]), ("2010", []), ("2023", []), (None, [("true",)])]
)
def test_a_denial_is_about_its_day(denied_on: str | None, disputed: list[tuple[str, ...]]) -> None:
    """A tie of 2020 is disputed by a denial of that year or of no date, not by one from before or after."""
    store = Store()
    days = "".join(
        f'date:{y} icn:earliest "{y}-01-01"^^xsd:date ; icn:latest "{y}-12-31"^^xsd:date .\n'
        for y in (2010, 2020, 2022, 2023)
    )
    attested = f"denial:x icn:attestedOn date:{denied_on} ." if denied_on else ""
    facts = "tie:a--b--partner a icn:Situation ; icn:began date:2020 ; icn:ended date:2022 . "
    denial = "denial:x icn:denies tie:a--b--partner . "
    store.load(TURTLE + days + facts + denial + attested, format=RdfFormat.TURTLE)
    infer(store, [rule for rule in load_rules(ROOT / "ontology" / "rules", ROOT) if "disputed" in rule.name])
    assert disputed == rows(store, "SELECT ?d { tie:a--b--partner icn:disputed ?d }")
