# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The data set described, downloaded and crawled: each number is the store's, each checksum the file's."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree as ET

import pytest
import requests
import yaml
from pyoxigraph import RdfFormat, Store
from rdflib import RDF, Graph, Literal, Namespace, URIRef

from kgbuild.build.catalogue.descriptions import TITLE
from kgbuild.build.release import Release, current_release, list_releases
from kgbuild.server.pages.rendering import data_block
from nonempty import nonempty
from serving import BROWSER, PATIENCE, ROOT, Served, mini_file, mini_nquads, resident, serving, until

VOID = Namespace("http://rdfs.org/ns/void#")
DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCTERMS = Namespace("http://purl.org/dc/terms/")
SPDX = Namespace("http://spdx.org/rdf/terms#")
FOAF = Namespace("http://xmlns.com/foaf/0.1/")
ME = URIRef("https://w3id.org/icn/dataset")
ID = "https://w3id.org/icn/id/"
IANA = "https://www.iana.org/assignments/media-types/"
RDF_TYPES = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/ld+json": "json-ld",
    "application/rdf+xml": "xml",
}
PREFIX = "PREFIX icn: <https://w3id.org/icn/ontology#> "


@pytest.fixture(scope="module")
def build(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a build folder of our own: the mini release, one before it, and what is none of their files."""
    folder = tmp_path_factory.mktemp("releases") / "build"
    shutil.copytree(project / "build", folder, symlinks=True)
    now = current_release(folder)
    old = folder / "releases" / "0123456789abcdef"
    shutil.copytree(now.path, old)
    (old / "manifest.json").write_text(json.dumps({**now.manifest, "id": old.name}), "utf-8")
    (now.path / "secret.txt").write_text("not in the manifest", "utf-8")
    (folder / "outside.txt").write_text("outside of all releases", "utf-8")
    for number, path in enumerate((old, now.path)):
        stamp = 1_700_000_000 + number
        os.utime(path, (stamp, stamp))
    return folder


@pytest.fixture(scope="module")
def release(build: Path) -> Release:
    return current_release(build)


@pytest.fixture(scope="module")
def served(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the build folder."""
    with serving(tmp_path_factory.mktemp("served"), build=build) as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Store:
    """Hold the same data, to count in."""
    held = Store()
    held.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    return held


def get(server: Served, path: str, **headers: str) -> requests.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Accept-Encoding": "identity", **given}
    return requests.get(server.address + path, headers=sent, timeout=PATIENCE, allow_redirects=False)


def graph_of(server: Served, path: str, accept: str = "text/turtle") -> Graph:
    answer = get(server, path, Accept=accept)
    assert 200 == answer.status_code, answer.text
    graph = Graph()
    graph.parse(data=answer.content, format=RDF_TYPES[accept])
    return graph


def value(store: Store, query: str) -> str:
    """Give the one value of a query with one row and one column `x`."""
    (row,) = store.query(PREFIX + query)  # type: ignore[misc]
    return str(row["x"].value)


def count(store: Store, pattern: str) -> int:
    """Count the solutions of a pattern in the store's default graph, which is the resolved view."""
    return int(value(store, f"SELECT (COUNT(*) AS ?x) {{ {pattern} }}"))


# --- VoID ---------------------------------------------------------------------------------------------------------


def test_void_counts_what_the_store_holds(served: Served, store: Store) -> None:
    """Triples, classes, properties and entities are those of the default graph."""
    graph = graph_of(served, "/.well-known/void")
    expected = {
        VOID.triples: count(store, "?s ?p ?o"),
        VOID.classes: count(store, "SELECT DISTINCT ?c { ?s a ?c FILTER isIRI(?c) }"),
        VOID.properties: count(store, "SELECT DISTINCT ?p { ?s ?p ?o }"),
        VOID.entities: count(store, f'SELECT DISTINCT ?s {{ ?s ?p ?o FILTER STRSTARTS(STR(?s), "{ID}") }}'),
    }
    assert expected == {name: graph.value(ME, name).toPython() for name in expected}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("partition", "of", "counted", "pattern"),
    [
        ("classPartition", "class", "entities", "?s a <{}>"),
        ("propertyPartition", "property", "triples", "?s <{}> ?o"),
    ],
)
def test_void_partitions_are_the_stores(
    served: Served, store: Store, partition: str, of: str, counted: str, pattern: str
) -> None:
    """Each class and property in use has its count, and no other has."""
    graph = graph_of(served, "/.well-known/void")
    told = {
        str(graph.value(part, VOID[of])): graph.value(part, VOID[counted]).toPython()  # type: ignore[union-attr]
        for part in graph.objects(ME, VOID[partition])
    }
    distinct = "SELECT DISTINCT ?x { ?s a ?x }" if of == "class" else "SELECT DISTINCT ?x { ?s ?x ?o }"
    in_use = {row["x"].value for row in store.query(distinct)}  # type: ignore[union-attr]
    assert {name: count(store, pattern.format(name)) for name in in_use} == told


