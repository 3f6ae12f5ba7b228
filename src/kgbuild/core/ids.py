"""IRIs: minted purely from what identifies a thing, and taken apart again; the same situation always gets the same one.

The parts of a situation's slug are joined by `--`, which no single slug contains, so that a slug can be taken apart
and a retired id rewritten inside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from kgbuild.core.composition import compose
from kgbuild.core.namespaces import ARTICLE_GRAPH, DATE, ID, ONTOLOGY, VOCABULARY

JOINER = "--"
_LONGEST: Final = 120
"""Letters of the ids of those who take part in a succession that an address has room for."""


def entity_iri(kind: str, id_: str) -> str:
    """Mint an entity's IRI.

    >>> entity_iri("network", "china-central-asia-academies")
    'https://w3id.org/icn/id/network/china-central-asia-academies'
    """
    return f"{ID}{kind}/{id_}"


def situation_iri(kind: str, *parts: str | None) -> str:
    """Mint a situation's IRI from its key; parts that are None are left out.

    >>> situation_iri("membership", "greece", "council-of-europe", None, "1974")
    'https://w3id.org/icn/id/membership/greece--council-of-europe--1974'
    """
    return f"{ID}{kind}/{JOINER.join(part for part in parts if part)}"


def article_iri(article: str) -> str:
    """Mint an article's IRI; not that of its graph."""
    return f"{ID}article/{article}"


def article_graph(article: str) -> str:
    """Mint the IRI of the graph that holds what an article's record asserts."""
    return f"{ARTICLE_GRAPH}{article}"


def date_iri(slug: str) -> str:
    """Mint a date's IRI from its slug."""
    return f"{DATE}{slug}"


def concept_iri(scheme: str, slug: str) -> str:
    """Mint the IRI of a concept of a vocabulary."""
    return f"{VOCABULARY}{scheme}/{slug}"


def claim_iri(article: str, kind: str, written: dict[str, Any]) -> str:
    """Mint a claim's IRI from its fields as written; wording, position and rank move no IRI."""
    canonical = json.dumps(written, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = _digest(f"{kind}\n{canonical}", 10)
    return f"{ID}claim/{article}{JOINER}{kind}-{digest}"


def naming_slug(entity: str, context: str | None, language: str, text: str) -> str:
    """Make the slug of a name that an entity bears, in a body or everywhere: one for each language and text."""
    named = f"{language}\n{compose(text).casefold()}"
    return JOINER.join(part for part in (entity, context, _digest(named, 8)) if part)


def succession_slug(original: Iterable[str], resulting: Iterable[str], type_: str) -> str:
    """Make the slug of a succession: the same from whichever side it is told.

    Where the ids of those who took part pass 120 letters, a hash stands for them.

    >>> succession_slug(["oau"], ["african-union"], "replacement")
    'oau--to--african-union--replacement'
    """
    before, after = sorted(set(original)), sorted(set(resulting))
    parts = JOINER.join([*before, "to", *after])
    return f"{parts if len(parts) <= _LONGEST else _digest(parts, 16)}{JOINER}{type_}"


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def unidentified_slug(expected: str, of: str | None, context: str) -> str:
    """Make the slug of a party that is described, not named.

    >>> unidentified_slug("institution", "kazakhstan", "china-central-asia-academies")
    'institution--kazakhstan--china-central-asia-academies'
    """
    return JOINER.join(part for part in (expected, of, context) if part)


def split_iri(iri: str) -> tuple[str, str]:
    """Split an IRI below `id/` into kind and slug; ("", "") for any other.

    >>> split_iri("https://w3id.org/icn/id/membership/egypt--ndb")
    ('membership', 'egypt--ndb')
    """
    kind, _, slug = iri.removeprefix(ID).partition("/")
    return (kind, slug) if iri.startswith(ID) and slug else ("", "")


def kind_of(iri: str) -> str:
    """Tell the kind of a thing of ours by its IRI: the word below `id/`, `date`, `concept` or `term`; "" for others.

    >>> [kind_of(f"https://w3id.org/icn/{rest}") for rest in ("id/tie/x", "vocabulary/act/x", "ontology#Network", "x")]
    ['tie', 'concept', 'term', '']
    """
    places = ((DATE, "date"), (VOCABULARY, "concept"), (ONTOLOGY, "term"))
    return split_iri(iri)[0] or next((kind for base, kind in places if iri.startswith(base)), "")
