# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""JSON-LD: three readers find in it the triples of the Turtle, with nobody to ask; a frame finds things by class."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rdflib
import requests
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld as pyld
from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, Literal, NamedNode, Quad, RdfFormat, Triple, parse
from rdflib.compare import isomorphic

from kgbuild.core.namespaces import BASE, EXTERNAL, ONTOLOGY, PREFIXES
from kgbuild.sparql import jsonld
from npm import installed
from serving import PATIENCE, Served, mini_file, serving

JSON_LD = "application/ld+json"
FRAME = {"@context": {"icn": ONTOLOGY}, "@type": "icn:Agreement"}
DESCRIBED = f"DESCRIBE ?a WHERE {{ VALUES ?class {{ <{ONTOLOGY}Agreement> }} ?a a ?class }}"
PATHS = [
    "/doc/network/lakes-academies",
    "/doc/agreement/lakes-founding-agreement",
    "/doc/article/2019-05-15-network-founded",
    "/date/2019",
    "/vocabulary/standing/member",
    "/graph/entities",
    "/ontology",
    "/dataset",
    "/.well-known/void",
    "/sparql",
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the mini fixture."""
    folder = tmp_path_factory.mktemp("jsonld")
    with serving(folder, mini_file(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def jsonld_js() -> Path:
    """Install jsonld.js."""
    return installed("jsonld")


def refuse(address: str, options: Any) -> Any:
    """Load no document: a reader may be offline."""
    raise AssertionError(f"{address} was asked for, with {options}")


def fetch(served: Served, path: str, media_type: str) -> requests.Response:
    """Ask for a document in a format."""
    answer = requests.get(served.address + path, headers={"Accept": media_type}, timeout=PATIENCE)
    assert (200, media_type) == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])
    return answer


def graph_of(nquads: str) -> rdflib.Graph:
    """Read N-Quads without graphs."""
    return rdflib.Graph().parse(data=nquads, format="nt")


def read_by_js(folder: Path, document: Any) -> dict[str, Any]:
    """Read and frame a document by jsonld.js."""
    done = subprocess.run(
        ["node", "read.mjs"], cwd=folder, input=json.dumps([document, FRAME]), check=False, capture_output=True,
        text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("path", PATHS)
def test_readers_find_the_triples_of_the_n_triples(served: Served, path: str) -> None:
    """Whatever document it is, rdflib and pyld read it as it was, and its types are types."""
    expected = graph_of(fetch(served, path, "application/n-triples").text)
    answer = fetch(served, path, JSON_LD)
    document = answer.json()
    assert "@type" in answer.text
    assert {"@context", "@graph"} == set(document)
    assert isomorphic(expected, rdflib.Graph().parse(data=answer.text, format="json-ld"))
    by_pyld = pyld.to_rdf(document, {"format": "application/n-quads", "documentLoader": refuse})
    assert isomorphic(expected, graph_of(by_pyld))


@pytest.mark.parametrize("path", PATHS[:5])
def test_jsonld_js_reads_the_same(served: Served, jsonld_js: Path, path: str) -> None:
    """The reader that most programs in JavaScript have."""
    found = read_by_js(jsonld_js, fetch(served, path, JSON_LD).json())
    assert isomorphic(graph_of(fetch(served, path, "application/n-triples").text), graph_of(found["nquads"]))


def test_a_frame_finds_the_agreements(served: Served, jsonld_js: Path) -> None:
    """By class, in the answer to a query as in a description, by both readers."""
    answer = served.ask(DESCRIBED, JSON_LD)
    listed = {row["a"] for row in served.rows(f"SELECT ?a {{ ?a a <{ONTOLOGY}Agreement> }}")}
    assert len(listed) == 1
    document = answer.json()
    framed = pyld.frame(document, FRAME, {"documentLoader": refuse})
    for found in (framed, read_by_js(jsonld_js, document)["framed"]):
        # One node is not put into a graph.
        assert listed == {each["@id"] for each in found.get("@graph", [found])}


def test_a_document_has_the_context_that_it_uses(served: Served) -> None:
    """A part of the one context, in which a term means the same; values stand bare where it types them."""
    whole = requests.get(f"{served.address}/context.jsonld", timeout=PATIENCE).json()["@context"]
    document = fetch(served, "/doc/network/lakes-academies", JSON_LD).json()
    used = document["@context"]
    assert {**whole, **used} == whole
    assert {"icn", "network", "icn:member"} <= set(used)
    assert len(used) < len(whole)
    text = json.dumps(document["@graph"])
    assert all(f'"{name}:' in text or f'"{name}"' in text for name in used)
    nodes = {node["@id"]: node for node in document["@graph"]}
    (seat,) = (node for node in nodes.values() if node["@id"].startswith("membership:lakeland-academy"))
    assert "icn:Membership" in seat["@type"]
    assert ("institution:lakeland-academy", "network:lakes-academies") == (seat["icn:member"], seat["icn:organization"])


# --- whatever the data are ----------------------------------------------------------------------------------------

_IRIS = st.sampled_from(
    [f"{ONTOLOGY}joined", f"{ONTOLOGY}says", f"{BASE}id/network/x", f"{BASE}id/network//x", f"{BASE}date/", "urn:x:y",
     "place:of-mine", "icn:joined", "https://example.org/a?b=c#d", "http://xmlns.com/foaf/0.1/", f"{ONTOLOGY}a/b"]
).map(NamedNode)  # fmt: skip
_DATATYPES = st.sampled_from([EXTERNAL["xsd"] + name for name in ("date", "integer", "boolean", "decimal", "string")])
_TEXTS = st.sampled_from(
    ["", "2023-01-01", "0", "-0", "007", "12", "-5", "9" * 20, "true", "1", "1.0E6", "@id", "a\nб"]
)
_LITERALS = st.one_of(
    st.builds(lambda text, type_: Literal(text, datatype=NamedNode(type_)), _TEXTS, _DATATYPES),
    st.builds(lambda text, language: Literal(text, language=language), _TEXTS, st.sampled_from(["en", "zh-hans"])),
)
_NODES = st.one_of(_IRIS, st.sampled_from([BlankNode("a"), BlankNode("b")]))
_PROPERTIES = st.one_of(_IRIS, st.just(NamedNode(EXTERNAL["rdf"] + "type")))
_TRIPLES = st.lists(st.builds(Triple, _NODES, _PROPERTIES, st.one_of(_NODES, _LITERALS)), max_size=12)
_TYPES = {
    f"{ONTOLOGY}joined": "@id",
    f"{ONTOLOGY}says": EXTERNAL["xsd"] + "date",
    "urn:x:y": EXTERNAL["xsd"] + "integer",
}
CONTEXT = jsonld.Context(PREFIXES, _TYPES)


@given(triples=_TRIPLES, largest=st.sampled_from([2, 1000]))
def test_what_is_written_reads_back(triples: list[Triple], largest: int) -> None:
    """By pyld, whatever is typed as what, IRIs that look like prefixed names among them; whole or as it comes."""
    parts: list[bytes] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jsonld, "LARGEST", largest)
        jsonld.write(dict.fromkeys(triples), CONTEXT, parts.append)
    read = pyld.to_rdf(json.loads(b"".join(parts)), {"format": "application/n-quads", "documentLoader": refuse})
    expected, found = Dataset(Quad(*triple) for triple in triples), Dataset(parse(read, format=RdfFormat.N_QUADS))
    for dataset in (expected, found):
        dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    assert set(expected) == set(found)


def test_the_context_is_read_as_it_is_written() -> None:
    """Prefixes and types; what says neither counts for nothing."""
    read = jsonld.read_context(
        json.dumps({"@version": 1.1, "x": "https://x.org/", "x:a": {"@id": "u", "@type": "@id"}})
    )
    assert jsonld.Context({"x": "https://x.org/"}, {"u": "@id"}) == read
    assert jsonld.Context({}, {}) == jsonld.read_context("")
