# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Dereferencing (https://www.w3.org/TR/cooluris/): every IRI has an answer, bounded, in every format, by HTTP's rules.

The data are the mini fixture and what it lacks: a hub, a chain of retired ids, a withdrawn one, an id in Cyrillic.
"""

from __future__ import annotations

import json
import os
import re
import signal
import unicodedata
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import rdflib
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, parse
from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS, SKOS, VOID

from kgbuild.core.namespaces import BASE, ID, ONTOLOGY, SITUATION_KINDS, expand
from kgbuild.server.data.thing_description import LARGEST, PER_PAGE, describe
from kgbuild.server.http.negotiation import SHORT_NAMES
from kgbuild.server.pages.rendering import local_path
from kgbuild.sparql.query_error import QueryError
from nonempty import nonempty
from serving import BROWSER, Served, mini_file, mini_nquads, serving, workers, zygote

ICN = rdflib.Namespace(ONTOLOGY)
OA = rdflib.Namespace("http://www.w3.org/ns/oa#")
HYDRA = rdflib.Namespace("http://www.w3.org/ns/hydra/core#")
MEDIA_TYPES = {
    "ttl": "text/turtle",
    "nt": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdf": "application/rdf+xml",
    "trig": "application/trig",
    "html": "text/html",
}
NETWORK = f"{ID}network/lakes-academies"
SINO = "person/Си-Чунтао"
HUB_MEMBERS = 2 * PER_PAGE + 7
VARY = "Accept, Accept-Language, Accept-Encoding"


def _extra() -> str:
    lines = []
    for old, new in (("first", "mira-ostlan"), ("loop-a", "loop-b"), ("loop-b", "loop-a")):
        lines.append(f"person:{old} owl:deprecated true ; dcterms:isReplacedBy person:{new} .")
    lines.append('person:nobody owl:deprecated true ; skos:changeNote "The record was about somebody else."@en .')
    lines.append(f'<{ID}{SINO}> a icn:Person ; rdfs:label "Си Чунтао"@ru .')
    lines += [
        f"membership:m{number:04}--hub a icn:Membership ; icn:member institution:m{number:04} ; "
        f'icn:organization network:hub . institution:m{number:04} a icn:Academy ; rdfs:label "M{number}"@en .'
        for number in range(HUB_MEMBERS)
    ]
    lines.append('network:hub a icn:Network ; rdfs:label "Hub"@en .')
    prefixes = {
        "icn": ONTOLOGY,
        "owl": "http://www.w3.org/2002/07/owl#",
        "dcterms": str(DCTERMS),
        "rdfs": str(RDFS),
        "skos": str(SKOS),
        **{kind: f"{ID}{kind}/" for kind in ("person", "membership", "institution", "network")},
    }
    return "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in prefixes.items()) + "\n".join(lines)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write the data."""
    folder = tmp_path_factory.mktemp("things")
    extra = folder / "extra.ttl"
    extra.write_text(_extra(), encoding="utf-8")
    return mini_file(folder), extra


@pytest.fixture(scope="module")
def things(files: tuple[Path, Path]) -> Iterator[Served]:
    """Serve the data as files."""
    with serving(files[0].parent, *files) as served:
        yield served


@pytest.fixture(scope="module")
def store(files: tuple[Path, Path]) -> Store:
    """Hold the same data, to compare with."""
    held = Store()
    held.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    held.bulk_load(path=str(files[1]), format=RdfFormat.TURTLE)
    return held


@pytest.fixture(scope="module")
def held(store: Store) -> set[tuple[str, str, str, str]]:
    """Write the same data so that they can be compared."""
    return {_ground(quad) for quad in store}


def fetch(served: Served, path: str, accept: str | None = None, method: str = "GET", **headers: str) -> Any:
    """Send a request without following redirects; no Accept header where it is None."""
    sent: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Accept": accept, "Accept-Encoding": None, **sent}
    return requests.request(method, served.address + path, headers=sent, timeout=60, allow_redirects=False)


def fetch_raw(served: Served, path: str) -> tuple[int, dict[str, str], bytes]:
    """Send a path as it is: clients take dots and needless escapes out."""
    answer = served.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}, body


def read(answer: requests.Response) -> set[tuple[Any, ...]]:
    """Read the triples of an answer, by rdflib, whichever graph they stand in."""
    media_type = answer.headers["Content-Type"].partition(";")[0]
    dataset = rdflib.Dataset()
    dataset.parse(data=answer.content, format=media_type)
    return {(s, p, o) for s, p, o, _ in dataset.quads((None, None, None, None))}


def graph_of(served: Served, path: str) -> rdflib.Graph:
    """Parse a document in Turtle."""
    answer = fetch(served, path, "text/turtle")
    assert 200 == answer.status_code, answer.text
    return rdflib.Graph().parse(data=answer.text, format="turtle")


def links(answer: requests.Response) -> list[dict[str, str]]:
    """Read a Link header."""
    return requests.utils.parse_header_links(answer.headers["Link"])


def iris_by_kind() -> dict[str, str]:
    """Choose one thing of each kind in the mini fixture: its kind -> its IRI."""
    found: dict[str, set[str]] = {}
    held = Store()
    held.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    for quad in held:
        for term in (quad.subject, quad.object, quad.graph_name):
            if not isinstance(term, NamedNode) or not term.value.startswith(BASE) or "#" in term.value:
                continue
            parts = term.value.removeprefix(BASE).split("/")
            kind = parts[1] if parts[0] == "id" else f"{parts[0]}-{len(parts)}"
            retired = next(held.quads_for_pattern(term, NamedNode(f"{DCTERMS}isReplacedBy"), None, None), None)
            if kind == "membership" and not any(held.quads_for_pattern(term, None, None, DefaultGraph())):
                continue  # only a deprecated claim tells of it
            if kind not in ("dataset-1", "icon.svg-1", "ontology-1", "ontology-2") and retired is None:
                found.setdefault(kind, set()).add(term.value)
    return {kind: min(iris) for kind, iris in sorted(found.items())}


