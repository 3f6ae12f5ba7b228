# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Clients as they are in use: SPARQLWrapper, rdflib's SPARQLStore, curl, and Comunica over two of our endpoints."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import RdfFormat, Store, serialize
from rdflib import Graph, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, GET, JSON, JSONLD, N3, POST, POSTDIRECTLY, RDFXML, TSV, TURTLE, URLENCODED, XML
from SPARQLWrapper import SPARQLWrapper as Wrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from npm import installed
from serving import Served, mini_nquads, serving

ICN = "https://w3id.org/icn/ontology#"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
NAMES = f"SELECT ?s ?name WHERE {{ ?s a <{ICN}Network> ; <{LABEL}> ?name }} ORDER BY ?s ?name"
MEMBERS = f"CONSTRUCT {{ ?m <{ICN}member> ?a }} WHERE {{ ?m <{ICN}member> ?a }}"


@pytest.fixture(scope="module")
def store() -> Store:
    held = Store()
    held.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    return held


@pytest.fixture(scope="module")
def names(store: Store) -> list[str]:
    """Give what the networks are called, as the store itself answers."""
    return [row["name"].value for row in store.query(NAMES)]  # type: ignore[union-attr]


# --- SPARQLWrapper ------------------------------------------------------------------------------------------------


def wrapped(server: Served, query: str, format_: str, method: str = GET, request: str = URLENCODED) -> Any:
    wrapper = Wrapper(server.endpoint)
    wrapper.setQuery(query)
    wrapper.setReturnFormat(format_)
    wrapper.setMethod(method)
    wrapper.setRequestMethod(request)
    return wrapper.query()


WAYS = [(GET, URLENCODED), (POST, URLENCODED), (POST, POSTDIRECTLY)]


@pytest.mark.parametrize(("method", "request_"), WAYS)
@pytest.mark.parametrize("format_", [JSON, XML, CSV, TSV])
def test_sparqlwrapper_reads_tables(server: Served, names: list[str], format_: str, method: str, request_: str) -> None:
    """Every format of results, by GET and both POSTs: the names that the store gives."""
    found = wrapped(server, NAMES, format_, method, request_).convert()
    if format_ == JSON:
        read = [row["name"]["value"] for row in found["results"]["bindings"]]
    elif format_ == XML:
        cells = found.getElementsByTagName("binding")
        named = [cell for cell in cells if cell.getAttribute("name") == "name"]
        read = ["".join(node.data for node in cell.firstChild.childNodes) for cell in named]
    else:
        lines = found.decode().strip().splitlines()
        assert ("s,name" if format_ == CSV else "?s\t?name") == lines[0]
        read = [line.partition("," if format_ == CSV else "\t")[2].partition('"@')[0].strip('"') for line in lines[1:]]
    assert names
    assert names == read


@pytest.mark.parametrize(("method", "request_"), WAYS)
@pytest.mark.parametrize("format_", [RDFXML, TURTLE, N3, JSONLD])
@pytest.mark.parametrize("query", [MEMBERS, "DESCRIBE <https://w3id.org/icn/id/network/lakes-academies>"])
def test_sparqlwrapper_reads_graphs(
    server: Served, store: Store, query: str, format_: str, method: str, request_: str
) -> None:
    """Every format of graphs, for CONSTRUCT and DESCRIBE: the triples that the store gives."""
    found = wrapped(server, query, format_, method, request_).convert()
    graph = found if isinstance(found, Graph) else Graph().parse(data=found, format="turtle")
    assert expected(store, query) == {(s.n3(), p.n3(), o.n3()) for s, p, o in graph}


def expected(store: Store, query: str) -> set[tuple[str, str, str]]:
    """Answer a query by the store itself, as terms of rdflib: its literals are spelled alike then."""
    triples = serialize(set(store.query(query)), format=RdfFormat.N_TRIPLES)  # type: ignore[arg-type]
    return {(s.n3(), p.n3(), o.n3()) for s, p, o in Graph().parse(data=triples, format="nt")}


def test_sparqlwrapper_reads_booleans_and_faults(server: Served) -> None:
    """ASK is a boolean; a query that cannot be read is the exception that clients expect, with our words in it."""
    assert wrapped(server, "ASK {}", JSON).convert()["boolean"] is True
    with pytest.raises(QueryBadFormed) as caught:
        wrapped(server, "SELECT * { ?s icn:x ?o }", JSON)
    assert f"PREFIX icn: <{ICN}>" in str(caught.value)


