# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The SHACL profile: complete in one file, for data of anybody's, and closed for our own."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import DefaultGraph, RdfFormat, Store, parse
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SH, SKOS

from kgbuild.build.closing import TermGraph, is_ours, local_name
from kgbuild.build.ontology import Ontology, read_ontology, read_turtle
from kgbuild.build.profile import FILES, make_profile, profile_files, to_turtle
from kgbuild.build.release import current_release
from kgbuild.build.shapes import Shapes, compile_shapes, shacl_report
from kgbuild.build.store import to_rdflib
from kgbuild.core.errors import Findings, Place
from kgbuild.core.namespaces import ONTOLOGY_IRI, PREFIXES, SHAPES_IRI
from mini import ROOT, copy_project, kgbuild_here
from nonempty import nonempty
from shape_cases import context, read_example
from test_shapes import INVALID, VALID, issues_of

ONTOLOGY = ROOT / "ontology"
ICN = rdflib.Namespace(PREFIXES["icn"])
SHAPE = rdflib.Namespace(PREFIXES["shape"])
ME = rdflib.URIRef(SHAPES_IRI)


@cache
def ontology() -> Ontology:
    return read_ontology(ONTOLOGY, ROOT)


@cache
def profile(*, is_strict: bool = False) -> rdflib.Graph:
    shapes = read_turtle(sorted((ONTOLOGY / "shapes").glob("*.ttl")), ROOT, Findings())
    return make_profile(ontology(), to_rdflib(shapes), is_strict=is_strict)


@cache
def compiled(*, is_strict: bool = False) -> Shapes:
    return compile_shapes(profile(is_strict=is_strict), Place("profile"))


def texts(node: rdflib.term.Node, property_: rdflib.URIRef) -> dict[str, str]:
    found = [text for text in profile(is_strict=True).objects(node, property_) if isinstance(text, rdflib.Literal)]
    assert len(found) == len({text.language for text in found}), (node, property_)
    return {text.language or "": str(text) for text in found}


def alone(example: rdflib.Graph) -> rdflib.Graph:
    """Give an example with the things that it names, and nothing of the ontology."""
    return example + context()


def codes(data: rdflib.Graph, *, is_strict: bool = False) -> set[str]:
    report = shacl_report(data, compiled(is_strict=is_strict))
    return {
        local_name(shape) for r in report.objects(predicate=SH.result) for shape in report.objects(r, SH.sourceShape)
    }


# --- it is complete ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*VALID, *INVALID])
def test_the_profile_alone_finds_what_the_build_finds(name: str) -> None:
    """Neither the hierarchy of classes nor a vocabulary need stand in the data.

    Beside it the profile finds only that there are several values where one is meant.
    """
    found = codes(alone(read_example(name)))
    assert {issue.code for issue in issues_of(read_example(name))} == {
        each for each in found if not each.endswith("-single")
    }


def test_every_property_shape_is_described() -> None:
    """A form or a page can be made from it: name, description, order and group, in English and Russian."""
    graph = profile(is_strict=True)
    for shape in nonempty(graph.subjects(RDF.type, SH.PropertyShape)):
        for property_ in (SH.name, SH.description):
            assert {"en", "ru"} <= set(texts(shape, property_)), (shape, property_)
        (order,) = graph.objects(shape, SH.order)
        (group,) = graph.objects(shape, SH.group)
        assert isinstance(order, rdflib.Literal)
        assert isinstance(order.toPython(), int)
        assert {"en", "ru"} == set(texts(group, RDFS.label))
        assert [ME] == list(graph.objects(shape, RDFS.isDefinedBy))


def test_names_are_those_of_the_ontology() -> None:
    """Nothing is written twice: a shape's texts are its property's."""
    graph, known = profile(), TermGraph(ontology()).graph
    ours = [(s, p) for s, p in graph.subject_objects(SH.path) if is_ours(p)]
    for shape, path in nonempty(ours):
        assert set(known.objects(path, RDFS.label)) == set(graph.objects(shape, SH.name))
        assert set(known.objects(path, SKOS.definition)) == set(graph.objects(shape, SH.description))
        assert {known.value(path, ICN.displayOrder)} - {None} <= set(graph.objects(shape, SH.order))


def test_messages_speak_of_data_and_not_of_records() -> None:
    """Whoever never saw a record understands finding and remedy: no field, no file, no mark of code."""
    graph = profile(is_strict=True)
    reporting = [s for s in graph.subjects(SH.message) if (s, RDF.type, None) in graph]
    for shape in nonempty(reporting):
        said = [*texts(shape, SH.message).values(), *texts(shape, RDFS.comment).values()]
        assert {"en", "ru"} == set(texts(shape, SH.message))
        for text in said:
            assert not re.search(
                r"`|\w_\w|yaml|\brecord|\bfile\b|\bзапис[ьи]\b(?! EDTF)|\bфайл", text, re.IGNORECASE
            ), text


