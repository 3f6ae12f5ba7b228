"""Which thing an IRI names: one that is there, one that took its place, or none, and then those with near ids."""

from __future__ import annotations

import difflib
from bisect import bisect
from itertools import islice
from typing import Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Store

from kgbuild.core import ids
from kgbuild.core.namespaces import ARTICLE_GRAPH, ENTITY_KINDS, ID, VOCABULARY
from kgbuild.core.terms import TYPE, term
from kgbuild.sparql.query_error import QueryError

SCANNED: Final = 30_000
"""Ids that are looked at for a near one."""
REPLACEMENTS: Final = 16
"""Steps from a retired IRI to the one that is used now."""
CANDIDATES: Final = 500
"""Ids before, and ids after a wrong one in the alphabet, among which one near to it is looked for."""
LARGEST_NODE: Final = 2_000
"""Triples of one node."""
_DEPRECATED: Final = term("owl:deprecated")
_REPLACED: Final = term("dcterms:isReplacedBy")
_IDENTIFIER: Final = term("dcterms:identifier")
_IN_SCHEME: Final = term("skos:inScheme")
_WITHDRAWN: Final = term("icn:Withdrawn")
_WITHDRAWN_ON: Final = term("icn:withdrawnOn")
_REASONS: Final = tuple(map(term, ("skos:changeNote", "skos:editorialNote", "rdfs:comment", "dcterms:description")))
DEFAULT: Final = DefaultGraph()


def find(store: Store, iri: str) -> NamedNode:
    """Find a thing of which anything is said, in any graph; raises QueryError as `describe` does."""
    try:
        node = NamedNode(iri)
    except ValueError as problem:
        raise QueryError("not-found", 404, "There is nothing at this address: it is no IRI.") from problem
    own = list(islice(store.quads_for_pattern(node, None, None, DEFAULT), LARGEST_NODE))
    _refuse_retired(store, node, own)
    if own or _is_known(store, node):
        return node
    successor = _successor_of_part(store, iri)
    if successor is not None:
        raise _moved(iri, successor)
    _refuse_part_of_withdrawn(store, iri)
    near = _nearest(store, iri)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise QueryError("not-found", 404, f"Nothing is known of {iri}.{hint}", {"near": near} if near else {})


def _is_known(store: Store, node: NamedNode) -> bool:
    return (
        next(store.quads_for_pattern(node, None, None, None), None) is not None
        or next(store.quads_for_pattern(None, None, node, None), None) is not None
        or store.contains_named_graph(node)
    )


def _refuse_retired(store: Store, node: NamedNode, own: list[Quad]) -> None:
    """Raise what became of a thing that is retired; a retired term that is still described stays readable."""
    said = {quad.predicate for quad in own}
    if _DEPRECATED not in said or any(quad.predicate == TYPE and quad.object != _WITHDRAWN for quad in own):
        return
    if _REPLACED in said:
        raise _moved(node.value, _follow(store, node))
    raise gone(node.value, _text(own, _REASONS), _text(own, (_WITHDRAWN_ON,)))


def _text(quads: list[Quad], predicates: tuple[NamedNode, ...]) -> str:
    """Give the first literal that one of some properties has, in their order; "" for none."""
    found = (q.object.value for p in predicates for q in quads if q.predicate == p and isinstance(q.object, Literal))
    return next(found, "")


def gone(what: str, reason: str, on: str) -> QueryError:
    """Say that something was withdrawn: why, and since when, as far as that is known."""
    when = f" on {on}" if on else ""
    detail = f"{what} was withdrawn{when}, and nothing has taken its place. {reason or 'No reason is recorded.'}"
    known = {"reason": reason, "withdrawn": on}
    return QueryError("gone", 410, detail, {name: value for name, value in known.items() if value})


def _refuse_part_of_withdrawn(store: Store, iri: str) -> None:
    """Raise what became of a thing inside an IRI of which nothing is known: a situation's party, a claim's article."""
    slug = iri.removeprefix(ARTICLE_GRAPH) if iri.startswith(ARTICLE_GRAPH) else ids.split_iri(iri)[1]
    for part in slug.split(ids.JOINER)[:REPLACEMENTS]:
        for kind in ("article", *ENTITY_KINDS):
            node = NamedNode(ids.entity_iri(kind, part))
            own = list(islice(store.quads_for_pattern(node, None, None, DEFAULT), LARGEST_NODE))
            if any(quad.object == _WITHDRAWN for quad in own):
                _refuse_retired(store, node, own)


def _follow(store: Store, node: NamedNode) -> str:
    for _ in range(REPLACEMENTS):
        following = sorted(_objects(store, node, _REPLACED), key=str)
        if not following:
            break
        node = following[0]
    return node.value


def _objects(store: Store, node: NamedNode, predicate: NamedNode) -> list[NamedNode]:
    found = islice(store.quads_for_pattern(node, predicate, None, DEFAULT), REPLACEMENTS)
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
    # Of two that a situation binds alike, whichever comes first by its slug stands first.
    written = [ids.situation_iri(kind, *names) for names in (renamed, [*renamed[1::-1], *renamed[2:]])]
    return next((each for each in written if renamed != parts and _is_known(store, NamedNode(each))), None)


def _renamed(store: Store, slug: str) -> str:
    for kind in ENTITY_KINDS:
        old = NamedNode(ids.entity_iri(kind, slug))
        if _objects(store, old, _REPLACED):
            return _follow(store, old).rpartition("/")[2]
    return slug


def _nearest(store: Store, iri: str) -> list[str]:
    """List up to three IRIs of the same kind that are near to a wrong one."""
    base = iri[: iri.rfind("/") + 1]
    if base.startswith(VOCABULARY) and base != VOCABULARY:
        scheme = NamedNode(base[:-1])
        quads = islice(store.quads_for_pattern(None, _IN_SCHEME, scheme, DEFAULT), SCANNED)
    elif base.startswith(ID):
        quads = islice(store.quads_for_pattern(None, _IDENTIFIER, None, DEFAULT), SCANNED)
    else:
        return []
    found = (quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode))
    slugs = sorted(each.removeprefix(base) for each in found if each.startswith(base))
    wanted = iri.removeprefix(base)[:100].lower()
    at = bisect(slugs, wanted)  # of many, those that begin alike
    nearby = slugs[max(0, at - CANDIDATES) : at + CANDIDATES]
    return [base + slug for slug in difflib.get_close_matches(wanted, nearby, n=3, cutoff=0.6)]