def test_void_says_where_everything_is(served: Served, release: Release) -> None:
    """Endpoint, dumps, examples and vocabularies are there; dumps are of the release that is served."""
    graph = graph_of(served, "/.well-known/void")
    assert URIRef(served.endpoint) == graph.value(ME, VOID.sparqlEndpoint)
    assert Literal(ID) == graph.value(ME, VOID.uriSpace)
    dumps = {str(dump) for dump in graph.objects(ME, VOID.dataDump)}
    base = f"{served.address}/releases/{release.id}"
    assert {f"{base}/graph.nq", f"{base}/graph.trig"} == dumps
    examples = [str(example) for example in graph.objects(ME, VOID.exampleResource)]
    assert examples
    assert all(served.ask(f"ASK {{ <{example}> a ?class }}").json()["boolean"] for example in examples)
    vocabularies = {str(each) for each in graph.objects(ME, VOID.vocabulary)}
    assert {"https://w3id.org/icn/ontology", "http://www.w3.org/ns/org#", "http://www.w3.org/ns/prov#"} <= vocabularies
    assert URIRef("https://creativecommons.org/licenses/by/4.0/") == graph.value(ME, DCTERMS.license)


def test_void_names_the_public_address_where_one_is_set(tmp_path: Path) -> None:
    """Behind a proxy the Host header is not what clients see."""
    public = "https://icn.example.org/graph"
    with serving(tmp_path, mini_file(tmp_path), options=("--public-url", public)) as running:
        graph = graph_of(running, "/.well-known/void")
        assert URIRef(f"{public}/sparql") == graph.value(ME, VOID.sparqlEndpoint)
        assert f"Sitemap: {public}/sitemap.xml" in get(running, "/robots.txt").text


def test_links_to_others_are_counted_by_predicate_and_site(tmp_path: Path) -> None:
    """A linkset for each predicate and site; links among our own things are none."""
    data = tmp_path / "linked.ttl"
    data.write_text(
        """@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        @base <https://w3id.org/icn/id/polity/> .
        <a> owl:sameAs <http://www.wikidata.org/entity/Q1> , <http://www.wikidata.org/entity/Q2> , <b> .
        <b> owl:sameAs <http://www.wikidata.org/entity/Q3> ; skos:exactMatch <https://sws.geonames.org/1/> .
        <http://example.org/x> owl:sameAs <http://www.wikidata.org/entity/Q4> .""",
        "utf-8",
    )
    with serving(tmp_path, data) as running:
        graph = graph_of(running, "/.well-known/void")
    told = {
        (
            str(graph.value(linkset, VOID.linkPredicate)).rpartition("#")[2],
            str(graph.value(graph.value(linkset, VOID.objectsTarget), VOID.uriSpace)),
            graph.value(linkset, VOID.triples).toPython(),  # type: ignore[union-attr]
        )
        for linkset in graph.subjects(RDF.type, VOID.Linkset)
        if (ME, VOID.subset, linkset) in graph and graph.value(linkset, VOID.subjectsTarget) == ME
    }
    expected = {("sameAs", "http://www.wikidata.org/", 3), ("exactMatch", "https://sws.geonames.org/", 1)}
    assert expected == told


@pytest.mark.parametrize("path", ["/.well-known/void", "/dataset", "/releases/"])
def test_a_description_is_the_same_in_every_format(served: Served, path: str) -> None:
    """All formats parse in rdflib and hold as many triples; `format=` and Accept give the same bytes."""
    sizes = {accept: len(graph_of(served, path, accept)) for accept in RDF_TYPES}
    assert 1 == len(set(sizes.values())), sizes
    by_name = get(served, f"{path}?format=ttl", Accept="text/html")
    by_type = get(served, path, Accept="text/turtle")
    assert by_name.content == by_type.content
    assert "text/turtle; charset=utf-8" == by_name.headers["Content-Type"]
    assert f"{path}?format=ttl" == by_type.headers["Content-Location"]


