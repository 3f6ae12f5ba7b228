# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Rows with sources: each row of an answer names the claims that it rests on, exactly, or the answer says why not.

The golden fixture tells who says what (`tests/fixtures/mini/README.md`); articles are named by their date here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, Triple

from kgbuild.core.namespaces import (
    ARTICLE_GRAPH,
    GRAPH,
    ID,
    ONTOLOGY,
    PREFIXES,
    RDF_TYPE,
    expand,
    shorten,
    sparql_header,
)
from kgbuild.server.data import operations
from kgbuild.server.data.access import OPERATIONS
from kgbuild.support import derivation
from kgbuild.support import rows as attribution
from kgbuild.support.derivation import derive
from kgbuild.support.patterns import read_patterns
from kgbuild.support.rewriting import NotAttributableError, rewrite
from kgbuild.workers.protocol import DATA, END, FAULT, cut
from kgbuild.workers.request import Request
from kgbuild.workers.zygote import answer, find_handlers
from nonempty import nonempty
from serving import BROWSER, JSON, Served, mini_file, mini_nquads, serving

USED = (
    *("article", "claim", "date", "graph", "icn", "institution", "meeting", "membership", "network", "person"),
    *("feature", "polity", "rank", "rdf", "rdfs", "skos", "standing", "xsd"),
)
HEAD = sparql_header({prefix: PREFIXES[prefix] for prefix in USED})
FLAGSHIP = """SELECT DISTINCT ?academy ?joined WHERE {
  ?m icn:organization network:lakes-academies ; icn:member ?academy ; icn:joined ?d .
  ?academy a icn:Academy . ?d icn:year 2019 ; icn:edtf ?joined } ORDER BY ?academy"""
LAKELAND = "membership:lakeland-academy--lakes-academies"
RIVERMARK = "membership:rivermark-academy--lakes-academies"
HIGHMOOR = "membership:highmoor-school--lakes-academies"
DEPRECATED = "claim:2021-11-09-hub-anniversary--membership-f86aa0572f"
DENIAL = "claim:2022-01-hub-page--membership-a28a08f2b6"
ICN_CLAIMS = NamedNode(ONTOLOGY + "claims")
FOUNDED, MEMBERS, PROFILE, RETURNS = "2019-05-15", "2019-06-03", "2021-04-10", "2024-02-05"


@pytest.fixture(scope="module")
def store() -> Store:
    """Give the compiled fixture; no test changes it."""
    loaded = Store()
    loaded.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    return loaded


HANDLERS = find_handlers(OPERATIONS)


def asked(store: Store, query: str, *, sources: bool = True, results: str = JSON, **more: Any) -> dict[str, Any]:
    """Answer a query as a worker does; a fault comes as it is sent."""
    sent = bytearray()
    request = Request(HEAD + query, (results,), ("application/n-triples",), sources=sources, **more)
    answer(HANDLERS, store, request.pack(), sent.extend)
    frames = cut(sent)
    assert not sent
    kind, payload = frames[-1]
    if kind == FAULT:
        fault: dict[str, Any] = json.loads(payload)
        return fault
    assert END == kind
    body = b"".join(payload for kind, payload in frames if kind == DATA)
    table: dict[str, Any] = json.loads(body)
    return table


def sources(store: Store, query: str) -> list[dict[str, Any]]:
    """Ask for the sources of each row; the rows themselves must be those of the plain answer."""
    table = asked(store, query)
    found = table.pop("sources")
    assert table == asked(store, query, sources=False)
    assert isinstance(found, list), found
    assert len(table["results"]["bindings"]) == len(found)
    return found


def reason(store: Store, query: str, **more: Any) -> str:
    """Ask for sources that cannot be given: why."""
    found = asked(store, query, **more)["sources"]
    assert ["notAttributable"] == list(found)
    return str(found["notAttributable"])


def triple(statement: Mapping[str, Any]) -> str:
    """Write a statement's triple with our prefixes."""
    return " ".join(shorten(statement[part]["value"]) for part in ("subject", "predicate", "object"))


