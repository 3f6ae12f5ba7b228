"""What follows where others' vocabularies are loaded beside ours: HermiT reads the real ones (tests/vocabularies)."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
import rdflib
from owlready2 import reasoning
from pyoxigraph import RdfFormat, parse
from rdflib import OWL, RDF, RDFS, XSD, BNode, Literal, URIRef
from rdflib.term import Node

from kgbuild.build.compilation import Sources
from kgbuild.build.consistency import Axiom, Triple, hermit_input, java, run_hermit, sample, split_axioms
from kgbuild.build.pipeline import compile_graph
from kgbuild.build.store import to_rdflib
from kgbuild.core.namespaces import EXTERNAL, PREFIXES
from kgbuild.core.terms import reach
from npm import installed

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = ("dcterms", "foaf", "oa", "org", "prov", "schema", "skos", "time")
TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
HIERARCHY = (RDFS.subClassOf, RDFS.subPropertyOf)
OF_LITERALS = {RDFS.Literal, RDF.langString, RDF.PlainLiteral, RDF.Property, RDFS.Class, RDFS.Datatype}
OF_PROPERTIES = {OWL.FunctionalProperty, OWL.InverseFunctionalProperty, OWL.TransitiveProperty, OWL.SymmetricProperty}
SIGNATURE = {RDFS.domain, RDFS.range}
"""What they lead to is a class, what they lead from is a property."""


def turtle(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=TURTLE + text, format="turtle")


@cache
def ontology() -> rdflib.Graph:
    """Read our ontology: axioms, concepts, and the declarations of what is outside."""
    graph = rdflib.Graph()
    for path in sorted((ROOT / "ontology").glob("core.ttl")) + sorted((ROOT / "ontology").glob("[av]*/*.ttl")):
        graph.parse(path)
    return graph


@cache
def outside() -> rdflib.Graph:
    """Read the vocabularies that ours is aligned to, as their makers publish them, and PROV-DC.

    Of schema.org, which says nothing of its terms but what stands over them, what stands over those that we use.
    """
    graph = rdflib.Graph().parse(ROOT / "tests" / "vocabularies" / "prov-dc.ttl")
    folder = installed("vocabularies") / "node_modules" / "@vocabulary"
    schema = EXTERNAL["schema"]
    for name in OUTSIDE:
        text = (folder / name / f"{name}.nq").read_text(encoding="utf-8").replace("<http://schema.org/", f"<{schema}")
        graph += to_rdflib(parse(text.encode(), format=RdfFormat.N_QUADS))
    used = [term for term in ontology().all_nodes() if str(term).startswith(schema)]
    kept = reach(used, lambda term: (each for p in HIERARCHY for each in graph.objects(term, p)))
    read = rdflib.Graph()
    read += (triple for triple in graph if not str(triple[0]).startswith(schema) or triple[0] in kept)
    return read


@cache
def axioms_outside() -> tuple[Triple, ...]:
    """Take from outside what HermiT reads: no dates and texts, of which no axiom of ours speaks; and declare it."""
    graph = outside()
    of_literals = OF_LITERALS | set(graph.subjects(RDF.type, OWL.DatatypeProperty))
    counted = {s for s, _, o in graph if isinstance(s, BNode) and isinstance(o, Literal)}

    def is_read(axiom: Axiom) -> bool:
        terms = {term for triple in axiom for term in triple}
        return not terms & (of_literals | counted | {OWL.AnnotationProperty}) and not any(
            str(term).startswith(str(XSD)) for term in terms
        )

    _, axioms = split_axioms(graph)
    read = [triple for axiom in axioms if is_read(axiom) for triple in axiom]
    return (*read, *declarations(read))


def declarations(triples: list[Triple]) -> list[Triple]:
    """Say which outside terms are properties and which are classes, where their vocabulary calls them only terms."""
    found: set[tuple[Node, URIRef]] = set()
    for s, p, o in triples:
        if p in (RDFS.subPropertyOf, OWL.inverseOf):
            found |= {(s, OWL.ObjectProperty), (o, OWL.ObjectProperty)}
        elif p in (RDFS.subClassOf, OWL.disjointWith, OWL.equivalentClass):
            found |= {(s, OWL.Class), (o, OWL.Class)}
        elif p in SIGNATURE:
            found |= {(s, OWL.ObjectProperty), (o, OWL.Class)}
        elif p == OWL.propertyChainAxiom or o in OF_PROPERTIES:
            found.add((s, OWL.ObjectProperty))
    return [(term, RDF.type, kind) for term, kind in found if isinstance(term, URIRef)]


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
    records = ROOT / folder
    compiled = compile_graph(Sources(records / "data", ROOT / "ontology", ROOT / "queries", root=records)).dataset
    assert is_consistent(tmp_path, beside_all(sample(compiled)))


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
