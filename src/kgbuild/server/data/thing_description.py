"""What is said of one thing: the bounded description that a dereferenced IRI answers with.  Runs in a worker.

From the resolved view; what only an article says, as of a deprecated claim, is taken from the article's graph.
Whatever is read is counted, and there is a most of everything: no thing is too large to be asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from math import inf
from typing import Any, Final, cast

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

from kgbuild.core.namespaces import BASE, DATASET_IRI, DATE, ID, LICENCE, ONTOLOGY, PREFIXES, VOCABULARY
from kgbuild.core.terms import TYPE, term
from kgbuild.server.data.thing_lookup import DEFAULT, LARGEST_NODE, find
from kgbuild.sparql.query_error import QueryError

PER_PAGE: Final = 500
"""Nodes described on a page: what leads to the thing, and what is said about that."""
QUADS_PER_PAGE: Final = 500
"""Of a named graph, where it is shown to people."""
SCANNED: Final = 30_000
"""Links to a thing that are looked at: counts and pages end there."""
ABOUT_ONE: Final = 120
"""Claims, observations, denials and disagreements about one situation."""
CLASSES: Final = 20
"""Of one thing."""
BODIES: Final = 100
"""What one claim is about."""
LARGEST_RECORD: Final = 10_000
"""Quads of the graph of one article."""
LARGEST: Final = 40_000
"""Quads of a page."""

Node = NamedNode | BlankNode
_NAMES: Final = tuple(map(term, ("rdfs:label", "skos:prefLabel", "rdf:type")))
_CLAIMS: Final = term("icn:claims")
_ABOUT: Final = frozenset(map(term, ("icn:claims", "icn:observed", "icn:onSubject", "icn:denies")))
_IN_ARTICLE: Final = term("icn:inArticle")
_ORDER: Final = term("icn:displayOrder")
_SOURCE: Final = term("prov:hadPrimarySource")


@dataclass(frozen=True)
class Description:
    """What the data say of a thing, and what is said of the description itself; which page of how many."""

    said: dict[Triple, None] = field(default_factory=dict)
    made: dict[Triple, None] = field(default_factory=dict)
    recorded: Iterable[Quad] = ()
    """Named graphs that come whole."""
    prefixes: dict[str, str] = field(default_factory=lambda: PREFIXES)
    """Those that it has use for: a reader should not scroll past ninety of them."""
    pages: int = 1
    total: int = 0
    """How many things lead to the one described."""

    def quads(self, store: Store) -> Iterator[Quad]:
        """Give every statement in each graph that says it, graph by graph."""
        if not self.said:  # a graph alone: as it comes, however large it is
            yield from self.recorded
            return
        whole = dict.fromkeys(self.recorded)
        of_data = chain(self.said, (quad.triple for quad in whole))
        found = {q: None for t in of_data for q in store.quads_for_pattern(t.subject, t.predicate, t.object)}
        yield from (Quad(t.subject, t.predicate, t.object) for t in self.made)
        yield from sorted(found | whole, key=lambda q: "" if q.graph_name == DEFAULT else str(q.graph_name))

    def triples(self) -> Iterator[Triple]:
        """Give every triple once, whichever graph it stands in."""
        yield from self.said
        yield from self.made
        yield from (quad.triple for quad in self.recorded if quad.triple not in self.said)


def describe(store: Store, iri: str, page: int = 1) -> Description:
    """Describe a thing, page by page; of a named graph, page 0 is all of it.

    Raises QueryError: `not-found` (404), `gone` (410), or `moved` (301) with the `successor`.
    """
    node = find(store, iri)
    if store.contains_named_graph(node):
        return _describe_graph(store, node, page)
    return _Describer(store, node, max(page, 1)).describe()


def document_iri(iri: str) -> str:
    """Name the document that describes a thing.

    >>> document_iri("https://w3id.org/icn/id/network/x"), document_iri("https://w3id.org/icn/date/2023")
    ('https://w3id.org/icn/doc/network/x', 'https://w3id.org/icn/date/2023#document')
    """
    return f"{BASE}doc/{iri.removeprefix(ID)}" if iri.startswith(ID) else f"{iri}{'-' if '#' in iri else '#'}document"


class _Describer:
    """Gathers the description of one node; each step adds triples, and none adds more than it may."""

    def __init__(self, store: Store, node: NamedNode, page: int) -> None:
        self.store, self.node, self.page = store, node, page
        self.triples: dict[Triple, None] = {}
        self.made: dict[Triple, None] = {}
        """What is said here of the description itself: it stands in no graph of the data."""
        self.recorded: list[Quad] = []
        self.named: dict[NamedNode, None] = {node: None}
        """What the triples name as subject or object, in the order in which it came."""
        self.described: set[Node] = set()
        self.is_term = node.value.startswith((VOCABULARY, ONTOLOGY))
        """Whether it is one of the words that the data are written in: half of them would lead to it."""
        self.orders: dict[NamedNode, float] = {}

    def describe(self) -> Description:
        """Describe the node, and what leads to it, as far as that is on the page."""
        links = self.links_to(self.node, SCANNED)
        related = self.related(links)
        pages = self.pages(related)
        if self.page > len(pages):
            detail = f"There are {len(pages)} pages on {self.node.value}, and no page {self.page}."
            raise QueryError("not-found", 404, detail)
        self.own(self.node)
        self.bodies(self.node)
        if self.is_term:
            self.count_uses(links)
        for node in pages[self.page - 1]:
            self.add([quad.triple for quad in related[node]])
            self.mention(node)
            if not self.is_term:
                self.own(node)
                self.bodies(node)
                self.told_of(node)
        if self.page == 1:
            self.record()
        self.follow()
        self.describe_document(len(related), len(pages))
        return self.description(len(pages), len(related))

    def description(self, pages: int, total: int) -> Description:
        triples = self.triples | self.made
        namespaces = {_namespace(term) for term in self.named} | {_namespace(triple.predicate) for triple in triples}
        used = {prefix: base for prefix, base in PREFIXES.items() if base in namespaces or prefix in ("rdf", "xsd")}
        return Description(self.triples, self.made, self.recorded, used, pages, total)

    def related(self, links: Iterable[Quad]) -> dict[NamedNode, list[Quad]]:
        """Group the links by what leads here; what has a fragment is a part of what it is named after."""
        found: dict[NamedNode, list[Quad]] = {}
        for quad in links:
            if isinstance(quad.subject, NamedNode):
                iri = quad.subject.value
                whole = NamedNode(iri.partition("#")[0]) if "#" in iri and iri.startswith(ID) else quad.subject
                if whole != self.node:
                    found.setdefault(whole, []).append(quad)
        return found

    def pages(self, related: Iterable[NamedNode]) -> list[list[NamedNode]]:
        """Sort what leads here by its kind, and cut it where a page would hold more than `PER_PAGE` nodes."""
        pages: list[list[NamedNode]] = [[]]
        size = 0
        for node in sorted(related, key=self.sort_key):
            adds = 1 if self.is_term else 1 + sum(1 for _ in self.about(node))
            if size and size + adds > PER_PAGE:
                pages.append([])
                size = 0
            pages[-1].append(node)
            size += adds
        return pages

    def sort_key(self, node: NamedNode) -> tuple[float, str, str]:
        """Sort by the order in which the ontology shows classes, then by class and IRI."""
        types = islice(self.store.quads_for_pattern(node, TYPE, None, DEFAULT), CLASSES)
        ranked = sorted((self.order(q.object), q.object.value) for q in types if isinstance(q.object, NamedNode))
        return (*(ranked[0] if ranked else (inf, "")), node.value)

    def order(self, class_: NamedNode) -> float:
        """Give the place of a class among classes; one that the ontology does not place comes last."""
        if class_ not in self.orders:
            places = [q.object for q in islice(self.store.quads_for_pattern(class_, _ORDER, None, DEFAULT), CLASSES)]
            found = [int(o.value) for o in places if isinstance(o, Literal) and o.value.isdecimal()]
            self.orders[class_] = min(found, default=inf)
        return self.orders[class_]

    def about(self, node: NamedNode) -> Iterator[NamedNode]:
        """Go through what is claimed, observed, denied and disagreed about a node."""
        for quad in self.links_to(node, ABOUT_ONE):
            if quad.predicate in _ABOUT and isinstance(quad.subject, NamedNode):
                yield quad.subject

    def told_of(self, node: NamedNode) -> None:
        for observation in self.about(node):
            self.own(observation)
            for claim in self.about(observation):
                self.own(claim)

    def bodies(self, node: NamedNode) -> None:
        for quad in islice(self.quads_of(node, _CLAIMS), BODIES):
            if isinstance(quad.object, NamedNode):
                self.own(quad.object)

    def record(self) -> None:
        """Add the graph of an article, as a graph: what it says, whatever the resolved view has kept of it."""
        for quad in islice(self.store.quads_for_pattern(None, _SOURCE, self.node, DEFAULT), 1):
            graph = cast(NamedNode, quad.subject)
            self.recorded += islice(self.store.quads_for_pattern(None, None, None, graph), LARGEST_RECORD)

    def own(self, node: Node) -> None:
        """Add a node's own triples, and those of its parts: blank nodes, the targets of a claim."""
        if node in self.described:
            return
        self.described.add(node)
        whole = node.value.partition("#")[0] + "#" if isinstance(node, NamedNode) else "#"
        parts = whole if whole.startswith(ID) else "#"  # no IRI begins so: the terms of an ontology are no parts
        found = [quad.triple for quad in islice(self.quads_of(node, None), LARGEST_NODE)]
        self.add(found)
        for triple in found:
            below = triple.object
            if isinstance(below, BlankNode) or (isinstance(below, NamedNode) and below.value.startswith(parts)):
                self.own(below)

    def quads_of(self, node: Node, predicate: NamedNode | None) -> Iterator[Quad]:
        """Go through a node's triples in the resolved view; if it has none there, through what is said anywhere."""
        found = self.store.quads_for_pattern(node, predicate, None, DEFAULT)
        first = next(found, None)
        return self.store.quads_for_pattern(node, predicate, None, None) if first is None else chain((first,), found)

    def links_to(self, node: NamedNode, most: int) -> list[Quad]:
        """List the triples that have a node as their object, as `quads_of` does."""
        found = list(islice(self.store.quads_for_pattern(None, None, node, DEFAULT), most))
        return found or list(islice(self.store.quads_for_pattern(None, None, node, None), most))

    def add(self, triples: list[Triple]) -> None:
        """Add triples of one subject, unless there are too many already."""
        if triples and len(self.triples) + len(triples) <= LARGEST:
            self.triples.update(dict.fromkeys(triples))
            self.mention(triples[0].subject)
            for triple in triples:
                self.mention(triple.object)

    def mention(self, term: Any) -> None:
        if isinstance(term, NamedNode):
            self.named[term] = None

    def follow(self) -> None:
        """Describe the dates that are named by now, and the articles of the claims; name everything else."""
        articles = {triple.object for triple in self.triples if triple.predicate == _IN_ARTICLE}
        for node in [each for each in self.named if each in articles or each.value.startswith(DATE)]:
            self.own(node)
        for node in [each for each in self.named if each.value.startswith(DATE)]:  # of publication
            self.own(node)
        nameless = [each for each in self.named if each not in self.described]
        while nameless:  # their classes have names as well, and it ends there
            known = set(self.named)
            for node in nameless:
                self.name(node)
            nameless = [each for each in self.named if each not in known]

    def name(self, node: NamedNode) -> None:
        for predicate in _NAMES:
            self.add([quad.triple for quad in islice(self.quads_of(node, predicate), LARGEST_NODE)])

    def count_uses(self, links: list[Quad]) -> None:
        """Say by which property, and how often, a concept or a term is used."""
        if not links:
            return
        uses = NamedNode(f"{self.node.value}{'-' if '#' in self.node.value else '#'}uses")
        counts = Counter(quad.predicate for quad in links)
        self.say(uses, "rdf:type", term("void:Dataset"))
        self.say(uses, "dcterms:subject", self.node)
        self.say(uses, "void:triples", Literal(len(links)))
        for number, (predicate, count) in enumerate(sorted(counts.items(), key=lambda pair: str(pair[0])), 1):
            part = NamedNode(f"{uses.value}-{number}")
            self.say(uses, "void:propertyPartition", part)
            self.say(part, "void:property", predicate)
            self.say(part, "void:triples", Literal(count))

    def describe_document(self, total: int, pages: int) -> None:
        """Say what the document is, under which licence, which part of all there is, and where the others are."""
        document = NamedNode(document_iri(self.node.value))
        self.say(document, "rdf:type", term("foaf:Document"))
        self.say(document, "foaf:primaryTopic", self.node)
        self.say(document, "dcterms:license", NamedNode(LICENCE))
        self.say(document, "void:inDataset", NamedNode(DATASET_IRI))
        self.say(document, "hydra:totalItems", Literal(total))
        if pages < 2:
            return
        address = document.value.removesuffix("#document")
        view, *others = (NamedNode(f"{address}?page={n}") for n in (self.page, 1, self.page - 1, self.page + 1, pages))
        self.say(document, "rdf:type", term("hydra:Collection"))
        self.say(document, "hydra:view", view)
        self.say(view, "rdf:type", term("hydra:PartialCollectionView"))
        self.say(view, "rdfs:label", Literal(f"Page {self.page} of {pages}", language="en"))
        there = {"first": True, "previous": self.page > 1, "next": self.page < pages, "last": True}
        for (relation, is_there), other in zip(there.items(), others, strict=True):
            if is_there:
                self.say(view, f"hydra:{relation}", other)

    def say(self, subject: NamedNode, predicate: str, object_: Any) -> None:
        self.made[Triple(subject, term(predicate), object_)] = None


def _namespace(term: NamedNode) -> str:
    return term.value[: max(term.value.rfind("/"), term.value.rfind("#")) + 1]


def _describe_graph(store: Store, node: NamedNode, page: int) -> Description:
    """Give a named graph as it is; for a page, a part of it, with names, and what is said of the graph itself."""
    quads = store.quads_for_pattern(None, None, None, node)
    if page == 0:
        return Description(recorded=quads)
    total = sum(1 for _ in islice(quads, SCANNED))
    pages = max(1, -(-total // QUADS_PER_PAGE))
    if page > pages:
        raise QueryError("not-found", 404, f"There are {pages} pages on {node.value}, and no page {page}.")
    begin = QUADS_PER_PAGE * (page - 1)
    describer = _Describer(store, node, page)
    shown = islice(store.quads_for_pattern(None, None, None, node), begin, begin + QUADS_PER_PAGE)
    describer.recorded += shown
    for quad in describer.recorded:
        describer.mention(quad.subject)
        describer.mention(quad.object)
    describer.own(node)
    describer.follow()
    describer.describe_document(total, pages)
    return describer.description(pages, total)
