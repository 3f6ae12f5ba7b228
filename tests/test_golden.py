# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The golden fixture: a small knowledge graph written by hand, which judges compiling, resolving and inferring.

`tests/fixtures/mini/README.md` says which record pins which decision of `docs/modelling.md`.
"""

from __future__ import annotations

import difflib
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, QuerySolutions, RdfFormat, Store, Triple, parse

from kgbuild.build.compilation import Sources
from kgbuild.build.pipeline import Graph, compile_graph
from kgbuild.build.store import canonical_nquads
from kgbuild.core.namespaces import ARTICLE_GRAPH, DATE, GRAPH, ONTOLOGY, PREFIXES, expand, shorten

ROOT = Path(__file__).resolve().parent.parent
MINI = ROOT / "tests" / "fixtures" / "mini"
EXPECTED = MINI / "expected"
RECORDS = sorted(path.relative_to(MINI) for path in MINI.glob("data/*/*/*.yaml"))
ARTICLES = sorted(path.stem for path in MINI.glob("data/articles/*/*.yaml"))
RULES = {
    expand(name)
    for name in (
        "icn:resolves",
        "icn:possiblySameAs",
        "icn:disputed",
        "icn:beganNotBefore",
        "icn:beganBy",
        "icn:endedNotBefore",
        "icn:endedBy",
        "icn:currentStatus",
        "icn:standing",
        "skos:altLabel",
    )
}
NETWORK_MEMBERS = {
    "institution:highmoor-school",
    "institution:lakeland-academy",
    "institution:lakes-hub",
    "institution:rivermark-academy",
    "institution:stonefell-institute",
    "network:stonefell-circle",
    "unidentified:institution--highmoor--lakes-academies",
    "unidentified:institution--stonefell--lakes-academies",
}


# --- reading graphs -----------------------------------------------------------------------------------------------


def compiled(folder: Path = MINI) -> Graph:
    """Run the pipeline on `folder/data`, with the project's ontology and queries."""
    sources = Sources(data=folder / "data", ontology=ROOT / "ontology", queries=ROOT / "queries", root=folder)
    return compile_graph(sources)


@cache
def golden() -> Graph:
    """Compile the fixture, once for all tests; none of them changes it."""
    return compiled()


@pytest.fixture
def store() -> Store:
    """Give the compiled fixture."""
    return golden().dataset


def expected(name: str) -> set[Triple]:
    """Read one graph written by hand, such as `entities` or `article/2022-01-hub-page`."""
    turtle = (EXPECTED / f"{name}.ttl").read_bytes()
    return {quad.triple for quad in parse(turtle, format=RdfFormat.TURTLE)}


def expected_default() -> set[Triple]:
    """Read what holds: what was written by hand, and the names of all that it describes."""
    return expected("default") | (expected("names") - expected("left-out"))


def default(store: Store) -> set[Triple]:
    """Read the default graph."""
    return {quad.triple for quad in store.quads_for_pattern(None, None, None, DefaultGraph())}


def named(store: Store, name: str) -> set[Triple]:
    """Read the graph `https://w3id.org/icn/graph/<name>`."""
    return {quad.triple for quad in store.quads_for_pattern(None, None, None, NamedNode(GRAPH + name))}


def articles_in(store: Store) -> set[str]:
    """Name the articles that have a graph."""
    graphs = {str(graph.value) for graph in store.named_graphs() if isinstance(graph, NamedNode)}
    return {graph.removeprefix(ARTICLE_GRAPH) for graph in graphs if graph.startswith(ARTICLE_GRAPH)}


def asserted(store: Store) -> set[Triple]:
    """Read all that articles say, in one set."""
    return {triple for article in articles_in(store) for triple in named(store, f"article/{article}")}


def inferred(store: Store) -> set[Triple]:
    """Read what rules 1 to 5 add: graph `inferred` without the closure, which is rule 6."""
    return {triple for triple in named(store, "inferred") if triple.predicate.value in RULES}


def holds(store: Store) -> set[Triple]:
    """Read the default graph without ontology, vocabularies, catalog and closure.

    What an article or another graph says by itself stays, even where one of these says it too.
    """
    own = asserted(store) | inferred(store)
    own |= named(store, "entities") | named(store, "dates") | named(store, "resolution")
    around = named(store, "ontology") | named(store, "vocabularies") | named(store, "catalog")
    return default(store) - ((around | named(store, "inferred")) - own)