def voices(claims: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the articles of claims by their dates."""
    return [claim["article"].removeprefix(PREFIXES["article"])[:10] for claim in claims]


def credits_of(row: Mapping[str, Any]) -> dict[str, list[str] | str]:
    """Say for each pattern of a row who gives its triple: articles, or the name of another kind of evidence."""
    said: dict[str, list[str] | str] = {}
    for statement in row["statements"]:
        kind = next(name for name in ("claims", "article", "registry", "inferred", "unsourced") if name in statement)
        said[statement["pattern"]] = voices(statement["claims"]) if kind == "claims" else kind
    return said


def only(row: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """Pick the one statement of a pattern."""
    found: list[dict[str, Any]] = [each for each in row["statements"] if each["pattern"] == pattern]
    assert 1 == len(found), [each["pattern"] for each in row["statements"]]
    return found[0]


# --- who is credited ----------------------------------------------------------------------------------------------


def test_each_triple_of_the_flagship_has_its_own_sources(store: Store) -> None:
    """One article gives the day of joining, two say that the academy is a member; classes and dates have no article."""
    lakeland, rivermark = sources(store, FLAGSHIP)
    assert {
        "?m icn:organization network:lakes-academies": [FOUNDED, MEMBERS],
        "?m icn:member ?academy": [FOUNDED, MEMBERS],
        "?m icn:joined ?d": [MEMBERS],
        "?academy a icn:Academy": "registry",
        "?d icn:year 2019": "registry",
        "?d icn:edtf ?joined": "registry",
    } == credits_of(lakeland)
    assert [MEMBERS] == credits_of(rivermark)["?m icn:member ?academy"]


def test_statements_come_in_the_order_of_the_query(store: Store) -> None:
    """The patterns are listed as they are written, each with the triple that it matched."""
    lakeland, _ = sources(store, FLAGSHIP)
    assert [
        f"{LAKELAND} icn:organization network:lakes-academies",
        f"{LAKELAND} icn:member institution:lakeland-academy",
        f"{LAKELAND} icn:joined date:2019-05-14",
        "institution:lakeland-academy rdf:type icn:Academy",
        "date:2019-05-14 icn:year 2019",
        "date:2019-05-14 icn:edtf 2019-05-14",
    ] == [triple(statement) for statement in lakeland["statements"]]


def test_a_claim_is_told_with_paraphrase_and_positions(store: Store) -> None:
    """A credited claim brings its article, our words for it, and where the article says it."""
    (row,) = sources(store, "SELECT ?d { ?e icn:founded network:lakes-academies ; icn:happened ?d }")
    assert [
        {
            "article": expand("article:2019-05-15-network-founded"),
            "claim": expand("claim:2019-05-15-network-founded--change-e61ea55c3f"),
            "says": "The network was founded on the second day of the forum.",
            "positions": [[74, 150]],
            "inferred": False,
        }
    ] == only(row, "?e icn:happened ?d")["claims"]


def test_an_article_that_gave_a_losing_date_is_not_credited_for_the_date(store: Store) -> None:
    """Two articles say when the school joined; only the one whose day was kept stands behind that day."""
    (row,) = sources(store, f"SELECT ?d {{ {HIGHMOOR} icn:member ?x ; icn:joined ?d }}")
    assert {f"{HIGHMOOR} icn:member ?x": [PROFILE, RETURNS], f"{HIGHMOOR} icn:joined ?d": [RETURNS]} == credits_of(row)


def test_an_article_is_credited_by_its_claim_on_that_thing(store: Store) -> None:
    """An article with many claims on the network is credited by the one that is about the member asked for."""
    (row,) = sources(store, f"SELECT ?o {{ {LAKELAND} icn:organization ?o }}")
    assert [
        "The Lakeland Academy is in the network.",
        "The Lakeland Academy is a founding member since 14 May 2019.",
    ] == [claim["says"] for claim in row["statements"][0]["claims"]]


def test_a_deprecated_claim_is_never_credited(store: Store) -> None:
    """The withdrawn list also says that the academy is a member: nobody hears it, in whatever pattern."""
    query = "SELECT ?m ?p ?o { ?m icn:organization network:lakes-academies ; ?p ?o }"
    credited = {claim for row in sources(store, query) for claim in claims_in(row)}
    made = {
        quad.subject.value
        for quad in store.quads_for_pattern(None, ICN_CLAIMS, None, None)
        if isinstance(quad.subject, NamedNode) and str(quad.object).startswith(f"<{PREFIXES['membership']}")
    }
    assert {expand(DEPRECATED)} == made - credited
    # That a membership is disputed rests on the claim that denies it, too.
    assert {expand(DENIAL)} == credited - made


def test_class_and_standing_come_from_all_claims_on_a_situation(store: Store) -> None:
    """What follows from the kind of a claim is credited to each that makes it follow, as is what several state."""
    (row,) = sources(store, f"SELECT ?s {{ {LAKELAND} a icn:Membership ; icn:standing ?s }}")
    assert {
        f"{LAKELAND} a icn:Membership": [FOUNDED, MEMBERS],
        f"{LAKELAND} icn:standing ?s": [FOUNDED, MEMBERS],
    } == credits_of(row)


def test_an_inferred_identity_is_marked_on_its_property_alone(store: Store) -> None:
    """The curator inferred which academy is meant, not when it joined."""
    (row,) = sources(store, f"SELECT ?x ?d {{ {RIVERMARK} icn:member ?x ; icn:joined ?d }}")
    assert [True] == [claim["inferred"] for claim in only(row, f"{RIVERMARK} icn:member ?x")["claims"]]
    assert [False] == [claim["inferred"] for claim in only(row, f"{RIVERMARK} icn:joined ?d")["claims"]]


def test_a_resolved_placeholder_supports_with_its_own_value(store: Store) -> None:
    """Who spoke of an unnamed institution supports the named one, under a name of its own, where it says as much."""
    (row,) = sources(store, f"SELECT ?d ?r {{ {RIVERMARK} icn:joined ?d ; icn:feature ?r }}")
    (support,) = only(row, f"{RIVERMARK} icn:joined ?d")["supports"]
    assert [{"type": "uri", "value": expand("date:2019")}] == support["objects"]
    assert [FOUNDED] == voices([support])
    assert [[74, 150], [151, 216]] == support["positions"]
    assert expand("membership:unidentified-institution-rivermark--lakes-academies") == support["placeholder"]
    assert "supports" not in only(row, f"{RIVERMARK} icn:feature ?r")


def test_claims_of_one_article_that_differ_are_told_apart() -> None:
    """Where an article says two things of one, the build wrote down which claim says which."""
    made = one_article(one="icn:joined date:2019", two="icn:joined date:2020")
    for name, date in (("one", "2019"), ("two", "2020")):
        given = f"rdf:subject membership:a--b ; rdf:predicate icn:joined ; rdf:object date:{date}"
        node = f"<{expand(f'claim:{name}')}#gives0>"
        made.update(f"{HEAD}INSERT DATA {{ GRAPH graph:support {{ claim:{name} icn:gives {node} . {node} {given} }} }}")
    rows = sources(made, "SELECT ?d { ?m icn:joined ?d } ORDER BY ?d")
    assert [["one"], ["two"]] == [[claim["says"] for claim in row["statements"][0]["claims"]] for row in rows]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"one": "icn:joined date:2020", "two": "icn:joined date:2020"}, ["one", "two"]),
        ({"one": "icn:joined date:2019 , date:2020"}, ["one"]),
        ({"one": "icn:joined date:2020", "two": "icn:left date:2020"}, ["one"]),
        ({"one": "icn:joined date:2020", "two": "icn:joined date:2020 . claim:two icn:rank rank:deprecated"}, ["one"]),
    ],
)
def test_a_claim_is_credited_for_what_it_asserts(claims: dict[str, str], says: list[str]) -> None:
    """Of the claims of one article on one thing, those that give the property, and are not withdrawn, are named."""
    (row,) = sources(one_article(**claims), "SELECT ?d { ?m icn:joined ?d FILTER (?d = date:2020) }")
    told = row["statements"][0]["claims"]
    assert says == [claim["says"] for claim in told]


def test_a_spelling_is_credited_to_the_claim_on_its_bearer() -> None:
    """Two claims may name two things alike: the spelling of one is not the other's."""
    parties = {name: f"icn:member person:{name} . claim:{name} icn:namedAs 'Li'@en" for name in ("ann", "bob")}
    made = one_article(subject="membership:{name}--x", **parties)
    spelling = "person:ann skos:altLabel 'Li'@en"
    made.update(f"{HEAD}INSERT DATA {{ {spelling} GRAPH {GRAPH_X} {{ {spelling} }} }}")
    (row,) = sources(made, "SELECT ?x { ?x skos:altLabel ?name }")
    assert ["ann"] == [claim["says"] for claim in row["statements"][0]["claims"]]


GRAPH_X = f"<{ARTICLE_GRAPH}x>"


def one_article(subject: str = "membership:a--b", **claims: str) -> Store:
    """Make a graph of one article: claims by what they say, each with a property of the subject and its values."""
    made = Store()
    for name, says in claims.items():
        body = subject.format(name=name)
        turtle = f"""claim:{name} icn:claims {body} ; icn:asserts {says.split()[0]} ; icn:inArticle article:x ;
            icn:says "{name}"@en . {body} {says} ."""
        made.update(f"{HEAD}INSERT DATA {{ {turtle} GRAPH {GRAPH_X} {{ {turtle} }} }}")
    return made


# --- what no claim says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "evidence"),
    [
        ("institution:lakeland-academy rdfs:label ?x", "registry"),
        ("standing:guest skos:broader ?x", "registry"),
        ("icn:joined rdfs:subPropertyOf ?x", "registry"),
        ("date:2019-05-14 icn:earliest ?x", "registry"),
        ("article:2019-06-03-founding-members icn:published ?x", "article"),
        ("?x icn:inArticle article:2022-01-hub-page", ["2022-01-hu"]),
        ('person:ivo-brandt skos:altLabel "Иво Брандт"@ru', [RETURNS]),
        ("<https://w3id.org/icn/id/unidentified/institution--highmoor--lakes-academies> icn:ofState ?x", [FOUNDED]),
    ],
)
def test_what_is_no_value_of_a_situation(store: Store, pattern: str, evidence: list[str] | str) -> None:
    """Registry, articles' descriptions, claims themselves, spellings and unnamed parties have their own evidence."""
    (row,) = sources(store, f"SELECT * {{ {pattern} }}")
    assert [evidence] == list(credits_of(row).values())


