# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The SPARQL 1.1 Protocol, the service description and HTTP's own rules, by a client that knows nothing of the server.

P and H count the rules of https://www.w3.org/TR/sparql11-protocol/ and of RFC 9110 that an endpoint has to keep.
"""

from __future__ import annotations

import gzip
import io
import json
from html import unescape
from re import findall
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, RdfFormat, Store, Triple, parse
from rdflib import Graph
from rdflib.query import Result
from SPARQLWrapper import SPARQLWrapper

from kgbuild.server.exchange.answers import read_pairs
from kgbuild.server.http.problems import Problem
from nonempty import nonempty
from serving import BROWSER, JSON, Served, mini_nquads

XML = "application/sparql-results+xml"
CSV = "text/csv"
TSV = "text/tab-separated-values"
FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
ICN = "https://w3id.org/icn/"
SD = "http://www.w3.org/ns/sparql-service-description#"
VOID = "http://rdfs.org/ns/void#"
GRAPHS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/trig": RdfFormat.TRIG,
}
NAMES = 'SELECT DISTINCT ?o { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?o FILTER (LANG(?o) = "en") } ORDER BY ?o'
CYRILLIC = 'SELECT ("Академия — 学院" AS ?x) {}'
TYPES = "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t }"


@pytest.fixture(scope="module")
def store() -> Store:
    """Hold the same data, to compare with."""
    held = Store()
    held.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    return held


@pytest.fixture(scope="module")
def sizes(store: Store) -> dict[str, int]:
    """Count the quads of each named graph."""
    found: dict[str, int] = {}
    for quad in store:
        name = getattr(quad.graph_name, "value", "")
        if name:
            found[name] = found.get(name, 0) + 1
    return found


@given(st.text("%0123abcdefABCDEF+ =", max_size=60) | st.text(max_size=30).map(quote))
def test_an_escape_is_read_as_the_standard_library_reads_it(written: str) -> None:
    """Also one that is cut off, in small letters, or made of what stands around another: each is read once."""
    value = written.replace("=", "%3d").replace("&", "%26")
    expected = unquote_to_bytes(value.replace("+", " "))
    try:
        assert [("q", expected.decode())] == read_pairs(b"q=" + value.encode())
    except UnicodeDecodeError:
        with pytest.raises(Problem, match="is not UTF-8"):
            read_pairs(b"q=" + value.encode())


# --- P1-P4, P7: how a query is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [NAMES, CYRILLIC, TYPES, "ASK {}"])
def test_a_query_has_one_answer_however_it_is_sent(server: Served, query: str) -> None:
    """P1-P3: GET, a form, a query as the body, with raw UTF-8 in the form or not: the same bytes."""
    accept = "application/n-triples" if query == TYPES else JSON
    encoded = f"query={quote(query)}".encode()
    bare = b"query=" + query.replace("?", "%3F").encode()
    answers = [
        server.ask(query, accept),
        server.request("POST", accept=accept, data={"query": query}),
        server.request("POST", accept=accept, data=encoded, Content_Type=f"{FORM}; charset=UTF-8"),
        server.request("POST", accept=accept, data=bare, Content_Type=FORM),
        server.request("POST", accept=accept, data=query.encode(), Content_Type=QUERY),
        server.request("POST", accept=accept, data=query.encode(), Content_Type=f"{QUERY}; charset=utf-8"),
    ]
    assert [200] * 6 == [answer.status_code for answer in answers]
    assert 1 == len({answer.content for answer in answers})
    assert answers[0].content


def test_letters_of_every_script_arrive(server: Served) -> None:
    """What is not ASCII comes back as it was sent."""
    assert "Академия — 学院" == server.rows(CYRILLIC)[0]["x"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_two_queries_are_refused(server: Served, method: str) -> None:
    """P4: exactly one query, wherever the two stand."""
    pairs = [("query", "ASK {}"), ("query", "SELECT * {}")]
    answer = server.request(method, pairs) if method == "GET" else server.request(method, data=pairs)
    mixed = server.request("POST", {"query": "ASK {}"}, data=b"ASK {}", Content_Type=QUERY)
    assert (400, 400) == (answer.status_code, mixed.status_code)
    assert "2 queries" in answer.json()["detail"]


def test_a_post_without_a_query_is_refused(server: Served) -> None:
    """P4: nothing to answer is no question about the service."""
    assert 400 == server.request("POST", data={"other": "x"}).status_code
    assert 400 == server.request("POST", data={}, Content_Type=FORM).status_code


@pytest.mark.parametrize("sent", ["text/plain", "application/json", "multipart/form-data; boundary=x", None, "", "/"])
def test_a_query_of_another_media_type_is_refused(server: Served, sent: str | None) -> None:
    """P7 and H9: 415, and what would be taken."""
    head = b"" if sent is None else f"Content-Type: {sent}\r\n".encode()
    body = b"query=ASK%20%7B%7D"
    length = f"Content-Length: {len(body)}\r\n".encode()
    answer = server.raw(b"POST /sparql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + length + b"\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 415 "), answer
    assert f"accept-post: {FORM}, {QUERY}".encode() in answer.lower()


@pytest.mark.parametrize(
    ("url", "content_type", "body"),
    [
        (b"/sparql", QUERY, "ASK { ?s ?p 'Ж' }".encode("utf-16")),
        (b"/sparql", QUERY, "ASK { ?s ?p 'Ж' }".encode("koi8-r")),
        (b"/sparql", FORM, b"query=ASK%20%7B%20%3Fs%20%3Fp%20%27%FE%FF%27%20%7D"),
        (b"/sparql", FORM, "query=ASK { ?s ?p 'Ж' }".encode("koi8-r")),
        (b"/sparql?query=ASK%20%7B%20%3Fs%20%3Fp%20%27%FE%FF%27%20%7D", "", b""),
        (b"/sparql?query=ASK{?s+?p+'\xd6'}", "", b""),
    ],
)
def test_a_query_that_is_not_utf8_is_refused(server: Served, url: bytes, content_type: str, body: bytes) -> None:
    """P7: 400 wherever the bytes stand; never a guess at another encoding."""
    method = b"POST" if body else b"GET"
    head = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n".encode() if body else b""
    answer = server.raw(method + b" " + url + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 400 "), answer


def test_a_query_in_another_charset_is_refused_by_name(server: Served) -> None:
    """P7: what the client says of its own bytes is believed."""
    answer = server.request("POST", data="ASK {}".encode("utf-16"), Content_Type=f"{QUERY}; charset=UTF-16")
    assert 415 == answer.status_code
    assert "utf-16" in answer.json()["detail"]


def test_a_packed_request_is_refused_by_name(server: Served) -> None:
    """H9: a content coding that is not taken is 415, not a complaint about UTF-8."""
    answer = server.request("POST", data=gzip.compress(b"ASK {}"), Content_Type=QUERY, Content_Encoding="gzip")
    assert 415 == answer.status_code
    assert "identity" == answer.headers["Accept-Encoding"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(server: Served, method: str) -> None:
    """P8: 405, and what is allowed."""
    answer = server.request(method, {"query": "ASK {}"})
    assert 405 == answer.status_code
    assert "GET, HEAD, POST, OPTIONS" == answer.headers["Allow"]


# --- P5: the dataset ----------------------------------------------------------------------------------------------

COUNT = "SELECT (COUNT(*) AS ?n) {0} {{ ?s ?p ?o }}"


def counted(server: Served, query: str, **graphs: Any) -> int:
    parameters = {"query": query, **{name.replace("_", "-"): value for name, value in graphs.items()}}
    answer = server.get(parameters)
    assert 200 == answer.status_code, answer.text
    return int(answer.json()["results"]["bindings"][0]["n"]["value"])


def test_default_graphs_are_merged_to_a_set(server: Served, store: Store, sizes: dict[str, int]) -> None:
    """P5: a triple that stands in two of the default graphs is one; so for FROM, which pyoxigraph counts twice."""
    articles = [NamedNode(name) for name in sizes if "/graph/article/" in name]
    triples = [quad.triple for graph in articles for quad in store.quads_for_pattern(None, None, None, graph)]
    assert len(set(triples)) < len(triples), "the fixture must have a triple in two articles"
    names = [graph.value for graph in articles]
    text = " ".join(f"FROM <{name}>" for name in names)
    assert len(set(triples)) == counted(server, COUNT.format(text))
    assert len(set(triples)) == counted(server, COUNT.format(""), default_graph_uri=names)
    posted = {"query": COUNT.format(""), "default-graph-uri": names}
    answer = server.request("POST", data=posted).json()["results"]["bindings"][0]["n"]["value"]
    assert str(len(set(triples))) == answer


def test_a_graph_that_is_named_twice_counts_once(server: Served, sizes: dict[str, int]) -> None:
    """P5: `FROM a FROM a` is `FROM a`."""
    name, size = next(iter(sizes.items()))
    assert size == counted(server, COUNT.format(f"FROM <{name}> FROM <{name}>"))
    assert size == counted(server, COUNT.format(""), default_graph_uri=[name, name])
    twice = COUNT.format(f"FROM NAMED <{name}> FROM NAMED <{name}>").replace("?s ?p ?o", "GRAPH ?g { ?s ?p ?o }")
    assert size == counted(server, twice)


def test_the_protocols_graphs_win_over_from(server: Served, sizes: dict[str, int]) -> None:
    """P5: with default-graph-uri or named-graph-uri, FROM and FROM NAMED say nothing."""
    (first, size), (second, _) = sorted(sizes.items())[:2]
    assert size == counted(server, COUNT.format(f"FROM <{second}>"), default_graph_uri=first)
    inside = COUNT.format(f"FROM NAMED <{second}>").replace("?s ?p ?o", "GRAPH ?g { ?s ?p ?o }")
    assert size == counted(server, inside, named_graph_uri=first)
    assert 0 == counted(server, COUNT.format(f"FROM <{second}>"), named_graph_uri=first)
    assert 0 == counted(server, inside, default_graph_uri=first)


@pytest.mark.parametrize(
    "clause",
    [
        "BASE <{base}> SELECT (COUNT(*) AS ?n) FROM <{first}> FROM <{second}> {{ ?s ?p ?o }}",
        "PREFIX g: <{base}> SELECT (COUNT(*) AS ?n) FROM g:{first} FROM g:{second} {{ ?s ?p ?o }}",
        "PREFIX FROM: <urn:x> PREFIX g: <{base}> SELECT (COUNT(*) AS ?n) FROM g:{first} FROM g:{second} {{ ?s ?p ?o }}",
        "BASE <urn:nothing:> PREFIX g: <{base}> SELECT (COUNT(*) AS ?n) FROM # <urn:x> {{\n g:{first} "
        "FROM <{base}{second}> {{ ?s ?p ?o }}",
    ],
)
def test_graphs_are_found_however_they_are_written(server: Served, sizes: dict[str, int], clause: str) -> None:
    """P5: relative to BASE, with prefixes, beside comments: the same two graphs."""
    first, second = "entities", "dates"
    query = clause.format(base=f"{ICN}graph/", first=first, second=second)
    assert sizes[f"{ICN}graph/{first}"] + sizes[f"{ICN}graph/{second}"] == counted(server, query)


def test_relative_iris_are_relative_to_the_endpoint(server: Served) -> None:
    """RFC 3986 §5.1.3: without BASE, the address that was asked is the base; each name of the server has its own."""
    for host in ("icn.example", "other.example:81"):
        rows = server.ask("SELECT (<x> AS ?x) {}", Host=host).json()["results"]["bindings"]
        assert [f"http://{host}/x"] == [row["x"]["value"] for row in rows]
    refused = server.ask("SELECT * FROM <x> {}", Host="icn.example")
    assert (400, "http://icn.example/x") == (refused.status_code, refused.json()["graph"])
    assert 400 == server.ask("ASK {}", Host="no host").status_code


def test_from_behind_a_template_is_seen(server: Served, store: Store, sizes: dict[str, int]) -> None:
    """P5: in CONSTRUCT, FROM stands behind the first braces; the default graphs are a set there too."""
    articles = [name for name in sizes if "/graph/article/" in name]
    text = " ".join(f"FROM <{name}>" for name in articles)
    query = f"CONSTRUCT {{ <urn:x> <urn:n> ?n }} {text} WHERE {{ SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o }} }}"
    triples = {quad.triple for name in articles for quad in store.quads_for_pattern(None, None, None, NamedNode(name))}
    (triple,) = parse(server.ask(query, "application/n-triples").content, format=RdfFormat.N_TRIPLES)
    assert isinstance(triple.object, Literal)
    assert len(triples) == int(triple.object.value)


def test_merging_leaves_nothing_behind(server: Served, sizes: dict[str, int]) -> None:
    """P5: whoever asks after a merge sees the graphs of the data and no other."""
    names = list(sizes)[:2]
    for n in range(8):  # so that every worker has merged once
        counted(server, f"SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o }} # {n}", default_graph_uri=names)
    for n in range(8):
        rows = server.rows(f"SELECT ?g {{ GRAPH ?g {{ }} }} # {n}")
        assert set(sizes) == {row["g"] for row in rows}


def test_the_default_graph_alone_is_the_default(server: Served, store: Store) -> None:
    """P5: with no graph named, the default graph is the resolved view, not a union."""
    default = sum(1 for quad in store if not getattr(quad.graph_name, "value", ""))
    assert default == counted(server, COUNT.format(""))


# --- P6: errors are no answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["", " ", "SELECT", "SELECT * {", "nonsense", "SELECT (?x AS ?x) { ?x ?y ?z }", "ASK {} x"]
)
def test_a_fault_of_syntax_is_400(server: Served, query: str) -> None:
    """P6: with the reason, in whatever way it was sent; never 200."""
    answers = [server.ask(query), server.request("POST", data=query.encode(), Content_Type=QUERY)]
    if not query.strip():
        answers += [server.request("POST", data={"query": query})]
    assert {400} == {answer.status_code for answer in answers}
    assert {"application/problem+json"} == {answer.headers["Content-Type"] for answer in answers}


# --- P11: formats -------------------------------------------------------------------------------------------------

TERMS = (
    'SELECT ?a ?b { VALUES (?a ?b) { (<urn:x> "a,\\"b\\"") ("Ж\\n\\t" 5) ("é"@fr UNDEF) '
    '("2023-11"^^<http://www.w3.org/2001/XMLSchema#gYearMonth> true) } }'
)


def test_csv_is_as_rfc_4180_says(server: Served) -> None:
    """P11: CRLF, quotes doubled, values without their types, nothing where nothing is bound."""
    answer = server.ask(TERMS, CSV)
    assert "text/csv; charset=utf-8" == answer.headers["Content-Type"]
    assert 'a,b\r\nurn:x,"a,""b"""\r\n"Ж\n\t",5\r\né,\r\n2023-11,true\r\n' == answer.content.decode()