def show(term: object) -> str:
    """Write a term or triple with our prefixes."""
    if isinstance(term, Triple):
        return f"{show(term.subject)} {show(term.predicate)} {show(term.object)}"
    return shorten(term.value) if isinstance(term, NamedNode) else str(term)


def differences(want: Iterable[Triple], got: Iterable[Triple]) -> str:
    """Write what is missing (-) and what is unexpected (+), sorted; nothing where the two are equal."""
    lines = difflib.unified_diff(
        sorted(map(show, want)), sorted(map(show, got)), "written by hand", "compiled", n=0, lineterm=""
    )
    return "\n".join(line for line in lines if not line.startswith("@@"))


def check_same(want: set[Triple], got: set[Triple]) -> None:
    """Fail with a readable difference unless the graphs are equal."""
    found = differences(want, got)
    assert not found, f"{len(want ^ got)} triples differ:\n{found}"


def check_same_bytes(graph: Graph) -> None:
    """Fail with a readable difference unless the graph is the fixture's, byte for byte."""
    want, got = (canonical_nquads(each.dataset).decode() for each in (golden(), graph))
    lines = difflib.unified_diff(want.splitlines(), got.splitlines(), "in order", "shuffled", n=0, lineterm="")
    assert want == got, "\n".join(lines)


def rows(store: Store, query: str) -> list[tuple[str, ...]]:
    """Ask the default graph; terms come back with our prefixes, texts bare."""
    answer = store.query(query, prefixes=PREFIXES)
    assert isinstance(answer, QuerySolutions)
    return sorted(
        tuple(term.value if isinstance(term, Literal) else show(term) for term in solution) for solution in answer
    )


def values(store: Store, subject: str, predicate: str) -> set[str]:
    """Ask the default graph for the values of a property."""
    return {row[0] for row in rows(store, f"SELECT ?v {{ {subject} {predicate} ?v }}")}


def said(store: Store, subject: str, predicate: str) -> Counter[str]:
    """Count the articles that give each value of a property."""
    query = f"SELECT ?v ?g {{ GRAPH ?g {{ {subject} {predicate} ?v }} ?g prov:hadPrimarySource ?article }}"
    return Counter(row[0] for row in rows(store, query))


# --- the fixture itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(EXPECTED.rglob("*.ttl")), ids=lambda path: path.stem)
def test_both_parsers_read_the_same_triples(path: Path) -> None:
    """No graph written by hand depends on how one parser understands it."""
    by_rdflib = rdflib.Graph().parse(path, format="turtle").serialize(format="nt", encoding="utf-8")
    name = path.relative_to(EXPECTED).with_suffix("").as_posix()
    check_same({quad.triple for quad in parse(by_rdflib, format=RdfFormat.N_TRIPLES)}, expected(name))


def test_what_holds_is_what_is_said_without_what_is_left_out() -> None:
    """The expected default graph and the page of what it leaves out tell one story."""
    everything = {triple for article in ARTICLES for triple in expected(f"article/{article}")}
    everything |= {t for name in ("entities", "dates", "resolution", "inferred", "names") for t in expected(name)}
    left_out = expected("left-out")
    check_same(set(), left_out - everything)
    check_same(everything - left_out, expected_default())


def test_positions_cut_the_sentences_out_of_the_text() -> None:
    """The text of the one article that has a text is the one its record describes."""
    raw = (MINI / "texts" / "2019-05-15-network-founded.txt").read_bytes()
    text = raw.decode()
    record = (MINI / "data/articles/2019/2019-05-15-network-founded.yaml").read_text(encoding="utf-8")
    cut = [text[int(start) : int(end)] for start, end in re.findall(r"\[(\d+), (\d+)\]", record)]
    assert f"{{sha256: {sha256(raw).hexdigest()}, characters: {len(text)}}}" in record
    assert [
        "On its second day, 14 May 2019, they founded the Lakes Network of Academies.",
        "On its second day, 14 May 2019, they founded the Lakes Network of Academies.",
        "State institutions of Rivermark, Stonefell and Highmoor are in it",
        "The agreement that founds it was signed there in May.",
    ] == cut


# --- graph by graph -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("article", ARTICLES)
def test_article_graph(store: Store, article: str) -> None:
    """An article's graph holds exactly what its record asserts, its claims and its description."""
    check_same(expected(f"article/{article}"), named(store, f"article/{article}"))