@pytest.mark.parametrize(
    ("pattern", "premises"),
    [
        (f"{LAKELAND} icn:began ?x", {f"{LAKELAND} icn:joined date:2019-05-14": [MEMBERS]}),
        (
            f"{LAKELAND} a icn:Situation",
            {f"{LAKELAND} rdf:type icn:Membership": [FOUNDED, MEMBERS]},
        ),
        (
            "institution:lakes-hub a icn:Institution",
            {"institution:lakes-hub rdf:type icn:InternationalOrganization": "registry"},
        ),
        (
            f"{LAKELAND} icn:statedIn article:2019-05-15-network-founded",
            {f"claim:2019-05-15-network-founded--membership-8becef4a82 icn:claims {LAKELAND}": [FOUNDED]},
        ),
        (
            "meeting:lakes-summit-2020 icn:currentStatus ?x",
            {"meeting:lakes-summit-2020 icn:held date:2020-10-03": ["2020-10-15"]},
        ),
        (
            "?p icn:currentStatus <https://w3id.org/icn/vocabulary/status/adopted>",
            {
                "status:proposal--lakes-summit-2020--common-library--2021-02 icn:observed "
                "proposal:lakes-summit-2020--common-library": ["2021-03-02"],
                "status:proposal--lakes-summit-2020--common-library--2021-02 icn:status status-concept:adopted": [
                    "2021-03-02"
                ],
                "status:proposal--lakes-summit-2020--common-library--2021-02 icn:asOf date:2021-02": ["2021-03-02"],
            },
        ),
        (
            'institution:lakeland-academy skos:altLabel "Lakeland Staff College"@en',
            {
                "naming:lakeland-academy--fe98a22c icn:nameOf institution:lakeland-academy": ["2021-03-02"],
                "naming:lakeland-academy--fe98a22c icn:nameText Lakeland Staff College": ["2021-03-02"],
            },
        ),
        (
            "meeting:lakes-forum-2019 icn:possiblySameAs ?x",
            {"meeting:lakes-congress-2019 icn:possiblySameAs meeting:lakes-forum-2019": "registry"},
        ),
    ],
)
def test_what_was_computed_names_what_it_follows_from(
    store: Store, pattern: str, premises: dict[str, list[str] | str]
) -> None:
    """An inferred triple leads to the claims behind its premises, and to none that gave another value."""
    (row,) = sources(store, f"SELECT * {{ {pattern} }}")
    (statement,) = row["statements"]
    found = {
        triple(each): credits_of({"statements": [{"pattern": "", **each}]})[""]
        for each in statement["inferred"]["from"]
    }
    assert premises == found


@pytest.mark.parametrize(
    ("pattern", "articles"),
    [
        (f"{HIGHMOOR} icn:beganBy ?x", ["2021-04-10", "2024-02-05"]),
        (f"{RIVERMARK} icn:resolves ?x", [FOUNDED, MEMBERS]),
        (f"?d icn:onSubject {HIGHMOOR} ; icn:kept ?x", ["2021-04-10", "2024-02-05"]),
    ],
)
def test_what_was_computed_from_dates_names_who_states_the_situation(
    store: Store, pattern: str, articles: list[str]
) -> None:
    """Bounds, resolutions and disagreements follow from what several articles say together: these are named."""
    (row,) = sources(store, f"SELECT ?x {{ {pattern} }}")
    stated = row["statements"][-1]["inferred"]["statedIn"]
    assert articles == [iri.removeprefix(PREFIXES["article"])[:10] for iri in stated]


def test_a_bound_from_a_founding_names_who_states_the_founding(store: Store) -> None:
    """Nobody joins what is not founded: such a bound rests on the article that gives the day of founding."""
    query = "SELECT ?m { ?m icn:beganNotBefore ?day ; icn:organization/^icn:founded/icn:happened/icn:earliest ?day }"
    rows = sources(store, f"{query} ORDER BY ?m")
    assert rows
    for row in rows:
        bound, *_, happened, _ = row["statements"]
        assert {claim["article"] for claim in happened["claims"]} <= set(bound["inferred"]["statedIn"])


def test_every_triple_that_holds_has_evidence(store: Store) -> None:
    """Nothing in the default graph is without a source, and what an article says is not called a computation."""
    rows = sources(store, "SELECT ?s ?p ?o { ?s ?p ?o }")
    statements = [statement for row in rows for statement in row["statements"]]
    assert len(list(store.quads_for_pattern(None, None, None, DefaultGraph()))) == len(statements)
    assert [] == [triple(statement) for statement in statements if "unsourced" in statement]
    said = {quad.triple for quad in store if str(quad.graph_name).startswith(f"<{ARTICLE_GRAPH}")}
    told = {triple(statement) for statement in statements if "claims" in statement or "article" in statement}
    assert {
        " ".join(
            shorten(term.value) if isinstance(term, NamedNode) else str(getattr(term, "value", "")) for term in each
        )
        for each in said
        if Quad(*each) in store
    } == told


# --- what the query's parts contribute ----------------------------------------------------------------------------


def test_an_optional_contributes_where_it_matched(store: Store) -> None:
    """An OPTIONAL that found nothing contributes nothing; its row has no further source."""
    query = "SELECT ?m ?l { ?m icn:member institution:highmoor-school OPTIONAL { ?m icn:left ?l } } ORDER BY ?m"
    left, stays = sources(store, query)
    member = "?m icn:member institution:highmoor-school"
    assert {member: [PROFILE, RETURNS], "?m icn:left ?l": [RETURNS]} == credits_of(left)
    assert {member: [RETURNS]} == credits_of(stays)


def test_an_optional_whose_filter_failed_contributes_nothing(store: Store) -> None:
    """That its triple holds is not enough, even where it binds no variable that would tell: it must have matched."""
    member = "?m icn:member institution:highmoor-school"
    query = f"""SELECT ?m {{ ?m icn:joined ?d . ?m icn:statedIn article:2024-02-05-highmoor-returns
        OPTIONAL {{ {member} FILTER (?d = date:2024-01) }} }} ORDER BY ?m"""
    first, again = sources(store, query)
    assert (False, True) == (member in credits_of(first), member in credits_of(again))


def test_an_optional_in_an_optional(store: Store) -> None:
    """The inner one contributes only where both matched."""
    query = """SELECT ?m ?l ?r { ?m icn:member institution:highmoor-school
        OPTIONAL { ?m icn:left ?l OPTIONAL { ?m icn:endReason ?r } } } ORDER BY ?m"""
    left, stays = sources(store, query)
    member = "?m icn:member institution:highmoor-school"
    assert [member, "?m icn:left ?l", "?m icn:endReason ?r"] == list(credits_of(left))
    assert [member] == list(credits_of(stays))


def test_only_the_branches_of_a_union_that_matched_contribute(store: Store) -> None:
    """Branches with the same variables are told apart, even where all that differs is a filter."""
    query = """SELECT DISTINCT ?x { { ?x icn:held ?d FILTER (?d = date:2020-10-03) }
        UNION { ?x icn:held ?d ; icn:venue ?p FILTER (?d != date:2020-10-03) }
        UNION { ?x icn:planned ?d FILTER (?x != meeting:lakes-summit-2020 || ?d = date:2021) } } ORDER BY ?x"""
    forum, held, announced = sources(store, query)
    assert ["?x icn:held ?d", "?x icn:venue ?p"] == list(credits_of(forum))
    assert ["?x icn:held ?d"] == list(credits_of(held))
    assert ["?x icn:planned ?d"] == list(credits_of(announced))