def test_tsv_holds_terms_as_turtle_writes_them(server: Served) -> None:
    """P11: variables with their mark; IRIs in brackets, types and languages kept, tabs and line ends escaped."""
    answer = server.ask(TERMS, TSV)
    assert "text/tab-separated-values; charset=utf-8" == answer.headers["Content-Type"]
    lines = answer.content.decode().split("\n")
    assert ["?a\t?b", '<urn:x>\t"a,\\"b\\""', '"Ж\\n\\t"\t5', '"é"@fr\t'] == lines[:4]
    assert ['"2023-11"^^<http://www.w3.org/2001/XMLSchema#gYearMonth>\ttrue', ""] == lines[4:]


def test_json_and_xml_hold_the_same(server: Served) -> None:
    """P11: both are read by rdflib to the same solutions, with types and languages."""
    read = []
    for media_type in (JSON, XML):
        answer = server.ask(TERMS, media_type)
        assert media_type == answer.headers["Content-Type"]
        kind = "json" if media_type == JSON else "xml"
        result = Result.parse(source=io.BytesIO(answer.content), format=kind)
        assert ["a", "b"] == [str(variable) for variable in result.vars or ()]
        read.append([[None if cell is None else cell.n3() for cell in row] for row in result])  # type: ignore[union-attr]
    assert read[0] == read[1]
    assert ['"é"@fr', None] == read[0][2]
    assert {"head": {"vars": ["a", "b"]}}.items() <= server.ask(TERMS).json().items()