KINDS = iris_by_kind()


# --- every kind of thing, in every format -------------------------------------------------------------------------


def test_the_fixture_has_most_kinds_of_things() -> None:
    """The cases below are not a few by chance."""
    assert {"article", "claim", "disagreement", "unidentified", "network", "person", "polity"} <= set(KINDS)
    assert {"date-2", "vocabulary-2", "vocabulary-3", "graph-2", "graph-3"} <= set(KINDS)
    assert len(set(KINDS) & set(SITUATION_KINDS)) > 8


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_thing_is_described_in_every_format(things: Served, kind: str) -> None:
    """Each format parses, tells of the thing, has the same triples, and is the same by Accept as by suffix."""
    iri = KINDS[kind]
    path = local_path(iri)
    found = {}
    for suffix, media_type in MEDIA_TYPES.items():
        answer = fetch(things, f"{path}.{suffix}")
        assert 200 == answer.status_code, answer.text
        assert media_type == answer.headers["Content-Type"].partition(";")[0]
        negotiated = fetch(things, path, media_type)
        assert (answer.content, answer.headers["ETag"]) == (negotiated.content, negotiated.headers["ETag"])
        assert f"{path}.{suffix}" == answer.headers["Content-Location"] == negotiated.headers["Content-Location"]
        if suffix == "html":
            assert iri in answer.text or kind.startswith("graph")
        else:
            found[suffix] = read(answer)
    assert 3 < len(found["nt"]) <= LARGEST
    assert dict.fromkeys(found, found["nt"]) == found
    if not kind.startswith("graph"):
        assert rdflib.URIRef(iri) in {term for s, _, o in found["nt"] for term in (s, o)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_each_kind_leads_to_its_data(things: Served, kind: str) -> None:
    """Each link to a format gives a browser too that format: what it accepts must not decide there."""
    text = fetch(things, local_path(KINDS[kind]), BROWSER).text
    (listed,) = re.findall(r'<p class="downloads">(.*?)</p>', text, re.DOTALL)
    found = dict(reversed(pair) for pair in re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', listed))
    types = {"Turtle": "ttl", "N-Triples": "nt", "JSON-LD": "jsonld", "RDF/XML": "rdf"}
    assert set(types) < set(found)
    for name, suffix in nonempty(types.items()):
        answer = fetch(things, unescape(found[name]), BROWSER)
        assert (200, SHORT_NAMES[suffix]) == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("graph")])
def test_a_description_holds_all_of_the_thing_itself(things: Served, store: Store, kind: str) -> None:
    """Whatever the resolved view says of it, and every link that leads to it, since there is one page of these."""
    node, default = NamedNode(KINDS[kind]), DefaultGraph()
    expected = list(store.quads_for_pattern(node, None, None, default))
    expected += store.quads_for_pattern(None, None, node, default)
    graph = rdflib.Graph()
    for quad in expected:
        graph.parse(data=f"{quad.triple} .", format="nt")
    described = graph_of(things, local_path(KINDS[kind]))
    assert len(expected) > 0
    assert [] == [triple for triple in graph if triple not in described]


def test_every_iri_of_a_description_is_dereferenced(things: Served) -> None:
    """Follow your nose: whatever of ours the flagship's description names has an answer."""
    graph = graph_of(things, "/doc/network/lakes-academies")
    named = {str(term).partition("#")[0] for triple in graph for term in triple if str(term).startswith(BASE)}
    mine = sorted(iri for iri in named if iri not in (f"{BASE}dataset",) and not iri.startswith(f"{BASE}doc/"))
    answers = {iri: fetch(things, iri.removeprefix(BASE[:-1])).status_code for iri in mine}
    assert len(mine) > 40
    assert {} == {iri: status for iri, status in answers.items() if status not in (200, 303)}


def test_the_turtle_of_a_network_answers_who_joined_when_and_who_says_so(things: Served) -> None:
    """One document is enough for the flagship question: memberships, dates, claims, positions, articles, names."""
    graph = graph_of(things, "/doc/network/lakes-academies")
    query = """SELECT ?name ?year ?says ?title ?url ?publisher WHERE {
      ?m icn:organization $network ; icn:member ?who ; icn:joined/icn:year ?year .
      ?who rdfs:label ?name ; a icn:Academy .
      ?claim icn:claims ?m ; icn:asserts icn:joined ; icn:says ?says ; icn:inArticle ?article .
      ?article rdfs:label ?title ; schema:url ?url ; dcterms:publisher/rdfs:label ?publisher .
    }"""
    prefixes = {"icn": ICN, "oa": OA, "schema": rdflib.Namespace("https://schema.org/"), "dcterms": DCTERMS}
    bound = {"network": rdflib.URIRef(NETWORK)}
    rows = list(graph.query(query, initNs={**prefixes, "rdfs": RDFS}, initBindings=bound))
    assert len(rows) >= 3
    assert 2019 in {row.year.toPython() for row in rows}  # type: ignore[union-attr]
    founding = rdflib.URIRef(f"{ID}change/lakes-academies--founding")
    positions = {
        (int(str(graph.value(selector, OA.start))), int(str(graph.value(selector, OA.end))))
        for claim in graph.subjects(ICN.claims, founding)
        for target in graph.objects(claim, OA.hasTarget)
        for selector in graph.objects(target, OA.hasSelector)
    }
    assert {(74, 150)} == positions