def test_a_row_of_several_branches_rests_on_each(store: Store) -> None:
    """DISTINCT makes one row of two solutions: what either rests on is listed."""
    query = "SELECT DISTINCT ?x { { ?x icn:held ?d } UNION { { ?x icn:planned ?d } UNION { ?x icn:nothing ?d } } }"
    rows = sources(store, f"{query} ORDER BY ?x")
    assert [["?x icn:held ?d"], ["?x icn:held ?d", "?x icn:planned ?d"], ["?x icn:planned ?d"]] == [
        list(credits_of(row)) for row in rows
    ]


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("icn:joined/icn:year", [f"{LAKELAND} icn:joined date:2019-05-14", "date:2019-05-14 icn:year 2019"]),
        ("^icn:observed/icn:nothing|icn:joined", [f"{LAKELAND} icn:joined date:2019-05-14"]),
        ("icn:member/^icn:holder/icn:office", [
            f"{LAKELAND} icn:member institution:lakeland-academy",
        ]),
        ("icn:member/^icn:institution/icn:holder", [
            f"{LAKELAND} icn:member institution:lakeland-academy",
            "tenure:mira-oslan--head-of-institution--lakeland-academy icn:institution institution:lakeland-academy",
            "tenure:mira-oslan--head-of-institution--lakeland-academy icn:holder person:mira-oslan",
        ]),
        ("(icn:joined|icn:left)/(icn:year|icn:edtf)", [
            f"{LAKELAND} icn:joined date:2019-05-14",
            "date:2019-05-14 icn:edtf 2019-05-14",
            "date:2019-05-14 icn:year 2019",
        ]),
        ("^(icn:member/^icn:statedIn)", []),
    ],
)  # fmt: skip
def test_a_path_is_taken_apart_into_its_steps(store: Store, path: str, steps: list[str]) -> None:
    """Sequences, inverses and alternatives are shown as the triples that they went over."""
    rows = sources(store, f"SELECT DISTINCT ?x {{ {LAKELAND} {path} ?x }}")
    found = {triple(statement) for row in rows for statement in row["statements"]}
    assert set(steps if rows else []) == found
    assert bool(rows) == bool(found)


def test_nodes_without_a_name_are_found_again(store: Store) -> None:
    """Brackets and labels of blank nodes stand for nodes that the row does not show; their triples are listed."""
    (row,) = sources(
        store, "SELECT ?x { [ icn:member ?x ; icn:joined [ icn:year 2021 ] ] icn:feature|icn:standing ?s }"
    )
    assert [
        f"{HIGHMOOR} icn:member institution:highmoor-school",
        f"{HIGHMOOR} icn:joined date:2021-03-01",
        "date:2021-03-01 icn:year 2021",
        f"{HIGHMOOR} icn:standing standing:member",
    ] == [triple(statement) for statement in row["statements"]]
    (labelled,) = sources(store, "SELECT ?x { _:m icn:member ?x . _:m icn:left _:d . _:d icn:year 2022 }")
    assert [f"{HIGHMOOR} icn:member institution:highmoor-school", f"{HIGHMOOR} icn:left date:2022-06-30"] == [
        triple(statement) for statement in labelled["statements"]
    ][:2]


def test_a_node_without_a_name_may_be_several(store: Store) -> None:
    """One row stands for all the nodes that fit: each is listed."""
    (row,) = sources(store, "SELECT DISTINCT ?o { [] icn:member institution:highmoor-school ; icn:organization ?o }")
    assert {HIGHMOOR, f"{HIGHMOOR}--2024"} == {triple(statement).split()[0] for statement in row["statements"]}


def test_a_variable_property_is_credited_by_its_value(store: Store) -> None:
    """`?p` is each property in its row, with that property's sources."""
    query = f"SELECT ?p ?v {{ {LAKELAND} ?p ?v FILTER (?p IN (icn:joined, icn:feature, icn:member)) }} ORDER BY ?p"
    assert [[MEMBERS], [MEMBERS], [FOUNDED, MEMBERS]] == [
        credits_of(row)[f"{LAKELAND} ?p ?v"] for row in sources(store, query)
    ]


def test_filters_and_computed_columns_need_no_source(store: Store) -> None:
    """FILTER, BIND, VALUES and expressions in SELECT choose and compute; what rests on articles is the patterns."""
    query = """SELECT (UCASE(STR(?e)) AS ?loud) ?two { VALUES ?x { institution:lakes-hub institution:nobody }
        ?m icn:member ?x ; icn:joined/icn:edtf ?e . BIND (1 + 1 AS ?two) FILTER (STRSTARTS(?e, "2019")) }"""
    (row,) = sources(store, query)
    assert [
        "membership:lakes-hub--lakes-academies icn:member institution:lakes-hub",
        "membership:lakes-hub--lakes-academies icn:joined date:2019",
        "date:2019 icn:edtf 2019",
    ] == [triple(statement) for statement in row["statements"]]


def test_values_after_the_pattern(store: Store) -> None:
    """A VALUES block at the end narrows the rows and changes nothing else."""
    query = "SELECT ?x { ?m icn:member ?x } LIMIT 3 VALUES ?m { membership:lakes-hub--lakes-academies }"
    (row,) = sources(store, query)
    assert {"?m icn:member ?x": [FOUNDED]} == credits_of(row)


def test_a_query_without_patterns(store: Store) -> None:
    """A row that rests on nothing says so; an answer without rows has no sources."""
    assert [{"statements": []}] == sources(store, "SELECT (1 AS ?one) {}")
    assert [] == sources(store, "SELECT ?x { ?x icn:nothing ?y }")
    assert [] == sources(store, "SELECT ?x { ?x icn:joined ?y } LIMIT 0")


def test_relative_iris_are_relative_to_the_endpoint(store: Store) -> None:
    """Both parsers read a relative IRI alike: against the base that the endpoint gives, or the query's own."""
    base, query = ID, "SELECT ?d { <membership/lakes-hub--lakes-academies> icn:joined ?d }"
    given = asked(store, query, base=base)["sources"]
    own = sources(store, query.replace("SELECT", f"BASE <{base}> SELECT"))
    assert ["membership:lakes-hub--lakes-academies icn:joined date:2019"] == [triple(given[0]["statements"][0])]
    assert given == own


def test_rows_that_are_alike_share_their_sources(store: Store) -> None:
    """Without DISTINCT a row comes as often as it was found; nobody could tell its copies apart."""
    first, second = sources(store, "SELECT ?x { ?m icn:member ?x . FILTER (?x = institution:highmoor-school) }")
    assert first == second
    assert 2 == len(first["statements"])


def test_a_limited_row_is_not_given_the_sources_of_another(store: Store) -> None:
    """The school left once and came back: the row of its leaving says nothing of the time after."""
    query = "SELECT ?x ?l { ?m icn:member ?x OPTIONAL { ?m icn:left ?l } } ORDER BY DESC(?l) LIMIT 1"
    (row,) = sources(store, query)
    assert {"?m icn:member ?x": [PROFILE, RETURNS], "?m icn:left ?l": [RETURNS]} == credits_of(row)
    assert [HIGHMOOR, HIGHMOOR] == [triple(statement).split()[0] for statement in row["statements"]]


@pytest.mark.parametrize("distinct", ["", "DISTINCT", "REDUCED"])
@pytest.mark.parametrize("part", ["LIMIT 3", "LIMIT 2 OFFSET 1", "OFFSET 4", "LIMIT 100"])
def test_a_part_of_an_answer_has_the_sources_of_the_whole(store: Store, distinct: str, part: str) -> None:
    """LIMIT and OFFSET choose among rows; a row that is shown has the sources it has among all of them."""
    query = f"SELECT {distinct} ?x ?l {{ ?m icn:member ?x OPTIONAL {{ ?m icn:left ?l }} }} ORDER BY ?x ?l"
    whole = {
        json.dumps(b): s for b, s in zip(asked(store, query)["results"]["bindings"], sources(store, query), strict=True)
    }
    table = asked(store, f"{query} {part}")
    assert table["results"]["bindings"]
    assert [whole[json.dumps(binding)] for binding in table["results"]["bindings"]] == table["sources"]


def test_limited_rows_are_found_again_whatever_they_hold() -> None:
    """Quotes, line ends, backslashes, languages, types and blank nodes come back to their rows."""
    made = Store()
    rows = [
        '"say \\"so\\"\\n\\\\u0041"',
        '"да"@ru',
        '"2019-05"^^xsd:gYearMonth',
        "1.50",
        "true",
        "_:b",
        "[]",
        "<urn:x>",
    ]
    made.update(f"{HEAD}INSERT DATA {{ <urn:s> <urn:p> {', '.join(rows)} }}")
    found = sources(made, "SELECT ?o { ?s <urn:p> ?o } LIMIT 7")
    assert [1] * 7 == [len(row["statements"]) for row in found]
    assert all(statement["unsourced"] for row in found for statement in row["statements"])