@pytest.mark.parametrize(("query", "truth"), [("ASK {}", True), ("ASK { <urn:no> <urn:no> <urn:no> }", False)])
def test_ask_has_a_boolean(server: Served, query: str, truth: bool) -> None:
    """P11: JSON and XML have a form for it; CSV and TSV have none, and say so."""
    assert {"head": {}, "boolean": truth} == server.ask(query).json()
    assert f"<boolean>{str(truth).lower()}</boolean>" in server.ask(query, XML).text
    for media_type in (CSV, TSV):
        answer = server.ask(query, media_type)
        assert 406 == answer.status_code
        assert JSON in answer.json()["available"]
        assert JSON == server.ask(query, f"{media_type}, */*;q=0.1").headers["Content-Type"]


@pytest.mark.parametrize("media_type", GRAPHS)
@pytest.mark.parametrize("query", [TYPES, f"DESCRIBE <{ICN}id/network/lakes-academies>"])
def test_a_graph_is_the_same_in_every_format(server: Served, store: Store, media_type: str, query: str) -> None:
    """P11: CONSTRUCT and DESCRIBE, each triple once, as the store itself answers."""
    answer = server.ask(query, media_type)
    assert media_type == answer.headers["Content-Type"].partition(";")[0]
    triples = [quad.triple for quad in parse(answer.content, format=GRAPHS[media_type])]
    expected = set(store.query(query))  # type: ignore[arg-type]
    assert expected
    assert expected == set(triples)
    assert len(triples) == len(set(triples))