def test_statuses_denials_and_disagreements_about_a_situation_come_with_it(things: Served, store: Store) -> None:
    """What is observed or denied of a membership, and how sources disagree on it, comes with its network."""
    graph = graph_of(things, "/doc/network/lakes-academies")
    about = [NamedNode(ONTOLOGY + name) for name in ("observed", "onSubject", "denies")]
    situations = set(graph.subjects(ICN.organization, rdflib.URIRef(NETWORK)))
    expected = {
        str(quad.subject)[1:-1]
        for situation in situations
        for p in about
        for quad in store.quads_for_pattern(None, p, NamedNode(str(situation)), DefaultGraph())
    }
    assert {"denial", "disagreement"} <= {iri.removeprefix(ID).partition("/")[0] for iri in expected}
    for iri in expected:
        assert graph.value(rdflib.URIRef(iri), RDF.type) is not None, iri


def test_neighbours_have_their_names_in_every_language_and_their_classes(things: Served, store: Store) -> None:
    """A reader needs no second request to write a name."""
    graph = graph_of(things, "/doc/network/lakes-academies")
    label = NamedNode(str(RDFS.label))
    missing = []
    for term in {o for o in graph.objects() if isinstance(o, rdflib.URIRef)}:
        for quad in store.quads_for_pattern(NamedNode(str(term)), label, None, DefaultGraph()):
            name = rdflib.Literal(quad.object.value, lang=quad.object.language)  # type: ignore[union-attr]
            if (term, RDFS.label, name) not in graph or graph.value(term, RDF.type) is None:
                missing.append((term, name))
    assert [] == missing


def test_an_article_comes_with_its_claims_their_bodies_and_its_graph(things: Served, store: Store) -> None:
    """What the article says, in a graph of its own where the format has room for one."""
    article = "2019-05-15-network-founded"
    dataset = rdflib.Dataset()
    dataset.parse(data=fetch(things, f"/doc/article/{article}.trig").content, format="trig")
    name = f"{BASE}graph/article/{article}"
    recorded = set(store.quads_for_pattern(None, None, None, NamedNode(name)))
    assert len(recorded) == len(dataset.graph(rdflib.URIRef(name))) > 20
    default = dataset.default_graph
    claims = list(default.subjects(ICN.inArticle, rdflib.URIRef(f"{ID}article/{article}")))
    assert len(claims) > 1
    for claim in claims:
        for body in nonempty(default.objects(claim, ICN.claims)):
            assert next(dataset.quads((body, RDF.type, None, None)), None) is not None, body


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("graph")])
def test_trig_shows_in_which_graphs_each_statement_stands(
    things: Served, held: set[tuple[str, str, str, str]], kind: str
) -> None:
    """Each statement of the data stands in every graph in which the data have it, and in no other."""
    answer = fetch(things, f"{local_path(KINDS[kind])}.trig")
    told = {_ground(quad) for quad in parse(answer.content, format=RdfFormat.TRIG)}
    statements = {quad[:3] for quad in held}
    described = {quad[:3] for quad in told}
    expected = {quad for quad in held if quad[:3] in described}
    assert expected == {quad for quad in told if quad[:3] in statements}
    assert len({quad[3] for quad in told}) > 1
    assert answer.content != fetch(things, f"{local_path(KINDS[kind])}.ttl").content


def _ground(quad: Quad) -> tuple[str, str, str, str]:
    """Write a quad so that it can be compared: parsers give blank nodes names of their own."""
    terms = (quad.subject, quad.predicate, quad.object)
    subject, predicate, object_ = ("_:" if isinstance(term, BlankNode) else str(term) for term in terms)
    return subject, predicate, object_, str(quad.graph_name)


def test_a_deprecated_claim_is_described_from_its_article_alone(things: Served) -> None:
    """It is not in the resolved view, and its IRI has an answer all the same."""
    iri = rdflib.URIRef(f"{ID}claim/2021-11-09-hub-anniversary--membership-f86aa0572f")
    graph = graph_of(things, local_path(str(iri)))
    assert f"{BASE}vocabulary/rank/deprecated" == str(graph.value(iri, ICN["rank"]))
    body = graph.value(iri, ICN.claims)
    assert graph.value(body, RDF.type) is not None


def test_a_concept_says_how_often_it_is_used(things: Served, store: Store) -> None:
    """Counted by property, whatever the page shows."""
    concept = rdflib.URIRef(f"{BASE}vocabulary/standing/member")
    graph = graph_of(things, "/vocabulary/standing/member")
    uses = graph.value(predicate=DCTERMS.subject, object=concept)
    counted = {
        str(graph.value(part, VOID.property)): int(str(graph.value(part, VOID.triples)))
        for part in graph.objects(uses, VOID.propertyPartition)
    }
    expected: dict[str, int] = {}
    for quad in store.quads_for_pattern(None, None, NamedNode(str(concept)), DefaultGraph()):
        expected[quad.predicate.value] = expected.get(quad.predicate.value, 0) + 1
    assert expected == counted != {}


def test_a_graph_is_the_graph(things: Served, store: Store) -> None:
    """Nothing is added to what an article's record asserts."""
    name = f"{BASE}graph/article/2019-05-15-network-founded"
    expected = {quad.triple for quad in store.quads_for_pattern(None, None, None, NamedNode(name))}
    held = Store()
    held.load(fetch(things, local_path(name), "application/trig").content, format=RdfFormat.TRIG)
    assert {Quad(t.subject, t.predicate, t.object, NamedNode(name)) for t in expected} == set(held)
    assert len(expected) == len(read(fetch(things, f"{local_path(name)}.ttl")))


