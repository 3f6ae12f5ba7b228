"""Tables of situations: memberships, terms of office, meetings, agreements, and what was said."""

from __future__ import annotations

from typing import Final

from kgbuild.server.views.charts import Timeline, timeline
from kgbuild.server.views.graph import Described, Value, When, Words
from kgbuild.server.views.layout import N_, Row, Rows, rows

_ATTESTED: Final = Words(N_("attested on"))


def members(described: Described, group: str) -> tuple[Rows, Rows]:
    """Give the members of a group, those of whom no end is stated and the former ones."""
    columns = (N_("Member"), N_("Role"), N_("From"), N_("To"), N_("Certainty"))
    situations = _by_time(described, described.subjects("icn:organization", group))
    made = [(each, _membership(described, each, "icn:member")) for each in situations]
    return (
        rows(columns, [row for each, row in made if not has_ended(described, each)]),
        rows(columns, [row for each, row in made if has_ended(described, each)]),
    )


def membership_timeline(described: Described, group: str) -> Timeline | None:
    """Draw the members of a group."""
    situations = _by_time(described, described.subjects("icn:organization", group))
    named = [(described.iris(each, "icn:member"), described.span(each)) for each in situations]
    return timeline([(described.thing(found[0]), span) for found, span in named if found])


def _membership(described: Described, situation: str, party: str) -> Row:
    return Row(
        (
            described.values(situation, party),
            described.values(situation, "icn:role") or described.values(situation, "icn:standing"),
            described.values(situation, "icn:joined", "icn:began")[:1],
            until(described, situation),
            (Words(certainty(described, situation)),),
        ),
        described.voices(situation),
        described.contested(situation),
    )


def has_ended(described: Described, situation: str) -> bool:
    """Tell whether an end is stated."""
    return bool(described.objects(situation, "icn:ended", "icn:left") or described.span(situation).ended_by)


def until(described: Described, situation: str) -> tuple[Value, ...]:
    """Give the stated end of what lasts, with the reason; else the days for which it is attested."""
    ended = described.values(situation, "icn:left", "icn:ended")[:1]
    if ended:
        return (*ended, *described.values(situation, "icn:endReason"))
    attested = [each for each in described.values(situation, "icn:attestedOn") if isinstance(each, When)]
    return (_ATTESTED, max(attested, key=lambda each: each.edtf)) if attested else ()


def certainty(described: Described, situation: str) -> str:
    """Say how sure it is that something lasts: a message id."""
    span = described.span(situation)
    if has_ended(described, situation):
        return N_("ended")
    if not span.began_by:
        return N_("possible: no beginning is stated")
    if span.ended_after:
        return N_("certain until the last attestation")
    return N_("presumed: no end is stated")


def _by_time(described: Described, situations: list[str]) -> list[str]:
    def key(situation: str) -> tuple[str, str]:
        span = described.span(situation)
        return span.began_by or span.began_after or "9999", situation

    return sorted(situations, key=key)
