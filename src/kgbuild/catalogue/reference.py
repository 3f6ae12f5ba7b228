"""The ontology's reference: every term with all that the ontology says of it, and the vocabularies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kgbuild.engines import Term as Node
from kgbuild.lookups import LookUp, select
from kgbuild.namespaces import EXTERNAL, GRAPH, ONTOLOGY, ONTOLOGY_IRI, VOCABULARY

Texts = dict[str, str]
"""Language -> text."""

QUERY: Final = f"""SELECT ?s ?p ?o {{
  VALUES ?graph {{ <{GRAPH}ontology> <{GRAPH}vocabularies> }} GRAPH ?graph {{ ?s ?p ?o }}
}}"""
_OWL, _RDFS, _SKOS, _DCTERMS = (EXTERNAL[prefix] for prefix in ("owl", "rdfs", "skos", "dcterms"))
_RDF: Final = EXTERNAL["rdf"]
KINDS: Final = {
    "class": f"{_OWL}Class",
    "object": f"{_OWL}ObjectProperty",
    "datatype": f"{_OWL}DatatypeProperty",
    "annotation": f"{_OWL}AnnotationProperty",
}
"""Kind of a term -> its type; what has several is of the first."""
_ABOVE: Final = (f"{_RDFS}subClassOf", f"{_RDFS}subPropertyOf")
_ALIGNED: Final = (
    *_ABOVE,
    f"{_OWL}equivalentClass",
    f"{_OWL}equivalentProperty",
    f"{_SKOS}exactMatch",
    f"{_SKOS}closeMatch",
    f"{_RDFS}seeAlso",
)
_DOMAIN: Final = (f"{_RDFS}domain",)
_RANGE: Final = (f"{_RDFS}range",)


@dataclass(frozen=True)
class ListedConcept:
    """A concept of a vocabulary."""

    iri: str
    labels: Texts
    definitions: Texts
    broader: str
    """IRI of the concept right above it, or nothing."""

    @property
    def slug(self) -> str:
        """Give its name within the vocabulary."""
        return self.iri.rpartition("/")[2]


@dataclass(frozen=True)
class Vocabulary:
    """A list of concepts."""

    iri: str
    labels: Texts
    definitions: Texts
    concepts: tuple[ListedConcept, ...]

    @property
    def slug(self) -> str:
        """Give its name."""
        return self.iri.rpartition("/")[2]


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
    single_valued: bool
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


# --- reading ------------------------------------------------------------------------------------------------------


@dataclass
class _Said:
    """What triples say of one subject: predicate -> objects."""

    nodes: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    literals: defaultdict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))

    def texts(self, *predicates: str) -> Texts:
        """Give one text for each language; the first in the order of the alphabet where there are several."""
        found: Texts = {}
        for predicate in reversed(predicates):
            for literal in sorted(self.literals[predicate], key=lambda each: each.value, reverse=True):
                found[literal.language] = literal.value
        return found

    def linked(self, *predicates: str) -> tuple[str, ...]:
        return tuple(sorted({iri for predicate in predicates for iri in self.nodes[predicate]}))

    def is_true(self, predicate: str) -> bool:
        return any(literal.value in ("true", "1") for literal in self.literals[predicate])


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
        if iri.startswith(ONTOLOGY)
        and (kind := next((k for k, type_ in KINDS.items() if type_ in said[iri].nodes[f"{_RDF}type"]), ""))
    }
    return Reference(
        head.texts(f"{_DCTERMS}title"),
        head.texts(f"{_DCTERMS}description"),
        next(iter(head.texts(f"{_OWL}versionInfo").values()), ""),
        _terms(said, kinds),
        _vocabularies(said),
    )


def _terms(said: Mapping[str, _Said], kinds: Mapping[str, str]) -> dict[str, OntologyTerm]:
    below, properties, values_of = (_inverse(said, kinds, *each) for each in (_ABOVE, _DOMAIN, _RANGE))
    apart = _disjoint(said)
    return {
        iri: OntologyTerm(
            iri,
            kind,
            said[iri].texts(f"{_RDFS}label"),
            said[iri].texts(f"{_SKOS}definition", f"{_RDFS}comment"),
            tuple(sorted((each.value, each.language) for each in said[iri].literals[f"{_SKOS}example"])),
            tuple(each for each in said[iri].linked(*_ABOVE) if each in kinds),
            below[iri],
            tuple(
                (relation, outside)
                for relation in _ALIGNED
                for outside in said[iri].linked(relation)
                if outside not in kinds
            ),
            said[iri].linked(*_DOMAIN),
            said[iri].linked(*_RANGE),
            tuple(sorted(apart[iri])),
            properties[iri],
            values_of[iri],
            said[iri].linked(f"{ONTOLOGY}qualifies"),
            said[iri].linked(f"{_DCTERMS}isReplacedBy"),
            said[iri].is_true(f"{ONTOLOGY}singleValued"),
            said[iri].is_true(f"{ONTOLOGY}keyPart"),
            f"{_OWL}SymmetricProperty" in said[iri].nodes[f"{_RDF}type"],
            said[iri].is_true(f"{_OWL}deprecated"),
        )
        for iri, kind in kinds.items()
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
        groups = [[iri, other] for other in about.linked(f"{_OWL}disjointWith")]
        if f"{_OWL}AllDisjointClasses" in about.nodes[f"{_RDF}type"]:
            groups += [_members(said, first) for first in about.linked(f"{_OWL}members")]
        for group in groups:
            for one in group:
                apart[one].update(other for other in group if other != one)
    return apart


def _members(said: Mapping[str, _Said], cell: str) -> list[str]:
    members: list[str] = []
    seen: set[str] = set()
    while cell in said and cell not in seen and cell != f"{_RDF}nil":
        seen.add(cell)
        members += said[cell].linked(f"{_RDF}first")
        cell = next(iter(said[cell].linked(f"{_RDF}rest")), "")
    return members


def _vocabularies(said: Mapping[str, _Said]) -> tuple[Vocabulary, ...]:
    concepts: defaultdict[str, list[ListedConcept]] = defaultdict(list)
    for iri in sorted(said):
        for scheme in said[iri].linked(f"{_SKOS}inScheme"):
            broader = next(iter(said[iri].linked(f"{_SKOS}broader")), "")
            texts = said[iri].texts(f"{_SKOS}prefLabel"), said[iri].texts(f"{_SKOS}definition")
            concepts[scheme].append(ListedConcept(iri, *texts, broader))
    return tuple(
        Vocabulary(
            scheme,
            said[scheme].texts(f"{_SKOS}prefLabel"),
            said[scheme].texts(f"{_SKOS}definition"),
            tuple(_in_tree_order(concepts[scheme])),
        )
        for scheme in sorted(concepts)
        if scheme.startswith(VOCABULARY) and scheme in said
    )


def _in_tree_order(concepts: list[ListedConcept]) -> list[ListedConcept]:
    """Put each concept right behind the one above it."""
    known = {concept.iri: concept for concept in concepts}

    def place(concept: ListedConcept) -> list[str]:
        path = [concept.slug]
        above = known.get(concept.broader)
        while above is not None and above.slug not in path:
            path.insert(0, above.slug)
            above = known.get(above.broader)
        return path

    return sorted(concepts, key=place)
