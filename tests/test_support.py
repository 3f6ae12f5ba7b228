# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Who says so: the claims behind each triple are those that gave it, in the whole data and in a part of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pyoxigraph import DefaultGraph, NamedNode, QuerySolutions, Store, Triple

from kgbuild.build.compilation import Compiled, Sources, compile_records
from kgbuild.build.pipeline import assemble
from kgbuild.core.namespaces import ARTICLE_GRAPH, GRAPH, ID, expand, shorten
from kgbuild.core.progress import Silent
from kgbuild.sparql.embedded import EmbeddedEngine, convert_term
from kgbuild.sparql.lookups import run
from kgbuild.support.claims import (
    SUPPORT_GRAPH,
    Credit,
    all_claims_for,
    claims_for,
    details_of,
    evidence_for,
    supports_for,
)
from kgbuild.support.explain import explain
from kgbuild.support.gathering import gather, in_parts
from kgbuild.support.rows import attribute
from mini import MINI, ROOT, copy_project, sources
from nonempty import nonempty

DIFFERING = """source: {title: Two minds, language: en, published: 2024-03-01, publisher: morning-beacon, url: https://m.example/x}
claims:
  - membership: {of: lakes-hub, in: lakes-academies, joined: 2020}
    says: The Hub joined in 2020.
  - membership: {of: lakes-hub, in: lakes-academies, joined: 2021}
    says: The Hub joined in 2021.
  - membership: {of: lakes-hub, in: lakes-academies}
    says: The Hub is a member.
  - membership: {of: lakes-hub, in: lakes-academies, joined: 2022}
    says: The Hub joined in 2022.
    rank: deprecated
    because: A slip.
  - meeting: {is: lakes-forum-2019, host: {unidentified: institution, of: highmoor}}
    says: An institution of Highmoor was a host.
  - meeting: {is: lakes-forum-2019, host: lakes-hub}
    says: The Hub was a host.
  - membership: {of: {unidentified: institution, of: lakeland}, in: lakes-academies, not: true}
    says: No institution of Lakeland is in the network.
"""
TWO_MINDS = f"{ARTICLE_GRAPH}2024-03-01-two-minds"


@dataclass(frozen=True)
class Data:
    """Records, compiled, and the graph that was made of them."""

    compiled: Compiled
    store: Store

    @classmethod
    def read(cls, source: Sources) -> Data:
        """Compile and assemble records."""
        compiled = compile_records(source, Silent())
        return cls(compiled, assemble(compiled, source, Silent()).dataset)

    def given(self) -> dict[Triple, set[tuple[Credit, bool]]]:
        """List who gives each triple, and whether he was set aside: as the claims were compiled."""
        givers: dict[Triple, set[tuple[Credit, bool]]] = defaultdict(set)
        for article in self.compiled.articles:
            for claim in article.claims:
                for triple in (*claim.facts, *claim.node):
                    credit = Credit(article.graph.value, claim.iri.value)
                    givers[Triple(*triple)].add((credit, claim.rank == "deprecated"))
        return givers


@pytest.fixture(scope="module")
def mini() -> Data:
    """Give the golden fixture."""
    return Data.read(Sources(MINI / "data", ROOT / "ontology", ROOT / "queries", root=MINI))


