"""Dates as sources give them: a closed part of EDTF (https://www.loc.gov/standards/datetime/) -> `DateNode`.

A whitelist of our own, since both Python libraries accept what is no date (29 February 2023, an interval
that runs backwards, full-width digits); they are oracles in the tests.  Modelling guide, section 3.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class DateNode:
    """What a date says: days from `earliest` to `latest`, both inclusive; None where open or not known.

    `slug` is the end of its IRI, `edtf` its exact text.  `precision` is day, month, year, decade, century,
    interval (something that lasts so long) or window (on some day within).  `year` only if it is certain.
    """

    slug: str
    edtf: str
    earliest: date | None
    latest: date | None
    year: int | None
    precision: str
    approximate: bool
    uncertain: bool


class DateError(ValueError):
    """A text that is no date of ours: what was found, and what to write instead."""

    def __init__(self, finding: str, remedy: str) -> None:
        super().__init__(f"{finding}. {remedy}")
        self.finding = finding
        self.remedy = remedy


# Slugs carry no `~ ? % / [`: in prefixed names Oxigraph reads `date:2008~` as `date:2008` and a reifier.
_SLUG_MARKS: Final = {"": "", "?": "-uncertain", "~": "-approx", "%": "-uncertain-approx"}
_SLUG_ENDS: Final = {"..": "open", "": "unknown"}
_FORMS: Final = "Write a year, month or day, as 2023, 2023-11 or 2023-11-08, with ?, ~ or % after it if need be."

_POINT: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?([?~%]?)", re.ASCII)
_UNSPECIFIED: Final = re.compile(r"(\d{2})(\dX|XX)([?~%]?)", re.ASCII)
_UNSPECIFIED_PART: Final = re.compile(r"(\d{4}(?:-\d{2})?)(?:-XX){1,2}([?~%]?)", re.ASCII)
_UNPADDED: Final = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?([?~%]?)", re.ASCII)
_WITH_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d.*", re.ASCII)
_WINDOW: Final = re.compile(r"\[([^.\[\]]*)\.\.([^.\[\]]*)\]", re.ASCII)


@lru_cache(maxsize=65536)
def parse_date(text: str) -> DateNode:
    """Read a date as a record writes it: a year, month or day, `201X`, `20XX`, or an interval.

    Raises `DateError` for everything else, windows too: those are written as mappings (see `window`).

    >>> parse_date("2023-11").latest
    datetime.date(2023, 11, 30)
    >>> parse_date("2008~").slug, parse_date("2008~").earliest
    ('2008-approx', datetime.date(2007, 1, 1))
    """
    if "/" in text:
        return _parse_interval(text)
    if text.startswith("["):
        raise DateError(
            f"{_quote(text)} is no date of a record",
            "Write it as a mapping: {not_after: 2024-02-21}, {not_before: 2014} or {between: [2023, 2024]}.",
        )
    return _parse_point(text)


def window(not_before: str | None, not_after: str | None) -> DateNode:
    """Make "on some day within": from the first day of `not_before` to the last of `not_after`.

    Each is a plain year, month or day; None leaves that side open, but not both.

    >>> window(None, "2024-02-21").edtf, window("2014", None).slug
    ('[..2024-02-21]', 'from-2014')
    """
    if not not_before and not not_after:
        raise DateError("a window that is open on both sides says nothing", "Give one side, or leave the field out.")
    first, last = not_before or "", not_after or ""
    start, end = (_plain(side, "a side of a window") if side else None for side in (first, last))
    text = f"[{first}..{last}]"
    _check_order(text, start, end, f"between: [{last}, {first}]")
    slug = f"{first}-or-{last}" if first and last else f"from-{first}" if first else f"by-{last}"
    node = _span(slug, text, "window", start, end)
    if plain := _plain_name(node):
        raise DateError(f"a window from {first} to {last} is the same as {plain}", f"Write {plain}.")
    return node


@lru_cache(maxsize=65536)
def parse_edtf(text: str) -> DateNode:
    """Read what `DateNode.edtf` holds: what `parse_date` takes, and windows.

    >>> parse_edtf("[2024-02-01..2024-02-21]").slug
    '2024-02-01-or-2024-02-21'
    """
    found = _WINDOW.fullmatch(text)
    return window(found[1], found[2]) if found else parse_date(text)


def date_slug(text: str) -> str:
    """Give the slug of the date node with a text; "" for what is no date of ours.

    >>> date_slug("[..2024-02-21]"), date_slug("soon")
    ('by-2024-02-21', '')
    """
    found = read_date(text)
    return found.slug if found else ""


def read_date(text: str) -> DateNode | None:
    """Read the text of a date node (`icn:edtf`), windows included; None for what is no date of ours.

    >>> read_date("[..2024-02-21]").latest.isoformat(), read_date("soon")
    ('2024-02-21', None)
    """
    try:
        return parse_edtf(text)
    except DateError:
        return None


def contains(outer: DateNode, inner: DateNode) -> bool:
    """Tell whether every day of `inner` is one of `outer`; an open side reaches for ever.

    >>> contains(parse_date("2023"), parse_date("2023-11")), contains(parse_date("2023"), parse_date("2023/"))
    (True, False)
    """
    after_start = outer.earliest is None or (inner.earliest is not None and outer.earliest <= inner.earliest)
    before_end = outer.latest is None or (inner.latest is not None and inner.latest <= outer.latest)
    return after_start and before_end


def refines(finer: DateNode, vaguer: DateNode) -> bool:
    """Tell whether `finer` says the same as `vaguer`, and more: then the two do not disagree.

    A strict partial order.  What lasts and what falls on a day are different things: an interval refines
    the month it lies in, but nothing that lies in an interval refines it.

    >>> refines(parse_date("2023-11"), parse_date("2023")), refines(parse_date("2023"), parse_date("2023?"))
    (True, True)
    """
    if not contains(vaguer, finer):
        return False
    equal = _bounds(finer) == _bounds(vaguer)
    clearer = equal and _is_marked(vaguer) and not _is_marked(finer)
    if vaguer.precision == "interval":
        return finer.precision == "interval" and clearer
    return clearer or not equal or finer.precision == "interval"


def may_be_one(one: DateNode, other: DateNode) -> bool:
    """Tell whether two dates, a window among them, have a day in common: then neither speaks against the other.

    >>> may_be_one(parse_date("2018"), window(None, "2018-04-28")), may_be_one(parse_date("2018"), parse_date("2017~"))
    (True, False)
    """
    kinds = {one.precision, other.precision}
    if "window" not in kinds or "interval" in kinds:
        return False
    starts = [node.earliest for node in (one, other) if node.earliest]
    ends = [node.latest for node in (one, other) if node.latest]
    return not starts or not ends or max(starts) <= min(ends)


def width(node: DateNode) -> int | None:
    """Count the days within the bounds; None where a side is open.

    >>> width(parse_date("2024")), width(parse_date("2023/.."))
    (366, None)
    """
    return (node.latest - node.earliest).days + 1 if node.earliest and node.latest else None


def _is_marked(node: DateNode) -> bool:
    return node.approximate or node.uncertain


def _quote(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _parse_point(text: str) -> DateNode:
    """Read a year, month, day, decade or century, with or without a mark."""
    if found := _POINT.fullmatch(text):
        year, month, day, mark = found.groups()
        return _calendar_node(text, int(year), month, day, mark)
    if found := _UNSPECIFIED.fullmatch(text):
        return _unspecified_node(text, found[1], found[2], found[3])
    raise _explain(text)


def _calendar_node(text: str, year: int, month: str | None, day: str | None, mark: str) -> DateNode:
    if year == 0:
        raise DateError(f"{_quote(text)}: there is no year 0", "Write years from 0001 to 9999.")
    if month is None:
        return _node(text, "year", date(year, 1, 1), date(year, 12, 31), mark)
    _check_month(text, year, int(month))
    last = calendar.monthrange(year, int(month))[1]
    if day is None:
        return _node(text, "month", date(year, int(month), 1), date(year, int(month), last), mark)
    if not 1 <= int(day) <= last:
        name = f"{calendar.month_name[int(month)]} {year}"
        raise DateError(
            f"{_quote(text)} is no day: {name} has {last} days",
            f"Look the day up in the source; if it really says so, write {year:04}-{month}.",
        )
    return _node(text, "day", date(year, int(month), int(day)), date(year, int(month), int(day)), mark)


def _unspecified_node(text: str, century: str, rest: str, mark: str) -> DateNode:
    first = int(century + rest.replace("X", "0"))
    if first == 0:
        raise DateError(f"{_quote(text)} begins with a year 0, which is none", "Write years from 0001 to 9999.")
    if rest != "XX":
        return _node(text, "decade", date(first, 1, 1), date(first + 9, 12, 31), mark)
    if mark in ("~", "%"):
        raise DateError(f"{_quote(text)}: about a century has no stated width", f"Write {text[:-1]} or {text[:-1]}?.")
    return _node(text, "century", date(first, 1, 1), date(first + 99, 12, 31), mark)


def _parse_interval(text: str) -> DateNode:
    """Read `a/b`, `a/..` (open), `a/` (end unknown), `../b`, `/b`; the ends are plain dates."""
    if text.count("/") > 1:
        raise DateError(f"{_quote(text)} has more than one slash", _FORMS)
    first, last = text.split("/")
    start, end = (None if part in _SLUG_ENDS else _plain(part, "an end of an interval") for part in (first, last))
    if start is None and end is None:
        raise DateError(f"{_quote(text)} has no date at either end", "Give one end, or leave the field out.")
    if first == last:
        raise DateError(f"{_quote(text)} begins and ends with the same date", f"Write {first}.")
    _check_order(text, start, end, f"{last}/{first}")
    slug = "_".join(_SLUG_ENDS.get(part, part) for part in (first, last))
    return _span(slug, text, "interval", start, end)


def _plain_name(node: DateNode) -> str:
    """Name the day, month or year with exactly these bounds, "" for none: one thing has one node."""
    day = node.earliest.isoformat() if node.earliest else ""
    names = (day, day[:7], day[:4]) if day else ()
    return next((name for name in names if _bounds(parse_date(name)) == _bounds(node)), "")


def _bounds(node: DateNode) -> tuple[date | None, date | None]:
    return node.earliest, node.latest


def _plain(text: str, what: str) -> DateNode:
    node = _parse_point(text)
    if node.precision not in ("day", "month", "year") or _is_marked(node):
        raise DateError(f"{_quote(text)} cannot be {what}", "Write it as a year, month or day without ?, ~, % or X.")
    return node


def _span(slug: str, text: str, precision: str, start: DateNode | None, end: DateNode | None) -> DateNode:
    earliest, latest = start.earliest if start else None, end.latest if end else None
    return DateNode(slug, text, earliest, latest, _common_year(earliest, latest), precision, False, False)


def _node(text: str, precision: str, earliest: date, latest: date, mark: str) -> DateNode:
    """Make the node of a date that is no interval; `~` widens its bounds by the stated width."""
    approximate, uncertain = mark in ("~", "%"), mark in ("?", "%")
    if approximate:
        earliest, latest = _widen(precision, earliest, latest)
    year = None if mark else _common_year(earliest, latest)
    slug = text.removesuffix(mark) + _SLUG_MARKS[mark]
    return DateNode(slug, text, earliest, latest, year, precision, approximate, uncertain)


def _widen(precision: str, earliest: date, latest: date) -> tuple[date, date]:
    """Widen by 7 days, one month, one year or five years; years stay within 0001 to 9999."""
    if precision == "day":
        week = timedelta(days=7)
        return max(earliest, date.min + week) - week, min(latest, date.max - week) + week
    months = {"month": 1, "year": 12, "decade": 60}[precision]
    return _month_bounds(earliest, -months)[0], _month_bounds(latest, months)[1]


def _month_bounds(day: date, shift: int) -> tuple[date, date]:
    """Give the first and last day of the month `shift` months from that of `day`, within years 1 to 9999."""
    index = min(max(day.year * 12 + day.month - 1 + shift, 12), 9999 * 12 + 11)
    year, month = index // 12, index % 12 + 1
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _common_year(earliest: date | None, latest: date | None) -> int | None:
    return earliest.year if earliest and latest and earliest.year == latest.year else None


def _check_month(text: str, year: int, month: int) -> None:
    if 21 <= month <= 41:
        raise DateError(
            f"{_quote(text)} is a season or a part of a year, which is not read",
            f"Write {year:04}, or the months as a mapping: {{between: [{year:04}-06, {year:04}-08]}}.",
        )
    if not 1 <= month <= 12:
        raise DateError(
            f"{_quote(text)} is no date: a year has months 01 to 12",
            f"Write year-month-day, as 2023-11-08; if the month is not known, {year:04}.",
        )


def _check_order(text: str, start: DateNode | None, end: DateNode | None, turned: str) -> None:
    if start and end and start.earliest and end.latest and start.earliest > end.latest:
        raise DateError(f"{_quote(text)} ends before it begins", f"If the ends were swapped, write {turned}.")


def _explain(text: str) -> DateError:
    if not text.strip():
        return DateError("an empty date", "Leave the field out when the source gives no date.")
    if text != text.strip():
        return DateError(f"{_quote(text)} has space around it", f"Write {text.strip()}.")
    if found := _UNSPECIFIED_PART.fullmatch(text):
        return DateError(f"{_quote(text)} says no more than the vaguer date", f"Write {found[1]}{found[2]}.")
    if found := _WITH_TIME.fullmatch(text):
        return DateError(f"{_quote(text)} has a time of day", f"Write the day alone: {found[1]}.")
    if found := _UNPADDED.fullmatch(text):
        parts = [found[1], *(part.zfill(2) for part in found.groups()[1:3] if part)]
        return DateError(f"{_quote(text)} lacks a zero", f"Write {'-'.join(parts)}{found[4]}.")
    return DateError(f"{_quote(text)} is no date", _FORMS)
