"""Alignments: with the real outside ontologies nothing of ours is contradicted, and what was wrong once is found.

Stubs would not show it: the outside ontologies say which classes are disjoint, what the domains of their
properties are, and which properties are functional.  `outside.py` says which they are.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import rdflib
from pyoxigraph import Store
from rdflib import OWL, PROV, RDF, RDFS

import entailments
import mappings
from kgbuild.build.compilation import Sources
from kgbuild.build.consistency import Triple, sample
from kgbuild.build.pipeline import compile_graph
from kgbuild.core.namespaces import PREFIXES
from nonempty import nonempty
from npm import ROOT, installed
from outside import combine, read_outside, verdict

TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
ORG, OA, FOAF, SCHEMA = (rdflib.Namespace(PREFIXES[prefix]) for prefix in ("org", "oa", "foaf", "schema"))


@pytest.fixture(scope="module")
def outside() -> rdflib.Graph:
    """Give the outside ontologies, once; no test changes them."""
    return read_outside()


@pytest.fixture(scope="module")
def ontology() -> rdflib.Graph:
    """Give our ontology and vocabularies alone."""
    graph = rdflib.Graph()
    folder = ROOT / "ontology"
    for path in nonempty([folder / "core.ttl", *folder.glob("alignments/*.ttl"), *folder.glob("vocabularies/*.ttl")]):
        graph.parse(path)
    return graph


@pytest.fixture(scope="module")
def world_store() -> Store:
    """Compile the hard cases of the world."""
    world = ROOT / "tests" / "fixtures" / "world"
    return compile_graph(Sources(world / "data", ROOT / "ontology", ROOT / "queries", root=world)).dataset


def test_the_outside_ontologies_are_the_real_ones(outside: rdflib.Graph, ontology: rdflib.Graph) -> None:
    """What makes contradictions is there, and stays where axioms are left out for HermiT."""
    combined = combine(set(ontology), outside)
    for graph in (outside, combined):
        assert (ORG.ChangeEvent, RDFS.subClassOf, PROV.Activity) in graph
        pair = {(PROV.Entity, OWL.disjointWith, PROV.Activity), (PROV.Activity, OWL.disjointWith, PROV.Entity)}
        assert pair & set(graph)
        assert (OA.hasTarget, RDFS.domain, OA.Annotation) in graph
        assert (FOAF.Person, OWL.disjointWith, FOAF.Organization) in graph
        assert (ORG.member, RDF.type, OWL.FunctionalProperty) in graph
    assert (FOAF.homepage, RDF.type, OWL.InverseFunctionalProperty) in outside
    assert (SCHEMA.Project, RDFS.subClassOf, SCHEMA.Organization) in outside


def test_no_class_is_made_impossible(outside: rdflib.Graph, ontology: rdflib.Graph) -> None:
    """With all outside ontologies ours is consistent, and each class can have things."""
    assert set() == verdict(combine(set(ontology), outside))


@pytest.mark.parametrize("name", ["real_store", "mini_store", "world_store"])
def test_no_thing_is_contradicted(outside: rdflib.Graph, request: pytest.FixtureRequest, name: str) -> None:
    """Nor does anything in the sample of the release, in the golden fixture or in the hard cases contradict them."""
    data = set(sample(request.getfixturevalue(name)))
    assert len(data) > 3000
    assert set() == verdict(combine(data, outside))


SUCCESSION = """
    change:x a icn:Succession ; icn:original institution:a ; icn:resulting institution:b ; icn:statedIn article:x .
    article:x a icn:Article . institution:a a icn:Institution . institution:b a icn:Institution .
"""
WRONG = {
    "a succession is derived from an article": (SUCCESSION, "icn:statedIn rdfs:subPropertyOf dcterms:source ."),
    "an article is referenced by a succession, the same the other way round": (
        SUCCESSION, "icn:statedIn rdfs:subPropertyOf dcterms:isReferencedBy .",
    ),
    "two bodies that are not one have one homepage": (
        """institution:a icn:website <https://example.org/> . network:b icn:website <https://example.org/> .
           institution:a owl:differentFrom network:b .""",
        "icn:website rdfs:subPropertyOf foaf:homepage .",
    ),
    "a programme is an organization, and so an actor": (
        "programme:x a icn:Programme .",
        "icn:Programme rdfs:subClassOf schema:Project . schema:Organization rdfs:subClassOf icn:Actor .",
    ),
    "a body came out of itself": (
        SUCCESSION
        + "institution:a a [ owl:complementOf [ owl:onProperty prov:wasDerivedFrom ; owl:hasValue institution:a ] ] .",
        "change:x icn:resulting institution:a .",
    ),
}  # fmt: skip
"""What was wrong once, or would be -> right data, and the axiom or statement that is wrong."""


def added(ontology: rdflib.Graph, texts: Iterable[str]) -> set[Triple]:
    """Add Turtle to our ontology."""
    return set(ontology) | set(rdflib.Graph().parse(data=TURTLE + "".join(texts), format="turtle"))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_alignment_is_found(outside: rdflib.Graph, ontology: rdflib.Graph, case: str) -> None:
    """Each seeded fault is a contradiction, and without it there is none: so the tests above can fail."""
    right, wrong = WRONG[case]
    assert set() == verdict(combine(added(ontology, [right]), outside))
    assert set() != verdict(combine(added(ontology, [right, wrong]), outside))


def test_the_page_of_mappings_is_of_today() -> None:
    """docs/mappings.md says what the ontology says; what is out of date is written anew by `make mappings`."""
    text = mappings.PAGE.read_text(encoding="utf-8")
    assert mappings.page() == text
    assert "| `icn:statedIn` | subproperty of | `schema:subjectOf` |" in text
    assert "| `icn:Programme` | see also | `schema:Project` |" in text
    assert text.count("\n| `") > 100


def test_the_page_of_entailments_is_of_today(real_store: Store) -> None:
    """docs/entailments.md says what follows from its article; what is new there is to be read, line by line."""
    installed("vocabularies")
    text = entailments.PAGE.read_text(encoding="utf-8")
    assert entailments.page(real_store) == text
    assert "- `a prov:Activity`" in text
    assert text.count("\n- `") > 60