# --- the service description --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def description(server: Served) -> set[Triple]:
    answer = server.get({}, "application/n-triples")
    assert 200 == answer.status_code
    return {quad.triple for quad in parse(answer.content, format=RdfFormat.N_TRIPLES)}


def values(description: set[Triple], subject: str, predicate: str) -> list[str]:
    """List the values of a property, as texts."""
    return [
        triple.object.value  # type: ignore[union-attr]
        for triple in description
        if triple.subject == NamedNode(subject) and triple.predicate == NamedNode(predicate)
    ]


def test_the_description_is_the_same_graph_in_every_format(server: Served, description: set[Triple]) -> None:
    """GET without a query gives RDF, negotiated; a client that says nothing gets Turtle."""
    for media_type, format_ in GRAPHS.items():
        answer = server.get({}, media_type)
        assert media_type == answer.headers["Content-Type"].partition(";")[0]
        assert description == {quad.triple for quad in parse(answer.content, format=format_)}
    assert "text/turtle; charset=utf-8" == server.get({}, None).headers["Content-Type"]
    assert len(Graph().parse(data=server.get({}, "text/turtle").text, format="turtle")) == len(description)


def test_the_description_says_what_is_here_and_no_more(server: Served, description: set[Triple]) -> None:
    """P9: endpoint, formats and the query language; no update, no federation, which are refused."""
    assert [server.endpoint] == values(description, server.endpoint, f"{SD}endpoint")
    assert [f"{SD}SPARQL11Query"] == values(description, server.endpoint, f"{SD}supportedLanguage")
    assert not values(description, server.endpoint, f"{SD}feature")
    formats = {name.rpartition("/")[2] for name in values(description, server.endpoint, f"{SD}resultFormat")}
    results = {f"SPARQL_Results_{kind}" for kind in ("JSON", "XML", "CSV", "TSV")}
    assert results | {"Turtle", "N-Triples", "JSON-LD", "RDF_XML", "TriG"} == formats
    assert not [t for t in description if "Update" in str(t) or "FederatedQuery" in str(t)]


def test_the_description_lists_the_graphs(server: Served, description: set[Triple], sizes: dict[str, int]) -> None:
    """Every named graph with its number of triples, equal to the store's."""
    (dataset,) = values(description, server.endpoint, f"{SD}defaultDataset")
    listed = {}
    for graph in values(description, dataset, f"{SD}namedGraph"):
        (name,), (content,) = values(description, graph, f"{SD}name"), values(description, graph, f"{SD}graph")
        listed[name] = int(values(description, content, f"{VOID}triples")[0])
    assert sizes == listed


def test_the_partitions_count_what_is_there(server: Served, description: set[Triple], store: Store) -> None:
    """VoID's class and property partitions of the default graph add up to the store's."""
    (dataset,) = values(description, server.endpoint, f"{SD}defaultDataset")
    (default,) = values(description, dataset, f"{SD}defaultGraph")
    triples = [quad for quad in store if not getattr(quad.graph_name, "value", "")]
    assert [str(len(triples))] == values(description, default, f"{VOID}triples")
    parts = values(description, default, f"{VOID}propertyPartition")
    by_property = {
        values(description, part, f"{VOID}property")[0]: int(values(description, part, f"{VOID}triples")[0])
        for part in parts
    }
    assert by_property == {
        name.value: sum(1 for quad in triples if quad.predicate == name) for name in {q.predicate for q in triples}
    }
    assert len(values(description, default, f"{VOID}classPartition")) > 5