@pytest.mark.parametrize("path", ["/.well-known/void", "/dataset", "/releases/"])
def test_a_description_keeps_the_rules_of_http(served: Served, path: str) -> None:
    """ETag and 304, HEAD, OPTIONS, 405, 406, 400, Vary and CORS."""
    answer = get(served, path, Accept="text/turtle", Origin="https://example.org")
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "Accept" in answer.headers["Vary"]
    assert 'rel="license"' in answer.headers["Link"]
    again = get(served, path, Accept="text/turtle", If_None_Match=answer.headers["ETag"])
    assert (304, b"") == (again.status_code, again.content)
    asked = {"Accept": "text/turtle", "Accept-Encoding": "identity"}
    head = requests.head(served.address + path, headers=asked, timeout=PATIENCE)
    assert str(len(answer.content)) == head.headers["Content-Length"]
    assert 204 == requests.options(served.address + path, timeout=PATIENCE).status_code
    assert 405 == requests.post(served.address + path, timeout=PATIENCE).status_code
    refused = get(served, path, Accept="image/png")
    assert (406, True) == (refused.status_code, "text/turtle" in refused.json()["available"])
    assert 400 == get(served, f"{path}?format=docx").status_code


def test_a_browser_is_led_from_void_to_the_page(served: Served) -> None:
    """The page is for people; programs that say nothing get RDF."""
    answer = get(served, "/.well-known/void", Accept=BROWSER)
    assert (303, "/dataset") == (answer.status_code, answer.headers["Location"])
    assert 200 == get(served, "/.well-known/void", Accept="*/*").status_code


# --- DCAT ---------------------------------------------------------------------------------------------------------


def test_distributions_are_the_files_of_the_release(served: Served, release: Release) -> None:
    """Each file is a distribution, with the media type, size and checksum that its bytes have when downloaded."""
    graph = graph_of(served, "/dataset")
    expected = {
        "graph.nq": "application/n-quads",
        "graph.trig": "application/trig",
        "source-map.jsonl": "application/jsonl",
        "search.sqlite": "application/vnd.sqlite3",
        "catalogue.json": "application/json",
        "shapes.ttl": "text/turtle",
        "shapes-strict.ttl": "text/turtle",
    }
    found = {}
    for distribution in nonempty(graph.objects(ME, DCAT.distribution)):
        address = str(graph.value(distribution, DCAT.downloadURL))
        body = requests.get(address, timeout=PATIENCE).content
        file = address.rpartition("/")[2]
        found[file] = str(graph.value(distribution, DCAT.mediaType)).removeprefix(IANA)
        assert str(len(body)) == str(graph.value(distribution, DCAT.byteSize))
        checksum = graph.value(distribution, SPDX.checksum)
        assert SPDX.checksumAlgorithm_sha256 == graph.value(checksum, SPDX.algorithm)
        assert hashlib.sha256(body).hexdigest() == str(graph.value(checksum, SPDX.checksumValue))
        assert (release.path / file).read_bytes() == body
    assert expected == found


def test_dcat_names_versions(served: Served, release: Release, build: Path) -> None:
    """The version is the id of the release; the one before it is named, and each has a description of its own."""
    graph = graph_of(served, "/dataset")
    old = URIRef("https://w3id.org/icn/releases/0123456789abcdef")
    assert Literal(release.id) == graph.value(ME, DCAT.version)
    assert old == graph.value(ME, DCAT.previousVersion)
    assert {each.id for each in list_releases(build)} == {
        str(graph.value(version, DCAT.version)) for version in graph.objects(ME, DCAT.hasVersion)
    }
    assert graph.value(old, DCAT.previousVersion) is None
    assert ME == graph.value(old, DCAT.isVersionOf)
    assert graph.value(ME, DCTERMS.issued) is None  # no manifest tells, and nothing is guessed
    assert 200 == get(served, f"/releases/{release.id}", Accept="text/turtle").status_code
    assert f"/releases/#{release.id}" == get(served, f"/releases/{release.id}", Accept=BROWSER).headers["Location"]