# --- rdflib -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
@pytest.mark.parametrize("format_", ["json", "xml", "csv", "tsv"])
def test_rdflib_asks(server: Served, names: list[str], method: str, format_: str) -> None:
    """SPARQLStore in each of its ways: SELECT, ASK and CONSTRUCT through rdflib's own Graph."""
    remote = Graph(SPARQLStore(server.endpoint, method=method, returnFormat=format_))
    assert names == [str(row[1]) for row in remote.query(NAMES)]  # type: ignore[index]
    if format_ in ("json", "xml"):  # the others have no form for a boolean
        assert remote.query("ASK { ?s ?p ?o }").askAnswer is True


def test_rdflib_reads_graphs(server: Served, store: Store) -> None:
    """CONSTRUCT through SPARQLStore, triple patterns and named graphs, as a program uses a graph."""
    remote = Graph(SPARQLStore(server.endpoint))
    built = remote.query(MEMBERS).graph
    assert built is not None
    assert expected(store, MEMBERS) == {(s.n3(), p.n3(), o.n3()) for s, p, o in built}
    network = URIRef("https://w3id.org/icn/id/network/lakes-academies")
    assert set(remote.objects(network, URIRef(LABEL)))
    dates = URIRef("https://w3id.org/icn/graph/dates")
    size = sum(1 for quad in store if getattr(quad.graph_name, "value", "") == str(dates))
    assert size == len(list(Graph(SPARQLStore(server.endpoint), identifier=dates).triples((None, None, None))))


# --- curl ---------------------------------------------------------------------------------------------------------


def curl(*arguments: str) -> str:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def test_curl_asks(server: Served, names: list[str]) -> None:
    """As the handbook says: a form, GET, a file as the body, a format by name, compressed; bare curl gets JSON."""
    bare = curl(server.endpoint, "--data-urlencode", f"query={NAMES}")
    assert names == [row["name"]["value"] for row in json.loads(bare)["results"]["bindings"]]
    assert bare == curl("--get", server.endpoint, "--data-urlencode", f"query={NAMES}")
    assert bare == curl(server.endpoint, "-H", "Content-Type: application/sparql-query", "--data-binary", NAMES)
    assert bare == curl("--compressed", "--get", server.endpoint, "--data-urlencode", f"query={NAMES}")
    table = curl("--get", server.endpoint, "--data-urlencode", f"query={NAMES}", "-d", "format=csv")
    assert "s,name" == table.splitlines()[0]


def test_curl_sees_the_service(server: Served) -> None:
    """Bare curl at the endpoint gets its description in RDF; -I shows what GET would send."""
    assert "sd:Service" in curl(server.endpoint)
    assert "HTTP/1.1 200 OK" == curl("-I", server.endpoint).splitlines()[0]


# --- Comunica -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comunica() -> Path:
    """Give the folder of Comunica; skip where it cannot be installed."""
    return installed("comunica")


def ask_comunica(folder: Path, query: str, *endpoints: str) -> list[dict[str, str]]:
    command = ["node", "query.mjs", query, *endpoints]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, timeout=120)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_comunica_federates_two_endpoints(server: Served, store: Store, comunica: Path, tmp_path: Path) -> None:
    """A join across two of our endpoints: members from one, what they are called from another; neither asks the other.

    The other one has the labels alone, so that only both together can answer.
    """
    labels = tmp_path / "labels.nt"
    pattern = f"CONSTRUCT {{ ?a <urn:called> ?name }} WHERE {{ ?m <{ICN}member> ?a . ?a <{LABEL}> ?name }}"
    triples = set(store.query(pattern))  # type: ignore[arg-type]
    labels.write_bytes(serialize(triples, format=RdfFormat.N_TRIPLES) or b"")
    query = f"SELECT ?m ?name WHERE {{ ?m <{ICN}member> ?a . ?a <urn:called> ?name }}"
    both = Store()
    both.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    both.bulk_load(labels.read_bytes(), format=RdfFormat.N_TRIPLES)
    rows = {(row["m"].value, row["name"].value) for row in both.query(query)}  # type: ignore[union-attr]
    with serving(tmp_path, labels) as other:
        found = ask_comunica(comunica, query, server.endpoint, other.endpoint)
        assert not ask_comunica(comunica, query, server.endpoint)
    assert len(rows) > 5
    assert rows == {(row["m"], row["name"]) for row in found}
