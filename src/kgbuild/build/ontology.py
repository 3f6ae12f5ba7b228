"""What the pipeline must know of the ontology and the vocabularies, read from their Turtle files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    parse,
    serialize,
)

from kgbuild.build.stages import Stage, StageLimits, Watch, find_culprit
from kgbuild.core.captions import Caption
from kgbuild.core.errors import DataError, Findings, Place, display_name
from kgbuild.core.files import find_files, read_file
from kgbuild.core.namespaces import GENID, GRAPH, ONTOLOGY, VOCABULARY
from kgbuild.core.terms import icn, reach, term

ONTOLOGY_GRAPH = NamedNode(f"{GRAPH}ontology")
VOCABULARIES_GRAPH = NamedNode(f"{GRAPH}vocabularies")


@dataclass(frozen=True)
class Ontology:
    """The ontology and the vocabularies as quads, and what is looked up in them."""

    quads: tuple[Quad, ...]

    def _said(self, predicate: str) -> Iterator[tuple[NamedNode, Any]]:
        property_ = term(predicate)
        return ((q.subject, q.object) for q in self.quads if q.predicate == property_)  # type: ignore[misc]

    def _marked(self, annotation: str) -> frozenset[NamedNode]:
        return frozenset(subject for subject, value in self._said(annotation) if value.value == "true")

    def _linked(self, predicate: str) -> dict[NamedNode, NamedNode]:
        return {subject: value for subject, value in self._said(predicate) if isinstance(value, NamedNode)}

    @cached_property
    def resolutions(self) -> dict[NamedNode, str]:
        """Property -> how resolution treats several values of it: the slug of a concept of the scheme `resolution`."""
        return {iri: concept.value.rpartition("/")[2] for iri, concept in self._linked("icn:resolution").items()}

    @cached_property
    def key_parts(self) -> frozenset[NamedNode]:
        """Properties that make up a situation's identity."""
        return self._marked("icn:keyPart")

    @cached_property
    def superclasses(self) -> dict[NamedNode, frozenset[NamedNode]]:
        """Class -> itself and all classes above it."""
        above: dict[NamedNode, set[NamedNode]] = defaultdict(set)
        for class_, higher in self._said("rdfs:subClassOf"):
            above[class_].add(higher)
        classes = {*above, *(thing for thing, kind in self._said("rdf:type") if kind == term("owl:Class"))}
        return {class_: frozenset(reach([class_], lambda c: above.get(c, ()))) for class_ in sorted(classes, key=str)}

    @cached_property
    def concepts(self) -> dict[tuple[str, str], NamedNode]:
        """(scheme, slug) -> concept."""
        parts = ((iri.value.removeprefix(VOCABULARY).partition("/"), iri) for iri, _ in self._said("skos:inScheme"))
        return {(scheme, slug): iri for (scheme, _, slug), iri in parts}

    @cached_property
    def broader(self) -> dict[NamedNode, NamedNode]:
        """Concept -> the concept right above it."""
        return self._linked("skos:broader")

    def top_slug(self, iri: NamedNode) -> str:
        """Give the slug of the top concept above a concept: its own for a top concept, the last one of a circle."""
        above = reach([iri], lambda concept: [self.broader[concept]] if concept in self.broader else [])
        return above[-1].value.rpartition("/")[2]

    @cached_property
    def symmetric_ties(self) -> frozenset[NamedNode]:
        """Types of tie that hold both ways."""
        return self._marked("icn:symmetric")

    @cached_property
    def usual(self) -> frozenset[NamedNode]:
        """Concepts that go without saying: names leave them out."""
        return self._marked("icn:usual")

    @cached_property
    def captions(self) -> dict[NamedNode, dict[str, Caption]]:
        """Class, property or concept -> language -> caption."""
        found: dict[NamedNode, dict[str, Caption]] = defaultdict(dict)
        for thing, text in self._said("icn:caption"):
            found[thing][text.language or ""] = Caption.parse(text.value)
        return dict(found)

    def caption_for(self, classes: Iterable[NamedNode]) -> dict[str, Caption] | None:
        """Give the captions of the finest of some classes and those above them; None if none has any."""
        all_ = {above for class_ in classes for above in self.superclasses.get(class_, frozenset((class_,)))}
        captioned = [class_ for class_ in all_ if class_ in self.captions]
        finest = min(captioned, key=lambda c: (-len(self.superclasses.get(c, ())), c.value), default=None)
        return self.captions[finest] if finest else None

    @property
    def date_captions(self) -> dict[str, dict[str, Caption]]:
        """Mark of a date, a property of ours or a precision -> language -> caption."""
        return {re.split("[#/]", term.value)[-1]: captions for term, captions in self.captions.items()}

    @cached_property
    def qualifiers(self) -> dict[NamedNode, NamedNode]:
        """Property that qualifies another one's value -> that other one: a comparator goes with its number."""
        return self._linked("icn:qualifies")

    @cached_property
    def identifier_forms(self) -> dict[NamedNode, str]:
        """Scheme of identifiers -> the regular expression of its identifiers."""
        return {scheme: form.value for scheme, form in self._said("icn:identifierForm")}

    def labels(self, concept: NamedNode) -> list[Literal]:
        """List the labels of a concept, one a language."""
        return [label for subject, label in self._said("skos:prefLabel") if subject == concept]

    def slugs(self, scheme: str) -> list[str]:
        """List the slugs of a scheme."""
        return sorted(slug for name, slug in self.concepts if name == scheme)

    def actor_classes(self) -> dict[str, NamedNode]:
        """Class word as a placeholder writes it (`government-body`) -> class, for all kinds of actor."""
        return {
            re.sub(r"(?<!^)(?=[A-Z])", "-", class_.value.removeprefix(ONTOLOGY)).lower(): class_
            for class_, above in self.superclasses.items()
            if icn("Actor") in above and class_.value.startswith(ONTOLOGY)
        }


