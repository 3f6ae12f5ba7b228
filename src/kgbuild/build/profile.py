"""The SHACL profile of a release: our shapes made ready for anybody's data (https://www.w3.org/TR/shacl/).

Nothing in it is written twice.  Names, descriptions, order and groups come from the ontology.  What a shape of ours
reads of the ontology, the hierarchy of classes and the vocabularies, is written into it: with this one file and the
data alone, a validator finds what the build finds.  Lists have IRIs, so that the same content has the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import rdflib
from pyoxigraph import Quad, RdfFormat, parse, serialize
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SH, SKOS
from rdflib.term import Node

from kgbuild.build.closing import (
    ICN,
    SHAPE,
    TermGraph,
    add_closed,
    add_single,
    is_ours,
    local_name,
    targeted,
    write_list,
)
from kgbuild.build.ontology import Ontology
from kgbuild.build.store import to_rdflib
from kgbuild.core.namespaces import ONTOLOGY_IRI, PREFIXES, SHAPES_IRI, VOCABULARY, shorten

FILES: Final = {"shapes.ttl": False, "shapes-strict.ttl": True}
"""Files of a release: the profile, and the one that is closed."""
_TITLE: Final = {"en": "Shapes of the ICN ontology", "ru": "Формы онтологии ICN"}
_ABOUT: Final = {
    "en": "What must hold of data in the terms of the ICN ontology, in one file: shapes, the hierarchy of classes and "
    "the vocabularies.",
    "ru": "Что должно выполняться для данных в терминах онтологии ICN, одним файлом: формы, иерархия и словари.",
}
_STRICT: Final = {
    "en": " Closed: unknown classes and properties are errors.",
    "ru": " Закрытый вариант: неизвестные классы и свойства — ошибки.",
}
_HEADER: Final = (
    DCTERMS.license,
    DCTERMS.creator,
    DCTERMS.contributor,
    DCTERMS.publisher,
    DCTERMS.created,
    DCTERMS.issued,
    DCTERMS.modified,
)
"""What the profile says of itself as the ontology does."""
_OF_CLASSES: Final = (RDFS.subClassOf, RDFS.label)
_OF_CONCEPTS: Final = (SKOS.inScheme, SKOS.broader, SKOS.topConceptOf, SKOS.notation, SKOS.prefLabel)
_LAST: Final = rdflib.Literal(999)
"""Where a property without an order of its own stands."""
_CLASSES: Final = re.compile(r"(\?\w+ IN \()([^)]*)(\))")
_USED: Final = re.compile(r"\b(?:icn|oa):\w+")
_BOUNDS: Final = frozenset(
    {"icn:earliest", "icn:latest", "icn:claims", "icn:asserts", "icn:inArticle", "icn:published"}
)
"""What queries compare, and is never to be mended there."""


def make_profile(ontology: Ontology, shapes: rdflib.Graph, *, is_strict: bool = False) -> rdflib.Graph:
    """Make the profile of an ontology and its shapes; the strict one is closed."""
    terms, made = TermGraph(ontology), rdflib.Graph()
    made += shapes
    add_single(made, shapes, terms, ("one",))
    if is_strict:
        add_closed(made, shapes, terms)
    for shape in sorted(set(made.subjects(RDF.type, SH.PropertyShape)), key=str):
        _describe(made, shape, terms)
    _write_hierarchy(made, terms)
    _write_vocabularies(made, terms)
    _write_header(made, terms.graph, is_strict=is_strict)
    for outside in set(made.objects(predicate=SH.path)):
        for property_ in (SH.name, SH.description, SH.order, SH.group):
            made.remove((outside, property_, None))
    return made


def profile_files(ontology: Ontology, shapes: Iterable[Quad]) -> dict[str, bytes]:
    """Make the files of a release that hold the profile, in both variants."""
    graph = to_rdflib(shapes)
    return {name: to_turtle(make_profile(ontology, graph, is_strict=strict)) for name, strict in FILES.items()}


def to_turtle(graph: rdflib.Graph) -> bytes:
    """Write a profile as Turtle, its header first: the same graph gives the same bytes."""
    written = graph.serialize(format="nt")
    triples = parse(written, format=RdfFormat.N_TRIPLES)
    ordered = sorted(triples, key=lambda quad: (quad.subject.value != SHAPES_IRI, str(quad)))
    used = {prefix: space for prefix, space in PREFIXES.items() if f"<{space}" in written}
    return serialize((quad.triple for quad in ordered), format=RdfFormat.TURTLE, prefixes=used) or b""


def _describe(made: rdflib.Graph, shape: Node, terms: TermGraph) -> None:
    """Say what a property shape is about, where it stands, and what mends what it finds."""
    path = made.value(shape, SH.path)
    if path is None:  # no SHACL, which the build tells
        return
    known = terms.graph if is_ours(path) else made
    names, texts = (RDFS.label, SKOS.definition) if is_ours(path) else (SH.name, SH.description)
    for property_, source in ((SH.name, names), (SH.description, texts)):
        for text in known.objects(path, source):
            made.add((shape, property_, text))
    order = terms.graph.value(path, ICN.displayOrder) or made.value(path, SH.order) or _LAST
    made.add((shape, SH.order, order))
    made.add((shape, SH.group, made.value(path, SH.group) or _group(path, terms)))
    if (shape, SH.message, None) in made:
        # The remedy of the build speaks of records, which nobody else writes.
        made.remove((shape, RDFS.comment, None))
        made.add((shape, RDFS.comment, rdflib.Literal(" ".join(_remedy(made, shape, path)), "en")))


def _group(path: Node, terms: TermGraph) -> rdflib.URIRef:
    ranges = set(terms.graph.objects(path, RDFS.range))
    if (path, ICN.keyPart, None) in terms.graph:
        return SHAPE["group-identity"]
    if SKOS.Concept in ranges:
        return SHAPE["group-kinds"]
    if ICN.Date in ranges:
        return SHAPE["group-dates"]
    is_link = (path, RDF.type, OWL.ObjectProperty) in terms.graph
    return SHAPE["group-things"] if is_link else SHAPE["group-texts"]


def _remedy(made: rdflib.Graph, shape: Node, path: Node) -> Iterable[str]:
    """Say, in sentences, what a shape asks for."""
    name = shorten(str(path))
    if (shape, SH.minCount, None) in made:
        yield f"State {name}."
    if (shape, SH.maxCount, None) in made:
        yield f"Keep one value of {name}."
    for class_ in made.objects(shape, SH["class"]):
        yield _of_classes(name, [shorten(str(class_))])
    for node in made.objects(shape, SH.node):
        scheme = made.value(made.value(node, SH.property), SH.hasValue)
        yield f"Take a concept of <{scheme}> as {name}."
    for value in made.objects(shape, SH.hasValue):
        yield f"Let one value of {name} be {shorten(str(value))}."
    for datatype in made.objects(shape, SH.datatype):
        yield f"Give {name} {'a language' if datatype == RDF.langString else shorten(str(datatype))}."
    for kind in made.objects(shape, SH.nodeKind):
        yield f"Give {name} an {local_name(kind)}."
    for pattern in made.objects(shape, SH.pattern):
        yield f"Give {name} a text that is not empty." if str(pattern) == r"\S" else f"Let {name} match {pattern} ."
    if (shape, SH.languageIn, None) in made:
        yield f"Give {name} in English, with its language."
    if (shape, SH.uniqueLang, None) in made:
        yield f"Give one {name} a language."
    for relation in (SH.disjoint, SH.lessThan, SH.lessThanOrEquals):
        for other in made.objects(shape, relation):
            yield f"Compare {name} with {shorten(str(other))}, and correct one of them."
    for constraint in made.objects(shape, SH.sparql):
        yield _of_query(name, str(made.value(constraint, SH.select)))
    for least in (bound for kind in (SH.minInclusive, SH.maxLength) for bound in made.objects(shape, kind)):
        yield f"Keep to the limit of {least}."


def _of_classes(name: str, classes: list[str]) -> str:
    if classes == ["icn:Date"]:
        return f"Give {name} a node of class icn:Date, with icn:earliest and icn:latest."
    return f"Give {name} a thing of class {' or '.join(classes)}, and state its class in the same data."


def _of_query(name: str, query: str) -> str:
    listed = _CLASSES.search(query)
    if listed and "NOT EXISTS" in query:
        return _of_classes(name, [each.strip() for each in listed[2].split(",")])
    others = [each for each in dict.fromkeys(_USED.findall(query)) if each not in _BOUNDS | {name}]
    others = [each for each in others if not each.partition(":")[2][0].isupper()]
    return f"Correct {name}{', or compare it with ' + ', '.join(others) if others else ''}."


def _write_hierarchy(made: rdflib.Graph, terms: TermGraph) -> None:
    """Write out which classes are below those that shapes name: a validator need know no subclass."""
    for class_ in terms.classes:
        made.add((class_, RDF.type, OWL.Class))
        for property_ in _OF_CLASSES:
            for value in terms.graph.objects(class_, property_):
                made.add((class_, property_, value))
    for shape, target in list(made.subject_objects(SH.targetClass)):
        for below in terms.below(target):
            made.add((shape, SH.targetClass, below))
    for shape, wanted in sorted(made.subject_objects(SH["class"]), key=str):
        if len(classes := terms.below(wanted)) > 1:
            made.remove((shape, SH["class"], wanted))
            made.add((shape, SH["or"], _any_of(made, wanted, classes)))
    for constraint, query in list(made.subject_objects(SH.select)):
        written = _CLASSES.sub(lambda found: found[1] + _with_below(found[2], terms) + found[3], str(query))
        made.set((constraint, SH.select, rdflib.Literal(written)))


def _any_of(made: rdflib.Graph, class_: Node, below: list[rdflib.URIRef]) -> rdflib.URIRef:
    name = f"any-{local_name(class_)}"
    if (SHAPE[f"{name}-1"], None, None) not in made:
        members = [SHAPE[f"is-{local_name(each)}"] for each in below]
        for member, each in zip(members, below, strict=True):
            made.add((member, RDF.type, SH.NodeShape))
            made.add((member, SH["class"], each))
        write_list(made, name, members)
    return SHAPE[f"{name}-1"]


def _with_below(listed: str, terms: TermGraph) -> str:
    """Add the classes below to a list of classes; other terms stay as they are."""
    names = [each.strip() for each in listed.split(",")]
    below = {each: [f"icn:{local_name(c)}" for c in terms.below(ICN[each[4:]])] for each in names if each[:4] == "icn:"}
    return ", ".join(dict.fromkeys(each for name in names for each in below.get(name, [name])))


def _write_vocabularies(made: rdflib.Graph, terms: TermGraph) -> None:
    """Write the vocabularies, and into the shapes which concepts are theirs: data need not say so."""
    known = terms.graph
    for thing in {*known.subjects(RDF.type, SKOS.Concept), *known.subjects(RDF.type, SKOS.ConceptScheme)}:
        for property_ in (RDF.type, *_OF_CONCEPTS):
            for value in known.objects(thing, property_):
                made.add((thing, property_, value))
    for scheme_shape, scheme in sorted(made.subject_objects(SH.hasValue), key=str):
        concepts = sorted(known.subjects(SKOS.inScheme, scheme), key=str)
        for shape in sorted(made.subjects(SH.property, scheme_shape), key=str) if concepts else ():
            name = str(scheme).removeprefix(VOCABULARY)
            listed, other = SHAPE[f"{name}-concept"], SHAPE[f"{name}-concept-of-others"]
            made.remove((shape, SH.property, scheme_shape))
            made.add((listed, RDF.type, SH.NodeShape))
            made.add((listed, SH["in"], write_list(made, f"concepts-of-{name}", concepts)))
            made.add((other, RDF.type, SH.NodeShape))
            made.add((other, SH.property, scheme_shape))
            made.add((shape, SH["or"], write_list(made, f"{name}-concept-of-anybody", (listed, other))))


def _write_header(made: rdflib.Graph, known: rdflib.Graph, *, is_strict: bool) -> None:
    me, ontology = rdflib.URIRef(SHAPES_IRI), rdflib.URIRef(ONTOLOGY_IRI)
    variant = "/strict" if is_strict else ""
    version = str(known.value(ontology, OWL.versionInfo) or "")
    made.add((me, RDF.type, OWL.Ontology))
    if version:
        made.add((me, OWL.versionInfo, rdflib.Literal(version)))
        made.add((me, OWL.versionIRI, rdflib.URIRef(f"{SHAPES_IRI}{variant}/{version}")))
        made.add((me, DCTERMS.requires, rdflib.URIRef(f"{ONTOLOGY_IRI}/{version}")))
    for language, title in _TITLE.items():
        about = _ABOUT[language] + (_STRICT[language] if is_strict else "")
        made.add((me, DCTERMS.title, rdflib.Literal(title, language)))
        made.add((me, DCTERMS.description, rdflib.Literal(about, language)))
    for property_ in _HEADER:
        for value in known.objects(ontology, property_):
            made.add((me, property_, value))
    for shape in {*(shape for shape, _ in targeted(made)), *made.subjects(RDF.type, SH.PropertyShape)}:
        made.add((shape, RDFS.isDefinedBy, me))
