"""What the ontology forbids and no shape of ours says by hand: unknown terms, and several values where one is meant.

Closed shapes (https://www.w3.org/TR/shacl/#ClosedConstraintComponent), computed: a property may be said of a class
unless its domain excludes that class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from itertools import chain, combinations
from typing import Final

import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SH
from rdflib.term import Node

from kgbuild.build.ontology import Ontology
from kgbuild.build.store import to_rdflib
from kgbuild.core.namespaces import BASE, ONTOLOGY, PREFIXES, VOCABULARY
from kgbuild.core.terms import reach

SHAPE: Final = rdflib.Namespace(PREFIXES["shape"])
ICN: Final = rdflib.Namespace(ONTOLOGY)
KINDS_OF_PROPERTY: Final = (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
_OF_ANYTHING: Final = (
    *(RDF.type, RDFS.label, RDFS.comment, RDFS.seeAlso, RDFS.isDefinedBy, OWL.sameAs, OWL.deprecated),
    ICN.possiblySameAs,  # rules write it of what is alike, of whatever kind
)
_UTTERANCES: Final = (ICN.Decision, ICN.Proposal, ICN.Statement)
"""What is known by its occasion: elsewhere several occasions may be named."""
_OCCASIONS: Final = frozenset({ICN.occurredAt, ICN.setOutIn})
_SETS: Final = frozenset({ICN.original, ICN.resulting})
"""Parts of a key that are sets: all bodies that a succession starts from, and all it ends in."""


class TermGraph:
    """The ontology as shapes need it: what is below a class, what excludes it, what may be said of it."""

    def __init__(self, ontology: Ontology) -> None:
        self.graph = to_rdflib(ontology.quads)
        self._above: dict[Node, frozenset[Node]] = {
            rdflib.URIRef(class_.value): frozenset(rdflib.URIRef(each.value) for each in above)
            for class_, above in ontology.superclasses.items()
        }

    @cached_property
    def classes(self) -> list[rdflib.URIRef]:
        """List our classes."""
        return sorted(rdflib.URIRef(str(c)) for c in self.graph.subjects(RDF.type, OWL.Class) if is_ours(c))

    def above(self, class_: Node) -> frozenset[Node]:
        """List a class and all above it."""
        return self._above.get(class_) or frozenset((class_,))

    def below(self, class_: Node) -> list[rdflib.URIRef]:
        """List a class of ours and all below it; another class alone."""
        found = [each for each in self.classes if class_ in self.above(each)]
        return found or [rdflib.URIRef(str(class_))]

    @cached_property
    def _excluded(self) -> dict[Node, set[Node]]:
        """Class -> what it is said to exclude, by itself or in a list."""
        found: dict[Node, set[Node]] = defaultdict(set)
        lists = self.graph.objects(predicate=OWL.members)
        # Not `Graph.items`, which raises where a list of somebody's ends in itself.
        cells = (reach([each], lambda cell: self.graph.objects(cell, RDF.rest)) for each in lists)
        groups = ([o for cell in list_ for o in self.graph.objects(cell, RDF.first)] for list_ in cells)
        pairs = chain.from_iterable(combinations(group, 2) for group in groups)
        for one, other in chain(pairs, self.graph.subject_objects(OWL.disjointWith)):
            found[one].add(other)
            found[other].add(one)
        return found

    def excludes(self, one: Node, other: Node) -> bool:
        """Tell whether nothing can be of two classes."""
        return any(self._excluded.get(above, set()) & self.above(other) for above in self.above(one))

    def allows(self, class_: rdflib.URIRef, property_: Node, shapes: rdflib.Graph) -> bool:
        """Tell whether a property, or one below it, may be said of things of a class: its domain does not exclude that.

        Without a domain, shapes say where it belongs; where none leads along it, what is no mark of the
        ontology may stand anywhere.
        """
        below = reach([property_], lambda each: self.graph.subjects(RDFS.subPropertyOf, each))
        return any(self._allows(class_, each, shapes) for each in below)

    def _allows(self, class_: rdflib.URIRef, property_: Node, shapes: rdflib.Graph) -> bool:
        domains = list(self.graph.objects(property_, RDFS.domain))
        if domains:
            return not any(self.excludes(domain, class_) for domain in domains)
        leading = {
            shape for each in shapes.subjects(SH.path, property_) for shape in shapes.subjects(SH.property, each)
        }
        targets = {target for shape in leading for target in shapes.objects(shape, SH.targetClass)}
        if targets:
            return any(not self.excludes(target, class_) for target in targets)
        is_mark = is_ours(property_) and (property_, RDF.type, OWL.AnnotationProperty) in self.graph
        return not is_mark or not is_shaped(class_, shapes, self)

    @cached_property
    def properties(self) -> list[Node]:
        """List all properties that are declared, ours and others."""
        return sorted({p for kind in KINDS_OF_PROPERTY for p in self.graph.subjects(RDF.type, kind)}, key=str)

    def single(self, resolutions: Collection[str]) -> set[Node]:
        """List the properties with one value: parts of keys, and those that are resolved in one of these ways."""
        ways = (rdflib.URIRef(f"{VOCABULARY}resolution/{way}") for way in resolutions)
        found = set(self.graph.subjects(ICN.keyPart, rdflib.Literal(True)))
        return found.union(*(self.graph.subjects(ICN.resolution, way) for way in ways)) - _SETS

    def text(self, node: Node, property_: rdflib.URIRef, language: str) -> str:
        """Give a text of a term in a language; its local name where there is none."""
        texts = (o for o in self.graph.objects(node, property_) if isinstance(o, rdflib.Literal))
        return min((str(text) for text in texts if text.language == language), default=local_name(node))


def is_ours(node: Node) -> bool:
    """Tell whether a term is one of our ontology."""
    return isinstance(node, rdflib.URIRef) and str(node).startswith(ONTOLOGY)


def is_shaped(class_: rdflib.URIRef, shapes: rdflib.Graph, terms: TermGraph) -> bool:
    """Tell whether some shape has a class, or one above it, as its target."""
    return any((None, SH.targetClass, above) in shapes for above in terms.above(class_))


def local_name(node: Node) -> str:
    """Give the last part of an IRI."""
    return str(node).rpartition("/")[2].rpartition("#")[2]


def write_list(graph: rdflib.Graph, name: str, members: Iterable[Node]) -> rdflib.URIRef:
    """Write a list whose nodes have IRIs, as there are no blank nodes here; gives its first one."""
    cells = [(SHAPE[f"{name}-{number}"], member) for number, member in enumerate(members, 1)]
    for (cell, member), rest in zip(cells, [*(cell for cell, _ in cells[1:]), RDF.nil], strict=True):
        graph.add((cell, RDF.first, member))
        graph.add((cell, RDF.rest, rest))
    return cells[0][0]


def say(graph: rdflib.Graph, shape: Node, type_: Node, english: str, russian: str, remedy: str) -> None:
    """Give a shape its type, its message in two languages, and what would mend what it finds."""
    graph.add((shape, RDF.type, type_))
    graph.add((shape, SH.message, rdflib.Literal(english, "en")))
    graph.add((shape, SH.message, rdflib.Literal(russian, "ru")))
    graph.add((shape, RDFS.comment, rdflib.Literal(remedy, "en")))


def targeted(shapes: rdflib.Graph) -> Iterator[tuple[rdflib.URIRef, Node]]:
    """Go through the property shapes of shapes with a target: the shape above, and the property shape."""
    for shape in sorted(set(shapes.subjects(SH.targetClass)), key=str):
        yield from ((rdflib.URIRef(str(shape)), each) for each in sorted(shapes.objects(shape, SH.property), key=str))


def add_single(made: rdflib.Graph, shapes: rdflib.Graph, terms: TermGraph, resolutions: Collection[str] = ()) -> None:
    """Add a shape with a maximum of one to each shape that leads along a property with one value."""
    wanted = terms.single(resolutions)
    for shape, property_shape in targeted(shapes):
        path = shapes.value(property_shape, SH.path)
        is_elsewhere = path in _OCCASIONS and not any((shape, SH.targetClass, each) in shapes for each in _UTTERANCES)
        if path not in wanted or is_elsewhere:
            continue
        single = SHAPE[f"{local_name(shape)}-{local_name(path)}-single"]
        english, russian = (terms.text(path, RDFS.label, language) for language in ("en", "ru"))
        finding = f"There are several values of '{english}', where one is meant."
        remedy = f"Keep one value of icn:{local_name(path)}; others are other situations, or disagreements."
        say(
            made,
            single,
            SH.PropertyShape,
            finding,
            f"Несколько значений свойства «{russian}» там, где возможно одно.",
            remedy,
        )
        made.add((single, SH.path, path))
        made.add((single, SH.maxCount, rdflib.Literal(1)))
        made.add((shape, SH.property, single))


def add_closed(made: rdflib.Graph, shapes: rdflib.Graph, terms: TermGraph) -> None:
    """Add closed shapes for each kind of thing, and one that knows our classes."""
    for class_ in _kinds(shapes, terms):
        allowed = sorted({*_OF_ANYTHING, *(p for p in terms.properties if terms.allows(class_, p, shapes))}, key=str)
        shape = SHAPE[f"{local_name(class_).lower()}-closed"]
        say(
            made,
            shape,
            SH.NodeShape,
            "The ontology has no such property, or none for a thing of this class.",
            "В онтологии нет такого свойства, или его нет у вещей этого класса.",
            f"Correct its spelling; {BASE}ontology lists the properties of each class.",
        )
        for language in ("en", "ru"):
            label = rdflib.Literal(f"{terms.text(class_, RDFS.label, language)}, {_CLOSED[language]}", language)
            made.add((shape, RDFS.label, label))
        made.add((shape, SH.targetClass, class_))
        made.add((shape, SH.closed, rdflib.Literal(True)))
        made.add((shape, SH.ignoredProperties, write_list(made, f"properties-of-{local_name(class_)}", allowed)))
    _add_known(made, terms)


_CLOSED: Final = {"en": "closed", "ru": "закрытая форма"}


def _kinds(shapes: rdflib.Graph, terms: TermGraph) -> list[rdflib.URIRef]:
    """List the classes that are closed: those with shapes of their own, the highest, and what is beside them."""
    shaped = {each for each in terms.classes if (None, SH.targetClass, each) in shapes}
    grouping = {above for each in shaped for above in terms.above(each)} - shaped
    closed = [each for each in terms.classes if each not in grouping]
    return [each for each in closed if not (terms.above(each) - {each}) & set(closed)]


def _add_known(made: rdflib.Graph, terms: TermGraph) -> None:
    """Ask of each class that anything has: it is not in our namespace, or it is one of ours."""
    shape, inside, outside = SHAPE["known-class"], SHAPE["class-of-ours"], SHAPE["class-of-others"]
    ours = SHAPE["class-in-our-namespace"]
    say(
        made,
        shape,
        SH.NodeShape,
        "The ontology has no such class.",
        "В онтологии нет такого класса.",
        f"Correct its spelling; {BASE}ontology lists the classes.",
    )
    made.add((shape, RDFS.label, rdflib.Literal("known class", "en")))
    made.add((shape, RDFS.label, rdflib.Literal("известный класс", "ru")))
    made.add((shape, SH.targetObjectsOf, RDF.type))
    for each in (inside, outside, ours):
        made.add((each, RDF.type, SH.NodeShape))
    made.add((inside, SH["in"], write_list(made, "classes", terms.classes)))
    made.add((outside, SH["not"], ours))
    made.add((ours, SH.pattern, rdflib.Literal(f"^{ONTOLOGY}")))
    made.add((shape, SH["or"], write_list(made, "class-of-ours-or-others", (inside, outside))))