def test_whatever_is_named_in_the_data_has_a_bounded_description(store: Store) -> None:
    """Each IRI of ours, as subject, object or graph: its own triples are all there, or it is retired."""
    default = DefaultGraph()
    terms = {term for quad in store for term in (quad.subject, quad.object, quad.graph_name)}
    iris = sorted(term.value for term in terms if isinstance(term, NamedNode) and term.value.startswith(BASE))
    retired = []
    for iri in nonempty(iris):
        try:
            found = set(describe(store, iri).triples())
        except QueryError as refused:
            retired.append((iri.removeprefix(f"{ID}person/"), refused.status))
            continue
        own = {quad.triple for quad in store.quads_for_pattern(NamedNode(iri), None, None, default)}
        assert own <= found, iri
        assert len(found) < 4000, iri
    assert len(iris) > 600
    assert [("first", 301), ("loop-a", 301), ("loop-b", 301), ("mira-ostlan", 301), ("nobody", 410)] == retired


def test_the_flagship_is_answered_by_one_document(site: Served) -> None:
    """The academies that joined the China-Central Asia network in 2023, from the address of the network alone."""
    graph = rdflib.Graph().parse(f"{site.address}/id/network/china-central-asia-academies")
    query = """SELECT DISTINCT ?who WHERE { ?m icn:organization $network ; icn:member ?who ; icn:joined/icn:year 2023 .
      ?who a icn:Academy . ?claim icn:claims ?m ; icn:inArticle/schema:url ?url }"""
    bound = {"network": rdflib.URIRef(f"{ID}network/china-central-asia-academies")}
    spaces = {"icn": ICN, "schema": rdflib.Namespace("https://schema.org/")}
    rows = graph.query(query, initNs=spaces, initBindings=bound)
    found = {str(row.who).rpartition("/")[2] for row in rows}  # type: ignore[union-attr]
    assert {"acs-tm", "apa-kg", "apa-kz", "apa-tj", "apa-uz", "nag-china"} == found


# --- hubs are paged -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".jsonld"])
def test_a_hub_has_pages_that_lead_to_one_another(things: Served, suffix: str) -> None:
    """Every membership is on exactly one page, and the links of RFC 8288 lead through all of them and back."""
    path, seen, pages = f"/doc/network/hub{suffix}", list[str](), 0
    before = ""
    while path:
        answer = fetch(things, path)
        found = {link["rel"]: link["url"] for link in links(answer)}
        assert before == found.get("prev", "")
        members = {str(s).rpartition("/")[2] for s, p, _ in read(answer) if p == ICN.organization}
        assert 0 < len(members) <= PER_PAGE
        seen += sorted(members)
        before, path, pages = path, found.get("next", ""), pages + 1
    assert 3 == pages
    assert [f"m{number:04}--hub" for number in range(HUB_MEMBERS)] == seen


def test_people_see_a_hub_on_one_page(things: Served) -> None:
    """The page has no second one, whatever number is asked for."""
    answers = [fetch(things, f"/doc/network/hub.html{end}") for end in ("", "?page=2", "?page=99")]
    assert 1 == len({answer.content for answer in answers})
    for answer in answers:
        assert not {"prev", "next"} & {link["rel"] for link in links(answer)}
        assert "/doc/network/hub.html" == answer.headers["Content-Location"]


def test_a_page_tells_how_many_things_there_are(things: Served) -> None:
    """The document has the total, its licence, and where it goes on, for who reads no headers."""
    graph = graph_of(things, "/doc/network/hub?page=2")
    document = graph.value(predicate=FOAF.primaryTopic, object=rdflib.URIRef(f"{ID}network/hub"))
    assert f"{BASE}doc/network/hub" == str(document)
    assert HUB_MEMBERS == graph.value(document, HYDRA.totalItems).toPython()  # type: ignore[union-attr]
    view = graph.value(document, HYDRA.view)
    assert (f"{document}?page=2", "Page 2 of 3") == (str(view), str(graph.value(view, RDFS.label)))
    assert (view, RDF.type, HYDRA.PartialCollectionView) in graph
    others = {"first": 1, "previous": 1, "next": 3, "last": 3}
    for name, number in nonempty(others.items()):
        assert f"{document}?page={number}" == str(graph.value(view, HYDRA[name])), name
    assert graph.value(document, DCTERMS.license) is not None


def test_pages_go_by_kind(store: Store) -> None:
    """What the ontology shows first comes first, kind by kind, and no page has two kinds in turn."""
    held = Store()
    held.extend(store)
    names = [f"{ID}{kind}/k{number}--hub" for number in range(PER_PAGE) for kind in ("accession", "tenure")]
    for class_, order in (("Tenure", 1), ("Accession", 2), ("Membership", 3)):
        held.add(Quad(NamedNode(ONTOLOGY + class_), NamedNode(f"{ONTOLOGY}displayOrder"), Literal(order)))
    hub, leads = NamedNode(f"{ID}network/hub"), NamedNode(f"{ONTOLOGY}organization")
    for name in names:
        class_ = name.removeprefix(ID).partition("/")[0].title()
        held.add(Quad(NamedNode(name), NamedNode(str(RDF.type)), NamedNode(ONTOLOGY + class_)))
        held.add(Quad(NamedNode(name), leads, hub))
    kinds = []
    for page in range(1, describe(held, hub.value).pages + 1):
        triples = describe(held, hub.value, page).said
        kinds.append({str(t.subject).removeprefix(f"<{ID}").partition("/")[0] for t in triples if t.predicate == leads})
    assert [{"tenure"}, {"accession"}, *[{"membership"}] * 3] == kinds


@pytest.mark.parametrize(("page", "status"), [("4", 404), ("0", 400), ("x", 400), ("9" * 99, 400), ("1", 200)])
def test_a_page_that_there_is_not(things: Served, page: str, status: int) -> None:
    """Beyond the last 404, and what is no number 400."""
    assert status == fetch(things, f"/doc/network/hub?page={page}").status_code


