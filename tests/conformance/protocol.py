"""The W3C's tests of the SPARQL 1.1 Protocol and of service descriptions, from their manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from pyoxigraph import NamedNode, Quad, RdfFormat, parse, serialize
from rdflib import RDF, Graph, Namespace, URIRef
from rdflib.collection import Collection
from w3c import MF, entries, file_of

HT = Namespace("http://www.w3.org/2011/http#")
CNT = Namespace("http://www.w3.org/2011/content#")
SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")
PLACEHOLDER = Quad(NamedNode("urn:x"), NamedNode("urn:x"), NamedNode("urn:x"))
RDF_TYPES = {
    "text/turtle": "turtle",
    "application/rdf+xml": "xml",
    "application/n-triples": "nt",
    "application/ld+json": "json-ld",
}
FORMATS = {
    "boolean": {"application/sparql-results+json", "application/sparql-results+xml", "application/json"},
    "tabular": {"application/sparql-results+json", "application/sparql-results+xml", "text/csv",
                "text/tab-separated-values", "application/json"},
    "RDF": set(RDF_TYPES),
}  # fmt: skip


def nquads(checkout: Path) -> bytes:
    """Write the graphs that the tests of the protocol use, all under the names that they have there.

    Some requests name a graph for which the tests have no data: it gets one triple, which no query asks for.
    """
    quads: list[Quad] = []
    named = set()
    for _, graph, test in entries(_manifest(checkout, "protocol")):
        for node in graph.objects(test, UT.graphData):
            name = NamedNode(str(graph.value(node, RDFS.label)))
            if name not in named:
                named.add(name)
                read = parse(path=file_of(str(graph.value(node, UT.graph))), format=RdfFormat.N_TRIPLES)
                quads += [Quad(quad.subject, quad.predicate, quad.object, name) for quad in read]
        for request in _requests(graph, test):
            asked = parse_qsl(urlsplit(str(graph.value(request, HT.absolutePath))).query)
            asked += parse_qsl(_body(graph, request).decode("latin-1"))
            for name in {NamedNode(value) for key, value in asked if key.endswith("-graph-uri")} - named:
                named.add(name)
                quads.append(Quad(PLACEHOLDER.subject, PLACEHOLDER.predicate, PLACEHOLDER.object, name))
    return serialize(quads, format=RdfFormat.N_QUADS) or b""


def run_protocol(checkout: Path, endpoint: str) -> dict[str, str]:
    """Run the tests of the protocol: name -> why it fails, or ""."""
    found = {}
    for _, graph, test in entries(_manifest(checkout, "protocol")):
        failures = [_failure(graph, request, endpoint) for request in _requests(graph, test)]
        found[f"sparql11/protocol/{str(test).rpartition('#')[2]}"] = next((why for why in failures if why), "")
    return found


def _manifest(checkout: Path, folder: str) -> Path:
    return checkout / "sparql" / "sparql11" / folder / "manifest.ttl"


def _requests(graph: Graph, test: Any) -> list[Any]:
    return list(Collection(graph, graph.value(graph.value(test, MF.action), HT.requests)))


def _body(graph: Graph, request: Any) -> bytes:
    body = graph.value(request, HT.body)
    if body is None:
        return b""
    return str(graph.value(body, CNT.chars)).encode(str(graph.value(body, CNT.characterEncoding)))


def _failure(graph: Graph, request: Any, endpoint: str) -> str:
    """Send a request as the manifest writes it, and compare status, format and boolean."""
    query = urlsplit(str(graph.value(request, HT.absolutePath))).query
    headers = {"Accept": "*/*"}
    listed = graph.value(request, HT.headers)
    for each in Collection(graph, listed) if listed is not None else ():
        headers[str(graph.value(each, HT.fieldName))] = str(graph.value(each, HT.fieldValue))
    prepared = requests.Request(
        str(graph.value(request, HT.methodName)),
        f"{endpoint}?{query}",
        headers=headers,
        data=_body(graph, request) or None,
    ).prepare()
    with requests.Session() as session:
        answer = session.send(prepared, timeout=60)
    wanted = graph.value(request, HT.resp)
    classes = {str(each)[-3] for each in graph.objects(wanted, MF.expectedStatus)}
    if str(answer.status_code)[0] not in classes:
        return f"status {answer.status_code}: {answer.text[:200]}"
    media_type = answer.headers.get("Content-Type", "").partition(";")[0]
    format_ = graph.value(wanted, MF.expectedFormat)
    if format_ is not None and media_type not in FORMATS[str(format_)]:
        return f"format {media_type}"
    truth = graph.value(wanted, MF.expectedBoolean)
    if truth is not None and _boolean(answer) is not bool(truth.toPython()):
        return f"not {truth}: {answer.text[:200]}"
    return ""


def _boolean(answer: requests.Response) -> bool:
    if "json" in answer.headers["Content-Type"]:
        return bool(answer.json()["boolean"])
    return "<boolean>true</boolean>" in answer.text


# --- service description ------------------------------------------------------------------------------------------


def run_description(checkout: Path, endpoint: str) -> dict[str, str]:
    """Run the tests of service descriptions, which their manifest names and the specification spells out."""
    checks = {"returns-rdf": _returns_rdf, "has-endpoint-triple": _has_endpoint, "conforms-to-schema": _conforms}
    found = {}
    for _, _, test in entries(_manifest(checkout, "service-description")):
        name = str(test).rpartition("#")[2]
        found[f"sparql11/service-description/{name}"] = checks[name](endpoint)
    return found


def _description(endpoint: str) -> Graph:
    answer = requests.get(endpoint, headers={"Accept": ", ".join(RDF_TYPES)}, timeout=60)
    answer.raise_for_status()
    return Graph().parse(data=answer.content, format=RDF_TYPES[answer.headers["Content-Type"].partition(";")[0]])


def _returns_rdf(endpoint: str) -> str:
    return "" if len(_description(endpoint)) else "no triples"


def _has_endpoint(endpoint: str) -> str:
    found = list(_description(endpoint).subjects(SD.endpoint, URIRef(endpoint)))
    return "" if found else f"no sd:endpoint {endpoint}"


def _conforms(endpoint: str) -> str:
    """Check domains and ranges of the vocabulary, §3.2 and §3.4 of the specification, for what is used of it."""
    graph = _description(endpoint)
    services = set(graph.subjects(RDF.type, SD.Service))
    if not services:
        return "there is no sd:Service"
    for subject, name, object_ in graph:
        if name in (SD.endpoint, SD.supportedLanguage, SD.resultFormat, SD.feature, SD.defaultDataset):
            if subject not in services:
                return f"{name} of what is no service"
            if not isinstance(object_, URIRef) and name != SD.defaultDataset:
                return f"{name} is no IRI"
        if name == SD.defaultDataset and (object_, RDF.type, SD.Dataset) not in graph:
            return "the default dataset is no sd:Dataset"
        if name == SD.namedGraph and (graph.value(object_, SD.name) is None or graph.value(object_, SD.graph) is None):
            return "a named graph without a name or a graph"
        if name == SD.name and not isinstance(object_, URIRef):
            return "a name of a graph that is no IRI"
    return ""
