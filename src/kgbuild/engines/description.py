"""What is said of one thing: the bounded description that a dereferenced IRI answers with.  Runs in a worker.

From the resolved view; what only an article says, as of a deprecated claim, is taken from the article's graph.
Whatever is read is counted, and there is a most of everything: no thing is too large to be asked for.
"""

from __future__ import annotations

import difflib
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store, Triple

from kgbuild import ids
from kgbuild.namespaces import (
    BASE,
    DATASET_IRI,
    DATE,
    ENTITY_KINDS,
    EXTERNAL,
    ID,
    LICENCE,
    ONTOLOGY,
    PREFIXES,
    SITUATION_KINDS,
    VOCABULARY,
)
from kgbuild.query_error import QueryError

PER_PAGE: Final = 50
"""Things that lead to the one described, on a page."""
QUADS_PER_PAGE: Final = 500
"""Of a named graph, where it is shown to people."""
SCANNED: Final = 30_000
"""Links to a thing that are looked at: counts and pages end there."""
LARGEST_NODE: Final = 2_000
"""Triples of one node."""
ABOUT_ONE: Final = 60
"""Claims, observations, denials and disagreements about one situation."""
BODIES: Final = 100
"""What one claim is about."""
LARGEST_RECORD: Final = 10_000
"""Quads of the graph of one article."""
LARGEST: Final = 40_000
"""Quads of a page."""
REPLACEMENTS: Final = 16
"""Steps from a retired IRI to the one that is used now."""
CANDIDATES: Final = 500
"""Ids before, and ids after a wrong one in the alphabet, among which one near to it is looked for."""

Node = NamedNode | BlankNode


def _term(name: str) -> NamedNode:
    prefix, _, local = name.partition(":")
    return NamedNode((ONTOLOGY if prefix == "icn" else EXTERNAL[prefix]) + local)


_TYPE: Final = _term("rdf:type")
_DEPRECATED: Final = _term("owl:deprecated")
_REPLACED: Final = _term("dcterms:isReplacedBy")
_REASONS: Final = tuple(map(_term, ("skos:changeNote", "skos:editorialNote", "rdfs:comment", "dcterms:description")))
_NAMES: Final = tuple(map(_term, ("rdfs:label", "skos:prefLabel", "rdf:type")))
_CALLED: Final = tuple(map(_term, ("icn:expectedType", "icn:ofState", "icn:affiliation")))
"""What a party is called by that nobody names."""
_CLAIMS: Final = _term("icn:claims")
_TARGET: Final = _term("oa:hasTarget")
_ABOUT: Final = frozenset(map(_term, ("icn:about", "icn:denies")))
_SOURCE: Final = _term("prov:hadPrimarySource")
_IDENTIFIER: Final = _term("dcterms:identifier")
_IN_SCHEME: Final = _term("skos:inScheme")
_DEFAULT: Final = DefaultGraph()
_OF_CLASSES: Final = {
    "Claim": "claim",
    "Disagreement": "disagreement",
    "Article": "article",
    "Date": "date",
    "Situation": "situation",
}


@dataclass(frozen=True)
class Description:
    """What is said in the default graph, and in named graphs besides; which page of how many."""

    resolved: Iterable[Triple]
    recorded: Iterable[Quad] = ()
    prefixes: dict[str, str] = field(default_factory=lambda: PREFIXES)
    """Those that it has use for: a reader should not scroll past ninety of them."""
    pages: int = 1
    total: int = 0
    """How many things lead to the one described."""

    def quads(self) -> Iterator[Triple | Quad]:
        """Give everything in its graph."""
        yield from self.resolved
        yield from self.recorded

    def triples(self) -> Iterator[Triple]:
        """Give every triple once, whichever graph it stands in."""
        yield from self.resolved
        known = self.resolved if isinstance(self.resolved, dict) else ()
        yield from (quad.triple for quad in self.recorded if quad.triple not in known)


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


# --- finding ------------------------------------------------------------------------------------------------------


def find(store: Store, iri: str) -> NamedNode:
    """Find a thing of which anything is said, in any graph; raises QueryError as `describe` does."""
    try:
        node = NamedNode(iri)
    except ValueError as problem:
        raise QueryError("not-found", 404, "There is nothing at this address: it is no IRI.") from problem
    own = list(islice(store.quads_for_pattern(node, None, None, _DEFAULT), LARGEST_NODE))
    _refuse_retired(store, node, own)
    if own or _is_known(store, node):
        return node
    successor = _successor_of_part(store, iri)
    if successor is not None:
        raise _moved(iri, successor)
    raise _not_found(store, iri)