def test_dcat_says_what_the_citation_file_says(served: Served, store: Store) -> None:
    """Publisher, licence and keywords are those of CITATION.cff; the English title is the one in the data."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    graph = graph_of(served, "/dataset")
    assert cited["authors"][0]["name"] == str(graph.value(graph.value(ME, DCTERMS.publisher), FOAF.name))
    assert set(cited["keywords"]) == {str(word) for word in graph.objects(ME, DCAT.keyword)}
    assert "CC-BY-4.0" == cited["license"]
    assert {"en", "ru"} == {title.language for title in graph.objects(ME, DCTERMS.title)}  # type: ignore[attr-defined]
    for title in nonempty(store.query(f"SELECT ?t {{ <{ME}> <{DCTERMS.title}> ?t }}")):  # type: ignore[arg-type]
        assert TITLE[title["t"].language] == title["t"].value


def test_coverage_is_computed(served: Served, store: Store) -> None:
    """From the first to the last day of what is dated, and of the states there are."""
    graph = graph_of(served, "/dataset")
    period = graph.value(ME, DCTERMS.temporal)
    first = value(store, "SELECT (MIN(?e) AS ?x) { ?s icn:dated ?d . ?d icn:earliest ?e }")
    last = value(store, "SELECT (MAX(?l) AS ?x) { ?s icn:dated ?d . ?d icn:latest ?l }")
    assert (first, last) == (str(graph.value(period, DCAT.startDate)), str(graph.value(period, DCAT.endDate)))
    states = {row["s"].value for row in store.query(f"{PREFIX} SELECT ?s {{ ?s a icn:Polity }}")}  # type: ignore[union-attr]
    assert states == {str(state) for state in graph.objects(ME, DCTERMS.spatial)}


# --- the page -----------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Collects the embedded data and the links of a page, and checks that elements are closed in order."""

    VOID_ELEMENTS = frozenset({"br", "hr", "img", "input", "link", "meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.data = ""
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        if tag == "script":
            assert "application/ld+json" == given["type"]
        if tag not in self.VOID_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.data += data


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_embeds_schema_org(served: Served, release: Release, language: str) -> None:
    """A search engine for data finds names, licence, version and downloads; people find the same links."""
    page = _Page(get(served, f"/dataset?lang={language}", Accept=BROWSER).text)
    data = json.loads(page.data)
    assert ("https://schema.org/", "Dataset", str(ME)) == (data["@context"], data["@type"], data["@id"])
    assert {"en", "ru"} == {name["@language"] for name in data["name"]}
    assert release.id == data["version"]
    sums = {each["contentUrl"]: each["sha256"] for each in data["distribution"]}
    files = release.manifest["files"]
    base = f"{served.address}/releases/{release.id}"
    assert {f"{base}/{file}": about["sha256"] for file, about in files.items()} == sums
    assert {f"/releases/{release.id}/{file}" for file in (*files, "manifest.json")} <= set(page.links)


def test_the_embedded_data_are_json_ld(served: Served) -> None:
    """As linked data they say the same of the same IRI, without asking anybody for a context."""
    data = json.loads(_Page(get(served, "/dataset", Accept=BROWSER).text).data)
    graph = Graph()
    graph.parse(data=json.dumps({**data, "@context": {"@vocab": "https://schema.org/"}}), format="json-ld")
    assert Literal(data["version"]) == graph.value(ME, URIRef("https://schema.org/version"))


def test_nothing_in_the_data_can_end_the_script() -> None:
    """A label with a closing tag stays a text, and reads as it was."""
    evil = {"name": "</script><!-- <script> & \u2028"}
    written = str(data_block(evil))
    assert set("<>&\u2028").isdisjoint(written)
    assert evil == json.loads(written)


HTML_PAGES = [
    "/",
    "/sparql",
    "/sparql?query=ASK+%7B%7D",
    "/dataset",
    "/releases/",
    "/ontology",
    "/nowhere",
    "/sparql?query=x",
]
REQUIRED = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
}


@pytest.mark.parametrize("path", HTML_PAGES)
def test_every_page_is_sent_with_a_strict_policy(served: Served, path: str) -> None:
    """No scripts, no frames, nothing from elsewhere; no inline style that the policy would refuse."""
    answer = get(served, path, Accept=BROWSER)
    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    strict = {"default-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'", "style-src": "'self'"}
    assert strict == {name: policy.get(name) for name in strict}
    assert {"default-src", "style-src", "img-src", "form-action", "base-uri", "frame-ancestors"} >= set(policy)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert REQUIRED == {name: answer.headers.get(name) for name in REQUIRED}
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"application/ld\+json\")", answer.text)
    assert not re.search(
        r"<(?:link|img|script|iframe)[^>]+(?:src|href)=\"https?://[^\"]*\.(?:css|js|png|svg)", answer.text
    )