def test_every_remedy_names_what_to_mend() -> None:
    """A remedy is a sentence with the term in question."""
    graph = profile(is_strict=True)
    for shape in nonempty(s for s in graph.subjects(SH.message) if (s, SH.path, None) in graph):
        (remedy,) = texts(shape, RDFS.comment).values()
        assert re.search(r"\b(icn|rdf|rdfs|skos|dcterms|oa|schema):\w+", remedy), (shape, remedy)
        assert remedy.endswith("."), remedy


def test_nothing_is_said_of_foreign_terms() -> None:
    """Names for outside properties belong to the shapes: a name for everybody is not ours to give."""
    for path in nonempty(profile().objects(predicate=SH.path)):
        assert [] == [p for p in profile().predicates(path) if p in (SH.name, SH.description, SH.order, SH.group)]


@pytest.mark.parametrize("is_strict", [False, True])
def test_header(is_strict: bool) -> None:
    """The profile says what it is, in which version, of which ontology, under which licence."""
    graph, known = profile(is_strict=is_strict), TermGraph(ontology()).graph
    version = str(known.value(rdflib.URIRef(ONTOLOGY_IRI), OWL.versionInfo))
    assert version == str(graph.value(ME, OWL.versionInfo))
    variant = "strict/" if is_strict else ""
    assert rdflib.URIRef(f"{SHAPES_IRI}/{variant}{version}") == graph.value(ME, OWL.versionIRI)
    assert rdflib.URIRef(f"{ONTOLOGY_IRI}/{version}") == graph.value(ME, DCTERMS.requires)
    assert known.value(rdflib.URIRef(ONTOLOGY_IRI), DCTERMS.license) == graph.value(ME, DCTERMS.license)


def test_no_blank_nodes_and_the_same_bytes() -> None:
    """The same shapes give the same file, whatever order they came in."""
    graph = profile(is_strict=True)
    assert [] == [node for triple in graph for node in triple if isinstance(node, rdflib.BNode)]
    assert to_turtle(graph) == to_turtle(rdflib.Graph().parse(data=to_turtle(graph)))
    shapes = read_turtle(sorted((ONTOLOGY / "shapes").glob("*.ttl"), reverse=True), ROOT, Findings())
    assert to_turtle(graph) == profile_files(ontology(), shapes)["shapes-strict.ttl"]


def test_a_broken_ontology_ends_nothing() -> None:
    """A list that ends in itself, and a shape without a path, are passed over: the build tells of them elsewhere."""
    ring = f"""<{ICN.A}> a <{OWL.Class}> . <{ICN.B}> a <{OWL.Class}> . <x:group> <{OWL.members}> <x:1> .
        <x:1> <{RDF.first}> <{ICN.A}> ; <{RDF.rest}> <x:2> . <x:2> <{RDF.first}> <{ICN.B}> ; <{RDF.rest}> <x:1> ."""
    broken = TermGraph(Ontology(tuple(parse(ring.encode(), format=RdfFormat.TURTLE))))
    assert broken.excludes(ICN.A, ICN.B)
    assert not broken.excludes(ICN.A, ICN.A)
    shapes = rdflib.Graph().parse(data=f"<{SHAPE.x}> a <{SH.PropertyShape}> .", format="turtle")
    assert (SHAPE.x, RDF.type, SH.PropertyShape) in make_profile(ontology(), shapes, is_strict=True)


# --- one value, known terms -------------------------------------------------------------------------------------------