def test_the_prefixes_are_declared(server: Served, description: set[Triple]) -> None:
    """An editor can read from `sh:declare` what our prefixes stand for."""
    sh = "http://www.w3.org/ns/shacl#"
    declared = {
        values(description, each, f"{sh}prefix")[0]: values(description, each, f"{sh}namespace")[0]
        for each in values(description, server.endpoint, f"{sh}declare")
    }
    assert f"{ICN}ontology#" == declared["icn"]


def test_the_description_names_the_address_it_was_asked_at(server: Served) -> None:
    """A client that came by another name is not sent to a third one."""
    answer = server.get({}, "text/turtle", Host="icn.example:81")
    assert "<http://icn.example:81/sparql>" in answer.text


# --- H1-H4: negotiation -------------------------------------------------------------------------------------------

RDFLIB_ACCEPT = "application/sparql-results+xml, application/rdf+xml, application/json;q=0.5"
NEGOTIATION = [
    (None, JSON, "text/turtle; charset=utf-8"),
    ("", JSON, "text/turtle; charset=utf-8"),
    ("*/*", JSON, "text/turtle; charset=utf-8"),
    ("application/*", JSON, "application/n-triples"),
    ("text/*", "text/csv; charset=utf-8", "text/turtle; charset=utf-8"),
    ("text/csv;q=0.5, text/tab-separated-values", "text/tab-separated-values; charset=utf-8", None),
    ("application/sparql-results+json;q=0, */*", XML, "text/turtle; charset=utf-8"),
    ("*/*;q=0.1, application/rdf+xml;q=0.5, text/csv;q=0.05", JSON, "application/rdf+xml"),
    ("application/json", "application/json", "application/json"),
    ("text/xml", "text/xml", "text/xml"),
    ("text/plain, */*;q=0.1", JSON, "text/plain; charset=utf-8"),
    ("TEXT/CSV", "text/csv; charset=utf-8", None),
    ("text/csv; charset=utf-8", "text/csv; charset=utf-8", None),
    ("application/sparql-results+json;charset=utf-8", JSON, None),
    ("text/turtle;version=1.1;q=0.3", None, "text/turtle; charset=utf-8"),
    (RDFLIB_ACCEPT, XML, "application/rdf+xml"),
    (BROWSER, "text/html; charset=utf-8", "text/html; charset=utf-8"),
    ("text/html", "text/html; charset=utf-8", "text/html; charset=utf-8"),
    ("text/html;q=0.5, application/sparql-results+json", JSON, None),
    ("image/png", None, None),
    ("image/png, */*;q=0", None, None),
]


