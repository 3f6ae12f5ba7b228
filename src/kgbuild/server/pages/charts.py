"""Timelines and bar charts as shapes on a plane, in units of a view box; templates write them as SVG."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from kgbuild.server.pages.layout import Shown

WIDTH: Final = 720
ROW: Final = 46
HEAD: Final = 34
CHART_HEIGHT: Final = 220
LEAST: Final = 4.0
"""Width of a bar that lasts a day: it must be seen."""
MOST_TICKS: Final = 8


@dataclass(frozen=True, slots=True)
class Span:
    """The four bounds of what lasts, as ISO days; "" where nothing is known."""

    began_after: str = ""
    began_by: str = ""
    ended_after: str = ""
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar; `style` is certain, faded (it may have lasted then) or hatched (presumed)."""

    x: float
    width: float
    style: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a timeline."""

    thing: Shown
    y: float
    pieces: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A year on the axis."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Spans beside one another over an axis of years."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    height: int
    first: int
    last: int
    width: int = WIDTH
    form: ClassVar[str] = "timeline"


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of a chart: its value, and the date and the year that it stands over."""

    x: float
    y: float
    width: float
    height: float
    value: str
    text: str
    year: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Numbers over time; `title` is what is counted."""

    title: Shown
    bars: tuple[Column, ...]
    width: int = WIDTH
    height: int = CHART_HEIGHT
    form: ClassVar[str] = "bars"


def timeline(rows: Sequence[tuple[Shown, Span]]) -> Timeline | None:
    """Draw spans; None where no bound of any is known.

    >>> drawn = timeline([(Shown("x"), Span("2020-01-01", "2020-01-01", "2021-01-01", "2021-01-01"))])
    >>> drawn.first, drawn.last, [piece.style for piece in drawn.bars[0].pieces]
    (2020, 2022, ['certain'])
    """
    spans = [(thing, span) for thing, span in rows if any(_days(span))]
    known = [day for _, span in spans for day in _days(span) if day]
    if not known:
        return None
    first, last = min(known).year, max(known).year + 1
    start, end = date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal() + 1

    def place(day: date) -> float:
        return round((day.toordinal() - start) / (end - start) * WIDTH, 1)

    bars = tuple(
        Bar(thing, HEAD + index * ROW, tuple(_pieces(span, place))) for index, (thing, span) in enumerate(spans)
    )
    step = max(1, -(-(last - first + 1) // MOST_TICKS))
    ticks = tuple(Tick(place(date(year, 1, 1)), str(year)) for year in range(first, last + 1, step))
    return Timeline(bars, ticks, HEAD + len(bars) * ROW + 6, first, last)


def _days(span: Span) -> list[date | None]:
    return [_day(text) for text in (span.began_after, span.began_by, span.ended_after, span.ended_by)]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None  # served as it is: a year before 1 or after 9999


def _pieces(span: Span, place: Callable[[date], float]) -> list[Segment]:
    began_after, began_by, ended_after, ended_by = _days(span)
    left = place(began_after) if began_after else 0.0
    right = place(ended_by) if ended_by else float(WIDTH)
    if began_by is None:  # never known to have lasted
        return [_piece(left, right, "faded")]
    sure = place(began_by)
    kept = max(sure + LEAST, place(ended_after) if ended_after else 0.0)
    pieces = [_piece(left, sure, "faded")] if sure > left else []
    pieces.append(_piece(sure, kept, "certain"))
    if right > kept:
        pieces.append(_piece(kept, right, "faded" if ended_by else "hatched"))
    return pieces


def _piece(begin: float, end: float, style: str) -> Segment:
    return Segment(round(begin, 1), round(max(end - begin, LEAST), 1), style)


def bars(title: Shown, numbers: Sequence[tuple[str, float, str]]) -> BarChart | None:
    """Draw numbers, each over its date (EDTF), with the date in words; None for fewer than two."""
    if len(numbers) < 2 or max(number for _, number, _ in numbers) <= 0:
        return None
    highest = max(number for _, number, _ in numbers)
    pitch = WIDTH / len(numbers)
    room = CHART_HEIGHT - 70
    return BarChart(
        title,
        tuple(
            Column(
                round(index * pitch + pitch * 0.15, 1),
                round(35 + room * (1 - max(number, 0) / highest), 1),
                round(min(pitch * 0.7, 90), 1),
                round(room * max(number, 0) / highest, 1),
                f"{number:g}",
                text,
                _year(when),
            )
            for index, (when, number, text) in enumerate(numbers)
        ),
    )


def _year(edtf: str) -> str:
    """Give the first year or decade of a date.

    >>> _year("2013"), _year("[..2018-05-17]"), _year("198X")
    ('2013', '2018', '198X')
    """
    found = re.search(r"\d{3}[\dX]", edtf, re.ASCII)
    return found[0] if found else ""
