"""The ontology's reference: every term with all that the ontology says of it, and the vocabularies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kgbuild.core.namespaces import GRAPH, ONTOLOGY, ONTOLOGY_IRI, RDF_TYPE, VOCABULARY, expand
from kgbuild.core.terms import Term as Node
from kgbuild.core.terms import reach
from kgbuild.sparql.lookups import LookUp, select

Texts = dict[str, str]
"""Language -> text."""

QUERY: Final = f"""SELECT ?s ?p ?o {{
  VALUES ?graph {{ <{GRAPH}ontology> <{GRAPH}vocabularies> }} GRAPH ?graph {{ ?s ?p ?o }}
}}"""
KINDS: Final = {
    "class": "owl:Class",
    "object": "owl:ObjectProperty",
    "datatype": "owl:DatatypeProperty",
    "annotation": "owl:AnnotationProperty",
}
"""Kind of a term -> its type; what has several is of the first."""
_ABOVE: Final = ("rdfs:subClassOf", "rdfs:subPropertyOf")
_EQUAL: Final = ("owl:equivalentClass", "owl:equivalentProperty", "skos:exactMatch", "skos:closeMatch", "rdfs:seeAlso")


@dataclass(frozen=True)
class _Listed:
    iri: str
    labels: Texts
    definitions: Texts

    @property
    def slug(self) -> str:
        """Give the last part of the IRI."""
        return self.iri.rpartition("/")[2]


@dataclass(frozen=True)
class ListedConcept(_Listed):
    """A concept of a vocabulary."""

    broader: str
    """IRI of the concept right above it, or nothing."""


@dataclass(frozen=True)
class Vocabulary(_Listed):
    """A list of concepts."""

    concepts: tuple[ListedConcept, ...]


@dataclass(frozen=True)
class OntologyTerm:
    """A class or property of the ontology; what it is linked to is given as IRIs, sorted."""

    iri: str
    kind: str
    labels: Texts
    definitions: Texts
    examples: tuple[tuple[str, str], ...]
    """Text and language of each."""
    above: tuple[str, ...]
    below: tuple[str, ...]
    aligned: tuple[tuple[str, str], ...]
    """Relation and outside term of each alignment."""
    domains: tuple[str, ...]
    ranges: tuple[str, ...]
    disjoint: tuple[str, ...]
    properties: tuple[str, ...]
    """Of a class: the properties that it is the domain of."""
    values_of: tuple[str, ...]
    """Of a class: the properties that it is the range of."""
    qualifies: tuple[str, ...]
    replaced_by: tuple[str, ...]
    resolution: tuple[str, ...]
    """Of a property: how the resolved view treats several values, a concept."""
    key_part: bool
    symmetric: bool
    deprecated: bool

    @property
    def name(self) -> str:
        """Give its local name, which is also its anchor."""
        return self.iri.removeprefix(ONTOLOGY)


@dataclass(frozen=True)
class ClassBranch:
    """A class with those below it."""

    iri: str
    below: tuple[ClassBranch, ...]


@dataclass(frozen=True)
class Reference:
    """The ontology, and the vocabularies; empty where the data come without it."""

    title: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    version: str = ""
    terms: dict[str, OntologyTerm] = field(default_factory=dict)
    vocabularies: tuple[Vocabulary, ...] = ()

    def of_kind(self, kind: str) -> list[OntologyTerm]:
        """List the terms of a kind, by name without regard to case."""
        found = [term for term in self.terms.values() if term.kind == kind]
        return sorted(found, key=lambda term: (term.name.lower(), term.name))

    def branches(self) -> list[ClassBranch]:
        """Give the tree of classes; one that is above itself ends its branch."""

        def branch(iri: str, path: tuple[str, ...]) -> ClassBranch:
            below = [each for each in self.terms[iri].below if each not in path]
            return ClassBranch(iri, tuple(branch(each, (*path, each)) for each in below))

        return [branch(term.iri, (term.iri,)) for term in self.of_kind("class") if not term.above]


@dataclass
class _Said:
    """What triples say of one subject: predicate -> objects."""

    nodes: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    literals: defaultdict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))

    def texts(self, *predicates: str) -> Texts:
        """Give one text for each language; the first in the order of the alphabet where there are several."""
        found: Texts = {}
        for predicate in reversed(predicates):
            said = sorted(self.literals[expand(predicate)], key=lambda each: (each.value, each.language), reverse=True)
            for literal in said:
                found[literal.language] = literal.value
        return found

    def linked(self, *predicates: str) -> tuple[str, ...]:
        return tuple(sorted({iri for predicate in predicates for iri in self.nodes[expand(predicate)]}))

    def is_a(self, class_: str) -> bool:
        return expand(class_) in self.nodes[RDF_TYPE]

    def is_true(self, predicate: str) -> bool:
        return any(literal.value in ("true", "1") for literal in self.literals[expand(predicate)])


def make_reference() -> LookUp[Reference]:
    """Read the reference from the graphs of the ontology and of the vocabularies."""
    return read_reference((row["s"], row["p"], row["o"]) for row in (yield from select(QUERY, "ontology")))


def read_reference(triples: Iterable[tuple[Node, Node, Node]]) -> Reference:
    """Read the reference from triples, in whatever order they come."""
    said: defaultdict[str, _Said] = defaultdict(_Said)
    for subject, predicate, object_ in triples:
        if subject.kind == "iri" and object_.kind == "literal":
            said[subject.value].literals[predicate.value].append(object_)
        elif subject.kind == object_.kind == "iri":
            said[subject.value].nodes[predicate.value].append(object_.value)
    head = said.get(ONTOLOGY_IRI, _Said())
    kinds = {
        iri: kind
        for iri in sorted(said)
        if iri.startswith(ONTOLOGY) and (kind := next((k for k, type_ in KINDS.items() if said[iri].is_a(type_)), ""))
    }
    return Reference(
        head.texts("dcterms:title"),
        head.texts("dcterms:description"),
        next(iter(head.texts("owl:versionInfo").values()), ""),
        _terms(said, kinds),
        _vocabularies(said),
    )


def _terms(said: Mapping[str, _Said], kinds: Mapping[str, str]) -> dict[str, OntologyTerm]:
    below, properties, values_of = (
        _inverse(said, kinds, *each) for each in (_ABOVE, ("rdfs:domain",), ("rdfs:range",))
    )
    apart = _disjoint(said)
    return {
        iri: OntologyTerm(
            iri,
            kind,
            about.texts("rdfs:label"),
            about.texts("skos:definition", "rdfs:comment"),
            tuple(sorted((each.value, each.language) for each in about.literals[expand("skos:example")])),
            tuple(each for each in about.linked(*_ABOVE) if each in kinds),
            below[iri],
            tuple(
                (expand(name), other)
                for name in (*_ABOVE, *_EQUAL)
                for other in about.linked(name)
                if other not in kinds
            ),
            about.linked("rdfs:domain"),
            about.linked("rdfs:range"),
            tuple(sorted(apart[iri])),
            properties[iri],
            values_of[iri],
            about.linked("icn:qualifies"),
            about.linked("dcterms:isReplacedBy"),
            about.linked("icn:resolution"),
            about.is_true("icn:keyPart"),
            about.is_a("owl:SymmetricProperty"),
            about.is_true("owl:deprecated"),
        )
        for iri, kind in kinds.items()
        for about in (said[iri],)
    }


def _inverse(said: Mapping[str, _Said], kinds: Iterable[str], *predicates: str) -> defaultdict[str, tuple[str, ...]]:
    """Find which of our terms lead to a term by some predicates, in the order of `kinds`, which is sorted."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for iri in kinds:
        for leads_to in said[iri].linked(*predicates):
            found[leads_to] += (iri,)
    return found


