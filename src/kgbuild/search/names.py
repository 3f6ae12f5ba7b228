"""Names of things, gathered from quads, in the order in which they stand among equals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pyoxigraph import Literal, NamedNode, Quad, Store, parse

from kgbuild.core.ids import kind_of
from kgbuild.core.namespaces import ARTICLE_GRAPH, ENTITY_KINDS, NAMES_GRAPH, expand
from kgbuild.search import KINDS
from kgbuild.sparql.formats import EXTENSIONS

NAME_KINDS: Final = ("name", "short", "other-name", "spelling", "former", "described", "identifier")
"""What a name is to its thing, in the order in which they stand among equals."""
_WHO_AND_WHERE: Final = frozenset(("institution", "network", "person", "place", "polity"))
"""They stand before meetings and agreements, whose names often hold theirs."""


class Quads(Protocol):
    """Where names are read from."""

    def having(self, predicates: frozenset[str]) -> Iterator[Quad]:
        """Go through the quads with one of these predicates."""


@dataclass(frozen=True)
class StoredQuads:
    """Quads of a store."""

    store: Store

    def having(self, predicates: frozenset[str]) -> Iterator[Quad]:
        """Go through the quads with one of these predicates."""
        for predicate in sorted(predicates):
            yield from self.store.quads_for_pattern(None, NamedNode(predicate), None, None)


@dataclass(frozen=True)
class FiledQuads:
    """Quads of RDF files; each time they are asked for they are read."""

    files: tuple[Path, ...]

    def having(self, predicates: frozenset[str]) -> Iterator[Quad]:
        """Go through the quads with one of these predicates."""
        wanted = {NamedNode(predicate) for predicate in predicates}
        for path in self.files:
            # As the server loads them: lenient, each file with blank nodes of its own.
            for quad in parse(path=path, format=EXTENSIONS[path.suffix.lower()], lenient=True):
                if quad.predicate in wanted:
                    yield quad


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a thing."""

    iri: str
    text: str
    language: str
    """"" if it has none."""
    kind: str
    """One of `NAME_KINDS`."""


_LABELS: Final = frozenset({expand("rdfs:label"), expand("skos:prefLabel"), expand("dcterms:title")})
_MADE: Final = NamedNode(NAMES_GRAPH)
_ALTERNATIVE: Final = expand("skos:altLabel")
_IDENTIFIERS: Final = frozenset({expand("dcterms:identifier"), expand("icn:identifier"), expand("skos:notation")})
_NAMING: Final = {name: expand(f"icn:{name}") for name in ("nameText", "nameOf", "nameKind", "ended")}
_CLAIM: Final = {name: expand(f"icn:{name}") for name in ("claims", "namedAs", "infers")}
NAME_PREDICATES: Final = frozenset({*_LABELS, _ALTERNATIVE, *_IDENTIFIERS, *_NAMING.values(), *_CLAIM.values()})
_SHORT: Final = expand("name-kind:short")


def gather(quads: Quads) -> tuple[list[Name], dict[str, dict[str, str]]]:
    """Collect all names, and the labels of each thing by language; of twins the one that stands higher."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    values: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in (*_NAMING.values(), *_CLAIM.values())}
    texts: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for quad in quads.having(NAME_PREDICATES):
        predicate, value = quad.predicate.value, quad.object
        if not isinstance(quad.subject, NamedNode):
            continue
        subject = quad.subject.value
        if isinstance(value, Literal):
            text, language = " ".join(value.value.split()), value.language or ""
            if predicate in _LABELS:
                # What the build made of a situation's parts finds nothing of its own.
                found[subject, text, language].add("made" if quad.graph_name == _MADE else "name")
                if predicate != expand("dcterms:title"):
                    labels[subject][language] = min(text, labels[subject].get(language, text))
            elif predicate == _ALTERNATIVE:
                found[subject, text, language].add(_graph_kind(quad))
            elif predicate in _IDENTIFIERS:
                found[subject, text, ""].add("identifier")
            else:
                texts[subject].add((text, language))
        elif isinstance(value, NamedNode) and predicate in values:
            values[predicate][subject].add(value.value)
    for name in _namings(values, texts):
        found[name.iri, name.text, name.language].add(name.kind)
    for name in _descriptions(values, texts, found, quads):
        found[name.iri, name.text, name.language].add(name.kind)
    names = [Name(*key, kind) for key, kinds in found.items() if key[1] and (kind := _chosen(kinds))]
    return sorted(names, key=_standing), labels


def _graph_kind(quad: Quad) -> str:
    graph = quad.graph_name
    if isinstance(graph, NamedNode):
        return "spelling" if graph.value.startswith(ARTICLE_GRAPH) else "other-name"
    return "resolved"


def _chosen(kinds: set[str]) -> str:
    """Say what a name is of which several things are said, "" for none; the default graph only repeats the others."""
    if "made" in kinds:
        return ""
    known = kinds - {"resolved"} or {"other-name"}
    if "name" not in known and {"former", "short"} & known:
        known &= {"former", "short"}  # a dated name says more than that somebody uses it
    return min(known, key=NAME_KINDS.index)


def _standing(name: Name) -> tuple[int, int, int, str, str, str]:
    kind, sort = found_kind(name.iri), NAME_KINDS.index(name.kind)
    group = 0 if kind in _WHO_AND_WHERE else 1 if kind in ENTITY_KINDS else KINDS.index(kind)
    return group, sort, len(name.text), name.text, name.iri, name.language


def found_kind(iri: str) -> str:
    """Tell as what a thing is found, one of `KINDS`, by its IRI."""
    kind = kind_of(iri)
    return kind if kind in KINDS else "other"


def _namings(values: Mapping[str, dict[str, set[str]]], texts: dict[str, set[tuple[str, str]]]) -> Iterator[Name]:
    """Read the situations in which a thing bears a name; a name whose end is known is a former one."""
    for naming, things in values[_NAMING["nameOf"]].items():
        is_short = _SHORT in values[_NAMING["nameKind"]].get(naming, ())
        kind = "former" if naming in values[_NAMING["ended"]] else "short" if is_short else "other-name"
        for thing in things:
            for text, language in texts.get(naming, ()):
                yield Name(thing, text, language, kind)


def _descriptions(
    values: Mapping[str, dict[str, set[str]]],
    texts: dict[str, set[tuple[str, str]]],
    found: Mapping[tuple[str, str, str], set[str]],
    quads: Quads,
) -> Iterator[Name]:
    """Read by what words a claim means a thing that it does not name, where the claim leaves no doubt which."""
    claims = {claim: names for claim, names in values[_CLAIM["infers"]].items() if claim in texts}
    bodies = {body for claim in claims for body in values[_CLAIM["claims"]].get(claim, ())}
    meant: dict[tuple[str, str], set[str]] = defaultdict(set)
    for quad in quads.having(frozenset(name for names in claims.values() for name in names)) if claims else ():
        subject, value = quad.subject, quad.object
        if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode) or subject.value not in bodies:
            continue
        if kind_of(value.value) in ENTITY_KINDS:
            meant[subject.value, quad.predicate.value].add(value.value)
    names = {(text, language) for _, text, language in found}
    for claim, properties in claims.items():
        things = {t for body in values[_CLAIM["claims"]].get(claim, ()) for p in properties for t in meant[body, p]}
        # What is somebody's name was said of another party to the claim.
        described = texts[claim] - names
        if len(things) == 1:
            yield from (Name(next(iter(things)), text, language, "described") for text, language in sorted(described))