def test_every_article_has_its_graph(store: Store) -> None:
    """There is one graph for each record, and the catalog names its article."""
    sources = rows(store, "SELECT ?g ?a { GRAPH graph:catalog { ?g prov:hadPrimarySource ?a } }")
    assert set(ARTICLES) == articles_in(store) == {path.stem for path in EXPECTED.glob("article/*.ttl")}
    assert sources == sorted((ARTICLE_GRAPH + article, f"article:{article}") for article in ARTICLES)


@pytest.mark.parametrize("name", ["entities", "dates", "resolution", "names"])
def test_common_graph(store: Store, name: str) -> None:
    """The entities, the dates, the record of the resolution, and the names are as written or judged by hand."""
    check_same(expected(name), named(store, name))


def test_inferred_graph(store: Store) -> None:
    """Rules 1 to 5 add exactly what was derived by hand."""
    check_same(expected("inferred"), inferred(store))


def test_default_graph(store: Store) -> None:
    """The default graph holds what holds, and nothing that was left out."""
    check_same(expected_default(), holds(store))


def test_no_blank_nodes(store: Store) -> None:
    """No graph holds a blank node, not even those of the ontology."""
    assert b"" == b"\n".join(
        line for line in canonical_nquads(store).splitlines() if line.startswith(b"_:") or b" _:" in line
    )


# --- order and removal --------------------------------------------------------------------------------------------


def items_of(record: str) -> tuple[str, list[str]]:
    """Take a record apart into what stands before its claims, and the claims as written."""
    head, mark, claims = record.partition("claims:\n")
    return head + mark, re.split(r"^(?=  - )", claims, flags=re.MULTILINE)[1:]