def ontology_files(directory: Path) -> tuple[list[Path], list[Path]]:
    """List the files of the ontology and its alignments, and those of the vocabularies."""
    terms = [directory / "core.ttl", *find_files(directory, "alignments/*.ttl")]
    return terms, find_files(directory, "vocabularies/*.ttl")


def load_ontology(directory: Path, root: Path, limits: StageLimits, findings: Findings) -> Ontology | None:
    """Read the ontology in a stage of its own: naming blank nodes can take as long as somebody likes.

    None if it cannot be read, or passes a limit: a finding at the first file with which it does.
    """
    folder = display_name(directory, root)
    files = [path for paths in ontology_files(directory) for path in paths]

    def work(watch: Watch) -> Iterator[bytes]:
        if watch.begin(folder):
            yield serialize(read_ontology(directory, root).quads, format=RdfFormat.N_QUADS) or b""

    def attempt(number: int) -> None:
        _skolemised(read_turtle(files[:number], root, Findings()), ONTOLOGY_GRAPH)

    def locate(_: str) -> Place:
        return find_culprit(stage, [display_name(path, root) for path in files], attempt) or Place(folder)

    stage = Stage("reading the ontology", limits, findings, locate)
    read = [Ontology(tuple(parse(nquads, format=RdfFormat.N_QUADS))) for nquads in stage.run(work)]
    return read[0] if read else None


def read_ontology(directory: Path, root: Path) -> Ontology:
    """Read `core.ttl`, `alignments/` and `vocabularies/`; raises `DataError` at the first bad line of each file."""
    findings = Findings()
    terms, concepts = (read_turtle(paths, root, findings) for paths in ontology_files(directory))
    findings.raise_errors()
    return Ontology((*_skolemised(terms, ONTOLOGY_GRAPH), *_skolemised(concepts, VOCABULARIES_GRAPH)))


def read_turtle(paths: Iterable[Path], root: Path, findings: Findings) -> list[Quad]:
    """Read Turtle files; one that is none is a finding at its line and column.

    Parsed by Oxigraph, which is strict; blank nodes are renamed, so that those of two files do not meet.
    """
    quads: list[Quad] = []
    for path in paths:
        place = Place(display_name(path, root))
        try:
            content = read_file(path, place.path)
            quads.extend(parse(content, format=RdfFormat.TURTLE, rename_blank_nodes=True))
        except SyntaxError as fault:
            place = Place(place.path, fault.lineno or 1, fault.offset or 1)
            findings.error(place, "turtle", f"this is not Turtle: {fault.msg}", "Mend the file.")
        except DataError as refused:
            findings.add(refused.issues)
    return quads


def _skolemised(quads: list[Quad], graph: NamedNode) -> list[Quad]:
    """Give blank nodes canonical IRIs: OWL needs lists, and a release has no blank nodes."""
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return sorted((Quad(_named(q.subject), q.predicate, _named(q.object), graph) for q in dataset), key=str)


def _named(term: Any) -> Any:
    return NamedNode(GENID + term.value) if isinstance(term, BlankNode) else term