def test_what_is_read_for_a_page_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bound holds by itself: of links that are looked at, and of triples on a page."""
    monkeypatch.setattr("kgbuild.server.data.thing_description.SCANNED", 60)
    assert 60 == describe(store, f"{ID}network/hub").total
    monkeypatch.setattr("kgbuild.server.data.thing_description.LARGEST", 100)
    found = list(describe(store, f"{ID}network/hub").triples())
    assert 90 < len(found) <= 110  # what tells of the document is always there


# --- 303, 301, 410, 404 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?page=2", "?lang=ru&x=%D0%90"])
def test_a_thing_leads_to_its_document(things: Served, query: str) -> None:
    """303, the query kept; the same for whoever asks."""
    for accept in (None, "text/turtle", BROWSER):
        answer = fetch(things, f"/id/network/lakes-academies{query}", accept)
        assert (303, b"") == (answer.status_code, answer.content)
        assert f"/doc/network/lakes-academies{query}" == answer.headers["Location"]


def test_rdflib_follows_an_iri_to_its_triples(things: Served) -> None:
    """A consumer that knows nothing of us."""
    graph = rdflib.Graph().parse(f"{things.address}/id/network/lakes-academies")
    assert (rdflib.URIRef(NETWORK), RDF.type, ICN.Network) in graph
    assert len(set(graph.subjects(ICN.organization, rdflib.URIRef(NETWORK)))) > 5


@pytest.mark.parametrize(
    ("path", "successor"),
    [
        ("/id/person/mira-ostlan", "/id/person/mira-oslan"),
        ("/doc/person/mira-ostlan", "/doc/person/mira-oslan"),
        ("/doc/person/mira-ostlan.rdf?lang=ru", "/doc/person/mira-oslan.rdf?lang=ru"),
        ("/doc/person/first", "/doc/person/mira-oslan"),
        ("/id/participation/lakes-summit-2020--mira-ostlan", "/id/participation/lakes-summit-2020--mira-oslan"),
        (
            "/doc/tenure/first--head-of-institution--lakeland-academy.ttl",
            "/doc/tenure/mira-oslan--head-of-institution--lakeland-academy.ttl",
        ),
    ],
)
def test_a_retired_id_leads_to_its_successor(things: Served, path: str, successor: str) -> None:
    """Also through a chain, and inside the id of a situation; the suffix and the query are kept."""
    answer = fetch(things, path)
    assert (301, successor) == (answer.status_code, answer.headers["Location"])
    assert 404 != fetch(things, successor).status_code


def test_ids_that_replace_each_other_end(things: Served) -> None:
    """A mistake in the data is no endless loop here."""
    assert 301 == fetch(things, "/doc/person/loop-a").status_code


@pytest.mark.parametrize("base", ["id", "doc"])
def test_what_was_withdrawn_is_gone(things: Served, base: str) -> None:
    """410 with the reason, to programs and to people."""
    answer = fetch(things, f"/{base}/person/nobody", "text/turtle")
    assert (410, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    assert "about somebody else" in answer.json()["detail"]
    assert f"{BASE}problem/gone" == answer.json()["type"]
    page = fetch(things, f"/{base}/person/nobody", BROWSER)
    assert 410 == page.status_code
    assert "about somebody else" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/id/network/lake-academies",
        "/doc/network/lake-academies",
        "/doc/network/lake-academies.ttl",
        "/vocabulary/standing/membr",
    ],
)
def test_an_unknown_id_has_near_ones(things: Served, path: str) -> None:
    """404, and what may have been meant, as addresses that have an answer."""
    answer = fetch(things, path)
    assert 404 == answer.status_code
    near = answer.json()["near"]
    assert all(fetch(things, each["address"]).status_code == 200 for each in nonempty(near))
    assert {NETWORK, f"{BASE}vocabulary/standing/member"} & {each["iri"] for each in near}
    page = fetch(things, path.removesuffix(".ttl"), BROWSER).text
    for each in nonempty(near):
        assert f'<a href="{each["address"]}">' in page


@pytest.mark.parametrize(
    "path",
    [
        "/id/", "/doc/", "/doc/network", "/doc/network/", "/doc//network/x", "/doc/network/lakes-academies/",
        "/doc/../style.css", "/doc/%2e%2e/%2e%2e/etc/passwd", "/doc/network/..%2f..%2fx", "/date/3000-01-01",
        "/vocabulary/none", "/graph/none", "/graph/article/../entities", "/doc/network/%00", "/doc/network/a%0d%0ab",
        "/doc/network/%ff%fe", "/doc/network/a%20b", "/doc/network/%3Cx%3E", "/ontology/9.9.9", "/ontology/",
        "/ontology.exe",
        "/context/9.jsonld", "/id/" + "x" * 5000, "/id/tenure/" + "--".join("abcdefghijklmnopqrstuvwxyz"),
    ],
)  # fmt: skip
def test_what_is_not_there(things: Served, path: str) -> None:
    """404 as a problem that says so, whatever stands in the path; nothing is looked for in files."""
    status, headers, body = fetch_raw(things, path)
    assert (404, "application/problem+json") == (status, headers["content-type"])
    assert 404 == json.loads(body)["status"]


# --- one canonical form -------------------------------------------------------------------------------------------


def test_an_id_in_any_script_has_one_address(things: Served) -> None:
    """The IRI in the data, percent-encoded in UTF-8, is where it is had; its triples have the IRI as it is."""
    path = f"/id/{quote(SINO)}"
    answer = fetch(things, path)
    assert (303, f"/doc/{quote(SINO)}") == (answer.status_code, answer.headers["Location"])
    graph = graph_of(things, answer.headers["Location"])
    assert "Си Чунтао" == str(graph.value(rdflib.URIRef(f"{ID}{SINO}"), RDFS.label))
    assert ID + quote(SINO) in {link["url"] for link in links(answer) if link["rel"] == "cite-as"}


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("/doc/network/%6cakes%2Dacademies", "/doc/network/lakes-academies"),
        ("/doc/network%2Flakes-academies.ttl?x=%61", "/doc/network/lakes-academies.ttl?x=%61"),
        (f"/id/{quote(SINO).lower()}", f"/id/{quote(SINO)}"),
        (f"/id/person/{quote(unicodedata.normalize('NFD', 'й'))}", f"/id/person/{quote('й')}"),
        ("/date/%32019", "/date/2019"),
    ],
)
def test_any_other_way_to_write_it_leads_there(things: Served, written: str, canonical: str) -> None:
    """301 from needless escapes, other cases of hexadecimal digits, and composed letters taken apart."""
    status, headers, body = fetch_raw(things, written)
    assert (301, canonical, b"") == (status, headers["location"], body)


# --- negotiation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "text/turtle"),
        ("", "text/turtle"),
        ("*/*", "text/turtle"),
        ("text/*", "text/turtle"),
        (BROWSER, "text/html"),
        ("text/html;q=0.5, text/turtle", "text/turtle"),
        ("text/turtle;q=0.5, text/html", "text/html"),
        ("text/turtle;q=0, */*", "application/n-triples"),
        ("application/ld+json;profile=\"http://www.w3.org/ns/json-ld#compacted\"", "application/ld+json"),
        ("application/json", "application/ld+json"),
        ("application/rdf+xml, text/html;q=0.3, text/turtle;q=0.6", "application/rdf+xml"),
        ("application/x-turtle", "application/x-turtle"),
        ("application/n-quads, application/trig;q=0.5", "application/trig"),
        ("x" * 900 + ", text/turtle", "text/turtle"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/doc/network/lakes-academies", "/date/2019", "/vocabulary/standing", "/ontology"])
def test_the_format_is_the_one_that_fits(things: Served, path: str, accept: str | None, media_type: str) -> None:
    """Turtle where anything goes, a page for who asks for one."""
    answer = fetch(things, path, accept)
    assert (200, media_type) == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])


@pytest.mark.parametrize("path", ["/doc/network/lakes-academies", "/date/2019", "/ontology", "/context.jsonld"])
@pytest.mark.parametrize("accept", ["image/png", "text/turtle;q=0, text/html;q=0, image/*"])
def test_where_nothing_fits_there_is_a_list(things: Served, path: str, accept: str) -> None:
    """406 with what there is; a suffix is not negotiated."""
    answer = fetch(things, path, accept)
    assert 406 == answer.status_code
    assert {"application/ld+json"} <= set(answer.json()["available"])
    if path != "/context.jsonld":
        assert 200 == fetch(things, f"{path}.ttl", accept).status_code


@pytest.mark.parametrize(
    ("asked", "suffix"),
    [
        ("format=rdf", "rdf"),
        ("format=turtle", "ttl"),
        ("lang=ru&format=html", "html"),
        ("format=application/ld%2Bjson", "jsonld"),
    ],
)
@pytest.mark.parametrize("path", ["/doc/network/lakes-academies", "/date/2019", "/ontology"])
def test_a_format_may_be_a_parameter(things: Served, path: str, asked: str, suffix: str) -> None:
    """It means the same as the suffix."""
    answer = fetch(things, f"{path}?{asked}", "image/png")
    assert (200, MEDIA_TYPES[suffix]) == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])
    assert f"{path}.{suffix}" == answer.headers["Content-Location"].partition("?")[0]


@pytest.mark.parametrize("asked", [".ttl?format=rdf", "?format=csv", "?format=xlsx", "?format="])
def test_a_format_that_there_is_not_is_refused(things: Served, asked: str) -> None:
    """Nothing that is asked for is passed over."""
    assert 400 == fetch(things, f"/doc/network/lakes-academies{asked}").status_code


@pytest.mark.parametrize("path", ["/", "/doc/network/lakes-academies", "/questions/"])
def test_pages_name_the_languages_that_they_are_written_in(things: Served, path: str) -> None:
    """No search engine is told that there is a page in Chinese."""
    named = set(re.findall(r'hreflang="([^"]*)"', fetch(things, path, BROWSER).text))
    assert {"ru"} <= named <= {"en", "ru"}


ALL_ANSWERS = [
    ("/id/network/lakes-academies", "*/*", 303),
    ("/id/person/mira-ostlan", "*/*", 301),
    ("/doc/person/mira-ostlan", BROWSER, 301),
    ("/doc/network%2Flakes-academies", "*/*", 301),
    ("/doc/network/lakes-academies", "text/turtle", 200),
    ("/doc/network/lakes-academies", BROWSER, 200),
    ("/doc/network/lakes-academies.html", "*/*", 200),
    ("/doc/network/lakes-academies", "image/png", 406),
    ("/doc/network/none", "*/*", 404),
    ("/id/network/none", BROWSER, 404),
    ("/doc/person/nobody", "*/*", 410),
    ("/doc/network/hub?page=x", "*/*", 400),
    ("/date/2019", "application/ld+json", 200),
    ("/vocabulary/standing/member", "*/*", 200),
    ("/graph/entities", "*/*", 200),
    ("/ontology", "*/*", 200),
    ("/ontology/0.2.0", "*/*", 200),
    ("/context.jsonld", "*/*", 200),
]


@pytest.mark.parametrize(("path", "accept", "status"), ALL_ANSWERS)
def test_every_answer_keeps_the_rules_of_headers(things: Served, path: str, accept: str, status: int) -> None:
    """Vary, CORS and caching on every hop; HEAD has GET's header fields; what is sent holds a strong ETag."""
    answer = fetch(things, path, accept)
    head = fetch(things, path, accept, "HEAD")
    assert (status, status) == (answer.status_code, head.status_code)
    assert VARY == answer.headers["Vary"].removesuffix(", Host")  # documents that are kept name our address
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"Link", "ETag", "Location", "Content-Location", "Vary"} <= set(exposed.split(", "))
    ignored = {"date"}
    fields = [{name.lower(): value for name, value in a.headers.items()} for a in (answer, head)]
    assert {n: v for n, v in fields[0].items() if n not in ignored} == {
        n: v for n, v in fields[1].items() if n not in ignored
    }
    assert b"" == head.content
    if status == 200:
        assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
        assert "Content-Location" in answer.headers
    elif status in (301, 303):
        assert b"" == answer.content
    else:
        assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(("path", "accept"), [(path, accept) for path, accept, status in ALL_ANSWERS if status == 200])
