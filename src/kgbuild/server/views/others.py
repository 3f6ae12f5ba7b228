"""Pages of places and programmes."""

from __future__ import annotations

from kgbuild.server.views.actors import about
from kgbuild.server.views.graph import Described
from kgbuild.server.views.layout import N_, Page, sections
from kgbuild.server.views.schema import named
from kgbuild.server.views.situations import Sections


def place(described: Described) -> Page:
    """Show a place: what lies in what, and what happened there."""
    parts = Sections(described)
    within = described.iris(described.iri, "icn:within")
    found = sections(
        about(described, described.fact(N_("Lies in"), described.iri, "icn:within", origin="registry")),
        parts.meetings(N_("Meetings held here")),
        parts.seats(),
        parts.agreements(),
        parts.changes(),
        parts.related("places", N_("Places"), "Place"),
        parts.disagreements(),
        parts.articles(),
    )
    return Page(found, {"containedInPlace": [named(described.thing(each), "Place") for each in within]})


def programme(described: Described) -> Page:
    """Show a programme: who runs it, and what became of it."""
    parts = Sections(described)
    here = described.iri
    found = sections(
        about(
            described,
            described.fact(N_("Kind"), here, "icn:programmeType"),
            described.fact(N_("Run by"), here, "icn:runBy"),
            described.fact(N_("Partner"), here, "icn:partner"),
            described.fact(N_("About"), here, "icn:concerning"),
            described.fact(N_("Began"), here, "icn:began"),
            described.fact(N_("Ended"), here, "icn:ended"),
        ),
        parts.statuses(),
        parts.said(),
        parts.meetings(),
        parts.agreements(),
        parts.counts(),
        parts.names(),
        parts.ties(),
        parts.disagreements(),
        parts.articles(),
    )
    return Page(found)
