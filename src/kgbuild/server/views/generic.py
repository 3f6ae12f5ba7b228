"""The page of whatever has no page of its own kind: all that is said of it, and what leads to it."""

from __future__ import annotations

from typing import Final

from kgbuild.namespaces import EXTERNAL, ONTOLOGY, RDF_TYPE, shorten
from kgbuild.server.views.graph import Described, Fact
from kgbuild.server.views.layout import N_, Facts, Links, Page, Section, section, sections

_UNSHOWN: Final = {RDF_TYPE, *(EXTERNAL["rdfs"] + "label", EXTERNAL["skos"] + "prefLabel")}


def view(described: Described) -> Page:
    """Show a thing of any kind."""
    return Page(sections(section("facts", N_("What is said"), all_facts(described)), leading_here(described)))


def all_facts(described: Described) -> Facts:
    """Give every property of a thing; of those that say the same, our own."""
    known = [each for each in described.properties(described.iri) if each not in _UNSHOWN]
    ours = [each for each in known if each.startswith(ONTOLOGY)]
    found = [_fact(described, each) for each in (ours or known)]
    return Facts(tuple(found))


def _fact(described: Described, iri: str) -> Fact:
    name = shorten(iri)
    title = described.labels(iri).get("en") or name
    if name == iri:  # from files of others: no prefix of ours
        return Fact(iri, tuple(map(described.shown, described.terms_of(described.iri, iri))))
    return Fact(title, described.values(described.iri, name), described.voices(described.iri, name))


def leading_here(described: Described) -> Section | None:
    """List what has the thing as a value of any property."""
    return section("leading-here", N_("What leads here"), Links(tuple(map(described.thing, described.leading_here()))))
