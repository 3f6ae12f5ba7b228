"""Our ontology and those that it is aligned to, as their makers publish them, in the form that reasoners read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib import OWL, RDF, RDFS, XSD, BNode, Literal, URIRef
from rdflib.term import Node

from kgbuild.build.consistency import Axiom, Triple, split_axioms
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