@settings(max_examples=6, deadline=None, derandomize=True)
@given(order=st.permutations(RECORDS))
def test_file_order_changes_nothing(order: list[Path]) -> None:
    """Records written in another order give the same quads, byte for byte, and the same places."""
    with tempfile.TemporaryDirectory() as name:
        for path in order:
            target = Path(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(MINI / path, target)
        graph = compiled(Path(name))
    check_same_bytes(graph)
    assert list(golden().source_map.lines()) == list(graph.source_map.lines())


@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_claim_order_changes_nothing(data: st.DataObject) -> None:
    """Claims in another order within their records give the same quads, byte for byte."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(MINI / "data", Path(name) / "data")
        for path in (path for path in RECORDS if path.parts[1] == "articles"):
            head, items = items_of((MINI / path).read_text(encoding="utf-8"))
            shuffled = data.draw(st.permutations(items))
            (Path(name) / path).write_text(head + "".join(shuffled), encoding="utf-8")
        check_same_bytes(compiled(Path(name)))


def test_reversed_claims_change_nothing(tmp_path: Path) -> None:
    """Every record with its claims from last to first gives the same quads, byte for byte."""
    shutil.copytree(MINI / "data", tmp_path / "data")
    moved = 0
    for path in (path for path in RECORDS if path.parts[1] == "articles"):
        head, items = items_of((MINI / path).read_text(encoding="utf-8"))
        (tmp_path / path).write_text(head + "".join(reversed(items)), encoding="utf-8")
        moved += len(items) > 1
    assert moved == 7
    check_same_bytes(compiled(tmp_path))


def choosing(store: Store) -> set[str]:
    """Read from the ontology of which properties the resolved view may leave values out."""
    marked = store.quads_for_pattern(None, NamedNode(ONTOLOGY + "resolution"), None, NamedNode(GRAPH + "ontology"))
    return {quad.subject.value for quad in marked if isinstance(quad.subject, NamedNode)}


def stated(store: Store) -> set[object]:
    """Name the things about which a claim that is not deprecated speaks."""
    return {t.subject for t in default(store) if t.predicate.value == ONTOLOGY + "statedIn"}


def dates_used(store: Store) -> set[str]:
    """Name the dates that articles use."""
    objects = {triple.object.value for triple in asserted(store) if isinstance(triple.object, NamedNode)}
    return {iri for iri in objects if iri.startswith(DATE)}


def claims_of(triples: Iterable[Triple]) -> set[tuple[str, str]]:
    """Name the claims, each with its article."""
    return {(show(t.subject), show(t.object)) for t in triples if t.predicate.value == ONTOLOGY + "inArticle"}


@pytest.mark.parametrize("article", ARTICLES)
def test_removing_an_article_removes_what_it_alone_supports(store: Store, article: str, tmp_path: Path) -> None:
    """Without an article its graph and claims are gone, all other voices are as they were.

    The default graph loses only triples that no remaining article says, or only a deprecated claim; a property that
    keeps one value may keep another instead where its winner loses a voter, but stays answered.
    """
    shutil.copytree(MINI / "data", tmp_path / "data")
    next((tmp_path / "data").rglob(f"{article}.yaml")).unlink()
    rest = compiled(tmp_path).dataset

    assert set(ARTICLES) - {article} == articles_in(rest)
    for other in articles_in(rest):
        check_same(named(store, f"article/{other}"), named(rest, f"article/{other}"))
    check_same(named(store, "entities"), named(rest, "entities"))
    assert dates_used(rest) == {t.subject.value for t in named(rest, "dates") if isinstance(t.subject, NamedNode)}
    kept_claims = {claim for claim in claims_of(default(store)) if claim[1] != f"article:{article}"}
    assert kept_claims == claims_of(default(rest))

    one_value, silent = choosing(store), stated(store) - stated(rest)
    answered = {(t.subject, t.predicate) for t in holds(rest)}
    lost = {t for t in holds(store) - holds(rest) if t in asserted(rest) and t.subject not in silent}
    check_same(
        set(), {t for t in lost if t.predicate.value not in one_value or (t.subject, t.predicate) not in answered}
    )
    derived = named(rest, "resolution") | named(rest, "names") | inferred(rest)
    check_same(set(), holds(rest) - holds(store) - asserted(rest) - derived)


# --- the cases, in words ------------------------------------------------------------------------------------------


def test_a_vague_and_a_precise_date_meet_on_one_node(store: Store) -> None:
    """Case 1: "2019" and "14 May 2019" are one fact; the precise date is kept and nobody disagrees."""
    fact = "membership:lakeland-academy--lakes-academies"
    assert {"date:2019": 1, "date:2019-05-14": 1, "date:2019-07": 1} == said(store, fact, "icn:joined")
    assert {"date:2019-05-14"} == values(store, fact, "icn:joined")
    assert set() == values(store, fact, "^icn:observed")


def test_leaving_and_rejoining_are_two_spells(store: Store) -> None:
    """Case 2: the second spell is a node of its own; the end of the first one is not its end."""
    first = "membership:highmoor-school--lakes-academies"
    assert [(first,), (f"{first}--2024",)] == rows(store, "SELECT ?m { ?m icn:member institution:highmoor-school }")
    assert ({"date:2022-06-30"}, {"reason:withdrawal"}) == (
        values(store, first, "icn:left"),
        values(store, first, "icn:endReason"),
    )
    assert ({"date:2024-01"}, set()) == (
        values(store, f"{first}--2024", "icn:joined"),
        values(store, f"{first}--2024", "icn:left|icn:endedBy"),
    )


def test_a_feature_is_no_standing(store: Store) -> None:
    """Case 3: a founding member is a member; neither is in the key. That it is full, only a deprecated claim says."""
    fact = "membership:lakeland-academy--lakes-academies"
    assert {"feature:founding"} == values(store, fact, "icn:feature")
    assert {"standing:member"} == values(store, fact, "icn:standing")


def test_a_syndicated_copy_does_not_vote(store: Store) -> None:
    """Case 4: two articles and two publishers say September, but with one voice; the report with a day is kept."""
    fact = "meeting:lakes-summit-2020"
    assert {"date:2020-09": 2, "date:2020-10-03": 1} == said(store, fact, "icn:held")
    assert {"date:2020-10-03"} == values(store, fact, "icn:held")


def test_a_named_member_resolves_a_placeholder(store: Store) -> None:
    """Case 5: one of three placeholders has a witness; its contents are gone, its party and its claim stay."""
    resolved = "membership:unidentified-institution-rivermark--lakes-academies"
    party = "unidentified:institution--rivermark--lakes-academies"
    assert [("membership:rivermark-academy--lakes-academies", resolved)] == rows(
        store, "SELECT ?m ?p { ?m icn:resolves ?p }"
    )
    assert [] == rows(store, f"SELECT ?p ?v {{ {resolved} ?p ?v }}")
    assert [] == rows(store, f"SELECT ?m {{ ?m icn:member {party} }}")
    assert {"icn:UnidentifiedParty"} <= values(store, party, "a")
    assert [("article:2019-05-15-network-founded",)] == rows(
        store, f"SELECT ?a {{ ?claim icn:claims {resolved} ; icn:inArticle ?a }}"
    )


def test_the_naive_query_gives_exactly_the_members(store: Store) -> None:
    """Case 5: who asks for members gets each of them, and no placeholder that has a witness."""
    found = rows(store, "SELECT ?x { ?m icn:organization network:lakes-academies ; icn:member ?x }")
    again = ("institution:highmoor-school",)
    assert sorted([again, *((member,) for member in NETWORK_MEMBERS)]) == found


def test_placeholders_are_no_academies(store: Store) -> None:
    """Case 5: the flagship question names named academies only."""
    query = """SELECT ?x { ?m icn:organization network:lakes-academies ; icn:member ?x ; icn:joined/icn:year 2019 .
        ?x a icn:Academy }"""
    assert [("institution:lakeland-academy",), ("institution:rivermark-academy",)] == rows(store, query)


def test_disagreements_say_what_decided(store: Store) -> None:
    """Case 6: each step of the order decides once, support twice; refinement leaves no disagreement."""
    query = """SELECT ?about ?kept ?aside ?by { ?d a icn:Disagreement ; icn:onSubject ?about ; icn:kept ?kept ;
        icn:setAside ?aside ; icn:decidedBy ?by }"""
    assert [
        ("agreement:lakes-founding-agreement", "date:2019-05-14", "date:2019-06-01", "order:support"),
        ("meeting:lakes-forum-2019", "date:2019-05-13_2019-05-14", "date:2019-05-14", "order:support"),
        ("meeting:lakes-summit-2020", "date:2020-10-03", "date:2020-09", "order:precision"),
        ("membership:highmoor-school--lakes-academies", "date:2021-03-01", "date:2021-02-10", "order:tie"),
        ("tenure:ivo-brandt--secretary-general--lakes-hub", "date:2019-08-01", "date:2019-07-01", "order:rank"),
        (
            "tenure:mira-oslan--head-of-institution--lakeland-academy",
            "date:2018-09-01",
            "date:2018-08-15",
            "order:official",
        ),
    ] == rows(store, query)


def test_a_denial_disputes_what_another_article_asserts(store: Store) -> None:
    """Case 7: the denied membership stays, marked; the denying article says nothing of it but that."""
    fact = "membership:lakes-hub--lakes-academies"
    assert [(fact, "true")] == rows(store, "SELECT ?m ?v { ?m icn:disputed ?v }")
    assert {"article:2019-05-15-network-founded"} == values(store, fact, "icn:statedIn")
    assert [] == rows(store, f"SELECT ?p {{ GRAPH graph:article\\/2022-01-hub-page {{ {fact} ?p ?v }} }}")


def test_planned_is_not_held(store: Store) -> None:
    """Case 8: only what was held answers for meetings held; a plan does not conflict with it."""
    assert [("meeting:lakes-forum-2019",), ("meeting:lakes-summit-2020",)] == rows(
        store, "SELECT ?m { ?m icn:held ?d }"
    )
    assert {"date:2020-06"} == values(store, "meeting:lakes-summit-2020", "icn:planned")
    assert {"status-concept:held"} == values(store, "meeting:lakes-summit-2020", "icn:currentStatus")
    assert {"status-concept:announced"} == values(store, "meeting:lakes-summit-2022", "icn:currentStatus")


def test_an_inferred_identity_is_marked_and_gives_no_spelling(store: Store) -> None:
    """Case 9: the claim says what was inferred, from which words and why; other spellings do become names."""
    query = "SELECT ?m ?p ?as { ?c icn:claims ?m ; icn:infers ?p ; icn:namedAs ?as ; icn:because ?why }"
    fact = ("membership:rivermark-academy--lakes-academies", "icn:member", "the civil service academy of Rivermark")
    assert [fact] == rows(store, query)
    assert set() == values(store, "institution:rivermark-academy", "skos:altLabel")
    assert {"Иво Брандт"} == values(store, "person:ivo-brandt", "skos:altLabel")


def test_a_deprecated_claim_stays_with_its_article(store: Store) -> None:
    """Case 10: it is in its graph, with its reason, and neither it nor what it alone says holds, votes or resolves."""
    fact = "membership:stonefell-institute--lakes-academies"
    kept = {(show(t.predicate), show(t.object)) for t in named(store, "article/2021-11-09-hub-anniversary")
            if t.subject == NamedNode(expand(fact))}  # fmt: skip
    assert {("icn:joined", "date:2019-07"), ("icn:standing", "standing:member"), ("icn:feature", "feature:full")} < kept
    assert ({"standing:observer"}, set()) == (values(store, fact, "icn:standing"), values(store, fact, "icn:joined"))
    assert [] == rows(store, "SELECT ?c { ?c icn:rank rank:deprecated }")
    assert "article:2021-11-09-hub-anniversary" not in values(
        store, "membership:lakeland-academy--lakes-academies", "icn:statedIn"
    )


def test_the_curators_rank_comes_before_votes(store: Store) -> None:
    """Case 11: one preferred voice is kept against two."""
    fact = "tenure:ivo-brandt--secretary-general--lakes-hub"
    assert {"date:2019-07-01": 2, "date:2019-08-01": 1} == said(store, fact, "icn:began")
    assert {"date:2019-08-01"} == values(store, fact, "icn:began")


def test_a_proposal_has_a_history_and_a_current_status(store: Store) -> None:
    """Case 12: both observations stay; the later one is the current status."""
    proposal = "proposal:lakes-summit-2020--common-library"
    history = {"status-concept:proposed", "status-concept:adopted"}
    assert history == values(store, proposal, "^icn:observed/icn:status")
    assert {"status-concept:adopted"} == values(store, proposal, "icn:currentStatus")


def test_an_attested_tenure_has_bounds_and_no_dates(store: Store) -> None:
    """Case 12: "is ambassador" on a day: begun by then, ended the day after at the earliest."""
    tenure = "tenure:tessa-marlow--ambassador--rivermark--lakeland"
    assert set() == values(store, tenure, "icn:began|icn:ended|icn:beganNotBefore|icn:endedBy")
    assert {"2020-10-15"} == values(store, tenure, "icn:beganBy")
    assert {"2020-10-16"} == values(store, tenure, "icn:endedNotBefore")


def test_a_former_name_finds_its_bearer(store: Store) -> None:
    """Case 12: a name borne until about 2018 finds the institution, and its date claims no year."""
    query = """SELECT ?x { ?x skos:altLabel "Lakeland Staff College"@en }"""
    assert [("institution:lakeland-academy",)] == rows(store, query)
    assert {"date:2018-approx"} == values(store, "naming:lakeland-academy--fe98a22c", "icn:ended")
    assert set() == values(store, "date:2018-approx", "icn:year")


def test_the_trail_from_meeting_to_network(store: Store) -> None:
    """Case 12: founding, agreement, decision, proposal and statement are reached from their meetings."""
    assert [
        ("agreement:lakes-founding-agreement", "meeting:lakes-forum-2019"),
        ("change:lakes-academies--founding", "meeting:lakes-forum-2019"),
        ("decision:lakes-summit-2020--joint-course", "meeting:lakes-summit-2020"),
        ("proposal:lakes-summit-2020--common-library", "meeting:lakes-summit-2020"),
        ("statement:lakes-summit-2020--next-host", "meeting:lakes-summit-2020"),
    ] == rows(store, "SELECT ?x ?m { ?x icn:occurredAt ?m }")


def test_what_may_be_one_is_not_merged(store: Store) -> None:
    """Case 12: two meetings that may be one are linked both ways, and neither takes over the other's facts."""
    assert [
        ("meeting:lakes-congress-2019", "meeting:lakes-forum-2019"),
        ("meeting:lakes-forum-2019", "meeting:lakes-congress-2019"),
    ] == rows(store, "SELECT ?a ?b { ?a icn:possiblySameAs ?b }")
    assert set() == values(store, "meeting:lakes-congress-2019", "icn:held|icn:venue")


def test_article_graphs_describe_no_dates(store: Store) -> None:
    """An article's graph is a pure voice: a date's year is asked for outside it."""
    inside = "SELECT ?m { GRAPH ?g { ?m icn:joined/icn:year 2019 } }"
    assert [] == rows(store, inside)
    outside = "SELECT DISTINCT ?m { GRAPH ?g { ?m icn:joined ?d } ?d icn:year 2019 }"
    assert 8 == len(rows(store, outside))