@pytest.mark.parametrize(("accept", "table", "graph"), NEGOTIATION)
def test_what_is_sent_is_what_was_asked_for(
    server: Served, accept: str | None, table: str | None, graph: str | None
) -> None:
    """H1, H2, H3: q-values, refusals and the most specific range decide; 406 lists what there is."""
    for query, expected in ((NAMES, table), (TYPES, graph)):
        answer = server.ask(query, accept)
        if expected is None and not (graph is None and "html" in (accept or "")):
            assert 406 == answer.status_code
            assert answer.json()["available"]
        elif expected is not None:
            assert (200, expected) == (answer.status_code, answer.headers["Content-Type"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xml", XML),
        ("json", JSON),
        ("JSON", JSON),
        ("text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        (f"image/png,{XML}", XML),
    ],
)
def test_a_link_can_name_the_format(server: Served, name: str, expected: str) -> None:
    """`format=` stands for an Accept header: a short name, or media types as SPARQLWrapper sends them there.

    An unknown name is refused with the list.
    """
    answer = server.get({"query": NAMES, "format": name}, BROWSER)
    assert expected == answer.headers["Content-Type"]
    wrong = server.get({"query": NAMES, "format": "xlsx"})
    assert 400 == wrong.status_code
    assert "csv" in wrong.json()["detail"]


def test_several_accept_lines_are_one_list(server: Served) -> None:
    """RFC 9110 §5.3: a header may come in several lines."""
    head = b"Host: x\r\nConnection: close\r\nAccept: text/csv;q=0.2\r\nAccept: text/tab-separated-values\r\n\r\n"
    answer = server.raw(b"GET /sparql?query=SELECT+*+%7B%7D HTTP/1.1\r\n" + head)
    assert b"content-type: text/tab-separated-values" in answer.lower()


def kinds(server: Served) -> dict[int, requests.Response]:
    """Ask for one answer of each status."""
    tag = server.ask(NAMES).headers["ETag"]
    found = {
        200: server.ask(NAMES),
        204: server.request("OPTIONS"),
        304: server.ask(NAMES, If_None_Match=tag),
        400: server.ask("SELECT"),
        403: server.get({"update": "CLEAR ALL"}),
        404: requests.get(f"{server.address}/nowhere", timeout=60),
        405: server.request("PUT"),
        406: server.ask(NAMES, "image/png"),
        413: server.request("POST", data=b"#" * 300_000, Content_Type=QUERY),
        415: server.request("POST", data=b"x", Content_Type="text/plain"),
    }
    assert {status: status for status in found} == {status: answer.status_code for status, answer in found.items()}
    return found


def test_every_answer_varies_and_may_be_read_from_anywhere(server: Served) -> None:
    """H4 and CORS: `Vary` on everything that is negotiated, CORS on everything, whatever its status; each once."""
    for status, answer in nonempty(kinds(server).items()):
        raw = answer.raw.headers
        assert ["*"] == raw.getlist("Access-Control-Allow-Origin"), status
        assert "Access-Control-Allow-Credentials" not in raw
        exposed = {name.strip() for name in raw["Access-Control-Expose-Headers"].split(",")}
        assert {"Link", "ETag", "Location", "Content-Location", "Vary", "Retry-After"} <= exposed
        if status != 204:
            assert ["Accept, Accept-Language, Accept-Encoding"] == raw.getlist("Vary"), status
            assert 1 == len(raw.getlist("Cache-Control")), status
            assert 1 == len(raw.getlist("Content-Type")) or status == 304


def test_pages_of_problems_have_each_header_once(server: Served) -> None:
    """H4: a problem as a page is sent with one `Vary` and one `Cache-Control`."""
    raw = server.ask("SELECT", BROWSER).raw.headers
    assert ["Accept, Accept-Language, Accept-Encoding"] == raw.getlist("Vary")
    assert ["no-store"] == raw.getlist("Cache-Control")


# --- H5-H9: methods, validators, lengths --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "accept"),
    [
        ({"query": NAMES}, JSON),
        ({"query": NAMES}, BROWSER),
        ({"query": TYPES}, "text/turtle"),
        ({}, "text/turtle"),
        ({}, BROWSER),
        ({"query": "SELECT"}, JSON),
        ({"query": NAMES}, "image/png"),
        ({"query": "SELECT (RAND() AS ?x) {}"}, JSON),
    ],
)
def test_head_is_get_without_a_body(server: Served, parameters: dict[str, str], accept: str) -> None:
    """H5: the same status and fields, the length too."""
    got, headed = server.get(parameters, accept), server.request("HEAD", parameters, accept)
    assert b"" == headed.content
    ignored = {"date"} | ({"content-length"} if "RAND" in parameters.get("query", "") else set())
    assert {k: v for k, v in got.headers.lower_items() if k not in ignored} == {
        k: v for k, v in headed.headers.lower_items() if k not in ignored
    }
    assert got.status_code == headed.status_code


@pytest.mark.parametrize("path", ["/", "/healthz", "/style.css"])
def test_the_other_addresses_have_head_and_options(server: Served, path: str) -> None:
    """H5, H6: there too; what they do not take is 405 with `Allow`."""
    got, headed, asked, posted = (
        requests.request(method, server.address + path, timeout=60) for method in ("GET", "HEAD", "OPTIONS", "POST")
    )
    assert [200, 200, 204, 405] == [got.status_code, headed.status_code, asked.status_code, posted.status_code]
    assert got.headers["Content-Type"] == headed.headers["Content-Type"]
    assert {"GET, HEAD, OPTIONS"} == {asked.headers["Allow"], posted.headers["Allow"]}


def test_a_preflight_is_answered(server: Served) -> None:
    """H6 and CORS: a script elsewhere may POST a query with the headers that it names."""
    wanted = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-requested-with",
    }
    answer = requests.options(server.endpoint, headers=wanted, timeout=60)
    assert 204 == answer.status_code
    assert "GET, HEAD, POST, OPTIONS" == answer.headers["Allow"] == answer.headers["Access-Control-Allow-Methods"]
    assert "content-type,x-requested-with" == answer.headers["Access-Control-Allow-Headers"]
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("shape", ["{0}", "W/{0}", '"other", {0}', '"other",W/{0} , "third"', "*"])
def test_what_has_not_changed_is_not_sent_again(server: Served, shape: str) -> None:
    """H7: a tag, a list, a weak one, a star: 304 with ETag, Vary and Cache-Control, and no type."""
    for parameters, accept in (({"query": NAMES}, JSON), ({}, "text/turtle"), ({"query": NAMES}, BROWSER)):
        tag = server.get(parameters, accept).headers["ETag"]
        assert tag.startswith('"')
        again = server.get(parameters, accept, If_None_Match=shape.format(tag))
        assert (304, b"") == (again.status_code, again.content)
        assert tag == again.headers["ETag"]
        names = {name for name, _ in again.headers.lower_items()}
        assert {"vary", "cache-control"} <= names
        assert not {"content-type", "content-encoding"} & names
        assert 200 == server.get(parameters, accept, If_None_Match='"other"').status_code


def test_tags_in_several_lines_are_one_list(server: Served) -> None:
    """H7: RFC 9110 §5.3 for If-None-Match."""
    tag = server.get({"query": "SELECT * {}"}, JSON).headers["ETag"].encode()
    head = b"Host: x\r\nConnection: close\r\nAccept: " + JSON.encode()
    tags = b'\r\nIf-None-Match: "other"\r\nIf-None-Match: ' + tag + b"\r\n\r\n"
    answer = server.raw(b"GET /sparql?query=SELECT+%2A+%7B%7D HTTP/1.1\r\n" + head + tags)
    assert answer.startswith(b"HTTP/1.1 304 "), answer