@pytest.mark.parametrize(
    "path",
    ["/dataset", "/.well-known/void", "/robots.txt", "/sitemap.xml", "/sitemap-0.xml", "/about/persons", "/style.css"],
)
def test_no_document_is_sniffed(served: Served, path: str) -> None:
    """Whatever is sent says what it is, and is taken as such."""
    answer = get(served, path, Accept="*/*")
    assert 200 == answer.status_code
    assert "nosniff" == answer.headers["X-Content-Type-Options"]


ODD_VALUES = ["", "*", "text/*;q=x", ";;;,,,=", "a" * 8000, "\xff\xfe", "text/html;q=0, */*;q=0.0001"]
ODD_HEADERS = ["Accept", "Accept-Language", "Accept-Encoding", "Host", "If-None-Match", "Range", "If-Range"]


@pytest.mark.parametrize(
    "path", ["/dataset", "/.well-known/void?format=%ff", "/releases/", "/ontology?lang=%00", "/metrics"]
)
def test_no_header_makes_the_server_fail(served: Served, path: str) -> None:
    """H11: whatever a header holds, the answer is no fault of the server."""
    for name in ODD_HEADERS:
        for odd in ODD_VALUES:
            sent = {name: odd.encode("latin-1")}
            answer = requests.get(served.address + path, headers=sent, timeout=PATIENCE, allow_redirects=False)
            assert answer.status_code < 500, (name, odd[:20])


# --- downloads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["graph.nq", "graph.trig", "source-map.jsonl", "manifest.json"])
def test_a_file_is_sent_as_published(served: Served, release: Release, file: str) -> None:
    """Whole, fresh for an hour, with its SHA-256 as its tag; HEAD and 304 without the bytes."""
    path = f"/releases/{release.id}/{file}"
    answer, body = get(served, path), (release.path / file).read_bytes()
    assert (200, body) == (answer.status_code, answer.content)
    assert f'"{hashlib.sha256(body).hexdigest()}"' == answer.headers["ETag"]
    assert "public, max-age=3600, must-revalidate" == answer.headers["Cache-Control"]
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    head = requests.head(served.address + path, timeout=PATIENCE)
    assert (b"", str(len(body))) == (head.content, head.headers["Content-Length"])
    for tag in (answer.headers["ETag"], f'"x", W/{answer.headers["ETag"]}', "*"):
        unchanged = get(served, path, If_None_Match=tag)
        assert (304, b"", answer.headers["ETag"]) == (
            unchanged.status_code,
            unchanged.content,
            unchanged.headers["ETag"],
        )
        assert answer.headers["Cache-Control"] == unchanged.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("given", "part"),
    [("bytes=0-9", slice(0, 10)), ("bytes=-7", slice(-7, None)), ("bytes=100-", slice(100, None))],
)
def test_a_part_is_sent_where_one_is_asked_for(served: Served, release: Release, given: str, part: slice) -> None:
    """RFC 9110 §14: the bytes of the range and no others, so that a download that broke off goes on."""
    body = (release.path / "graph.nq").read_bytes()
    answer = get(served, f"/releases/{release.id}/graph.nq", Range=given)
    assert (206, body[part]) == (answer.status_code, answer.content)
    start = part.indices(len(body))[0]
    assert f"bytes {start}-{start + len(answer.content) - 1}/{len(body)}" == answer.headers["Content-Range"]
    assert str(len(answer.content)) == answer.headers["Content-Length"]


def test_a_part_of_what_has_changed_is_not_sent(served: Served, release: Release) -> None:
    """If-Range with another tag gives the whole file; with the right one the part."""
    path, size = f"/releases/{release.id}/graph.nq", len((release.path / "graph.nq").read_bytes())
    tag = get(served, path).headers["ETag"]
    assert 206 == get(served, path, Range="bytes=0-1", If_Range=tag).status_code
    other = get(served, path, Range="bytes=0-1", If_Range='"another"')
    assert (200, size) == (other.status_code, len(other.content))


def test_a_range_outside_of_the_file_is_a_problem(served: Served, release: Release) -> None:
    """416 with the size, as a problem."""
    size = (release.path / "graph.nq").stat().st_size
    answer = get(served, f"/releases/{release.id}/graph.nq", Range=f"bytes={size}-")
    assert (416, f"bytes */{size}") == (answer.status_code, answer.headers["Content-Range"])
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert answer.json()["type"].endswith("/range-not-satisfiable")


