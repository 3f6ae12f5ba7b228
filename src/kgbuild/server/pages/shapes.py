"""The SHACL profile of a release for people: what each shape asks for, and what it says where that is not met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from kgbuild.core.namespaces import ONTOLOGY, PREFIXES, SHAPES_IRI, expand, shorten
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.rendering import page

_SHAPE = PREFIXES["shape"]


@dataclass(frozen=True)
class ShownProperty:
    """A property shape."""

    name: str
    path: str
    names: dict[str, str]
    descriptions: dict[str, str]
    messages: dict[str, str]
    remedies: dict[str, str]
    group: str
    order: int
    is_warning: bool


@dataclass(frozen=True)
class ShownShape:
    """A shape with a target."""

    name: str
    labels: dict[str, str]
    classes: tuple[str, ...]
    """Local names of the classes of ours whose things it looks at."""
    properties: tuple[ShownProperty, ...]
    messages: dict[str, str]


@dataclass(frozen=True)
class ShownProfile:
    """All shapes with targets, in order of their names, and what their properties are grouped by."""

    version: str
    shapes: tuple[ShownShape, ...]
    groups: dict[str, dict[str, str]]
    """Name -> labels."""
    named: frozenset[str]
    """Names of everything that has an IRI of shapes."""


class _Statements:
    """Triples, looked up by subject and predicate."""

    def __init__(self, quads: Iterable[Quad]) -> None:
        self.objects: defaultdict[tuple[str, str], list[NamedNode | Literal]] = defaultdict(list)
        for quad in quads:
            if isinstance(quad.subject, NamedNode) and isinstance(quad.object, (NamedNode, Literal)):
                self.objects[quad.subject.value, quad.predicate.value].append(quad.object)

    def all(self, subject: str, name: str) -> list[str]:
        return sorted(each.value for each in self.objects.get((subject, expand(name)), []))

    def one(self, subject: str, name: str) -> str:
        return next(iter(self.all(subject, name)), "")

    def texts(self, subject: str, name: str) -> dict[str, str]:
        found = self.objects.get((subject, expand(name)), [])
        return {each.language or "": each.value for each in found if isinstance(each, Literal)}


def read_profile(quads: Iterable[Quad]) -> ShownProfile:
    """Read a profile for its page."""
    said = _Statements(quads)
    targets = {subject for subject, predicate in said.objects if predicate in _TARGETS}
    groups = [each for each, _ in said.objects if expand("sh:PropertyGroup") in said.all(each, "rdf:type")]
    return ShownProfile(
        said.one(SHAPES_IRI, "owl:versionInfo"),
        tuple(_shape(each, said) for each in sorted(targets)),
        {_name(each): said.texts(each, "rdfs:label") for each in sorted(groups, key=lambda g: said.one(g, "sh:order"))},
        frozenset(_name(each) for each, _ in said.objects if each.startswith(_SHAPE)),
    )


_TARGETS = frozenset({expand("sh:targetClass"), expand("sh:targetObjectsOf")})


def _name(iri: str) -> str:
    return iri.removeprefix(_SHAPE)


def _shape(iri: str, said: _Statements) -> ShownShape:
    classes = (each.removeprefix(ONTOLOGY) for each in said.all(iri, "sh:targetClass") if each.startswith(ONTOLOGY))
    properties = [_property(each, said) for each in said.all(iri, "sh:property")]
    properties.sort(key=lambda each: (each.group, each.order, each.name))
    labels, messages = said.texts(iri, "rdfs:label"), said.texts(iri, "sh:message")
    return ShownShape(_name(iri), labels, tuple(classes), tuple(properties), messages)


def _property(iri: str, said: _Statements) -> ShownProperty:
    order = said.one(iri, "sh:order")
    return ShownProperty(
        _name(iri),
        said.one(iri, "sh:path"),
        said.texts(iri, "sh:name"),
        said.texts(iri, "sh:description"),
        said.texts(iri, "sh:message"),
        said.texts(iri, "rdfs:comment"),
        _name(said.one(iri, "sh:group")),
        int(order) if order.isdigit() else 0,
        said.one(iri, "sh:severity") == expand("sh:Warning"),
    )


def shapes_page(
    profile: ShownProfile, reader: Reader, path: str, headers: dict[str, str], *, is_strict: bool
) -> Response:
    """Make the page."""
    return page(
        "shapes.html",
        reader,
        headers=headers,
        profile=profile,
        path=path,
        is_strict=is_strict,
        iri=SHAPES_IRI,
        namespace=_SHAPE,
        shorten=shorten,
    )