def _is_known(store: Store, node: NamedNode) -> bool:
    return (
        next(store.quads_for_pattern(node, None, None, None), None) is not None
        or next(store.quads_for_pattern(None, None, node, None), None) is not None
        or store.contains_named_graph(node)
    )


def _refuse_retired(store: Store, node: NamedNode, own: list[Quad]) -> None:
    """Raise what became of a thing that is retired; a retired term that is still described stays readable."""
    said = {quad.predicate for quad in own}
    if _DEPRECATED not in said or _TYPE in said:
        return
    if _REPLACED in said:
        raise _moved(node.value, _follow(store, node))
    reasons = [q.object.value for p in _REASONS for q in own if q.predicate == p and isinstance(q.object, Literal)]
    why = f" {reasons[0]}" if reasons else " No reason is recorded."
    raise QueryError("gone", 410, f"{node.value} was withdrawn, and nothing has taken its place.{why}")


def _follow(store: Store, node: NamedNode) -> str:
    for _ in range(REPLACEMENTS):
        following = sorted(_objects(store, node, _REPLACED), key=str)
        if not following:
            break
        node = following[0]
    return node.value


def _objects(store: Store, node: NamedNode, predicate: NamedNode) -> list[NamedNode]:
    found = islice(store.quads_for_pattern(node, predicate, None, _DEFAULT), REPLACEMENTS)
    return [quad.object for quad in found if isinstance(quad.object, NamedNode)]


def _moved(iri: str, successor: str) -> QueryError:
    detail = f"{iri} is retired. What took its place is {successor}."
    return QueryError("moved", 301, detail, {"successor": successor})


def _successor_of_part(store: Store, iri: str) -> str | None:
    """Rewrite the retired slugs inside an IRI, as in that of a situation of somebody whose id has changed."""
    kind, slug = ids.split_iri(iri)
    parts = slug.split(ids.JOINER)
    if len(parts) > REPLACEMENTS:
        return None
    renamed = [_renamed(store, part) for part in parts]
    written = [ids.situation_iri(kind, *renamed)]
    if kind == "tie" and len(renamed) > 1:  # whichever comes first by its slug stands first in a symmetric one
        written.append(ids.situation_iri(kind, renamed[1], renamed[0], *renamed[2:]))
    return next((each for each in written if renamed != parts and _is_known(store, NamedNode(each))), None)


def _renamed(store: Store, slug: str) -> str:
    for kind in ENTITY_KINDS:
        old = NamedNode(ids.entity_iri(kind, slug))
        if _objects(store, old, _REPLACED):
            return _follow(store, old).rpartition("/")[2]
    return slug


def _not_found(store: Store, iri: str) -> QueryError:
    near = _nearest(store, iri)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return QueryError("not-found", 404, f"Nothing is known of {iri}.{hint}", {"near": near} if near else {})


def _nearest(store: Store, iri: str) -> list[str]:
    """List up to three IRIs of the same kind that are near to a wrong one."""
    base = iri[: iri.rfind("/") + 1]
    if base.startswith(VOCABULARY) and base != VOCABULARY:
        scheme = NamedNode(base[:-1])
        quads = islice(store.quads_for_pattern(None, _IN_SCHEME, scheme, _DEFAULT), SCANNED)
    elif base.startswith(ID):
        quads = islice(store.quads_for_pattern(None, _IDENTIFIER, None, _DEFAULT), SCANNED)
    else:
        return []
    found = (quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode))
    slugs = sorted(each.removeprefix(base) for each in found if each.startswith(base))
    wanted = iri.removeprefix(base)[:100].lower()
    at = bisect(slugs, wanted)  # of many, those that begin alike
    nearby = slugs[max(0, at - CANDIDATES) : at + CANDIDATES]
    return [base + slug for slug in difflib.get_close_matches(wanted, nearby, n=3, cutoff=0.6)]


# --- describing ---------------------------------------------------------------------------------------------------