@pytest.fixture(scope="module")
def real() -> Data:
    """Give the repository's own records."""
    return Data.read(Sources(ROOT / "data", ROOT / "ontology", ROOT / "queries", root=ROOT))


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Give the golden fixture with an article whose claims differ among themselves."""
    folder = copy_project(tmp_path_factory.mktemp("differing"))
    path = folder / "data" / "articles" / "2024" / "2024-03-01-two-minds.yaml"
    path.write_text(DIFFERING, encoding="utf-8")
    return Data.read(sources(folder))


@pytest.fixture(params=["mini", "real", "differing"])
def data(request: pytest.FixtureRequest) -> Data:
    """Give each of the data sets, or the one that is named."""
    found: Data = request.getfixturevalue(request.param)
    return found


# --- which claims -------------------------------------------------------------------------------------------------


def test_the_claims_for_a_triple_are_those_that_gave_it(data: Data) -> None:
    """For every triple of every claim: the claims found in the graph are those that the triple was compiled from."""
    given = data.given()
    assert len(given) > 500
    for triple, givers in given.items():
        assert tuple(sorted(credit for credit, _ in givers)) == all_claims_for(data.store, triple), triple
        assert tuple(sorted(credit for credit, aside in givers if not aside)) == claims_for(data.store, triple), triple


def test_nothing_else_is_given_by_a_claim(data: Data) -> None:
    """What no claim was compiled to, such as the description of an article or an entity, has no claims."""
    given = data.given()
    others = {quad.triple for quad in data.store if quad.triple not in given}
    assert others
    assert [] == [triple for triple in others if all_claims_for(data.store, triple)]


@pytest.mark.parametrize(
    ("triple", "says"),
    [
        (("membership:lakes-hub--lakes-academies", "icn:joined", "date:2020"), ["The Hub joined in 2020."]),
        (("membership:lakes-hub--lakes-academies", "icn:joined", "date:2021"), ["The Hub joined in 2021."]),
        (("membership:lakes-hub--lakes-academies", "icn:joined", "date:2022"), []),
        (("meeting:lakes-forum-2019", "icn:host", "institution:lakes-hub"), ["The Hub was a host."]),
        (
            ("unidentified:institution--highmoor--lakes-forum-2019", "icn:ofState", "polity:highmoor"),
            ["An institution of Highmoor was a host."],
        ),
        (
            ("unidentified:institution--lakeland--lakes-academies", "icn:ofState", "polity:lakeland"),
            ["No institution of Lakeland is in the network."],
        ),
    ],
)
def test_claims_of_one_article_that_differ_are_told_apart(
    differing: Data, triple: tuple[str, str, str], says: list[str]
) -> None:
    """Where the graph alone would credit another claim of the article as well, the build wrote down which it was."""
    credits_ = claims_for(differing.store, Triple(*(NamedNode(expand(part)) for part in triple)))
    own = [details_of(differing.store, credit) for credit in credits_ if credit.graph == TWO_MINDS]
    assert says == [details.says["en"] for details in own]


def test_only_what_is_ambiguous_is_written_down(mini: Data, real: Data, differing: Data) -> None:
    """Records whose claims agree need no `icn:gives`; its statements stand in a graph of their own alone."""
    written = [list(each.store.quads_for_pattern(None, None, None, SUPPORT_GRAPH)) for each in (mini, real)]
    assert [[], []] == written
    quads = list(differing.store.quads_for_pattern(None, None, None, SUPPORT_GRAPH))
    triples = {str(quad.object) for quad in quads if quad.predicate.value == expand("rdf:predicate")}
    assert {f"<{expand(name)}>" for name in ("icn:joined", "icn:host")} < triples
    gives = NamedNode(expand("icn:gives"))
    assert 0 == len(list(differing.store.quads_for_pattern(None, gives, None, DefaultGraph())))
    assert all("#gives" in str(quad.object) for quad in nonempty(quads) if quad.predicate == gives)


# --- what else ----------------------------------------------------------------------------------------------------


def test_a_label_made_by_the_build_is_credited_to_no_claim(mini: Data) -> None:
    """A label in the graph of names is computed; that articles state the thing does not make them say its label."""
    labels = [quad.triple for quad in mini.store.quads_for_pattern(None, None, None, NamedNode(GRAPH + "names"))]
    about = NamedNode(expand("membership:lakes-hub--lakes-academies"))
    assert 4 == len([label for label in labels if label.subject == about])
    found = {label: evidence_for(mini.store, label) for label in labels}
    assert {("rule", (), (), ())} == {(e.kind, e.claims, e.premises, e.stated_in) for e in found.values()}


def test_a_dispute_rests_on_who_denies_and_who_asserts(mini: Data) -> None:
    """That something is disputed follows from both sides: both are credited."""
    disputed = mini.store.quads_for_pattern(None, NamedNode(expand("icn:disputed")), None, DefaultGraph())
    found = {shorten(str(q.subject).strip("<>")): evidence_for(mini.store, q.triple) for q in disputed}
    evidence = found["membership:lakes-hub--lakes-academies"]
    articles = [credit.graph.removeprefix(ARTICLE_GRAPH) for credit in evidence.credits()]
    assert ["2019-05-15-network-founded", "2022-01-hub-page"] == articles
    assert {"icn:denies", "rdf:type"} == {shorten(triple.predicate.value) for triple, _ in evidence.premises}


# --- readers ------------------------------------------------------------------------------------------------------

Told = dict[tuple[str, str], list[str]]
"""Property and value of a thing, as text -> the claims that a reader names for them, sorted."""


def told_by_explain(store: Store, thing: str) -> Told:
    """Take the claims that `explain` names."""
    statements = run(EmbeddedEngine(store), explain(thing)).statements
    return {(each.value.property, each.value.value): sorted(each.claims) for each in statements}


def told_by_sources(store: Store, thing: str) -> Told:
    """Take the claims that rows with `sources=1` name."""
    query = f"SELECT ?p ?o {{ <{thing}> ?p ?o }}"
    result = store.query(query)
    assert isinstance(result, QuerySolutions)
    rows = [tuple(solution) for solution in result]
    found = attribute(store, query, ["p", "o"], rows)
    assert isinstance(found, list)
    return {text(p, o): claims_in(row["statements"]) for (p, o), row in zip(rows, found, strict=True)}


def claims_in(statements: list[dict[str, Any]]) -> list[str]:
    """Name the claims of statements, those behind what they follow from too."""
    own = {shorten(claim["claim"]) for each in statements for claim in each.get("claims", [])}
    behind = {name for each in statements for name in claims_in(each.get("inferred", {}).get("from", []))}
    return sorted(own | behind)


def text(p: Any, o: Any) -> tuple[str, str]:
    """Write a property and a value as `explain` does."""
    return shorten(p.value), shorten(o.value) if isinstance(o, NamedNode) else convert_term(o).n3()


READERS = {"explain": told_by_explain, "sources": told_by_sources}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("data", "step"), [("mini", 1), ("real", 40), ("differing", 9)], indirect=["data"])
def test_all_readers_name_the_same_claims(data: Data, step: int, reader: str) -> None:
    """For every triple of the default graph, whoever tells of it names the claims that the one rule finds."""
    default = list(data.store.quads_for_pattern(None, None, None, DefaultGraph()))
    # A retired IRI is explained as the one that took its place.
    retired = {quad.subject for quad in default if quad.predicate.value == expand("dcterms:isReplacedBy")}
    subjects = {quad.subject for quad in default} - retired
    things = sorted(subject.value for subject in subjects if isinstance(subject, NamedNode))
    ours = [thing for thing in things if thing.startswith(ID)][::step]
    # Of dates and of the ontology, which no claim speaks of, a few stand for all.
    others = [thing for thing in things if not thing.startswith(ID)][:: 25 * step]
    assert ours
    assert others
    for thing in (*ours, *others):
        triples = [quad.triple for quad in data.store.quads_for_pattern(NamedNode(thing), None, None, DefaultGraph())]
        expected = {
            text(t.predicate, t.object): [
                shorten(name) for name in sorted({c.claim for c in evidence_for(data.store, t).credits()})
            ]
            for t in triples
        }
        told = READERS[reader](data.store, thing)
        assert told.keys() <= expected.keys(), thing
        # `explain` leaves out what it says in the heading, the names that the build made: no claim gives them.
        assert {key: claims for key, claims in expected.items() if claims} == {k: c for k, c in told.items() if c}, (
            thing
        )


# --- what is gathered ---------------------------------------------------------------------------------------------


def test_what_is_gathered_tells_the_same(data: Data, request: pytest.FixtureRequest) -> None:
    """For every triple about the things that were asked for, the small store has the evidence of the whole one."""
    engine = EmbeddedEngine(data.store)
    things = sorted({quad.subject.value for quad in data.store if isinstance(quad.subject, NamedNode)})
    # Things that lie apart stand in one batch, so that what a thing needs is not there because of its neighbours.
    is_real = request.node.callspec.params["data"] == "real"
    step, size = (37, 200) if is_real else (29, 25)
    chosen = [thing for first in range(step) for thing in things[first::step]]
    assert len(things) == len(chosen)
    found = 0
    for first in range(0, len(chosen), size):
        part = chosen[first : first + size]
        small, credited = run(engine, gather(part)), set[Credit]()
        for triple in nonempty(about(data.store, part)):
            expected = evidence_for(data.store, triple)
            assert expected == evidence_for(small, triple), triple
            assert supports_for(data.store, triple) == supports_for(small, triple)
            credited.update(expected.credits(), all_claims_for(data.store, triple))
        details = {credit: details_of(data.store, credit) for credit in credited}
        assert details == {credit: details_of(small, credit) for credit in credited}
        found += len(details)
    assert found, "there is a credit to tell"


def about(store: Store, things: Iterable[str]) -> Iterator[Triple]:
    """Go through all triples about some things, in whatever graph."""
    for thing in things:
        yield from {quad.triple for quad in store.quads_for_pattern(NamedNode(thing), None, None, None)}


def test_a_look_up_is_bounded() -> None:
    """However many things are asked for, no query is longer than its bound, and each says how much it reads."""
    work = gather(f"https://w3id.org/icn/id/meeting/{'x' * 200}{n}" for n in range(2000))
    queries = next(work)
    assert all(len(query.text) < 60_000 and "LIMIT 20000" in query.text for query in nonempty(queries))
    assert 2 <= len(list(in_parts(["x" * 30_000] * 2)))
    assert 400 == sum(query.text.count("/meeting/") for query in queries) / 2
