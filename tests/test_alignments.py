"""What follows where others' vocabularies are loaded beside ours: HermiT reads the real ones (tests/vocabularies)."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
import rdflib
from owlready2 import reasoning
from pyoxigraph import Store
from rdflib import OWL, RDF, RDFS

from alignments import ROOT, axioms_outside, ontology, turtle
from kgbuild.build.compilation import Sources
from kgbuild.build.consistency import Triple, hermit_input, java, run_hermit, sample, split_axioms
from kgbuild.build.pipeline import compile_graph
from kgbuild.core.namespaces import EXTERNAL
from ontology_docs import PAGES, page, write_page


@cache
def records(folder: Path) -> Store:
    """Compile the records of a folder."""
    return compile_graph(Sources(folder / "data", ROOT / "ontology", ROOT / "queries", root=folder)).dataset


def beside_all(graph: rdflib.Graph) -> list[Triple]:
    declared, axioms = split_axioms(graph)
    return [*declared, *(triple for axiom in axioms for triple in axiom), *axioms_outside()]


def is_consistent(folder: Path, triples: list[Triple]) -> bool:
    """Ask HermiT only whether triples have a model: to sort all individuals into the classes takes it minutes."""
    path = folder / "checked.nt"
    path.write_bytes(hermit_input(triples))
    command = [
        java(),
        "-cp",
        reasoning._HERMIT_CLASSPATH,
        "org.semanticweb.HermiT.cli.CommandLine",
        "-k",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    told = done.stdout + done.stderr
    assert ("is satisfiable" in told) != ("is not satisfiable" in told or "InconsistentOntology" in told), told
    return "is satisfiable" in told


def test_the_vocabularies_are_read() -> None:
    """What the cases below rest on is there: ORG's chain, FOAF's keys, PROV's disjointness, and ours."""
    read = set(axioms_outside())
    prov, foaf, org = (rdflib.Namespace(EXTERNAL[prefix]) for prefix in ("prov", "foaf", "org"))
    assert (foaf.homepage, RDF.type, OWL.InverseFunctionalProperty) in read
    assert (prov.Activity, OWL.disjointWith, prov.Entity) in read
    assert (org.resultedFrom, RDFS.subPropertyOf, prov.wasGeneratedBy) in read
    assert {prov.wasDerivedFrom} <= {s for s, p, _ in read if p == OWL.propertyChainAxiom}
    assert len(read) > 1000


def test_no_class_is_empty() -> None:
    """Beside the others' axioms, there can be something of each class."""
    assert set() == run_hermit(beside_all(ontology()))


@pytest.mark.parametrize("folder", ["tests/fixtures/mini", "tests/fixtures/world", "."])
def test_no_record_contradicts_the_vocabularies(tmp_path: Path, folder: str) -> None:
    """Neither do the fixtures, nor what HermiT is given of the real records."""
    assert is_consistent(tmp_path, beside_all(sample(records(ROOT / folder))))


WRONG = {
    "a succession made out of a newspaper": """
        icn:statedIn rdfs:subPropertyOf dcterms:source . change:x a icn:Succession ; icn:statedIn article:x .""",
    "a succession referenced by a newspaper": """
        icn:statedIn rdfs:subPropertyOf dcterms:isReferencedBy .
        change:x a icn:Succession ; icn:statedIn article:x .""",
    "a programme that is a project, and a project an organization": """
        icn:Programme rdfs:subClassOf schema:Project . schema:Project rdfs:subClassOf icn:Institution .
        programme:x a icn:Programme .""",
    "one home page of two bodies": """
        icn:website rdfs:subPropertyOf foaf:homepage . institution:a owl:differentFrom institution:b .
        institution:a icn:website <https://example.org/> . institution:b icn:website <https://example.org/> .""",
    "two members of one membership": """
        membership:x icn:member person:a , person:b . person:a owl:differentFrom person:b .""",
    "a succession that is an organization": "change:x a icn:Succession , icn:Institution .",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_alignment_contradicts(tmp_path: Path, wrong: str) -> None:
    """What the ontology must not say, or records must not, contradicts the real vocabularies."""
    assert not is_consistent(tmp_path, beside_all(ontology() + turtle(WRONG[wrong])))


@pytest.mark.parametrize("name", PAGES)
def test_the_lists_in_the_docs_are_of_today(name: str) -> None:
    """What docs/mappings.md and docs/entailments.md list is what the ontology says: `make ontology-docs` writes it."""
    assert page(name).read_text(encoding="utf-8") == write_page(name, records(ROOT))
