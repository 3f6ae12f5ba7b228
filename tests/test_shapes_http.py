# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The SHACL profile over HTTP: every shape's IRI has an answer, in every format and as a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
import requests
from rdflib.compare import isomorphic
from rdflib.namespace import OWL, RDF, SH

from kgbuild.build.release import current_release
from kgbuild.core.namespaces import PREFIXES, SHAPES_IRI
from nonempty import nonempty
from serving import BROWSER, PATIENCE, Served, mini_file, serving
from test_w3id import redirect

FORMATS = {
    "ttl": ("text/turtle", "turtle"),
    "nt": ("application/n-triples", "nt"),
    "jsonld": ("application/ld+json", "json-ld"),
    "rdf": ("application/rdf+xml", "xml"),
}


@pytest.fixture(scope="module")
def served(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the mini release."""
    with serving(tmp_path_factory.mktemp("shapes"), build=project / "build") as running:
        yield running


@pytest.fixture(scope="module")
def profiles(project: Path) -> dict[str, rdflib.Graph]:
    folder = current_release(project / "build").path
    files = {"/shapes": "shapes.ttl", "/shapes/strict": "shapes-strict.ttl"}
    return {path: rdflib.Graph().parse(folder / file) for path, file in files.items()}


@pytest.fixture(scope="module")
def version(profiles: dict[str, rdflib.Graph]) -> str:
    return str(profiles["/shapes"].value(rdflib.URIRef(SHAPES_IRI), OWL.versionInfo))


def get(served: Served, path: str, accept: str = "*/*", *, follow: bool = True) -> requests.Response:
    return requests.get(served.address + path, headers={"Accept": accept}, timeout=PATIENCE, allow_redirects=follow)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("path", ["/shapes", "/shapes/strict"])
def test_every_format_has_the_same_triples(
    served: Served, profiles: dict[str, rdflib.Graph], path: str, name: str
) -> None:
    """By Accept, by `format=` and by a suffix, for the profile and its closed variant."""
    media_type, parser = FORMATS[name]
    answer = get(served, path, media_type)
    assert 200 == answer.status_code
    assert media_type == answer.headers["Content-Type"].partition(";")[0]
    assert isomorphic(profiles[path], rdflib.Graph().parse(data=answer.text, format=parser))
    assert {answer.content} == {get(served, f"{path}?format={name}").content, get(served, f"{path}.{name}").content}


@pytest.mark.parametrize("path", ["/shapes", "/shapes/strict"])
def test_a_version_never_changes(served: Served, version: str, path: str) -> None:
    """Under its number it may be kept for ever; another number is told which there is."""
    numbered = get(served, f"{path}/{version}")
    assert numbered.content == get(served, path).content
    assert "immutable" in numbered.headers["Cache-Control"]
    other = get(served, f"{path}/99.0.0")
    assert (404, True) == (other.status_code, f"/shapes/{version}" in other.text)


def test_every_shape_leads_to_its_place(served: Served, profiles: dict[str, rdflib.Graph]) -> None:
    """303 from the IRI of a shape to where the profile describes it."""
    shapes = set(nonempty(profiles["/shapes"].subjects(RDF.type, SH.PropertyShape)))
    shapes |= set(profiles["/shapes"].subjects(SH.targetClass))
    anchors = set(re.findall(r'id="([^"]+)"', get(served, "/shapes", BROWSER).text))
    listed = {name.removeprefix(PREFIXES["shape"]) for name in map(str, shapes)} & anchors
    # All but those of concepts, which other shapes ask, have a place on the page.
    assert {str(shape) for shape in shapes if "concept-of-" not in str(shape)} == {
        PREFIXES["shape"] + n for n in listed
    }
    for name in ("membership", "membership-member", "concept-of-standing-scheme"):
        answer = get(served, f"/shape/{name}", follow=False)
        assert (303, f"/shapes#{name}") == (answer.status_code, answer.headers["Location"])
    closed = get(served, "/shape/membership-closed", follow=False)
    assert (303, "/shapes/strict#membership-closed") == (closed.status_code, closed.headers["Location"])
    assert 404 == get(served, "/shape/nothing").status_code


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_lists_what_shapes_ask(served: Served, profiles: dict[str, rdflib.Graph], language: str) -> None:
    """Each shape with the classes it looks at, its properties and what it says, in the reader's language."""
    answer = get(served, f"/shapes?lang={language}", BROWSER)
    assert (200, language) == (answer.status_code, answer.headers["Content-Language"])
    graph = profiles["/shapes"]
    text = answer.text.replace("&#39;", "'").replace("&#34;", '"')
    for shape in nonempty(s for t in graph.subjects(SH.targetClass) for s in graph.objects(t, SH.property)):
        (message,) = [m for m in graph.objects(shape, SH.message) if getattr(m, "language", "") == language]
        assert str(message) in text
    assert 'href="/ontology' in answer.text


@pytest.mark.parametrize("path", ["shapes", "shapes.ttl", "shapes/0.2.0", "shapes/strict", "shape/membership-member"])
def test_w3id_leads_here(path: str) -> None:
    """Shapes are things to be led from, the profile is a document."""
    status = 303 if path.startswith("shape/") else 302
    assert (status, f"https://icn.example.org/{path}") == redirect(path)


def test_data_without_a_release_have_no_shapes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is said, as a problem."""
    folder = tmp_path_factory.mktemp("files")
    with serving(folder, mini_file(folder)) as running:
        answer = get(running, "/shapes")
        assert (404, True) == (answer.status_code, "without shapes" in answer.text)
        assert 404 == get(running, "/shape/membership").status_code