def test_what_has_not_changed_is_not_sent_again(things: Served, path: str, accept: str) -> None:
    """304 for a list, a weak tag and *, with what a cache needs; another coding is another representation."""
    first = fetch(things, path, accept)
    for tag in (first.headers["ETag"], f'"x", W/{first.headers["ETag"]}', "*"):
        again = fetch(things, path, accept, If_None_Match=tag)
        assert (304, b"") == (again.status_code, again.content)
        kept = ("ETag", "Vary", "Cache-Control", "Content-Location")
        assert [first.headers[name] for name in kept] == [again.headers[name] for name in kept]
    assert 200 == fetch(things, path, accept, If_None_Match='"x"').status_code
    packed = fetch(things, path, accept, Accept_Encoding="gzip")
    assert first.content == packed.content
    assert (packed.headers.get("Content-Encoding") == "gzip") == (packed.headers["ETag"] != first.headers["ETag"])


@pytest.mark.parametrize("path", ["/id/network/lakes-academies", "/doc/network/none", "/ontology", "/context.jsonld"])
def test_other_methods_are_refused(things: Served, path: str) -> None:
    """405 with what is allowed; OPTIONS says it before."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = fetch(things, path, method=method)
        assert (405, "GET, HEAD, OPTIONS") == (answer.status_code, answer.headers["Allow"])
    options = fetch(things, path, method="OPTIONS")
    assert (204, "GET, HEAD, OPTIONS") == (options.status_code, options.headers["Allow"])


# --- links --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "iri", [NETWORK, f"{BASE}date/2019", f"{BASE}vocabulary/standing/member", f"{BASE}graph/entities"]
)
def test_a_document_links_what_belongs_to_it(things: Served, iri: str) -> None:
    """Each format with its type, the canonical address, the licence, how to cite it; in the page's head as well."""
    path = local_path(iri)
    answer = fetch(things, path)
    found = links(answer)
    by_type = {link["type"]: link["url"] for link in found if link["rel"] == "alternate"}
    assert {media_type: f"{path}.{suffix}" for suffix, media_type in MEDIA_TYPES.items()} == by_type
    single = {link["rel"]: link["url"] for link in found if link["rel"] != "alternate"}
    assert f"{BASE}{path.removeprefix('/')}" == single["canonical"]
    assert iri == single["cite-as"]
    assert "https://creativecommons.org/licenses/by/4.0/" == single["license"]
    assert single["describedby"].startswith("/")
    page = fetch(things, f"{path}.html").text
    tags = re.findall(r"<link [^>]*>", page.partition("</head>")[0])
    for link in nonempty(found):
        assert 1 == sum(f'rel="{link["rel"]}"' in tag and f'href="{link["url"]}"' in tag for tag in tags), link


