"""Sections about situations: memberships, terms of office, meetings, agreements, what was said, counted and changed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from kgbuild.namespaces import expand
from kgbuild.server.views.charts import Bars, Timeline, bars, timeline
from kgbuild.server.views.graph import Described, Text, Thing, Value, When, Words
from kgbuild.server.views.kinds import KIND_NAMES
from kgbuild.server.views.layout import N_, Block, Row, Rows, Section, rows, section

Cell = Callable[[str], tuple[Value, ...]]
Column = tuple[str, Cell]

DATES: Final = (
    *("icn:joined", "icn:began", "icn:held", "icn:signed", "icn:signedOn", "icn:happened", "icn:madeOn"),
    *("icn:asOf", "icn:admitted", "icn:invited", "icn:applied", "icn:attestedOn", "icn:planned", "icn:published"),
    *("icn:inForce", "icn:left", "icn:ended"),
)
"""Properties that place something in time, best first."""
_SAID: Final = ("Decision", "Proposal", "Statement")
_COMPARED: Final = {
    "more-than": N_("more than"),
    "less-than": N_("less than"),
    "about": N_("about"),
    "at-least": N_("at least"),
    "at-most": N_("at most"),
}
_ATTESTED: Final = Words(N_("attested on"))
_PLANNED: Final = Words(N_("planned:"))


class Sections:
    """Writes the sections of one page; those of which nothing is known are None."""

    def __init__(self, described: Described) -> None:
        self.described = described
        self.here = described.iri

    # -- belonging -------------------------------------------------------------------------------------------------

    def members(self) -> tuple[Section | None, Section | None]:
        """Show the members of a group: those of whom no end is stated, with a timeline of all; and the former ones."""
        found = self._by_time(self.described.subjects("icn:organization"))
        present, former = self._divided(found)
        columns = (self._column(N_("Member"), "icn:member"), *self._lasting("icn:role", "icn:standing"))
        return (
            section("members", N_("Members"), self._timeline(found, "icn:member"), self._rows(columns, present)),
            section("former-members", N_("Former members"), self._rows(columns, former)),
        )

    def memberships(self) -> Section | None:
        """Show what an actor is or was a member of."""
        found = self._by_time(self.described.subjects("icn:member"))
        columns = (self._column(N_("Member of"), "icn:organization"), *self._lasting("icn:role", "icn:standing"))
        drawn = self._timeline(found, "icn:organization") if len(found) > 1 else None
        return section("memberships", N_("Memberships"), drawn, self._rows(columns, found))

    def accessions(self) -> Section | None:
        """Show who applied, was invited or admitted; and suspensions."""
        dates = (
            self._column(N_("Applied"), "icn:applied"),
            self._column(N_("Invited"), "icn:invited"),
            self._column(N_("Admitted"), "icn:admitted"),
            self._column(N_("Status"), "icn:currentStatus"),
        )
        candidates, applied = self.described.subjects("icn:candidateTo"), self.described.subjects("icn:candidate")
        suspended, absent = self.described.subjects("icn:suspendedFrom"), self.described.subjects("icn:suspendedMember")
        span = (self._column(N_("Scope"), "icn:scope"), *self._lasting())
        return section(
            "accessions",
            N_("Accessions and suspensions"),
            self._rows((self._column(N_("Candidate"), "icn:candidate"), *dates), self._by_time(candidates)),
            self._rows((self._column(N_("Candidate to"), "icn:candidateTo"), *dates), self._by_time(applied)),
            self._rows((self._column(N_("Suspended"), "icn:suspendedMember"), *span), self._by_time(suspended)),
            self._rows((self._column(N_("Suspended from"), "icn:suspendedFrom"), *span), self._by_time(absent)),
        )

    # -- offices ---------------------------------------------------------------------------------------------------

    def people(self) -> Section | None:
        """Show who held which office here."""
        found = self._by_time(self.described.subjects("icn:institution"))
        columns = (
            self._column(N_("Person"), "icn:holder"),
            *self._lasting("icn:office", title=N_("Office"), more=(N_("Accredited to"), "icn:accreditedTo")),
        )
        drawn = self._timeline(found, "icn:holder") if len(found) > 1 else None
        return section("people", N_("People"), drawn, self._rows(columns, found))

    def offices(self) -> Section | None:
        """Show the offices that somebody held, or represented another in."""
        held = self._by_time(self.described.subjects("icn:holder"))
        sent = self._by_time(self.described.subjects("icn:representedBy"))
        office = self._column(N_("Office"), "icn:office")
        where = self._lasting("icn:institution", title=N_("At"), more=(N_("Accredited to"), "icn:accreditedTo"))
        drawn = self._timeline(held, "icn:office") if len(held) > 1 else None
        return section(
            "offices",
            N_("Offices"),
            drawn,
            self._rows((office, *where), held),
            self._rows((office, self._column(N_("Representing"), "icn:holder"), *where), sent),
        )

    def missions(self) -> Section | None:
        """Show who is accredited to a state."""
        found = self._by_time(self.described.subjects("icn:accreditedTo"))
        columns = (
            self._column(N_("Person"), "icn:holder"),
            self._column(N_("Office"), "icn:office"),
            *self._lasting("icn:institution", title=N_("Of")),
        )
        return section("missions", N_("Accredited here"), self._rows(columns, found))

    # -- meetings, agreements, words -------------------------------------------------------------------------------

    def meetings(self, title: str = N_("Meetings")) -> Section | None:
        """Show meetings: held for this, hosted or held here, attended, or attended on its behalf."""
        attended = self._by_time(self.described.subjects("icn:participant"), of="icn:meeting")
        sent = [
            each
            for each in self.described.subjects("icn:onBehalfOf")
            if self.described.kind(each) == "Participation" and each not in attended
        ]
        own = self._by_time(self._leading("Meeting"))
        part = (
            self._column(N_("Meeting"), "icn:meeting"),
            (N_("When"), lambda each: self._date_of(each, "icn:meeting")),
            self._column(N_("Capacity"), "icn:capacity"),
            self._column(N_("Presence"), "icn:presence"),
        )
        behalf = self._column(N_("On behalf of"), "icn:onBehalfOf")
        return section(
            "meetings",
            title,
            self._rows(self._meeting_columns(), own, self._own_link),
            self._rows((*part, behalf), attended),
            self._rows(
                (*part[:2], self._column(N_("Represented by"), "icn:participant"), *part[2:]),
                self._by_time(sent, of="icn:meeting"),
            ),
        )

    def _meeting_columns(self) -> tuple[Column, ...]:
        return (
            (N_("Meeting"), self._itself),
            (N_("When"), self._when),
            self._column(N_("Where"), "icn:place"),
            (N_("Part it has here"), self._links_here),
        )

    def agreements(self) -> Section | None:
        """Show agreements that this is a party to, that found it, or that were signed for it."""
        signatures = self._by_time(self.described.subjects("icn:signatory"))
        signed = (
            self._column(N_("Agreement"), "icn:agreement"),
            self._column(N_("Act"), "icn:act"),
            self._column(N_("When"), "icn:signedOn"),
            self._column(N_("Signed by"), "icn:signedBy"),
            self._column(N_("In force from"), "icn:inForceFrom"),
        )
        whole = (
            (N_("Agreement"), self._itself),
            self._column(N_("Kind"), "icn:agreementType"),
            self._column(N_("Signed"), "icn:signed"),
            (N_("Part it has here"), self._links_here),
        )
        return section(
            "agreements",
            N_("Agreements"),
            self._rows(whole, self._by_time(self._leading("Agreement")), self._own_link),
            self._rows(signed, signatures),
        )

    def changes(self) -> Section | None:
        """Show how it came about and what became of it."""
        names = ("icn:changed", "icn:founded", "icn:original", "icn:resulting")
        found = list(dict.fromkeys(each for name in names for each in self.described.subjects(name)))
        columns = (
            (N_("Event"), lambda each: self.described.values(each, "icn:changeType") or self._itself(each)),
            self._column(N_("When"), "icn:happened"),
            self._column(N_("At"), "icn:occurredAt"),
            self._column(N_("Where"), "icn:place"),
            self._column(N_("On the initiative of"), "icn:initiatedBy"),
            self._column(N_("From"), "icn:original"),
            self._column(N_("Into"), "icn:resulting"),
        )
        return section("history", N_("Founding and changes"), self._rows(columns, self._by_time(found)))

    def said(self) -> Section | None:
        """Show decisions, proposals and statements: of it, for it, about it."""
        found = self._by_time([each for kind in _SAID for each in self._leading(kind)])
        columns = (
            (N_("Text"), self._itself),
            (N_("Kind"), self._kind),
            self._column(N_("By"), "icn:by"),
            self._column(N_("On behalf of"), "icn:onBehalfOf"),
            self._column(N_("At"), "icn:occurredAt"),
            self._column(N_("When"), "icn:madeOn"),
            self._column(N_("Status"), "icn:currentStatus"),
        )
        return section("said", N_("Decisions, proposals, statements"), self._rows(columns, found))

    # -- observations ----------------------------------------------------------------------------------------------

    def counts(self) -> Section | None:
        """Show what was counted, as a chart where there is more than one number of a kind."""
        found = [e for e in self.described.subjects("icn:about") if self.described.kind(e) == "CountObservation"]
        columns = (
            self._column(N_("What"), "icn:measure"),
            (N_("Number"), self._number),
            self._column(N_("As of"), "icn:asOf"),
        )
        return section("counts", N_("Counts"), *self._charts(found), self._rows(columns, self._by_time(found)))

    def _charts(self, found: Iterable[str]) -> list[Bars | None]:
        series: dict[str, list[tuple[str, float, Text]]] = defaultdict(list)
        for each in self._by_time(list(found)):
            value, date = self.described.literal(each, "icn:value"), self.described.date(each, "icn:asOf")
            for measure in self.described.iris(each, "icn:measure"):
                if date and re.fullmatch(r"\d{1,15}", value, re.ASCII):
                    series[measure].append((date.edtf, float(value), Text(value)))
        return [bars(self.described.thing(measure), numbers) for measure, numbers in sorted(series.items())]

    def _number(self, each: str) -> tuple[Value, ...]:
        compared = [c for c in self.described.iris(each, "icn:comparator") if c != expand("comparator:equal")]
        values = self.described.values(each, "icn:value")
        return (*(Words(self._small(c)) for c in compared), *values)

    @staticmethod
    def _small(concept: str) -> str:
        slug = concept.rpartition("/")[2]
        return _COMPARED.get(slug, slug)

    def statuses(self) -> Section | None:
        """Show the statuses through time."""
        found = [e for e in self.described.subjects("icn:about") if self.described.kind(e) == "StatusObservation"]
        columns = (self._column(N_("Status"), "icn:status"), self._column(N_("As of"), "icn:asOf"))
        return section("statuses", N_("Statuses"), self._rows(columns, self._by_time(found)))

    # -- names, seats, ties ----------------------------------------------------------------------------------------

    def names(self) -> Section | None:
        """Show the names that it had, and when."""
        found = self._by_time(self.described.subjects("icn:nameOf"))
        columns = (
            self._column(N_("Name"), "icn:text"),
            self._column(N_("Kind"), "icn:nameKind"),
            self._column(N_("From"), "icn:began"),
            (N_("To"), self._until),
        )
        return section("names", N_("Names through time"), self._rows(columns, found))

    def seats(self) -> Section | None:
        """Show where it sits, or what sits here."""
        where = (self._column(N_("Place"), "icn:place"), self._column(N_("Host"), "icn:host"), *self._span())
        kind = self._column(N_("Seat"), "icn:seatKind")
        own = self._by_time(self.described.subjects("icn:seatOf"))
        others = [e for name in ("icn:place", "icn:host") for e in self.described.subjects(name)]
        here = self._by_time([e for e in dict.fromkeys(others) if self.described.kind(e) == "Seat" and e not in own])
        return section(
            "seats",
            N_("Seats"),
            self._rows((kind, *where), own),
            self._rows((self._column(N_("Of"), "icn:seatOf"), kind, *where), here),
        )

    def ties(self) -> Section | None:
        """Show what else it is tied to."""
        found = [*self.described.subjects("icn:from"), *self.described.subjects("icn:to")]
        columns = (
            self._column(N_("From"), "icn:from"),
            self._column(N_("Tie"), "icn:tieType"),
            self._column(N_("To"), "icn:to"),
            self._column(N_("Began"), "icn:began"),
            (N_("Ended"), self._until),
        )
        return section("ties", N_("Ties"), self._rows(columns, self._by_time(list(dict.fromkeys(found)))))

    # -- other things ----------------------------------------------------------------------------------------------

    def related(self, anchor: str, title: str, *kinds: str) -> Section | None:
        """List things of some kinds that lead here: institutions of a state, programmes of an institution."""
        found = sorted({each for kind in kinds for each in self._leading(kind)}, key=self._sorting_name)
        columns = [(N_("Name"), self._itself), (N_("Kind"), self._kind)]
        if len({self._links_here(each) for each in found}) > 1:
            columns.append((N_("Part it has here"), self._links_here))
        made = self._rows(columns, found, self._own_link)
        registered = not any(row.voices for row in made.rows)
        return section(anchor, title, replace(made, origin="registry") if registered else made)

    def disagreements(self) -> Section | None:
        """Show where sources differ: on this and on what this page tells of."""
        columns = (
            self._column(N_("About"), "icn:about"),
            (N_("On"), lambda each: self.described.values(each, "icn:onProperty")),
            self._column(N_("Kept"), "icn:kept"),
            self._column(N_("Set aside"), "icn:setAside"),
            self._column(N_("Decided by"), "icn:decidedBy"),
            (N_("More"), self._itself),
        )
        found = sorted(self.described.of_kind("Disagreement"))
        return section("disagreements", N_("Where sources differ"), self._rows(columns, found))

    def articles(self) -> Section | None:
        """List the articles that this page rests on, and those that it has published."""
        published = set(self.described.subjects("dcterms:publisher")) | set(self.described.subjects("icn:agency"))
        everything = self._by_time(self.described.of_kind("Article"))
        columns = (
            (N_("Article"), self._itself),
            self._column(N_("Publisher"), "dcterms:publisher"),
            self._column(N_("Published"), "icn:published"),
        )
        told = [each for each in everything if self.described.objects(each, "schema:url", "dcterms:publisher")]
        behind = self._rows(columns, [each for each in told if each not in published or self._speaks(each)], _nobody)
        own = self._rows(columns[:1], [each for each in everything if each in published], _nobody)
        blocks: list[Block | None] = [behind]
        if own and own.rows:
            titled = Rows((N_("Published by it"),), own.rows)
            blocks.append(titled)
        return section("articles", N_("Articles"), *blocks)

    def _speaks(self, article: str) -> bool:
        return bool(self.described.subjects("icn:inArticle", article))

    # -- cells -----------------------------------------------------------------------------------------------------

    def _column(self, title: str, *properties: str) -> Column:
        return title, lambda each: self.described.values(each, *properties)

    def _itself(self, each: str) -> tuple[Value, ...]:
        return (self.described.thing(each),)

    def _kind(self, each: str) -> tuple[Value, ...]:
        kind = self.described.kind(each)
        return (Words(KIND_NAMES[kind]),) if kind else ()

    def _links_here(self, each: str) -> tuple[Value, ...]:
        return tuple(Words(text) for name, text in LINKS.items() if self.here in self.described.iris(each, name))

    def _own_link(self, each: str) -> tuple[str, ...]:
        """Name the properties by which something leads here: whose sources a row shows."""
        return tuple(name for name in LINKS if self.here in self.described.iris(each, name))

    def _when(self, each: str) -> tuple[Value, ...]:
        held = self.described.values(each, "icn:held", "icn:signed", "icn:began", "icn:happened")[:1]
        planned = self.described.values(each, "icn:planned")[:1]
        return held or ((_PLANNED, *planned) if planned else ())

    def _date_of(self, each: str, name: str) -> tuple[Value, ...]:
        return next((found for other in self.described.iris(each, name) if (found := self._when(other))), ())

    def _lasting(
        self, *properties: str, title: str = N_("Role"), more: tuple[str, str] | None = None
    ) -> tuple[Column, ...]:
        first = ((title, lambda each: self._first_of(each, properties)),) if properties else ()
        second = (self._column(*more),) if more else ()
        certainty = (N_("Certainty"), lambda each: (Words(self._certainty(each)),))
        return (*first, *second, *self._span(), certainty)

    def _span(self) -> tuple[Column, ...]:
        return (
            (N_("From"), lambda each: self.described.values(each, "icn:joined", "icn:began")[:1]),
            (N_("To"), self._until),
        )

    def _first_of(self, each: str, properties: Sequence[str]) -> tuple[Value, ...]:
        return next((found for name in properties if (found := self.described.values(each, name))), ())

    def _until(self, each: str) -> tuple[Value, ...]:
        """Give the stated end, with the reason; else the last day for which it is attested."""
        ended = self.described.values(each, "icn:left", "icn:ended")[:1]
        if ended:
            return (*ended, *self.described.values(each, "icn:endReason"))
        attested = [date for date in self.described.values(each, "icn:attestedOn") if isinstance(date, When)]
        return (_ATTESTED, max(attested, key=lambda date: sorting_date(date.edtf))) if attested else ()

    def _certainty(self, each: str) -> str:
        """Say how sure it is that something lasts: a message id."""
        span = self.described.span(each)
        if self._has_ended(each):
            return N_("ended")
        if not span.began_by:
            return N_("possible: no beginning is stated")
        if span.ended_after:
            return N_("certain when last attested, presumed since")
        return N_("presumed: no end is stated")

    def _has_ended(self, each: str) -> bool:
        return bool(self.described.objects(each, "icn:ended", "icn:left") or self.described.span(each).ended_by)

    # -- tables ----------------------------------------------------------------------------------------------------

    def _rows(
        self,
        columns: Sequence[Column],
        found: Iterable[str],
        about: Callable[[str], tuple[str, ...] | None] | None = None,
    ) -> Rows:
        """Make a table of things; `about` names the properties whose sources stand under a row, None for no sources."""
        made = []
        for each in found:
            asked = about(each) if about else ()
            voices = () if asked is None else self.described.voices(each, *asked)
            marks = (N_("resolves an unnamed party"),) if self.described.objects(each, "icn:resolves") else ()
            cells = tuple(cell(each) for _, cell in columns)
            linked = any(isinstance(value, Thing) and value.iri == each for cell in cells for value in cell)
            itself = None if linked else self.described.thing(each)
            made.append(Row(cells, voices, self.described.contested(each), marks, itself))
        return rows([title for title, _ in columns], made)

    def _timeline(self, found: Iterable[str], name: str) -> Timeline | None:
        named = [(self.described.iris(each, name), self.described.span(each)) for each in found]
        return timeline([(self.described.thing(things[0]), span) for things, span in named if things])

    def _divided(self, found: Iterable[str]) -> tuple[list[str], list[str]]:
        listed = list(found)
        return [e for e in listed if not self._has_ended(e)], [e for e in listed if self._has_ended(e)]

    def _leading(self, kind: str) -> list[str]:
        return [each for each in self.described.leading_here() if self.described.kind(each) == kind]

    def _by_time(self, found: Iterable[str], of: str = "") -> list[str]:
        """Sort by time, then by name; what has no date comes last."""

        def key(each: str) -> tuple[str, str, str]:
            dated = (self.described.iris(each, of) or [each])[0] if of else each
            date = self.described.date(dated, *DATES)
            named = sorting_date(date.edtf) if date else self.described.span(each).began_by or "9999-99"
            return named, self._sorting_name(dated), each

        return sorted(found, key=key)

    def _sorting_name(self, each: str) -> str:
        labels = self.described.labels(each)
        return labels.get("en") or next(iter(labels.values()), each)


LINKS: Final = {
    "icn:concerning": N_("about it"),
    "icn:host": N_("host"),
    "icn:place": N_("took place here"),
    "icn:party": N_("party"),
    "icn:establishes": N_("founds it"),
    "icn:runBy": N_("runs it"),
    "icn:partner": N_("partner"),
    "icn:publishedBy": N_("publisher"),
    "icn:ofState": N_("of this state"),
    "icn:affiliation": N_("belongs to it"),
    "icn:within": N_("lies in it"),
    "icn:partOf": N_("part of it"),
    "icn:amends": N_("amends it"),
    "icn:implements": N_("carries it out"),
    "icn:occurredAt": N_("signed there"),
    "icn:possiblySameAs": N_("possibly the same"),
}
"""Property by which one thing leads to another -> the part that the page's thing has in it, or it here."""


def sorting_date(edtf: str) -> str:
    """Give what dates sort by: their first digits.

    >>> sorting_date("[..2024-02-21]"), sorting_date("2023-05-18/2023-05-19")
    ('2024-02-21', '2023-05-18')
    """
    found = re.search(r"\d[\dX-]*", edtf, re.ASCII)
    return found[0] if found else ""


def _nobody(each: str) -> None:  # noqa: ARG001 - articles are sources themselves
    return None