# --- what is not there --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "absent",
    [
        "FILTER NOT EXISTS { ?m icn:joined ?d }",
        "FILTER (!EXISTS { ?m icn:joined ?d })",
        "FILTER (?x != institution:lakes-hub && NOT EXISTS { ?m icn:joined ?d OPTIONAL { ?d icn:year ?y } })",
        "MINUS { ?m icn:joined ?d }",
        "OPTIONAL { ?m icn:joined ?d } FILTER (!BOUND(?d))",
    ],
)
def test_a_row_may_rest_on_absence(store: Store, absent: str) -> None:
    """Whatever is said to be missing has no source: the row is marked, and its positive part has sources."""
    rows = sources(store, f"SELECT ?x {{ ?m icn:member ?x {absent} }} ORDER BY ?x")
    assert [{"?m icn:member ?x": [PROFILE]}] * 2 == [credits_of(row) for row in rows]
    assert [True, True] == [row["absence"] for row in rows]


def test_absence_counts_in_its_branch_alone(store: Store) -> None:
    """A row of another branch, or one whose OPTIONAL matched or is not looked at, does not rest on absence."""
    query = """SELECT ?x { { ?m icn:left ?x } UNION { ?m icn:member ?x FILTER NOT EXISTS { ?m icn:joined ?d } } }"""
    marks = {credit: row.get("absence") for row in sources(store, query) for credit in credits_of(row)}
    assert {"?m icn:left ?x": None, "?m icn:member ?x": True} == marks
    seen = "SELECT ?x ?l { ?m icn:member ?x OPTIONAL { ?m icn:left ?l FILTER (?l != date:2019) } }"
    assert {None} == {row.get("absence") for row in sources(store, seen)}
    shown = "SELECT (COALESCE(?l, 0) AS ?end) { ?m icn:member ?x OPTIONAL { ?m icn:left ?l } }"
    assert [None] + [True] * 8 == sorted((row.get("absence") for row in sources(store, shown)), key=bool)


@pytest.mark.parametrize(
    ("pattern", "absent"),
    [
        ("MINUS { ?q icn:left ?y }", "none"),  # shares no variable, and takes nothing away
        ("MINUS { ?m icn:left ?y }", "all"),
        ("OPTIONAL { ?m icn:left ?l MINUS { ?m icn:endReason ?r } }", "none"),  # no other left without a reason
        ("OPTIONAL { ?m icn:left ?l } MINUS { ?q icn:started ?l }", "all"),
        ("OPTIONAL { ?m icn:left ?l } OPTIONAL { ?m icn:left ?l }", "none"),
        ("OPTIONAL { ?m icn:left ?l } OPTIONAL { ?m icn:joined ?l }", "joined"),
        ("OPTIONAL { ?m icn:joined ?d OPTIONAL { ?m icn:left ?l } FILTER (!BOUND(?l)) }", "joined"),
        ("OPTIONAL { ?m icn:joined ?d OPTIONAL { ?m icn:left ?l FILTER (?l != ?d) } }", "none"),
        ("{ ?m icn:feature ?r OPTIONAL { ?m icn:left ?l } } UNION { ?m icn:left ?l FILTER (?l != 1) }", "none"),
    ],
)
def test_absence_is_told_of_the_rows_that_rest_on_it(store: Store, pattern: str, absent: str) -> None:
    """MINUS counts where it shares a bound variable, an OPTIONAL that found nothing where something looks at it."""
    table = asked(store, f"SELECT * {{ ?m icn:member ?x {pattern} }}")
    rows = table["results"]["bindings"]
    assert rows
    # The second OPTIONAL, or the outer one, was matched because the first, or the inner one, was not.
    joined = ["d" in row or ("l" in row and row["m"]["value"] != expand(HIGHMOOR)) for row in rows]
    expected = {"none": [False] * len(rows), "all": [True] * len(rows), "joined": joined}[absent]
    assert expected == [row.get("absence", False) for row in table["sources"]]


@pytest.mark.parametrize(
    "part",
    [
        "FILTER (!?z)",
        "FILTER (!false)",
        "FILTER (BOUND(?z) && !?z)",
        "FILTER (!(!?y))",
        "FILTER (!BOUND(?y) || ?y)",
        "FILTER (-?y < 1)",
        "BIND (!?d AS ?e)",
    ],
)
def test_a_filter_that_denies_is_followed(store: Store, part: str) -> None:
    """A `!` before a variable, a constant or a bracket is no test of what exists."""
    numbers = "BIND (STRLEN(STR(?d)) AS ?y) BIND (?y - ?y AS ?z)"
    rows = nonempty(sources(store, f"SELECT ?x {{ ?m icn:member ?x ; icn:joined ?d {numbers} {part} }}"))
    assert [] == [row for row in rows if "absence" in row]


def test_an_order_needs_no_source(store: Store) -> None:
    """What the rows are sorted by, an EXISTS as well, is nothing that they rest on."""
    rows = sources(store, "SELECT ?x { ?m icn:member ?x } ORDER BY EXISTS { ?m icn:left ?y }")
    assert {"?m icn:member ?x"} == {pattern for row in rows for pattern in credits_of(row)}


def test_a_variable_of_exists_is_one_of_its_group(store: Store) -> None:
    """What EXISTS finds under a name that its group does not bind is not what the same name is elsewhere."""
    query = "SELECT ?m ?y { { ?m icn:member ?x FILTER EXISTS { ?m icn:left ?y } } ?z icn:held ?y }"
    rows = sources(store, query)
    assert rows
    for row in rows:
        assert f"{HIGHMOOR} icn:left date:2022-06-30" == triple(only(row, "?m icn:left ?y"))
    shared = "SELECT ?m { { ?m icn:member ?x OPTIONAL { ?m icn:left ?y } FILTER EXISTS { ?m icn:left ?y } } ?z ?p ?y }"
    assert "may bind as well" in reason(store, shared)


def test_a_triple_that_a_path_crosses_twice_is_listed_once(store: Store) -> None:
    """From a member to the network and back to the same member: one triple."""
    query = f"SELECT ?x {{ {LAKELAND} icn:member/^icn:member ?x FILTER (?x = {LAKELAND}) }}"
    (row,) = sources(store, query)
    assert [f"{LAKELAND} icn:member institution:lakeland-academy"] == [triple(each) for each in row["statements"]]


@pytest.mark.parametrize(
    "pattern", ["?x ^(^icn:joined) ?y", "?y ^(icn:joined|icn:left) ?x", '?x icn:joined "456."^^xsd:decimal']
)
def test_a_pattern_reads_back_as_it_was_written(pattern: str) -> None:
    """The text of a pattern is SPARQL: a path turned twice keeps its brackets, a number its type."""
    query = f"SELECT * {{ {{ ?x icn:joined ?y }} UNION {{ {pattern} }} }}"
    derived = read_patterns(rewrite(HEAD + query).text)[0]
    texts = {step.place[1] for piece in derived for way in piece.ways for step in way}
    assert {"?x icn:joined ?y", pattern.replace("xsd:decimal", f"<{PREFIXES['xsd']}decimal>")} == texts


