"""Pages of places, programmes, and parties that nobody names."""

from __future__ import annotations

from kgbuild.server.views import generic
from kgbuild.server.views.graph import Described
from kgbuild.server.views.layout import Page


def place(described: Described) -> Page:
    """Show a place: what lies in what, and what happened there."""
    return generic.view(described)


def programme(described: Described) -> Page:
    """Show a programme: who runs it, and what became of it."""
    return generic.view(described)


def unidentified(described: Described) -> Page:
    """Show a party that no source names."""
    return generic.view(described)
