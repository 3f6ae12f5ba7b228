"""The outside ontologies that ours is aligned to, as HermiT takes them: merged, and each term of one OWL kind.

npm packages carry ORG, PROV-O, Web Annotation, FOAF, schema.org, DCMI Terms, SKOS and OWL-Time; `vocabularies/` pins
them, and has the W3C's mapping of Dublin Core to PROV, which no package has.

Left out is what HermiT cannot take, and what says nothing of data without literals, which it is given: axioms on
datatypes and cardinalities (OWL-Time restricts its own classes by them, and none of ours is under one), what is said of
annotations, and the type `rdf:Property`.  Terms of further vocabularies are declared, no more.
"""

from __future__ import annotations

from collections.abc import Collection

import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib import OWL, RDF, RDFS, XSD, BNode, Literal, URIRef
from rdflib.term import Node

from kgbuild.build.consistency import Axiom, Triple, run_hermit, split_axioms
from kgbuild.build.store import to_rdflib
from npm import ROOT, installed

NAMES = ("dcterms", "foaf", "oa", "org", "prov", "schema", "skos", "time")
KINDS = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
_PROPERTY_AXIOMS = (RDFS.subPropertyOf, OWL.equivalentProperty, OWL.inverseOf, OWL.propertyDisjointWith)
_CLASS_AXIOMS = (RDFS.subClassOf, OWL.equivalentClass, OWL.disjointWith)
_SCHEMA_DATATYPE = URIRef("https://schema.org/DataType")
_BUILT_IN = tuple(map(str, (RDF, RDFS, OWL, XSD)))
_OF_LITERALS = {
    OWL.cardinality, OWL.maxCardinality, OWL.minCardinality, OWL.qualifiedCardinality, OWL.maxQualifiedCardinality,
    OWL.minQualifiedCardinality, OWL.onDatatype, OWL.onDataRange, OWL.withRestrictions,
}  # fmt: skip


def read_outside() -> rdflib.Graph:
    """Merge the outside ontologies as they are, schema.org with `https`, as we write it; skip where npm is missing."""
    folder = installed("vocabularies")
    merged = rdflib.Graph()
    for name in NAMES:
        text = (folder / "node_modules" / "@vocabulary" / name / f"{name}.nq").read_text(encoding="utf-8")
        text = text.replace("<http://schema.org/", "<https://schema.org/")
        merged += to_rdflib(parse(text, format=RdfFormat.N_QUADS, rename_blank_nodes=True))
    return merged.parse(ROOT / "tests" / "vocabularies" / "prov-dc.ttl")


def combine(ours: Collection[Triple], outside: rdflib.Graph) -> rdflib.Graph:
    """Merge our graph with the outside ontologies into OWL 2 DL; a term's kind is the outside one if it has one."""
    graph = rdflib.Graph()
    for triple in (*outside, *ours):
        graph.add(triple)
    for pattern in ((None, OWL.imports, None), (None, RDF.type, RDF.Property), (None, RDF.type, OWL.Axiom)):
        graph.remove(pattern)
    _declare_classes(graph)
    _declare_properties(graph, outside)
    _remove_what_is_of_literals(graph)
    return _module(graph, {term for triple in ours for term in triple})


def _module(graph: rdflib.Graph, signature: set[Node]) -> rdflib.Graph:
    """Take the axioms that say something of the terms given, directly or through others.

    It is the module of syntactic locality (Cuenca Grau et al., "Modular reuse of ontologies", JAIR 31, 2008): whatever
    all axioms entail about those terms, these do.  HermiT has no answer on all of schema.org within ten minutes.
    """
    declared, rest = split_axioms(graph)
    known, taken = set(signature), set[Triple]()
    while True:
        chosen = [axiom for axiom in rest if _says_something(axiom, known)]
        if not chosen:
            break
        taken |= {triple for axiom in chosen for triple in axiom}
        known |= {term for axiom in chosen for triple in axiom for term in triple}
        rest = [axiom for axiom in rest if not set(axiom) <= taken]
    module = rdflib.Graph()
    for triple in (*taken, *(triple for triple in declared if triple[0] in known)):
        module.add(triple)
    return module


