# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The shapes: each has an article it lets pass, and each property shape one that it alone stops."""

from __future__ import annotations

from functools import cache

import pytest
import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SH

from kgbuild.build.shapes import Shapes, load_shapes, validate_graph
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core.errors import Issue
from kgbuild.core.namespaces import GRAPH, PREFIXES
from nonempty import nonempty
from shape_cases import EXAMPLES, ONTOLOGY, WARNINGS, context, described, read_example

SHAPE = PREFIXES["shape"]
VALID = sorted(path.name for path in EXAMPLES.glob("*.valid.ttl"))
INVALID = sorted(path.name for path in EXAMPLES.glob("*.invalid.ttl"))


@cache
def shapes() -> Shapes:
    return load_shapes(ONTOLOGY / "shapes")


def issues_of(example: rdflib.Graph) -> list[Issue]:
    # `+=` copies no prefixes: with those of each example at hand, rdflib would parse each query anew.
    return validate_graph(described(example), shapes(), f"{GRAPH}article/example", SourceMap())


def reporting_shapes() -> list[str]:
    """Name the property shapes that report: those of shapes with a target."""
    graph = shapes().graph
    targeted = set(graph.subjects(SH.targetClass))
    return sorted(str(p).removeprefix(SHAPE) for shape in targeted for p in graph.objects(shape, SH.property))


def nodes(*classes: rdflib.URIRef) -> set[rdflib.term.Node]:
    return {node for class_ in classes for node in shapes().graph.subjects(RDF.type, class_)}


def languages(node: rdflib.term.Node, property_: rdflib.URIRef) -> list[str]:
    texts = shapes().graph.objects(node, property_)
    return sorted(text.language or "" for text in texts if isinstance(text, rdflib.Literal))


def test_context_conforms() -> None:
    """What the examples take for granted breaks no shape, so that it explains no finding."""
    assert [] == issues_of(context())


@pytest.mark.parametrize("name", VALID)
def test_valid_example_conforms(name: str) -> None:
    """What the model allows passes all shapes."""
    assert [] == issues_of(read_example(name))


@pytest.mark.parametrize("name", INVALID)
def test_invalid_example_fails_for_the_reason_in_its_name(name: str) -> None:
    """`class.fault.invalid.ttl` breaks shape:class-fault, and no other."""
    class_, fault, *_ = name.split(".")
    assert {f"{class_}-{fault}"} == {issue.code for issue in issues_of(read_example(name))}


def test_every_class_has_a_valid_example() -> None:
    """Each shape with a target has an example of what it lets pass, with something in it to check."""
    graph = shapes().graph
    for name in nonempty(VALID):
        shape = rdflib.URIRef(SHAPE + name.removesuffix(".valid.ttl"))
        example = described(read_example(name))
        targets = {
            c for t in graph.objects(shape, SH.targetClass) for c in example.transitive_subjects(RDFS.subClassOf, t)
        }
        assert any((None, RDF.type, class_) in example for class_ in targets), name
    targeted = {str(node).removeprefix(SHAPE) for node in graph.subjects(SH.targetClass)}
    assert targeted == {name.removesuffix(".valid.ttl") for name in VALID}


def test_every_property_shape_has_an_invalid_example() -> None:
    """No shape is without a record that fails it, and no example is for a shape that is gone."""
    named = [".".join(name.split(".")[:2]) for name in INVALID]
    assert reporting_shapes() == sorted(name.replace(".", "-") for name in named)


def test_every_shape_is_named() -> None:
    """Reports name shapes by IRI, which blank nodes would make impossible."""
    blank = [node for triple in shapes().graph for node in triple if isinstance(node, rdflib.BNode)]
    assert [] == blank
    assert all(
        str(node).startswith(SHAPE) for node in nonempty(nodes(SH.NodeShape, SH.PropertyShape, SH.SPARQLConstraint))
    )


def test_every_reporting_shape_speaks_both_languages_and_helps() -> None:
    """A finding has one sentence in English and one in Russian, and a remedy."""
    for name in nonempty(reporting_shapes()):
        node = rdflib.URIRef(SHAPE + name)
        assert ["en", "ru"] == languages(node, SH.message), name
        assert ["en"] == languages(node, RDFS.comment), name


def test_severities_are_pinned() -> None:
    """A shape keeps a release from being published, unless it is one of a few that only warn."""
    marked = {(str(s).removeprefix(SHAPE), o) for s, o in shapes().graph.subject_objects(SH.severity)}
    assert marked == {(name, SH.Warning) for name in WARNINGS}


def test_every_node_shape_has_labels() -> None:
    """A shape is called something in English and in Russian."""
    for node in nonempty(nodes(SH.NodeShape)):
        assert ["en", "ru"] == languages(node, RDFS.label), node


def test_every_query_names_its_prefixes() -> None:
    """Engines that do not borrow the file's prefixes read the queries the same."""
    graph = shapes().graph
    constraints = set(graph.objects(predicate=SH.sparql))
    assert constraints == nodes(SH.SPARQLConstraint)
    assert all(
        [rdflib.URIRef(f"{SHAPE}prefixes")] == list(graph.objects(node, SH.prefixes)) for node in nonempty(constraints)
    )


def test_declared_prefixes_are_those_of_the_project() -> None:
    """A prefix means the same in a shape as everywhere else."""
    graph = shapes().graph
    declared = {
        str(graph.value(node, SH.prefix)): str(graph.value(node, SH.namespace))
        for node in graph.objects(rdflib.URIRef(f"{SHAPE}prefixes"), SH.declare)
    }
    assert declared == {prefix: PREFIXES[prefix] for prefix in declared}


def test_shapes_count_nothing_that_two_articles_may_double() -> None:
    """A maximum is a matter of the resolved graph: two voices with two dates are no fault."""
    assert [] == list(shapes().graph.subject_objects(SH.maxCount))


def test_shapes_name_only_terms_that_exist() -> None:
    """A misspelt term in a shape would check nothing, silently."""
    known = rdflib.Graph()
    for path in (ONTOLOGY / "core.ttl", *sorted(ONTOLOGY.glob("vocabularies/*.ttl"))):
        known.parse(path)
    ours = (PREFIXES["icn"], "https://w3id.org/icn/vocabulary/")
    used = {o for _, p, o in shapes().graph if isinstance(o, rdflib.URIRef) and str(o).startswith(ours)}
    queries = (str(text) for text in shapes().graph.objects(predicate=SH.select))
    words = {
        word.strip("(),;.{}*")
        for text in queries
        for part in text.split()
        for word in part.replace("|", "/").split("/")
    }
    used |= {rdflib.URIRef(PREFIXES["icn"] + word[4:]) for word in words if word.startswith("icn:")}
    assert set() == {term for term in used if (term, RDF.type, None) not in known}
    assert OWL.Class in set(known.objects(rdflib.URIRef(PREFIXES["icn"] + "Membership"), RDF.type))


def test_file_names_are_shape_names() -> None:
    """A shape is found by the file of its name."""
    for path in nonempty(sorted((ONTOLOGY / "shapes").glob("*.ttl"))):
        read = rdflib.Graph().parse(path)
        named = {str(node).removeprefix(SHAPE) for node in read.subjects(SH.targetClass)}
        assert named <= {path.stem}, path