def test_what_has_one_value_has_a_maximum() -> None:
    """Each property of a key, and each on which rivals disagree, has one value wherever a shape leads along it."""
    terms, graph = TermGraph(ontology()), profile()
    one = rdflib.URIRef(f"{PREFIXES['resolution']}one")
    wanted = set(terms.graph.subjects(ICN.resolution, one)) | set(terms.graph.subjects(ICN.keyPart))
    wanted -= {ICN.original, ICN.resulting}  # sets: all bodies of a succession
    bounded = {
        (shape, graph.value(each, SH.path))
        for each in graph.subjects(SH.maxCount)
        for shape in graph.subjects(SH.property, each)
    }
    led = {
        (shape, path)
        for shape in graph.subjects(SH.targetClass)
        for each in graph.objects(shape, SH.property)
        for path in graph.objects(each, SH.path)
        if path in wanted
    }
    # A founding or an agreement may have several occasions, by which only utterances are known.
    led -= {(SHAPE[name], ICN.occurredAt) for name in ("agreement", "change-event")}
    assert led == bounded
    assert len(led) > 50


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("membership", "membership:apa-kz--ccaa icn:member institution:acsh .", "membership-member-single"),
        ("membership", "membership:apa-kz--ccaa icn:organization institution:acsh .", "membership-organization-single"),
        ("membership", "membership:apa-kz--ccaa icn:standing standing:observer .", "membership-standing-single"),
        ("membership", 'network:ccaa rdfs:label "Another name"@en .', "entity-label"),
        ("membership", "membership:apa-kz--ccaa icn:joind date:2010 .", "membership-closed"),
        ("membership", "membership:apa-kz--ccaa icn:signatory institution:acsh .", "membership-closed"),
        ("membership", "institution:acsh a icn:Institutoin .", "known-class"),
        ("meeting", "meeting:forum-2023 icn:helt date:2023 .", "meeting-closed"),
    ],
)
def test_strict_profile_finds(name: str, said: str, expected: str) -> None:
    """Two members, two names, a misspelt property, one of another class, a misspelt class."""
    prefixes = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
    data = alone(read_example(f"{name}.valid.ttl"))
    assert set() == codes(data, is_strict=True)
    assert {expected} == codes(data + rdflib.Graph().parse(data=prefixes + said), is_strict=True)


def test_every_class_of_things_is_closed() -> None:
    """What is of a class of ours is held to the properties of one closed shape at least, of it or of one above it."""
    terms, graph = TermGraph(ontology()), profile(is_strict=True)
    closed = {c for shape in graph.subjects(SH.closed) for c in graph.objects(shape, SH.targetClass)}
    left = {local_name(class_) for class_ in nonempty(terms.classes) if class_ not in closed}
    # These group others, and nothing is only of them.
    assert {local_name(each) for class_ in closed for each in terms.above(class_)} >= left


# --- releases and other validators ------------------------------------------------------------------------------------


def test_a_release_holds_the_profile_and_keeps_to_it(project: Path, tmp_path: Path) -> None:
    """Both variants are files of a release, whose resolved graph is closed to nothing but itself."""
    release = current_release(project / "build")
    assert set(FILES) <= set(release.manifest["files"])
    assert to_turtle(profile()) == (release.path / "shapes.ttl").read_bytes()
    store = Store()
    store.bulk_load(path=release.path / "graph.nq")
    data = to_rdflib(store.quads_for_pattern(None, None, None, DefaultGraph()))
    (tmp_path / "resolved.nt").write_text(data.serialize(format="nt"), encoding="utf-8")
    done = kgbuild_here(tmp_path, "shapes", "--strict", "resolved.nt")
    assert (0, "") == (done.returncode, done.stdout)


def test_a_misspelt_property_of_the_program_is_an_error_at_its_line(tmp_path: Path) -> None:
    """The build holds our own data to the closed shapes: a term that the ontology lost is found where it is said."""
    folder = copy_project(tmp_path)
    files = [folder / "ontology" / "core.ttl", *folder.glob("ontology/*/*.*"), *folder.glob("queries/*/*.rq")]
    for path in nonempty(files):
        path.write_text(path.read_text("utf-8").replace("attestedOn", "seenOn"), encoding="utf-8")
    done = kgbuild_here(folder, "validate")
    found = [line for line in done.stderr.splitlines() if " error membership-closed: " in line]
    assert 1 == done.returncode
    assert all(re.match(r"data/articles/\S+\.yaml:\d+:\d+ ", line) for line in nonempty(found))
    assert all("icn:attestedOn of membership:" in line for line in nonempty(found))


@pytest.mark.parametrize("more", [[], ["-e", "shapes.ttl"]])
def test_pyshacl_needs_the_profile_alone(tmp_path: Path, more: list[str]) -> None:
    """Another program checks two memberships with the one file: the right one passes, the wrong one does not."""
    (tmp_path / "shapes.ttl").write_bytes(to_turtle(profile()))
    prefixes = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
    things = """
    <http://example.org/a> a icn:Academy ; rdfs:label "Academy"@en ; dcterms:identifier "a" .
    <http://example.org/n> a icn:MultilateralPlatform ; rdfs:label "Network"@en ; dcterms:identifier "n" .
    <http://example.org/m> a icn:Membership ; icn:standing standing:observer ; icn:organization <http://example.org/n> ;
        icn:member """
    for object_, code in (("<http://example.org/a> .", 0), ("<http://example.org/unknown> .", 1)):
        (tmp_path / "data.ttl").write_text(prefixes + things + object_, encoding="utf-8")
        command = [sys.executable, "-m", "pyshacl", "-s", "shapes.ttl", *more, "data.ttl"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert code == done.returncode, done.stdout + done.stderr
    assert "The member is missing, or is no actor." in done.stdout
