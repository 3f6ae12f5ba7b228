"""Tables of things that lead to a page's thing: columns and order as the ontology has them, sources under each row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from kgbuild.core.terms import Term
from kgbuild.server.pages.charts import BarChart, Timeline, bars, timeline
from kgbuild.server.pages.layout import Row, SectionTable, Shown, Voice
from kgbuild.server.pages.reading import HIDDEN, Reading, is_ours, raised
from kgbuild.server.pages.terms import icn

Cell = tuple[Shown, ...]
Column = tuple[str, Callable[[str], Cell]]

MOST_COLUMNS: Final = 6
"""Of things for which the ontology features no properties."""
_REPEATED: Final = ("Situation", "Disagreement")
_BEGINS: Final = ("began", "beganNotBefore", "beganBy")
_ENDS: Final = ("ended", "endedNotBefore", "endedBy", "attestedOn")


@dataclass(frozen=True, slots=True)
class Listed:
    """Things of one class that lead to a thing by one property or several; `family` is "" for things of no such class.

    `total` counts them all, `things` are those that are shown.
    """

    family: str
    properties: tuple[str, ...]
    things: tuple[str, ...]
    total: int


def write_tables(reading: Reading, here: str, listed: Listed, caption: str = "") -> Iterator[Any]:
    """Draw the things that lead to `here` where they last or count, and write them in a table: what has ended apart."""
    writer = _TableWriter(reading, here, listed)
    yield from writer.drawings()
    ended = [each for each in writer.things if writer.has_ended(each)]
    lasting = [each for each in writer.things if each not in ended]
    for things, title in ((lasting, caption), (ended, reading._("Ended") if lasting else caption)):
        if things:
            yield writer.table(things, title)


class _TableWriter:
    def __init__(self, reading: Reading, here: str, listed: Listed) -> None:
        self.reading, self.here, self.listed = reading, here, listed
        self._ = reading._
        self.things = sorted(listed.things, key=self._sorting)
        lasting = {icn(name) for name in (*_BEGINS, *_ENDS)}
        self.lasts = any(lasting & reading.of(each).keys() for each in self.things)
        self.shown = [p for p in self._featured() if not self._is_dull(p)]

    def columns(self) -> list[Column]:
        """Give the columns: what is featured, the part that the page's thing has, what kind it is, and how long."""
        found: list[Column] = []
        if not self.repeats:
            title = self.reading.name(self.listed.family) if self.listed.family else Shown(self._("Name"))
            found.append((title.text, lambda each: (self.reading.name(each),)))
        found += [(self.reading.name(p).text, partial(self._cell, p)) for p in self.shown]
        if not any(self._dates(each, self.shown) for each in self.things):
            found.append((self.reading.name(icn("dated")).text, self._dated_by_another))
        if len({self.reading.kind(each).text for each in self.things}) > 1:
            found.append((self._("Kind"), lambda each: (self.reading.kind(each),)))
        if len(self.listed.properties) > 1:
            found.append((self._("Part it has here"), lambda each: tuple(map(self.reading.name, self._links(each)))))
        if self.lasts:
            found += [(self._("From"), self._from), (self._("To"), self._to), (self._("Certainty"), self._certain)]
        return found

    @property
    def repeats(self) -> bool:
        """Tell whether what is listed has a name that only repeats its columns."""
        first = self.things[0]
        return any(self.reading.is_a(first, name) for name in _REPEATED) or not self.reading.labels(first)

    def _featured(self) -> Sequence[str]:
        if self.listed.family:
            return self.reading.terms.featured[self.listed.family]
        found = {p for each in self.listed.things for p in self.reading.of(each) if is_ours(p)} - HIDDEN
        return sorted(found, key=self.reading.terms.place)[:MOST_COLUMNS]

    def _is_dull(self, property_: str) -> bool:
        """Tell whether a column would say nothing: its values are this page's thing, or stand in another column."""
        if self.lasts and any(self.reading.terms.is_a((property_,), name) for name in (*_BEGINS, *_ENDS)):
            return True
        if self.reading.terms.qualified.get(property_) in self._featured():
            return True
        return {t.value for each in self.things for t in self.reading.get(each, property_)} <= {self.here}

    def _cell(self, property_: str, each: str) -> Cell:
        qualifiers = [p for p, of in self.reading.terms.qualified.items() if of == property_]
        before = [t for p in qualifiers for t in self.reading.get(each, p) if not self.reading.is_usual(t.value)]
        return (*map(self.reading.show, before), *self.reading.shown(self.reading.get(each, property_)))

    def _links(self, each: str) -> list[str]:
        return [p for p in self.listed.properties if self.here in {t.value for t in self.reading.get(each, p)}]

    def _dates(self, each: str, properties: Iterable[str]) -> list[Term]:
        return [t for p in properties for t in self.reading.get(each, p) if self.reading.edtf(t.value)]

    def _dated_by_another(self, each: str) -> Cell:
        """Give the date of what a situation is part of, as of the meeting that somebody took part in."""
        named = (t.value for p in self._featured() for t in self.reading.get(each, p) if t.value != self.here)
        dates = [t for other in named for t in self.reading.names.get(other, {}).get(icn("dated"), ())]
        # Of a day that was planned and the one that it became, the later: engines give them in any order.
        dates.sort(key=lambda date: (self.reading.day(date.value), date.value))
        return tuple(map(self.reading.show, dates[-1:]))

    def _from(self, each: str) -> Cell:
        return self.reading.shown(self.reading.below(each, "began")[:1])

    def _to(self, each: str) -> Cell:
        """Give the stated end; else the last day for which it is attested."""
        if ended := self.reading.below(each, "ended")[:1]:
            return self.reading.shown(ended)
        attested = self.reading.below(each, "attestedOn")[-1:]
        return (Shown(self._("attested on")), *self.reading.shown(attested)) if attested else ()

    def has_ended(self, each: str) -> bool:
        """Tell whether something is known to be over."""
        return bool(self.reading.below(each, "ended") or self.reading.span(each).ended_by)

    def _certain(self, each: str) -> Cell:
        span = self.reading.span(each)
        if self.has_ended(each):
            text = self._("ended")
        elif not span.began_by:
            text = self._("possible: no beginning is stated")
        elif span.ended_after:
            text = self._("certain when last attested, presumed since")
        else:
            text = self._("presumed: no end is stated")
        return (Shown(text),)

    def table(self, things: Sequence[str], caption: str) -> SectionTable:
        """Write a table, without the columns in which no row has anything."""
        columns = self.columns()
        cells = [[cell(each) for _, cell in columns] for each in things]
        kept = [index for index in range(len(columns)) if any(row[index] for row in cells)]
        made = [self._row(each, tuple(row[i] for i in kept)) for each, row in zip(things, cells, strict=True)]
        registered = bool(self.listed.properties) and not any(row.voices for row in made)
        titles = tuple(raised(columns[i][0]) for i in kept)
        return SectionTable(titles or (self._("Name"),), tuple(made), caption, "registry" if registered else "")

    def _row(self, each: str, cells: tuple[Cell, ...]) -> Row:
        itself = self.reading.name(each)
        if not cells or not cells[0]:  # each row has a heading
            cells = ((itself,), *cells[1:])
        is_linked = any(value.iri == each for cell in cells for value in cell)
        contested = (
            *(Shown(self._("contested"), other) for other in self.reading.contested(each)),
            *(Shown(self._("denied"), other) for other in self.reading.leading("denies", each)),
        )
        marks = (self._("resolves an unnamed party"),) if self.reading.iris(each, "resolves") else ()
        return Row(cells, self._voices(each), contested, marks, None if is_linked else itself)

    def _voices(self, each: str) -> tuple[Voice, ...]:
        """List who says so: of a situation all that is said of it, of any other thing what leads it here."""
        if self.repeats:
            left_out = self.reading.is_left_out(each)
            own = [v for v in self.reading.voices_on(each) if left_out or not v.is_deprecated]
            return (*own, *self.reading.supports(each))
        here = Term("iri", self.here)
        found = [v for p in self._links(each) for v in self.reading.value(each, p, here).voices]
        return tuple({voice.claim: voice for voice in found}.values())

    def _sorting(self, each: str) -> tuple[str, str, str]:
        """Sort by the first date of a thing, or of what it is part of, then by name; what has no date comes last."""
        days = [self.reading.day(t.value) for terms in self.reading.of(each).values() for t in terms if t.kind == "iri"]
        own = min(filter(None, days), default="")
        other = min(filter(None, (self.reading.day(d.iri) for d in self._dated_by_another(each))), default="9999")
        return own or other, self.reading.name(each).text.casefold(), each

    def drawings(self) -> Iterator[Timeline | BarChart]:
        """Draw what lasts over the years, and what is counted."""
        if len(self.things) > 1:
            named = [(self._heading(each), self.reading.span(each)) for each in self.things]
            if drawn := timeline(named):
                yield drawn
        for title, numbers in sorted(self._series(), key=lambda pair: pair[0].text):
            if chart := bars(title, numbers):
                yield chart

    def _heading(self, each: str) -> Shown:
        cells = (self._cell(p, each) for p in self.shown)
        return next((cell[0] for cell in cells if cell), self.reading.name(each))

    def _series(self) -> Iterator[tuple[Shown, list[tuple[str, float, str]]]]:
        """Collect the numbers that have a date, by what is counted: the first thing that a row names."""
        series: dict[str, list[tuple[str, float, str]]] = defaultdict(list)
        for each in self.things:
            dates = self._dates(each, self.shown)
            for term in self.reading.get(each, icn("number")):
                if dates and term.value.isascii() and term.value.isdecimal() and len(term.value) < 16:
                    what = next((t.value for p in self.shown for t in self.reading.get(each, p) if t.kind == "iri"), "")
                    written = self.reading.show(dates[0]).text
                    series[what].append((self.reading.edtf(dates[0].value), float(term.value), written))
        return ((self.reading.name(what), numbers) for what, numbers in series.items())