def _disjoint(said: Mapping[str, _Said]) -> defaultdict[str, set[str]]:
    """Find what excludes each class: said of two, or of a list of which each excludes all others."""
    apart: defaultdict[str, set[str]] = defaultdict(set)
    for iri, about in list(said.items()):
        groups = [[iri, other] for other in about.linked("owl:disjointWith")]
        if about.is_a("owl:AllDisjointClasses"):
            groups += [_members(said, first) for first in about.linked("owl:members")]
        for group in groups:
            for one in group:
                apart[one].update(other for other in group if other != one)
    return apart


def _members(said: Mapping[str, _Said], first: str) -> list[str]:
    cells = reach([first], lambda cell: said[cell].linked("rdf:rest")[:1] if cell in said else ())
    return [member for cell in cells if cell in said for member in said[cell].linked("rdf:first")]


def _vocabularies(said: Mapping[str, _Said]) -> tuple[Vocabulary, ...]:
    concepts: defaultdict[str, dict[str, ListedConcept]] = defaultdict(dict)
    for iri in sorted(said):
        for scheme in said[iri].linked("skos:inScheme"):
            broader = next(iter(said[iri].linked("skos:broader")), "")
            concepts[scheme][iri] = ListedConcept(iri, *_described(said[iri]), broader)
    return tuple(
        Vocabulary(scheme, *_described(said[scheme]), tuple(_in_tree_order(concepts[scheme])))
        for scheme in sorted(concepts)
        if scheme.startswith(VOCABULARY) and scheme in said
    )


def _described(about: _Said) -> tuple[Texts, Texts]:
    return about.texts("skos:prefLabel"), about.texts("skos:definition")


def _in_tree_order(concepts: dict[str, ListedConcept]) -> list[ListedConcept]:
    """Put each concept right behind the one above it."""

    def place(concept: ListedConcept) -> list[str]:
        path = reach([concept.iri], lambda iri: [above] if (above := concepts[iri].broader) in concepts else [])
        return [concepts[iri].slug for iri in reversed(path)]

    return sorted(concepts.values(), key=place)