def test_the_thing_itself_links_its_description(things: Served) -> None:
    """Before the redirect is followed."""
    found = {link["rel"]: link["url"] for link in links(fetch(things, "/id/network/lakes-academies"))}
    assert "/doc/network/lakes-academies.ttl" == found["describedby"]
    assert NETWORK == found["cite-as"]


def test_a_page_leads_on_to_every_thing_it_names(things: Served) -> None:
    """People follow their noses as well, in the language that they have chosen."""
    page = fetch(things, "/doc/network/hub.html?lang=ru")
    assert 'lang="ru"' in page.text
    assert 'href="/doc/institution/m0000?lang=ru"' in page.text
    assert page.content != fetch(things, "/doc/network/hub.html").content
    assert page.content != fetch(things, "/doc/network/hub.html", Accept_Language="zh").content


# --- the ontology and its context ---------------------------------------------------------------------------------


def test_the_ontology_has_a_version_for_ever(things: Served, store: Store) -> None:
    """Bare it is asked for again, under its number it never changes; both are the graph of the ontology."""
    now, numbered = fetch(things, "/ontology.nt"), fetch(things, "/ontology/0.2.0.nt")
    assert now.content == numbered.content
    assert "no-cache" == now.headers["Cache-Control"]
    assert "immutable" in numbered.headers["Cache-Control"]
    assert "/ontology/0.2.0" in {link["url"] for link in links(now)}
    assert "/ontology" in {link["url"] for link in links(numbered) if link["rel"] == "latest-version"}
    expected = set(store.quads_for_pattern(None, None, None, NamedNode(f"{BASE}graph/ontology")))
    assert len(expected) == len(read(now)) > 1000