def kind_of(iri: str) -> str:
    """Tell by its IRI what a thing is: `situation`, `claim`, `article`, `date`, `concept`, `term`, … or ""."""
    kind, _ = ids.split_iri(iri)
    if kind:
        return "situation" if kind in SITUATION_KINDS else kind
    for base, name in ((DATE, "date"), (VOCABULARY, "concept"), (ONTOLOGY, "term")):
        if iri.startswith(base):
            return name
    return ""


class _Describer:
    """Gathers the description of one node; each step adds quads, and none adds more than it may."""

    def __init__(self, store: Store, node: NamedNode, page: int) -> None:
        self.store, self.node, self.page = store, node, page
        self.triples: dict[Triple, None] = {}
        self.recorded: list[Quad] = []
        self.named: dict[NamedNode, None] = {node: None}
        """What the triples name as subject or object, in the order in which it came."""
        self.described: set[Node] = set()
        self.kind = self.kind_of(node)

    def describe(self) -> Description:
        """Describe the node."""
        links = self.links_to(self.node, SCANNED)
        related = self.related(links)
        pages = max(1, -(-len(related) // PER_PAGE))
        if self.page > pages:
            detail = f"There are {pages} pages on {self.node.value}, and no page {self.page}."
            raise QueryError("not-found", 404, detail)
        self.own(self.node)
        if self.kind == "claim":
            self.bodies(self.node)
        elif self.kind in ("concept", "term"):
            self.count_uses(links)
        shown = sorted(related)[PER_PAGE * (self.page - 1) : PER_PAGE * self.page]
        for iri in shown:
            self.add([quad.triple for quad in related[iri]])
            self.mention(NamedNode(iri))
            self.expand(NamedNode(iri))
        if self.kind == "article" and self.page == 1:
            self.record()
        self.follow()
        self.describe_document(len(related), pages)
        return self.made(pages, len(related))

    def made(self, pages: int, total: int) -> Description:
        """Hand over what was gathered."""
        namespaces = {_namespace(term) for term in self.named}
        namespaces |= {_namespace(predicate) for predicate in {triple.predicate for triple in self.triples}}
        used = {prefix: base for prefix, base in PREFIXES.items() if base in namespaces or prefix in ("rdf", "xsd")}
        return Description(self.triples, self.recorded, used, pages, total)

    def related(self, links: Iterable[Quad]) -> dict[str, list[Quad]]:
        """Group the links by what leads here; the target of a claim is part of the claim."""
        found: dict[str, list[Quad]] = {}
        own = self.node.value
        for quad in links:
            subject = quad.subject  # made anew each time it is looked at
            if isinstance(subject, NamedNode):
                iri = subject.value
                if "#" in iri and iri.startswith(ID):
                    iri = iri.partition("#")[0]
                if iri != own:
                    found.setdefault(iri, []).append(quad)
        return found

    def expand(self, node: NamedNode) -> None:
        """Describe what leads here, as far as it tells of the thing described."""
        if self.kind in ("concept", "term"):
            return
        kind = self.kind_of(node)
        if kind == "disagreement":
            self.own(node)
        elif kind == "claim":
            self.own(node)
            if self.kind == "article":
                self.bodies(node)
        elif kind == "situation":
            self.own(node)
            if self.kind not in ("article", "date"):
                self.told_of(node)

    def told_of(self, situation: NamedNode) -> None:
        """Describe the claims about a situation, and what is observed, denied and disagreed about it."""
        for quad in self.links_to(situation, 2 * ABOUT_ONE):
            if not isinstance(quad.subject, NamedNode):
                continue
            if quad.predicate == _CLAIMS:
                self.own(quad.subject)
            elif quad.predicate in _ABOUT:
                self.own(quad.subject)
                for link in self.links_to(quad.subject, ABOUT_ONE):
                    if link.predicate == _CLAIMS and isinstance(link.subject, NamedNode):
                        self.own(link.subject)

    def bodies(self, claim: NamedNode) -> None:
        """Describe what a claim is about."""
        for quad in islice(self.quads_of(claim, _CLAIMS), BODIES):
            if isinstance(quad.object, NamedNode):
                self.own(quad.object)

    def record(self) -> None:
        """Add the graph of an article, as a graph: what it says, whatever the resolved view has kept of it."""
        for quad in islice(self.store.quads_for_pattern(None, _SOURCE, self.node, _DEFAULT), 1):
            graph = _graph(quad.subject)
            self.recorded += islice(self.store.quads_for_pattern(None, None, None, graph), LARGEST_RECORD)

    # -- steps -----------------------------------------------------------------------------------------------------

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
        found = self.store.quads_for_pattern(node, predicate, None, _DEFAULT)
        first = next(found, None)
        return self.store.quads_for_pattern(node, predicate, None, None) if first is None else chain((first,), found)

    def links_to(self, node: NamedNode, most: int) -> list[Quad]:
        """List the triples that have a node as their object, as `quads_of` does."""
        found = list(islice(self.store.quads_for_pattern(None, None, node, _DEFAULT), most))
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

    def kind_of(self, node: NamedNode) -> str:
        """Tell what a thing is: by its IRI, or by its class where the IRI is not one of ours."""
        if kind := kind_of(node.value):
            return kind
        classes = [q.object for q in islice(self.store.quads_for_pattern(node, _TYPE, None, _DEFAULT), 20)]
        names = [c.value.removeprefix(ONTOLOGY) for c in classes if isinstance(c, NamedNode)]
        return next((_OF_CLASSES[name] for name in names if name in _OF_CLASSES), "")

    def follow(self) -> None:
        """Describe the articles and dates that are named by now, and name everything else."""
        for kind in ("article", "date"):
            for node in [each for each in self.named if kind_of(each.value) == kind]:
                self.own(node)
        nameless = [each for each in self.named if each not in self.described]
        while nameless:  # their classes have names as well, and it ends there
            known = set(self.named)
            for node in nameless:
                self.name(node)
            nameless = [each for each in self.named if each not in known]

    def name(self, node: NamedNode) -> None:
        """Add a neighbour's names and classes."""
        predicates = (*_NAMES, *_CALLED) if kind_of(node.value) == "unidentified" else _NAMES
        for predicate in predicates:
            found = islice(self.store.quads_for_pattern(node, predicate, None, _DEFAULT), LARGEST_NODE)
            self.add([quad.triple for quad in found])

    def count_uses(self, links: list[Quad]) -> None:
        """Say by which property, and how often, a concept or a term is used."""
        if not links:
            return
        uses = NamedNode(f"{_whole(self.node)}uses")
        counts = Counter(quad.predicate for quad in links)
        self.say(uses, "rdf:type", _term("void:Dataset"))
        self.say(uses, "dcterms:subject", self.node)
        self.say(uses, "void:triples", Literal(len(links)))
        for number, (predicate, count) in enumerate(sorted(counts.items(), key=lambda pair: str(pair[0])), 1):
            part = NamedNode(f"{uses.value}-{number}")
            self.say(uses, "void:propertyPartition", part)
            self.say(part, "void:property", predicate)
            self.say(part, "void:triples", Literal(count))

    def describe_document(self, total: int, pages: int) -> None:
        """Say what the document is, under which licence, and where its other pages are."""
        document = NamedNode(document_iri(self.node.value))
        address = document.value.removesuffix("#document")
        self.say(document, "rdf:type", _term("foaf:Document"))
        self.say(document, "foaf:primaryTopic", self.node)
        self.say(document, "dcterms:license", NamedNode(LICENCE))
        self.say(document, "void:inDataset", NamedNode(DATASET_IRI))
        self.say(document, "schema:numberOfItems", Literal(total))
        for number in (self.page - 1, self.page + 1):
            if 1 <= number <= pages:
                self.say(document, "rdfs:seeAlso", NamedNode(f"{address}?page={number}"))

    def say(self, subject: NamedNode, predicate: str, object_: Any) -> None:
        self.triples[Triple(subject, _term(predicate), object_)] = None


def _namespace(term: NamedNode) -> str:
    return term.value[: max(term.value.rfind("/"), term.value.rfind("#")) + 1]


def _graph(node: Any) -> NamedNode:
    assert isinstance(node, NamedNode)  # noqa: S101 - the name of a graph that stands as a subject
    return node


def _whole(node: NamedNode) -> str:
    """Begin the IRI of a part of a node's description: a term of an ontology has its fragment already."""
    return f"{node.value}-" if "#" in node.value else f"{node.value}#"


# --- named graphs -------------------------------------------------------------------------------------------------


def _describe_graph(store: Store, node: NamedNode, page: int) -> Description:
    """Give a named graph as it is; for a page, a part of it, with names, and what is said of the graph itself."""
    quads = store.quads_for_pattern(None, None, None, node)
    if page == 0:
        return Description((), quads)
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
    return describer.made(pages, total)