@pytest.mark.parametrize(
    "given",
    [
        "lines=1-2",
        "bytes=x-y",
        "bytes",
        "bytes=",
        "bytes=--1",
        "bytes=1",
        "bytes=5-2",
        "bytes=-0",
        "\u00e9",
        "=" * 4000,
    ],
)
def test_a_range_that_is_none_is_ignored(served: Served, release: Release, given: str) -> None:
    """RFC 9110 §14.2: the whole file, never an error."""
    path, size = f"/releases/{release.id}/manifest.json", (release.path / "manifest.json").stat().st_size
    answer = requests.get(served.address + path, headers={"Range": given.encode("latin-1")}, timeout=PATIENCE)
    assert (200, size) == (answer.status_code, len(answer.content))


TRAVERSALS = [
    "/releases/{id}/secret.txt",
    "/releases/{id}/../../outside.txt",
    "/releases/{id}/..%2f..%2foutside.txt",
    "/releases/{id}/%2e%2e/%2e%2e/outside.txt",
    "/releases/{id}/%2e%2e%2foutside.txt",
    "/releases/../outside.txt",
    "/releases/%2e%2e/outside.txt",
    "/releases/..%2f{id}/graph.nq",
    "/releases/current/graph.nq",
    "/releases/{short}/graph.nq",
    "/releases/*/graph.nq",
    "/releases/{id}/",
    "/releases/{id}/graph.nq%00",
    "/releases/{id}/%2fetc%2fpasswd",
    "/releases/{id}/GRAPH.NQ",
    "/releases/fedcba9876543210/graph.nq",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_only_what_the_manifest_names_is_sent(served: Served, release: Release, path: str) -> None:
    """Whatever way a path is written, nothing else of the disk comes out, and the answer is a problem, not a fault."""
    wanted = path.format(id=release.id, short=release.id[:8])
    raw = served.raw(f"GET {wanted} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert raw.split(b" ")[1] in (b"404", b"400"), raw[:200]
    assert b"outside of all" not in raw
    assert b"not in the manifest" not in raw


def test_a_damaged_file_is_not_sent_as_if_it_were_whole(
    project: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file of another size than its manifest says is a fault that is told; so is one that is gone."""
    folder = tmp_path / "build"
    shutil.copytree(project / "build", folder, symlinks=True)
    release = current_release(folder)
    with serving(tmp_path_factory.mktemp("damaged"), build=folder) as running:
        with (release.path / "graph.trig").open("ab") as file:
            file.write(b"#")
        (release.path / "source-map.jsonl").unlink()
        for name in ("graph.trig", "source-map.jsonl"):
            answer = get(running, f"/releases/{release.id}/{name}")
            assert (500, True) == (answer.status_code, "damaged or missing" in answer.json()["detail"])
        assert 200 == get(running, f"/releases/{release.id}/graph.nq").status_code


LARGE = 192 << 20


@pytest.fixture(scope="module")
def large(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """Serve a release with a large file (of nothing: it takes no room on the disk), to readers with little patience."""
    folder = tmp_path_factory.mktemp("large") / "build"
    shutil.copytree(project / "build", folder, symlinks=True)
    release = current_release(folder)
    with (release.path / "large.nq").open("wb") as file:
        file.truncate(LARGE)
    about = {"bytes": LARGE, "sha256": "0" * 64}
    manifest = {**release.manifest, "files": {**release.manifest["files"], "large.nq": about}}
    (release.path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    tweak = "import kgbuild.server.routes.downloads as d; d.SLOW_READER = 1.0"
    with serving(tmp_path_factory.mktemp("served-large"), build=folder, tweak=tweak) as running:
        yield running, f"/releases/{release.id}/large.nq"


def test_a_large_file_is_never_in_memory(large: tuple[Served, str]) -> None:
    """It goes out in pieces: the server holds hardly more while it is read than before."""
    server, path = large
    before, most, read = resident(server.process.pid), 0, 0
    with requests.get(server.address + path, stream=True, timeout=PATIENCE) as answer:
        for part in answer.iter_content(1 << 20):
            read += len(part)
            most = max(most, resident(server.process.pid))
    assert LARGE == read
    assert most - before < LARGE / 4


def test_a_reader_who_takes_nothing_is_cut_off(large: tuple[Served, str]) -> None:
    """The file is closed, and what the reader has got does not look whole."""
    server, path = large

    def is_open() -> bool:
        held = Path(f"/proc/{server.process.pid}/fd")
        return any(each.resolve().name == "large.nq" for each in held.iterdir())

    until(lambda: not is_open(), "whoever read it before is done")
    with server.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until(is_open, "the file was not opened")
        until(lambda: not is_open(), "the file is still open")
        connection.settimeout(PATIENCE)
        received = 0
        with suppress(ConnectionError):
            while part := connection.recv(1 << 20):
                received += len(part)
    assert 0 < received < LARGE
    assert server.is_well()


def test_the_list_shows_each_release(served: Served, release: Release) -> None:
    """Newest first, each with its files, the one that is served marked."""
    text = get(served, "/releases/", Accept=BROWSER).text
    assert [release.id, "0123456789abcdef"] == re.findall(r'<section id="(\w+)">', text)
    assert "/releases/0123456789abcdef/graph.nq" in _Page(text).links
    assert 1 == text.count("(served now)")


def test_files_have_no_releases(server: Served) -> None:
    """Where files are served, /releases/ says so; the descriptions go without versions and dumps."""
    for path in ("/releases/", "/releases/0123456789abcdef", "/releases/0123456789abcdef/graph.nq"):
        answer = get(server, path)
        assert (404, True) == (answer.status_code, "not a release" in answer.json()["detail"])
    graph = graph_of(server, "/dataset")
    assert (None, None) == (graph.value(ME, DCAT.version), graph.value(ME, DCAT.distribution))
    assert "not a release" in get(server, "/dataset", Accept=BROWSER).text


# --- crawlers -----------------------------------------------------------------------------------------------------


def test_robots_keep_off_what_is_made_for_each_question(served: Served) -> None:
    """Pages may be read; queries, searches and filled-in questions may not."""
    text = get(served, "/robots.txt").text
    rules = RobotFileParser()
    rules.parse(text.splitlines())
    closed = ["/sparql", "/sparql?query=x", "/search?q=x", "/metrics"]
    opened = ["/", "/dataset", "/doc/network/x", "/ontology", "/questions/", "/questions/trail"]
    assert closed == [path for path in closed if not rules.can_fetch("*", path)]
    assert opened == [path for path in opened if rules.can_fetch("*", path)]
    assert "Disallow: /questions/*?" in text.splitlines()  # a pattern of RFC 9309, which Python's parser does not know
    assert f"Sitemap: {served.address}/sitemap.xml" in text.splitlines()


SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def addresses(text: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(text).iter(f"{SITEMAP}loc")]  # noqa: S314 - our own


def test_the_sitemap_lists_each_thing_once(served: Served, store: Store) -> None:
    """All parts together: a page for each thing with an address of its own."""
    parts = addresses(get(served, "/sitemap.xml").content)
    assert [f"{served.address}/sitemap-0.xml"] == parts
    listed = [address for part in parts for address in addresses(requests.get(part, timeout=PATIENCE).content)]
    query = f'SELECT DISTINCT ?s {{ ?s ?p ?o FILTER (STRSTARTS(STR(?s), "{ID}") && !CONTAINS(STR(?s), "#")) }}'
    retired = "PREFIX owl: <http://www.w3.org/2002/07/owl#> SELECT ?s { ?s owl:deprecated true }"
    things = {row["s"].value for row in store.query(query)}  # type: ignore[union-attr]
    gone = {row["s"].value for row in store.query(retired)}  # type: ignore[union-attr]
    assert gone & things
    things -= gone  # they lead elsewhere, or nowhere
    prefix = f"{served.address}/doc/"
    documents = [address for address in listed if address.startswith(prefix)]
    assert {thing.removeprefix(ID) for thing in things} == {address.removeprefix(prefix) for address in documents}
    assert len(set(listed)) == len(listed)
    assert f"{served.address}/dataset" in listed
    assert 404 == get(served, "/sitemap-1.xml").status_code


def test_a_long_sitemap_has_parts(tmp_path: Path) -> None:
    """No part has more addresses than allowed, and together they hold all; odd names are escaped."""
    data = tmp_path / "many.nt"
    names = [f"thing-{number:02}" for number in range(23)] + ["a&b", "x'y", "\u6c49\u5b57", "a%20b"]
    lines = [f'<{ID}place/{name}> <http://www.w3.org/2000/01/rdf-schema#label> "x" .' for name in names]
    data.write_text("\n".join(lines) + "\n", "utf-8")
    tweak = "import kgbuild.server.routes.crawlers as c; c.PART = 15"
    with serving(tmp_path, data, tweak=tweak) as running:
        parts = addresses(get(running, "/sitemap.xml").content)
        listed = [addresses(requests.get(part, timeout=PATIENCE).content) for part in parts]
        assert 404 == get(running, f"/sitemap-{len(parts)}.xml").status_code
    assert max(map(len, listed)) <= 15
    flat = [address for part in listed for address in part]
    written = {address.rpartition("/")[2] for address in flat if "/doc/" in address}
    # The address of `a%20b` is that of `a b`, which is no IRI.
    assert {*names[:23], "a&b", "x'y", "%E6%B1%89%E5%AD%97"} == written
    assert len(written) + 4 == len(flat)


def test_addresses_of_the_sitemap_answer(served: Served) -> None:
    """A sample of the pages that crawlers are sent to is there."""
    listed = addresses(get(served, "/sitemap-0.xml").content)
    documents = [address for address in listed if "/doc/" in address]
    for address in nonempty(documents[:: max(1, len(documents) // 20)]):
        assert 200 == requests.get(address, headers={"Accept": BROWSER}, timeout=PATIENCE).status_code, address


# --- addresses as people write them -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/questions", "/questions/"),
        ("/questions?lang=ru", "/questions/?lang=ru"),
        ("/releases", "/releases/"),
        ("/sparql/?query=ASK%7B%7D", "/sparql?query=ASK%7B%7D"),
        ("/search/?q=%D0%90", "/search?q=%D0%90"),
        ("/dataset/", "/dataset"),
        ("/metrics/", "/metrics"),
    ],
)
def test_a_slash_at_the_end_is_no_matter(served: Served, written: str, meant: str) -> None:
    """What stands in the table with it or without leads there, for scripts of other sites as well."""
    answer = get(served, written)
    assert (308, meant) == (answer.status_code, answer.headers["Location"])
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert 404 == get(served, "/nowhere/").status_code


@pytest.mark.parametrize("query", ["ASK { ?s ?p 'Астана' }", "ASK { ?s ?p '阿斯塔纳' }"])
def test_raw_utf_8_in_an_address_is_taken(served: Served, query: str) -> None:
    """As curl sends it; the connection goes on, and a body that looks like a request line is left alone."""
    line = "GET /sparql?query=" + query.replace(" ", "+") + " HTTP/1.1\r\nHost: x\r\n"
    body = "query=" + query
    post = "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    post += f"{len(body.encode())}\r\nConnection: close\r\n\r\n{body}"
    answers = served.raw(f"{line}\r\n".encode()), served.raw(post.encode())
    assert [b"200", b"200"] == [answer.split(b" ", 2)[1] for answer in answers]
    assert answers[0].rpartition(b"\r\n")[2] == answers[1].rpartition(b"\r\n")[2]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /sparql?query=" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /sparql?query=a b c HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_a_problem(served: Served, request_: bytes, status: int) -> None:
    """Not plain text of a library."""
    head, _, body = served.raw(request_).partition(b"\r\n\r\n")
    assert str(status).encode() == head.split(b" ", 2)[1]
    assert b"application/problem+json" in head
    assert status == json.loads(body)["status"]


FOREIGN = """@prefix icn: <https://w3id.org/icn/ontology#> . @prefix network: <https://w3id.org/icn/id/network/> .
[] a icn:Network . [] a icn:Article ; icn:published <https://w3id.org/icn/date/2019> .
<https://w3id.org/icn/date/2019> icn:edtf "2019" ; icn:latest "2019-12-31"^^<http://www.w3.org/2001/XMLSchema#date> .
<urn:x> a icn:Network . <https://w3id.org/icn/id/network> a icn:Network . network:b a icn:Network .
<https://w3id.org/icn/id/network/a.ttl> a icn:Network . <https://w3id.org/icn/id/network/a%20b> a icn:Network .
<https://w3id.org/icn/id/network/x/../y> a icn:Network . <https://w3id.org/icn/id/network/Й> a icn:Network .
network:old <http://www.w3.org/2002/07/owl#deprecated> true .
"""


def test_the_sitemap_lists_what_is_there(tmp_path: Path) -> None:
    """Of data that are not ours, with blank nodes and other IRIs typed as ours, nothing leads to 404 or a fault."""
    data = tmp_path / "foreign.ttl"
    data.write_text(FOREIGN, encoding="utf-8")
    with serving(tmp_path, data) as running:
        listed = re.findall("<loc>([^<]*)", get(running, "/sitemap-0.xml").text)
        assert {"/doc/network/b", "/doc/network/%D0%99"} <= {
            address.removeprefix(running.address) for address in listed
        }
        assert {200} == {requests.get(a, headers={"Accept": BROWSER}, timeout=PATIENCE).status_code for a in listed}
