"""Pages of networks, institutions, persons, states and territories."""

from __future__ import annotations

from kgbuild.server.views import generic
from kgbuild.server.views.graph import Described
from kgbuild.server.views.layout import N_, Page, facts, section, sections
from kgbuild.server.views.situations import members, membership_timeline


def network(described: Described) -> Page:
    """Show a network: what it is for, who belongs to it, how it came about, what it does."""
    here = described.iri
    about = facts(
        described.fact(N_("Purpose"), here, "icn:purpose"),
        described.fact(N_("Website"), here, "icn:website"),
    )
    present, former = members(described, here)
    return Page(
        sections(
            section("about", N_("About"), about),
            section("members", N_("Members"), membership_timeline(described, here), present),
            section("former-members", N_("Former members"), former),
        )
    )


def institution(described: Described) -> Page:
    """Show an institution: its names, memberships, people and doings."""
    return generic.view(described)


def person(described: Described) -> Page:
    """Show a person: offices, meetings, statements."""
    return generic.view(described)


def state(described: Described) -> Page:
    """Show a state or a territory."""
    return generic.view(described)
