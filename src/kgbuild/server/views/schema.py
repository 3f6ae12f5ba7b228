"""Things as schema.org describes them (https://schema.org), for search engines: from the same facts as the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from kgbuild.server.views.graph import Described, Text, Thing

# Class of ours -> that of schema.org.
TYPES: Final = {
    "Network": "Organization",
    "MultilateralPlatform": "Organization",
    "Academy": "CollegeOrUniversity",
    "ResearchInstitute": "ResearchOrganization",
    "GovernmentBody": "GovernmentOrganization",
    "State": "Country",
    "Territory": "AdministrativeArea",
    "Person": "Person",
    "Place": "Place",
    "Meeting": "Event",
    "Programme": "Project",
    "Agreement": "CreativeWork",
    "Publication": "CreativeWork",
    "Article": "Article",
    **dict.fromkeys(
        ("Institution", "Secretariat", "DiplomaticMission", "PoliticalPartyBody", "InternationalOrganization"),
        "Organization",
    ),
}
_ISO: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", re.ASCII)
MOST: Final = 50
"""Of the things that are named in such data: they repeat what the page says in full."""


def described_for_search(described: Described, more: Mapping[str, object]) -> dict[str, object]:
    """Describe the thing of a page; nothing for what schema.org has no word for."""
    kind = TYPES.get(described.kind(described.iri))
    if kind is None:
        return {}
    others = described.texts(described.iri, "skos:altLabel")
    found = {
        "@context": "https://schema.org",
        "@type": kind,
        "@id": described.iri,
        "name": texts([Text(text, language) for language, text in sorted(described.labels(described.iri).items())]),
        "alternateName": texts(others),
        "sameAs": described.iris(described.iri, "rdfs:seeAlso", "skos:exactMatch", "owl:sameAs"),
        **more,
    }
    return {key: value for key, value in found.items() if value}


def texts(given: list[Text]) -> list[object]:
    """Write texts with their languages."""
    return [{"@value": t.text, "@language": t.language} if t.language else t.text for t in given]


def named(thing: Thing, kind: str = "") -> dict[str, object]:
    """Name a thing in such data."""
    given = [Text(text, language) for language, text in sorted(thing.labels.items())]
    return {"@type": kind or TYPES.get(thing.kind, "Thing"), "@id": thing.iri, "name": texts(given)}


def iso(edtf: str) -> str:
    """Give a date where it is one that schema.org can say; "" for any other.

    >>> iso("2023-11-08"), iso("2008~")
    ('2023-11-08', '')
    """
    return edtf if _ISO.fullmatch(edtf) else ""