def test_what_cannot_be_followed_is_no_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while rows are led back, the rows are answered, with a reason; but for want of memory."""

    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(attribution, "derive", fail)
    assert "KeyError" in reason(store, FLAGSHIP)


def test_what_must_exist_is_listed(store: Store) -> None:
    """A row rests on what FILTER EXISTS found, though the row does not show it."""
    (row,) = sources(store, "SELECT ?x { ?m icn:member ?x FILTER EXISTS { ?m icn:left/icn:year ?y } }")
    assert ["?m icn:member ?x", "?m icn:left/icn:year ?y"] == list(credits_of(row))
    assert "absence" not in row


# --- what cannot be led back --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("SELECT (COUNT(*) AS ?n) { ?m icn:joined ?d }", "counts or groups"),
        ("SELECT ?d (COUNT(?m) AS ?n) { ?m icn:joined ?d } GROUP BY ?d", "counts or groups"),
        ("SELECT ?d { ?m icn:joined ?d } GROUP BY ?d HAVING (COUNT(?m) > 1)", "counts or groups"),
        ("SELECT ?d { ?m icn:joined ?d { SELECT ?m { ?m icn:left ?l } } }", "sub-SELECT"),
        ("SELECT ?d { ?m icn:joined ?d OPTIONAL { SELECT ?m { ?m icn:left ?l } } }", "sub-SELECT"),
        ("SELECT ?x { ?x rdfs:subClassOf* icn:Actor }", "path with *"),
        ("SELECT ?x { ?x rdfs:subClassOf+ icn:Actor }", "path with *"),
        ("SELECT ?x { ?x rdfs:subClassOf? icn:Actor }", "path with *"),
        ("SELECT ?x { ?x icn:member/!icn:ofState ?y }", "path with *"),
        ("SELECT ?d { GRAPH ?g { ?m icn:joined ?d } }", "GRAPH"),
        ("SELECT ?s FROM graph:dates { ?s ?p ?o }", "FROM"),
        ("SELECT ?x { ?m icn:member ?x FILTER (?x = 1 || EXISTS { ?m icn:left ?l }) }", "inside an expression"),
        ("SELECT ?x { ?m icn:member ?x FILTER (?x = 1 || NOT EXISTS { ?m icn:left ?l }) }", "inside an expression"),
        ("SELECT ?x { ?m icn:member ?x BIND (EXISTS { ?m icn:left ?l } AS ?e) }", "inside an expression"),
        (
            "SELECT ?x { ?m icn:member ?x FILTER EXISTS { ?m icn:left ?l FILTER (?l != ?x) } }",
            "more than triple patterns",
        ),
        ('SELECT ?x { ?m icn:member ?x FILTER (STR(?x) != "\\u0041") }', "escapes"),
        ("SELECT ?x { ?m icn:member ?x OPTIONAL { ?x icn:a ?kgbuild_branch_1 } }", "kgbuild_branch_"),
        ("SELECT ?x { ?m " + "/".join(["(icn:member|icn:a)"] * 9) + " ?x }", "more than 256 ways"),
    ],
)
def test_why_an_answer_has_no_sources(store: Store, query: str, part: str) -> None:
    """What cannot be followed exactly is not guessed: the answer comes whole, with the reason."""
    assert part in reason(store, query)
    plain = asked(store, query, sources=False)
    assert plain == {name: part for name, part in asked(store, query).items() if name != "sources"}


@pytest.mark.parametrize("function", ["RAND()", "STRUUID()", "BNODE()"])
def test_an_answer_that_differs_each_time_has_no_sources(store: Store, function: str) -> None:
    """The second run must give the rows of the first."""
    assert "other rows" in reason(store, f"SELECT ?x ?r {{ ?m icn:member ?x BIND ({function} AS ?r) }}")


def test_chosen_graphs_have_no_sources(store: Store) -> None:
    """Sources are found for the default graph that resolution made, not for one that a request puts together."""
    said = reason(store, "SELECT ?x { ?m icn:member ?x }", default_graphs=(GRAPH + "dates", GRAPH + "entities"))
    assert "chooses the graphs" in said


@dataclass(frozen=True)
class Tampered:
    """An answer that is not the query's."""

    query: str
    change: Any


@pytest.mark.parametrize(
    "tampered",
    [
        Tampered("SELECT ?x { ?m icn:member ?x }", lambda rows: rows[1:]),
        Tampered("SELECT ?x { ?m icn:member ?x }", lambda rows: [*rows, rows[0]]),
        Tampered("SELECT ?x { ?m icn:member ?x }", lambda rows: [*rows[1:], (NamedNode("urn:x"),)]),
        Tampered("SELECT DISTINCT ?x { ?m icn:member ?x }", lambda rows: [*rows, rows[0]]),
        Tampered("SELECT REDUCED ?x { ?m icn:member ?x }", lambda rows: rows[1:]),
        Tampered("SELECT ?x { ?m icn:member ?x } ORDER BY ?x", lambda rows: rows[::-1]),
        Tampered("SELECT DISTINCT ?x { ?m icn:member ?x } ORDER BY ?x", lambda rows: rows[::-1]),
        Tampered("SELECT ?x { ?m icn:member ?x } LIMIT 20", lambda rows: [*rows[1:], (NamedNode("urn:x"),)]),
        Tampered("SELECT ?x { ?m icn:member ?x } LIMIT 20", lambda rows: [*rows, rows[0]]),
    ],
)
def test_the_rows_found_again_must_be_the_rows_given(store: Store, tampered: Tampered) -> None:
    """One row too many, too few, another one or another order: no sources, rather than sources of something else."""
    result = store.query(HEAD + tampered.query)
    assert isinstance(result, QuerySolutions)
    rows = [tuple(solution) for solution in result]
    assert len(rows) == len(derive(store, HEAD + tampered.query, ["x"], rows))
    with pytest.raises(NotAttributableError, match="other rows"):
        derive(store, HEAD + tampered.query, ["x"], tampered.change(rows))


