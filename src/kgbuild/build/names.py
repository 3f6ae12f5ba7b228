"""Names for what has none of its own: situations, disagreements, claims, dates, unidentified parties.

They are `rdfs:label`s in four languages, made by the captions that stand with the classes in the ontology.  A name
may hold other names (a denial's that of a membership, this that of a party that nobody names): what is named first
is what others are named by.  A circle of names ends with the parts in the circle left out.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Store

from kgbuild.build.ontology import Ontology
from kgbuild.core.captions import LANGUAGES, Caption, choose_text
from kgbuild.core.date_text import DateWriter
from kgbuild.core.namespaces import ARTICLE_GRAPH, NAMES_GRAPH, ONTOLOGY, shorten
from kgbuild.core.terms import TYPE, icn, term

LONGEST_PART: Final = 90
"""Characters of a text within a name."""
DEEPEST: Final = 6
"""Names within names."""
_LABEL: Final = term("rdfs:label")


def add_names(store: Store, ontology: Ontology) -> None:
    """Add the names to the graph of names, and to the default graph for what that holds; after resolving, inferring."""
    store.bulk_extend(_Namer(store, ontology).quads())


class _Namer:
    """Reads once what names are made of, a property at a time: the work grows with the number of things alone."""

    def __init__(self, store: Store, ontology: Ontology) -> None:
        self.store, self.ontology = store, ontology
        self.names: dict[str, dict[str, str]] = {}
        """Thing -> language -> the name that was made."""
        self.depths: dict[str, int] = defaultdict(int)
        self.dates = DateWriter(ontology.date_captions)

    def quads(self) -> Iterator[Quad]:
        """Give the names as quads."""
        self._name_all()
        for thing in sorted(self.names):
            for language in LANGUAGES:
                label = Literal(self.names[thing][language], language=language)
                yield Quad(NamedNode(thing), _LABEL, label, NamedNode(NAMES_GRAPH))
                if thing in self.held:
                    yield Quad(NamedNode(thing), _LABEL, label, DefaultGraph())

    def _name_all(self) -> None:
        order = TopologicalSorter({thing: self._named_by(thing) for thing in self.captions})
        with suppress(CycleError):  # the sorter still gives all that is in no circle, and depends on none
            order.prepare()
        while ready := order.get_ready():
            for thing in ready:
                self.names[thing] = self._written(thing)
                self.depths[thing] = 1 + max((self.depths[other] for other in self._named_by(thing)), default=0)
            order.done(*ready)
        circular = [thing for thing in self.captions if thing not in self.names]
        self.names.update([(thing, self._written(thing)) for thing in circular])

    def _named_by(self, thing: str) -> set[str]:
        """List the things without names of their own by which a thing is named."""
        shown = self.shown.get(thing, {}).values()
        return {term.value for term in shown if isinstance(term, NamedNode) and term.value in self.captions}

    def _written(self, thing: str) -> dict[str, str]:
        return {language: self._in_language(thing, self.captions[thing][language], language) for language in LANGUAGES}

    def _in_language(self, thing: str, caption: Caption, language: str) -> str:
        shown = self.shown.get(thing, {})
        values = {name: self._part(thing, name, language) for name in caption.properties if name in shown}
        if not caption.texts[0]:  # labels of concepts and classes begin with a small letter
            values |= {
                name: values[name][:1].upper() + values[name][1:]
                for name in caption.parts[0]
                if isinstance(shown.get(name), NamedNode)
            }
        return caption.write(values)

    def _part(self, thing: str, name: str, language: str) -> str:
        first = self.shown[thing][name]
        if isinstance(first, NamedNode):
            return self._name_of(first.value, language)
        if name == "edtf":
            return self.dates.write(first.value, language)
        literals = [term for term in self.facts[thing][name] if isinstance(term, Literal)]
        text = choose_text({term.language or "": term.value for term in sorted(literals, key=str)}, language)
        return _isolated(text if len(text) <= LONGEST_PART else text[:LONGEST_PART].rstrip() + "…")

    def _name_of(self, thing: str, language: str) -> str:
        if thing in self.captions:
            return self.names[thing][language] if thing in self.names and self.depths[thing] < DEEPEST else ""
        return _isolated(choose_text(self.labels.get(thing, {}), language)) or shorten(thing)

    @cached_property
    def held(self) -> set[str]:
        """Things that the default graph describes."""
        types = self.store.quads_for_pattern(None, TYPE, None, DefaultGraph())
        return {quad.subject.value for quad in types if isinstance(quad.subject, NamedNode)}

    def _about(self, predicate: NamedNode) -> Iterator[tuple[str, NamedNode | Literal]]:
        """Go through the values of a property: in the default graph, and in articles for what that leaves out."""
        for quad in self.store.quads_for_pattern(None, predicate, None, None):
            subject, value, graph = quad.subject, quad.object, quad.graph_name
            if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode | Literal):
                continue
            by_article = isinstance(graph, NamedNode) and graph.value.startswith(ARTICLE_GRAPH)
            if isinstance(graph, DefaultGraph) or (by_article and subject.value not in self.held):
                yield subject.value, value

    @cached_property
    def captions(self) -> dict[str, Mapping[str, Caption]]:
        """Thing without a name of its own -> the captions of its finest class that has any."""
        types: dict[str, set[NamedNode]] = defaultdict(set)
        for thing, class_ in self._about(TYPE):
            if isinstance(class_, NamedNode) and class_.value.startswith(ONTOLOGY):
                types[thing].add(class_)
        captions_of = cache(self.ontology.caption_for)
        nameless = ((thing, frozenset(classes)) for thing, classes in types.items() if thing not in self.labels)
        found = ((thing, captions_of(classes)) for thing, classes in nameless)
        return {thing: captions for thing, captions in found if captions}

    @cached_property
    def facts(self) -> dict[str, dict[str, list[NamedNode | Literal]]]:
        """Thing to be named -> property -> values, of the properties that captions speak of."""
        kept: dict[str, dict[str, list[NamedNode | Literal]]] = defaultdict(lambda: defaultdict(list))
        captions = {id(c): c for by_language in self.captions.values() for c in by_language.values()}
        for name in sorted({name for caption in captions.values() for name in caption.properties}):
            for thing, value in self._about(icn(name)):
                if thing in self.captions:
                    kept[thing][name].append(value)
        return kept

    @cached_property
    def shown(self) -> dict[str, dict[str, NamedNode | Literal]]:
        """Thing to be named -> property -> the first of several values, but for what goes without saying."""
        usual = self.ontology.usual
        first = {thing: {name: min(terms, key=str) for name, terms in of.items()} for thing, of in self.facts.items()}
        return {thing: {name: t for name, t in of.items() if t not in usual} for thing, of in first.items()}

    @cached_property
    def labels(self) -> dict[str, dict[str, str]]:
        """Thing -> language -> the name that it has of its own."""
        found: dict[str, dict[str, str]] = {}
        for predicate in (_LABEL, term("skos:prefLabel")):  # best first
            named: dict[str, dict[str, str]] = defaultdict(dict)
            for thing, text in self._about(predicate):
                if isinstance(text, Literal):
                    language = text.language or ""
                    named[thing][language] = min(text.value, named[thing].get(language, text.value))
            found = {**named, **found}
        return found


def _isolated(text: str) -> str:
    """Keep a text that runs from right to left from turning round what stands beside it (Unicode UAX 9, 2.7)."""
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return f"\u2068{text}\u2069" if turns else text
