"""The kinds of things whose pages ask the graph for more than a description holds: every voice with its own values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from kgbuild.namespaces import BASE, ID, SITUATION_KINDS
from kgbuild.server.languages import Reader
from kgbuild.server.service import Service
from kgbuild.server.views import articles, dates, disagreements, events, vocabularies

Told = tuple[str, dict[str, Any]]
Teller = Callable[[Service, str, Reader, int], Awaitable[Told]]


def _once(tell: Callable[[Service, str, Reader], Awaitable[Told]]) -> Teller:
    """Tell of a thing whose page has no further pages."""

    async def teller(service: Service, thing: str, reader: Reader, number: int) -> Told:  # noqa: ARG001
        return await tell(service, thing, reader)

    return teller


TELLERS: Final[dict[str, Teller]] = {
    **dict.fromkeys((*SITUATION_KINDS, "meeting", "agreement", "publication", "unidentified"), _once(events.situation)),
    "article": _once(articles.article),
    "claim": _once(articles.claim),
    "disagreement": _once(disagreements.disagreement),
    "date": dates.date,
    "vocabulary": _once(vocabularies.concept),
    "graph": _once(articles.graph),
}
"""The first part of an IRI after id/, or after the base -> the view: it gives a template and its values.

Of these, `data` is what schema.org data say besides the name.
"""


def teller_of(thing: str) -> Teller | None:
    """Choose the view of a thing by its IRI; None for what its description is enough for."""
    rest = thing.removeprefix(ID) if thing.startswith(ID) else thing.removeprefix(BASE)
    kind, _, slug = rest.partition("/")
    is_part = "#" in slug  # the target of a claim, or the place of one
    return TELLERS.get(kind) if slug and not is_part else None