def test_each_representation_has_a_tag_of_its_own(server: Served) -> None:
    """H7: strong tags differ between formats and between codings, and are equal for equal bytes."""
    plain = {accept: server.ask(NAMES, accept).headers["ETag"] for accept in (JSON, XML, CSV, TSV, BROWSER)}
    packed = server.ask(NAMES, JSON, Accept_Encoding="gzip").headers["ETag"]
    assert 6 == len({*plain.values(), packed})
    assert server.ask(NAMES + " # another text", JSON).headers["ETag"] == plain[JSON]


def test_answers_are_packed_for_who_takes_it(server: Served) -> None:
    """Gzip halves it at least, unpacks to the same bytes, and is left out for small answers and for who refuses."""
    plain = server.ask(NAMES, JSON)
    packed = server.ask(NAMES, JSON, Accept_Encoding="br, gzip;q=0.5")
    assert "gzip" == packed.headers["Content-Encoding"]
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) * 2 < int(plain.headers["Content-Length"])
    for refused in ("identity", "gzip;q=0", "br", "gzip;q=0, *"):
        assert "Content-Encoding" not in server.ask(NAMES, JSON, Accept_Encoding=refused).headers
    assert "Content-Encoding" not in server.ask("ASK {}", JSON, Accept_Encoding="gzip").headers


def test_an_answer_has_an_address_of_its_own(server: Served) -> None:
    """H8: Content-Location leads to the same bytes, whatever the next client accepts."""
    for query, accept in ((NAMES, CSV), (TYPES, "application/n-triples"), (NAMES, BROWSER)):
        first = server.get({"query": query}, accept)
        second = requests.get(server.address + first.headers["Content-Location"], timeout=60)
        assert first.headers["Content-Type"] == second.headers["Content-Type"]
        assert first.content == second.content


def test_a_slash_more_leads_to_the_address(server: Served) -> None:
    """There is one address for the endpoint; the redirect to it has CORS, so that scripts of other sites follow it."""
    address = f"{server.address}/sparql/"
    answer = requests.get(address, params={"query": "ASK {}"}, timeout=60, allow_redirects=False)
    assert 308 == answer.status_code
    assert requests.get(server.endpoint, params={"query": "ASK {}"}, timeout=60).content == requests.get(
        address, params={"query": "ASK {}"}, timeout=60
    ).content  # fmt: skip
    assert "*" == answer.headers["Access-Control-Allow-Origin"]


# --- H11: no header breaks it -------------------------------------------------------------------------------------

VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
PIECES = st.sampled_from(
    ["*", "*/*", "text/*", "text/html", JSON, ";q=x", ";q=", ";q=0", ";q=1.5", ";q=-1", ",", ";", "/", "=", '"', "\\",
     "gzip", "W/", '"a"', "[", "]", "<", ">", "%", "{", "}", "//", "@", ":", "utf-8", "charset=", "a" * 200, " ", "\t"]
)  # fmt: skip
VALUES = st.one_of(VISIBLE, st.lists(PIECES, max_size=8).map("".join))
HEADERS = st.sampled_from(
    ["Accept", "Accept-Encoding", "Accept-Language", "Accept-Charset", "Content-Type", "Content-Encoding", "Host",
     "If-None-Match", "If-Match", "If-Modified-Since", "Range", "Origin", "Access-Control-Request-Headers",
     "Access-Control-Request-Method", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-For", "Referer", "Cookie",
     "Authorization", "Expect", "Cache-Control", "Upgrade", "Connection"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers=st.dictionaries(HEADERS, VALUES, max_size=4), path=st.sampled_from(["ask", "about", "post", "home"]))
def test_no_header_is_a_fault_of_the_server(server: Served, headers: dict[str, str], path: str) -> None:
    """H11: whatever a header says, the answer is no 5xx."""
    lines = "".join(f"{name}: {value.strip()}\r\n" for name, value in {"Host": "x", **headers}.items())
    target = {"ask": "/sparql?query=ASK%7B%7D", "about": "/sparql", "post": "/sparql", "home": "/"}[path]
    body = b"query=ASK%7B%7D" if path == "post" else b""
    method = "POST" if path == "post" else "GET"
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {target} HTTP/1.1\r\n{lines}{length}\r\n".encode("latin-1")
    with server.connect() as connection:
        connection.sendall(head + body)
        answer = connection.recv(1 << 16)
        while not answer or answer.startswith(b"HTTP/1.1 100"):
            answer = connection.recv(1 << 16)
    assert answer[:10] in (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4"), (head, answer)


@pytest.mark.parametrize("name", ["Accept", "Accept-Encoding", "If-None-Match", "Content-Type", "Cookie", "X-Long"])
@pytest.mark.parametrize("value", ["x" * 8192, ",".join(["text/html;q=0.1"] * 500), "a/b," * 2000, '"' * 8000])
def test_a_long_header_is_no_fault_of_the_server(server: Served, name: str, value: str) -> None:
    """H11: 8 kB in a header are answered, with a list of thousands of items as well."""
    answer = server.get({"query": "ASK {}"}, **{"accept": JSON, name.replace("-", "_"): value})
    assert answer.status_code < 500


# --- the page -----------------------------------------------------------------------------------------------------


def test_a_browser_gets_a_form_and_a_table(server: Served) -> None:
    """Without scripts: a form that asks, a table that answers, links to every format that give the whole answer."""
    form = server.get({}, BROWSER)
    assert '<form action="/sparql" method="get">' in form.text
    page = server.ask(TERMS, BROWSER)
    for shown in ("<td", "a,&#34;b&#34;", 'lang="fr"', "4 rows", "urn:x"):
        assert shown in page.text
    for text in (form, page):
        assert "<script" not in text.text
        assert "http://" not in text.text.replace("http://www.w3.org/2001/XMLSchema", "")
        assert "default-src 'none'" in text.headers["Content-Security-Policy"]
        assert "script" not in text.headers["Content-Security-Policy"]


def test_the_links_of_a_page_lead_to_the_answer(server: Served) -> None:
    """Also where the page came by POST: each download is the answer to the same query over the same graphs."""
    graph = f"{ICN}graph/dates"
    query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o } # by post"
    page = server.request("POST", accept=BROWSER, data={"query": query, "default-graph-uri": graph})
    links = findall(r'<a href="(/sparql\?[^"]*)">(\w+)</a>', page.text)
    assert {"csv", "tsv", "json", "xml"} == {name for _, name in links}
    expected = server.get({"query": query, "default-graph-uri": graph}, CSV).content
    (link,) = [unescape(link) for link, name in links if name == "csv"]
    assert expected == requests.get(server.address + link, timeout=60).content


def test_hostile_text_stays_text(server: Served) -> None:
    """What stands in the data or in the query is never markup of the page, nor a link that runs."""
    hostile = '<script>alert(1)</script>\\"><img src=x onerror=alert(1)>'
    query = f'SELECT ("{hostile}" AS ?x) (<javascript:alert(1)> AS ?y) {{}}'
    for page in (server.ask(query, BROWSER), server.ask(query + hostile, BROWSER)):
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert 'href="javascript' not in page.text


def test_json_of_a_problem_is_what_rfc_9457_says(server: Served) -> None:
    """type, title, status and detail, in a media type of their own."""
    answer = server.ask("SELECT")
    assert "application/problem+json" == answer.headers["Content-Type"]
    problem = json.loads(answer.content)
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert (400, f"{ICN}problem/syntax-error") == (problem["status"], problem["type"])


# --- what clients send by themselves ------------------------------------------------------------------------------

CONSTRUCT = "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o } LIMIT 5"


@pytest.mark.parametrize("general", ["application/json", "application/xml", "text/xml"])
def test_a_general_type_means_that_of_the_form(server: Served, general: str) -> None:
    """JSON and XML of a table, or of a graph: whichever the query has; sent under the name that was asked for."""
    graph = server.ask(CONSTRUCT, general)
    assert (200, general) == (graph.status_code, graph.headers["Content-Type"])
    format_ = RdfFormat.JSON_LD if general == "application/json" else RdfFormat.RDF_XML
    assert 5 == len(list(parse(graph.content, format_)))
    table = server.ask("SELECT * { ?s a ?o } LIMIT 5", general)
    assert (200, general) == (table.status_code, table.headers["Content-Type"])


@pytest.mark.parametrize(("name", "media_type"), [("xml", "application/rdf+xml"), ("json", "application/ld+json")])
def test_a_general_name_means_the_format_of_the_form(server: Served, name: str, media_type: str) -> None:
    """`format=xml` beside CONSTRUCT is RDF/XML; SPARQLWrapper sends it with every query."""
    answer = server.get({"query": CONSTRUCT, "format": name})
    assert (200, media_type) == (answer.status_code, answer.headers["Content-Type"])


@pytest.mark.parametrize("query", [CONSTRUCT, "DESCRIBE <https://w3id.org/icn/id/institution/highmoor-school>"])
def test_sparqlwrapper_reads_graphs_by_its_defaults(server: Served, query: str) -> None:
    """Without any setting."""
    wrapper = SPARQLWrapper(server.endpoint)
    wrapper.setQuery(query)
    read = wrapper.query().convert()
    assert isinstance(read, Graph)
    assert len(read) >= 5


def test_a_byte_order_mark_is_passed_by(server: Served) -> None:
    """In the parameter and in the body."""
    assert server.ask("\ufeffASK {}").json()["boolean"]
    body = server.request("POST", data="\ufeffASK {}".encode(), Content_Type="application/sparql-query")
    assert body.json()["boolean"]


def test_an_empty_graph_is_none(server: Served) -> None:
    """Clients send the parameter without a value."""
    count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    plain, empty = (server.get({"query": count, **more}).json() for more in ({}, {"default-graph-uri": ""}))
    assert plain == empty


@pytest.mark.parametrize(
    ("value", "wanted"), [("1", True), ("true", True), ("yes", True), ("0", False), ("no", False), ("", False)]
)
def test_sources_are_asked_for_in_words(server: Served, value: str, wanted: bool) -> None:
    """Or left out in words."""
    answer = server.get({"query": "SELECT * { ?s a ?o } LIMIT 1", "sources": value})
    assert wanted is ("sources" in answer.json())


def test_sources_are_never_ignored(server: Served) -> None:
    """What is neither yes nor no is refused."""
    answer = server.get({"query": "SELECT * { ?s a ?o } LIMIT 1", "sources": "please"})
    assert 400 == answer.status_code
    assert "sources=please" in answer.json()["detail"]