def _says_something(axiom: Axiom, known: set[Node]) -> bool:
    """Tell whether an axiom may say something where every unknown class and property is empty."""
    s, p, _ = axiom[0]
    names = {
        term
        for triple in axiom
        for term in (triple[0], triple[2])
        if isinstance(term, URIRef) and not _is_built_in(term)
    }
    if p in (OWL.disjointWith, OWL.propertyDisjointWith):
        return names <= known
    if p == OWL.propertyChainAxiom:
        return names - {s} <= known
    if p in (OWL.equivalentClass, OWL.equivalentProperty, OWL.inverseOf):
        return bool(names & known)
    return s in known or isinstance(s, BNode)


def verdict(graph: rdflib.Graph) -> set[str] | None:
    """Ask HermiT: the classes that nothing can belong to, or None where the whole is inconsistent."""
    declared, axioms = split_axioms(graph)
    return run_hermit([*declared, *(triple for axiom in axioms for triple in axiom)])


def _is_built_in(term: Node) -> bool:
    return str(term).startswith(_BUILT_IN) and term not in (OWL.Thing, OWL.Nothing)


def _declare_classes(graph: rdflib.Graph) -> None:
    datatypes = set(graph.subjects(RDF.type, RDFS.Datatype)) | set(graph.subjects(RDF.type, _SCHEMA_DATATYPE))
    classes = set(graph.subjects(RDF.type, RDFS.Class)) | set(graph.subjects(RDF.type, OWL.Class))
    for predicate in _CLASS_AXIOMS:
        for s, _, o in list(graph.triples((None, predicate, None))):
            if _is_built_in(s) or _is_built_in(o) or {s, o} & datatypes:
                graph.remove((s, predicate, o))
            else:
                classes |= {s, o}
    classes |= {o for p in (RDFS.domain, RDFS.range) for o in graph.objects(None, p) if not _is_built_in(o)}
    graph.remove((None, RDF.type, RDFS.Class))
    for class_ in classes - datatypes:
        for type_ in list(graph.objects(class_, RDF.type)):  # a class that is also an individual is none here
            if isinstance(class_, URIRef) and type_ != OWL.Class:
                graph.remove((class_, RDF.type, type_))
        if (class_, RDF.type, OWL.Restriction) not in graph:
            graph.add((class_, RDF.type, OWL.Class))


def _declare_properties(graph: rdflib.Graph, outside: rdflib.Graph) -> None:
    """Give each property one kind, and leave out axioms between kinds, of annotations, and on what OWL has built in."""
    used = {s for p in (RDFS.domain, RDFS.range) for s in graph.subjects(p)} | set(
        outside.subjects(RDF.type, RDF.Property)
    )
    used |= {term for p in _PROPERTY_AXIOMS for pair in graph.subject_objects(p) for term in pair}
    kinds: dict[Node, Node] = {}
    for source in (graph, outside):  # what the outside ontology says comes last, and holds
        for kind in (OWL.AnnotationProperty, OWL.DatatypeProperty, OWL.ObjectProperty):
            kinds |= dict.fromkeys(source.subjects(RDF.type, kind), kind)
    used |= set(kinds)
    for property_ in used:
        of_literals = any(_is_built_in(o) and o != RDFS.Resource for o in graph.objects(property_, RDFS.range))
        kinds.setdefault(property_, OWL.DatatypeProperty if of_literals else OWL.ObjectProperty)
    for property_ in used:
        for kind in KINDS:
            graph.remove((property_, RDF.type, kind))
        if isinstance(property_, URIRef) and not _is_built_in(property_):
            graph.add((property_, RDF.type, kinds[property_]))
    for predicate in (*_PROPERTY_AXIOMS, RDFS.domain, RDFS.range):
        for s, _, o in list(graph.triples((None, predicate, None))):
            mixed = predicate in _PROPERTY_AXIOMS and kinds[s] != kinds[o]
            if mixed or _is_built_in(s) or _is_built_in(o) or kinds[s] == OWL.AnnotationProperty:
                graph.remove((s, predicate, o))


def _remove_what_is_of_literals(graph: rdflib.Graph) -> None:
    """Remove each construct that speaks of a literal, a datatype or a cardinality, with what leads to it."""
    bad = {s for s, p, o in graph if isinstance(s, BNode) and (p in _OF_LITERALS or isinstance(o, Literal))}
    bad |= {
        s
        for s in graph.subjects()
        if isinstance(s, BNode) and any(str(o).startswith(str(XSD)) for o in graph.objects(s))
    }
    before: set[Node] = set()
    while bad != before:
        before = set(bad)
        bad |= {s for node in bad for s in graph.subjects(None, node) if isinstance(s, BNode)}
    for node in bad:
        graph.remove((node, None, None))
        graph.remove((None, None, node))