def test_large_answers_have_a_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bounds of rows, solutions, matches, statements and bytes the answer is whole, without sources."""
    query = "SELECT ?x { ?m icn:member ?x }"
    triples = "SELECT ?s { ?s ?p ?o . ?s ?q ?r }"
    for place, bound, what, part in (
        (operations, "SOLUTIONS", query, "more than 8 rows"),
        (operations, "LARGEST_TABLE", query, "rows have more than 8 bytes"),
        (derivation, "SOLUTIONS", query, "more than 8 solutions"),
        (derivation, "SOLUTIONS", f"{triples} LIMIT 2", "more than 8 solutions"),
        (derivation, "MATCHES", "SELECT ?x { [] icn:member ?x ; ?p [] }", "more than 8 ways"),
        (attribution, "STATEMENTS", query, "more than 8 triples"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(place, bound, 8)
            table = asked(store, what)
        assert part in table.pop("sources")["notAttributable"]
        assert asked(store, what, sources=False) == table


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (f'FILTER (STR(?x) != "{"a" * 20_000}")', "more than 20,000 characters"),
        ("{ " * 60 + "?m icn:member ?x" + " }" * 60, "cannot read it"),
    ],
)
def test_what_the_second_parser_cannot_take_has_a_reason(store: Store, part: str, why: str) -> None:
    """A query that the endpoint answers, and that is too long or too deep to be followed, is answered all the same."""
    query = f"SELECT ?x {{ ?m icn:member ?x {part} }}"
    assert why in reason(store, query)
    assert 9 == len(asked(store, query)["results"]["bindings"])


# --- how sources are asked for ------------------------------------------------------------------------------------


def test_sources_come_as_json_only(store: Store) -> None:
    """Other formats have no room for them: 406, with the format that has."""
    for results in ("text/csv", "text/tab-separated-values", "application/sparql-results+xml"):
        fault = asked(store, FLAGSHIP, results=results)
        assert (406, "not-acceptable", [JSON]) == (fault["status"], fault["kind"], fault["extra"]["available"])


@pytest.mark.parametrize("query", ["ASK { ?s ?p ?o }", "CONSTRUCT WHERE { ?s icn:left ?o }", "DESCRIBE icn:joined"])
def test_only_tables_have_sources(store: Store, query: str) -> None:
    """A boolean or a graph has no rows: 400, saying so."""
    fault = asked(store, query)
    assert (400, "sources-for-select-only") == (fault["status"], fault["kind"])
    assert "SELECT" in fault["detail"]


def test_the_rewritten_query_shows_all_it_binds() -> None:
    """Comments, strings, IRIs, names and variables that look like keywords or braces stay what they are."""
    text = """PREFIX union: <urn:x#> # SELECT { UNION
        select distinct ?a (STRLEN("} LIMIT 5") AS ?n) where { ?a union:optional ?select.optional{?a ?b $c # }
        } FILTER (?b != '{' && ?a < 3) } order by ?n limit 5 offset 1"""
    rewritten = rewrite(text)
    shown = "?kgbuild_branch_ ?kgbuild_branch_1 ?a ?select ?b ?c"
    assert f'select {shown} (STRLEN("}} LIMIT 5") AS ?n) ' == rewritten.head[rewritten.head.index("select") :]
    assert text[text.index("{ ?a") : text.index(" order")] == rewritten.pattern.replace(
        " BIND(1 AS ?kgbuild_branch_1) ", "", 1
    )
    assert rewritten.pattern.endswith("BIND(1 AS ?kgbuild_branch_1) } FILTER (?b != '{' && ?a < 3) }")
    assert "order by ?n" == rewritten.tail.strip()
    assert ("DISTINCT", True, True) == (rewritten.modifier, rewritten.is_ordered, rewritten.is_limited)


# --- any query ----------------------------------------------------------------------------------------------------

Pattern = tuple[Any, Any, Any]
Solution = dict[str, Any]
MANY = 1500
"""Solutions beyond which the oracle takes too long for a test."""


@dataclass
class Part:
    """A part of the fixture that a naive join can go over: what holds of memberships and of what they name."""

    store: Store
    triples: list[Triple]
    near: dict[Any, list[Triple]]

    def candidates(self, pattern: Pattern, bound: Solution) -> list[Triple]:
        """List triples that may match: those with the subject or object that is known, else all."""
        for slot in (pattern[0], pattern[2]):
            term = bound.get(slot) if isinstance(slot, str) else slot
            if term is not None:
                return self.near.get(term, [])
        return self.triples

    def match(self, patterns: Sequence[Pattern], bound: Solution) -> Iterator[tuple[Solution, list[Triple]]]:
        """Join patterns naively."""
        if not patterns:
            yield bound, []
            return
        for each in self.candidates(patterns[0], bound):
            more = dict(bound)
            parts = zip(patterns[0], (each.subject, each.predicate, each.object), strict=True)
            if all((more.setdefault(slot, term) if isinstance(slot, str) else slot) == term for slot, term in parts):
                for solution, rest in self.match(patterns[1:], more):
                    yield solution, [each, *rest]


@pytest.fixture(scope="module")
def part(store: Store) -> Part:
    """Cut a part out of the fixture's default graph; its other graphs stay whole."""
    about = [PREFIXES[kind] for kind in ("membership", "institution", "network", "unidentified")]
    held = {
        quad.triple
        for quad in store.quads_for_pattern(None, None, None, DefaultGraph())
        if isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(tuple(about))
    }
    cut = Store()
    cut.extend(quad for quad in store if quad.graph_name != DefaultGraph() or quad.triple in held)
    near: dict[Any, list[Triple]] = {}
    for each in sorted(held, key=str):
        for term in dict.fromkeys((each.subject, each.object)):
            near.setdefault(term, []).append(each)
    return Part(cut, sorted(held, key=str), near)


@dataclass
class Drawn:
    """Draws patterns that have an answer: triples of the part, with variables in place of some of their terms."""

    draw: st.DataObject
    part: Part
    names: dict[Any, str]
    """Term -> the variable in its place, the same in all patterns of a query."""

    def patterns(self, start: Triple) -> list[Pattern]:
        """Draw up to three patterns that hang together."""
        chosen = [start]
        for _ in range(self.draw.draw(st.integers(0, 2))):
            ends = [term for each in chosen for term in (each.subject, each.object)]
            chosen.append(self.draw.draw(st.sampled_from([each for end in ends for each in self.part.near[end]])))
        return [(self.slot(t.subject, 7), self.slot(t.predicate, 2), self.slot(t.object, 6)) for t in chosen]

    def slot(self, term: Any, often: int) -> Any:
        """Draw a variable for a term in `often` of ten cases."""
        if term not in self.names and self.draw.draw(st.integers(0, 9)) < often:
            self.names[term] = f"?v{len(self.names)}"
        return self.names.get(term, term)


def written(patterns: Iterable[Pattern]) -> str:
    """Write patterns for a query."""
    return " . ".join(" ".join(map(str, pattern)) for pattern in patterns)


def joined(
    part: Part, form: str, left: list[Pattern], right: list[Pattern]
) -> tuple[str, list[tuple[Solution, list[Triple]]]]:
    """Write two groups of patterns as one, and solve it naively: each solution with the triples it rests on."""
    lefts = list(islice(part.match(left, {}), MANY))
    if form == "union":
        body = f"{{ {written(left)} }} UNION {{ {written(right)} }}"
        return body, [*lefts, *islice(part.match(right, {}), MANY)]
    if form == "optional":
        body = f"{written(left)} OPTIONAL {{ {written(right)} }}"
        further = [(s, t, list(islice(part.match(right, s), MANY)) or [(s, [])]) for s, t in lefts]
        return body, [(more, [*t, *matched]) for _, t, found in further for more, matched in found]
    return written(left), lefts


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_query_rests_on_what_a_naive_join_finds(part: Part, data: st.DataObject) -> None:
    """The triples of each row are those of a naive join, no more and no fewer; and their evidence is in the graphs."""
    drawn = Drawn(data, part, {})
    start = data.draw(st.sampled_from(part.triples))
    left, right = drawn.patterns(start), drawn.patterns(start)
    body, solutions = joined(part, data.draw(st.sampled_from(("plain", "optional", "union"))), left, right)
    if len(solutions) >= MANY:
        return
    variables = sorted(
        {slot for pattern in (*left, *right) for slot in pattern if str(slot) in body and slot in VARIABLES}
    )
    columns = [v for v in variables if data.draw(st.booleans())] or variables[:1]
    modifiers = data.draw(st.sampled_from(("", "DISTINCT"))), data.draw(st.sampled_from(("", "LIMIT 7", "OFFSET 2")))
    table = asked(part.store, f"SELECT {modifiers[0]} {' '.join(columns) or '*'} {{ {body} }} {modifiers[1]}")
    expected: dict[tuple[Any, ...], set[str]] = {}
    for solution, matched in solutions:
        expected.setdefault(tuple(solution.get(c) for c in columns), set()).update(map(str, matched))
    rows = [tuple(term_of(binding.get(c[1:])) for c in columns) for binding in table["results"]["bindings"]]
    found = [{check_statement(part.store, each) for each in row["statements"]} for row in table["sources"]]
    assert [expected[row] for row in rows] == found
    if not modifiers[1]:
        assert set(expected) == set(rows)


VARIABLES = {f"?v{n}" for n in range(30)}


def term_of(given: Mapping[str, str] | None) -> NamedNode | Literal | None:
    """Read a term of the results' JSON."""
    if given is None or given["type"] == "uri":
        return NamedNode(given["value"]) if given else None
    if "xml:lang" in given:
        return Literal(given["value"], language=given["xml:lang"])
    return Literal(given["value"], datatype=NamedNode(given.get("datatype", PREFIXES["xsd"] + "string")))