def test_the_context_reads_json_as_our_turtle_reads(things: Served, store: Store) -> None:
    """Prefixed names and coerced values; every object property of the ontology is in it."""
    answer = fetch(things, "/context.jsonld")
    assert "/context/0.2.0.jsonld" == answer.headers["Content-Location"]
    numbered = fetch(things, "/context/0.2.0.jsonld")
    assert (answer.content, True) == (numbered.content, "immutable" in numbered.headers["Cache-Control"])
    context = answer.json()["@context"]
    document = {
        "@context": context,
        "@id": "membership:a--b",
        "@type": "icn:Membership",
        "icn:member": "institution:a",
        "icn:joined": {"@id": "date:2023", "icn:earliest": "2023-01-01"},
    }
    graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    turtle = f"""@prefix icn: <{ONTOLOGY}> . @prefix id: <{ID}> . @prefix x: <http://www.w3.org/2001/XMLSchema#> .
      <{ID}membership/a--b> a icn:Membership ; icn:member <{ID}institution/a> ; icn:joined <{BASE}date/2023> .
      <{BASE}date/2023> icn:earliest "2023-01-01"^^x:date ."""
    assert set(rdflib.Graph().parse(data=turtle, format="turtle")) == set(graph)
    kind = NamedNode("http://www.w3.org/2002/07/owl#ObjectProperty")
    properties = {
        str(quad.subject)[1:-1].removeprefix(ONTOLOGY)
        for quad in store.quads_for_pattern(None, NamedNode(str(RDF.type)), kind, DefaultGraph())
        if str(quad.subject).startswith(f"<{ONTOLOGY}")
    }
    dated = {
        quad.predicate.value
        for quad in store.quads_for_pattern(None, None, None, DefaultGraph())
        if str(quad.object).endswith("#date>") and quad.predicate.value.startswith(ONTOLOGY)
    }
    assert len(dated) > 4
    assert {True} == {context[f"icn:{name.removeprefix(ONTOLOGY)}"]["@type"].endswith("#date") for name in dated}
    coerced = {name.removeprefix("icn:") for name, term in context.items() if term == {**_dict(term), "@type": "@id"}}
    assert properties <= coerced
    for name in nonempty(coerced):  # whatever else is read as an IRI is nothing else in these data
        values = store.quads_for_pattern(None, NamedNode(expand(name if ":" in name else f"icn:{name}")), None, None)
        assert {NamedNode} >= {type(quad.object) for quad in values}, name


def _dict(term: object) -> dict[str, Any]:
    return term if isinstance(term, dict) else {"not": "coerced"}


def test_data_without_an_ontology_are_served_as_well(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Things have their documents, and the ontology is said to be missing."""
    with serving(tmp_path, files[1]) as served:
        assert 200 == fetch(served, "/doc/network/hub").status_code
        assert 404 == fetch(served, "/ontology").status_code
        assert 404 == fetch(served, "/ontology/0.2.0").status_code
        assert "Content-Location" not in fetch(served, "/context.jsonld").headers


# --- kept, and the same each time ---------------------------------------------------------------------------------


def test_what_was_answered_before_costs_no_query(files: tuple[Path, Path], tmp_path: Path) -> None:
    """With every worker halted, the documents that were asked for once are still sent."""
    asked = [
        ("/id/network/hub", None),
        ("/doc/network/hub", None),
        ("/doc/network/hub?page=2", "application/ld+json"),
        ("/doc/network/hub", BROWSER),
        ("/date/2019.rdf", None),
        ("/ontology", None),
    ]
    with serving(tmp_path, *files) as served:
        before = [fetch(served, path, accept).content for path, accept in asked]
        halted = [*workers(served), zygote(served)]
        for pid in halted:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert before == [fetch(served, path, accept).content for path, accept in asked]
        finally:
            for pid in halted:
                os.kill(pid, signal.SIGCONT)


def test_another_server_sends_the_same_bytes(files: tuple[Path, Path], things: Served, tmp_path: Path) -> None:
    """A strong ETag names bytes, whichever process or machine behind a balancer wrote them."""
    paths = [f"/doc/network/lakes-academies.{suffix}" for suffix in MEDIA_TYPES]
    paths += ["/ontology.ttl", "/graph/entities.trig", "/doc/network/hub?page=3"]
    with serving(tmp_path, *files) as other:
        for path in nonempty(paths):
            tags = [fetch(served, path).headers["ETag"] for served in (things, other)]
            assert tags[0] == tags[1], path


# --- whatever is sent ---------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    ["id", "doc", "date", "vocabulary", "graph", "ontology", "context", "network", "lakes-academies", "person", "--",
     "..", ".", ".ttl", ".html", "%", "%2F", "%00", "%FF", "%D0%A1", "?", "page=2", "page=-1", "&",
     "=", "lang=ru", ";", "'", "+"]
)  # fmt: skip
_ACCEPTS = st.one_of(
    st.none(),
    st.sampled_from(["", "*", "*/*;q=x", "text/*;q=", ";", ",,,", "text/html;q=2", "text/turtle;q=0"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    st.lists(st.sampled_from([*MEDIA_TYPES.values(), "text/*", "*/*", "a/b"]), max_size=4).map(";q=0.5, ".join),
)


@given(
    path=st.lists(st.one_of(_PIECES, st.text('aZ0-_~!$()*,:@ <>"{}|\\^`#йü学', max_size=4)), max_size=8),
    accept=_ACCEPTS,
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_sent_is_a_fault_of_the_server(things: Served, path: list[str], accept: str | None) -> None:
    """Any path with any Accept has an answer below 500, and one with a body says what it is."""
    target = "/" + "/".join(path)
    raw = "".join(quote(c) if ord(c) > 126 else c for c in target).replace(" ", "%20").encode()
    head = b"" if accept is None else b"Accept: " + accept.encode("latin-1") + b"\r\n"
    answer = things.raw(b"GET " + raw + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n")
    status = int(answer.split(b" ", 2)[1])
    assert 200 <= status < 500, (raw, accept, answer[:300])


@pytest.mark.parametrize("iri", ["", "x", "urn:x y", f"{ID}network/\u0000", "http://[x", f"{ID}network/none"])
def test_a_description_of_nothing_is_not_found(store: Store, iri: str) -> None:
    """By the worker's own words, however wrong the IRI is."""
    with pytest.raises(QueryError) as caught:
        describe(store, iri)
    assert ("not-found", 404) == (caught.value.kind, caught.value.status)