def check_statement(store: Store, statement: Mapping[str, Any]) -> str:
    """Hold a statement's evidence against the graphs, and write its triple.

    The triple stands in the default graph.  Each credited claim is in a graph that holds the triple, is about its
    subject (or names it, if that is an unidentified party) and asserts its property, and is not deprecated.
    """
    s, p, o = (term_of(statement[part]) for part in ("subject", "predicate", "object"))
    assert isinstance(s, NamedNode)
    assert isinstance(p, NamedNode)
    assert o is not None
    assert Quad(s, p, o) in store
    for credited in statement.get("claims", []):
        claim = NamedNode(credited["claim"])
        graph = NamedNode(credited["article"].replace(ID + "article/", ARTICLE_GRAPH))
        assert Quad(s, p, o, graph) in store
        if s.value.startswith(PREFIXES["unidentified"]):
            bodies = [quad.object for quad in store.quads_for_pattern(claim, ICN_CLAIMS, None, graph)]
            assert any(quad.subject in bodies for quad in store.quads_for_pattern(None, None, s, graph))
        else:
            assert Quad(claim, ICN_CLAIMS, s, graph) in store
            is_derived = p.value in (RDF_TYPE, ONTOLOGY + "standing")
            assert is_derived or Quad(claim, NamedNode(ONTOLOGY + "asserts"), p, graph) in store
        rank = NamedNode(ONTOLOGY + "rank")
        assert Quad(claim, rank, NamedNode(expand("rank:deprecated")), graph) not in store
    return str(Triple(s, p, o))


def claims_in(part: Any) -> Iterator[str]:
    """Go through all claims that are named anywhere in a row's sources."""
    if isinstance(part, dict):
        if isinstance(part.get("claim"), str):
            yield part["claim"]
        for each in part.values():
            yield from claims_in(each)
    elif isinstance(part, list):
        for each in part:
            yield from claims_in(each)


# --- over HTTP, in a worker ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the golden fixture."""
    folder = tmp_path_factory.mktemp("attribution")
    with serving(folder, mini_file(folder)) as running:
        yield running


def test_a_worker_finds_sources_without_opening_a_file(served: Served, store: Store) -> None:
    """In a worker, which can open nothing, every kind of query part gives what it gives here."""
    queries = (
        FLAGSHIP,
        'SELECT ?x { ?m icn:member ?x ; ^icn:claims/icn:says ?s FILTER (REGEX(?s, "academ", "i") && LANG(?s) = "en") }',
        "BASE <https://w3id.org/icn/id/> SELECT ?d { <membership/lakes-hub--lakes-academies> icn:joined ?d }",
        "SELECT ?x { VALUES (?x ?y) { (institution:lakes-hub UNDEF) } { ?m icn:member ?x } UNION { ?x a ?y } }",
        "SELECT ?x { ?m icn:member ?x FILTER NOT EXISTS { ?m icn:joined ?d } MINUS { ?m icn:left ?l } } LIMIT 1",
        'SELECT ?x { ?x icn:latest "2019-05-14"^^xsd:date ; icn:year 2019 FILTER (1.5 < 2e0) }',
        'SELECT ?x { ?x icn:year 2019 FILTER ("x"^^xsd:integer = 1 || "P1Y"^^xsd:duration = ?y || 1 = 1) }',
        'SELECT ?x { ?x icn:latest ?d FILTER (?d > "2019-99-99"^^xsd:date || ?d < "2019-05-15"^^xsd:date) }',
        "SELECT (COUNT(*) AS ?n) { ?x a+ ?y }",
        "SELECT ?x { ?x a|^a|!a ?y }",
    )
    for query in nonempty(queries):
        answered = served.get({"query": HEAD + query, "sources": "1"})
        assert 200 == answered.status_code, answered.text
        assert asked(store, query) == answered.json()
    without = served.get({"query": HEAD + FLAGSHIP, "sources": "0"}).json()
    assert "sources" not in without
    assert served.is_well()


def test_sources_are_asked_for_over_http(served: Served) -> None:
    """`sources=1` goes with GET and with a form; what cannot have sources is refused with its status."""
    parameters = {"query": HEAD + FLAGSHIP, "sources": "1"}
    by_get, by_form = served.get(parameters), served.request("POST", data=parameters)
    assert by_get.json() == by_form.json()
    assert 2 == len(by_get.json()["sources"])
    assert by_get.content == served.get(parameters).content
    assert JSON == served.get(parameters, "text/csv, application/sparql-results+json;q=0.1").headers["Content-Type"]
    assert 406 == served.get(parameters, "text/csv").status_code
    refused = served.get({"query": "ASK {}", "sources": "1"})
    expected = ("https://w3id.org/icn/problem/sources-for-select-only", "Only a SELECT comes with sources", 400)
    assert expected == tuple(refused.json()[member] for member in ("type", "title", "status"))
    assert 400 == refused.status_code


def test_the_page_shows_sources_without_scripts(served: Served) -> None:
    """Each row can be opened to its articles, paraphrases and positions; the form remembers what was asked."""
    page = served.get({"query": HEAD + FLAGSHIP, "sources": "1"}, BROWSER).text
    assert 2 == page.count("<summary>Sources</summary>")
    assert '<a href="/doc/article/2019-06-03-founding-members"' in page
    assert "The Lakeland Academy is a founding member since 14 May 2019." in page
    assert "[74, 150) [151, 216)" in page
    assert "Who is meant was inferred by the curator." in page
    assert "from the registry" in page
    assert 'name="sources" value="1" checked' in page
    assert "<script" not in page
    links = [link.partition('"')[0] for link in page.split('<a href="/sparql?')[1:]][:4]
    assert [False, False, True, False] == ["sources=1" in link for link in links]
    assert ["format=csv", "format=tsv", "format=json", "format=xml"] == [link.rpartition("&amp;")[2] for link in links]


@pytest.mark.parametrize("query", ["SELECT * {", "ASK {}", "SELECT * { SERVICE <urn:x> {} }"])
def test_the_page_of_a_problem_keeps_the_wish_for_sources(served: Served, query: str) -> None:
    """Whoever mends a query gets the form as he sent it, by GET or POST: with sources only if he asked for them."""
    ticked, plain = 'name="sources" value="1" checked>', 'name="sources" value="1">'
    for sent in (
        served.get({"query": query, "sources": "1"}, BROWSER),
        served.request("POST", accept=BROWSER, data={"query": query, "sources": "1"}),
    ):
        assert (4, True, False) == (sent.status_code // 100, ticked in sent.text, plain in sent.text)
    assert plain in served.get({"query": "SELECT * {"}, BROWSER).text


def test_the_page_without_sources(served: Served) -> None:
    """Unasked there are none; asked in vain, the page says why; computed triples and absence are in words."""
    plain = served.ask(HEAD + FLAGSHIP, BROWSER).text
    assert "<details>" not in plain
    assert 'name="sources" value="1">' in plain
    assert 'name="sources" value="1">' in served.get({}, BROWSER).text
    counted = {"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "sources": "1"}
    assert "counts or groups" in served.get(counted, BROWSER).text
    computed = f"SELECT * {{ {HIGHMOOR} icn:began ?b ; icn:beganBy ?c FILTER NOT EXISTS {{ ?c icn:year 1 }} }}"
    page = served.get({"query": HEAD + computed, "sources": "1"}, BROWSER).text
    assert "computed from" in page
    assert "what it is about is stated in" in page
    assert "rests on something that is not in the graph" in page
