"""Dates in a reader's language, exactly as precise as they are: a month stays a month, a bound stays a bound.

Points of time are written by CLDR's patterns (Babel); what surrounds them, "by …" or "about …", are captions of the
ontology on the properties and concepts that mark such dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_date, format_interval

from kgbuild.core.captions import Caption
from kgbuild.core.dates import DateError, DateNode, parse_date, parse_edtf

_LOCALES: Final = {"en": "en_GB"}
_OPEN: Final = {"..": ("open-start", "open-end"), "": ("unknown", "unknown")}


@lru_cache(maxsize=8192)
def write_point(text: str, language: str, *, is_governed: bool = False) -> str:
    """Write a year, month or day (`2023`, `2023-11`, `2023-11-08`); what is none is given back as it is.

    One that is governed stands in the case that a preposition asks for, in languages that have cases.

    >>> [write_point("2023-11-08", language) for language in ("en", "ru", "zh", "kk")]
    ['8 November 2023', '8 ноября 2023 г.', '2023年11月8日', '2023 ж. 8 қараша']
    >>> write_point("2023-11", "ru"), write_point("2023-11", "ru", is_governed=True), write_point("soon", "en")
    ('ноябрь 2023 г.', 'ноября 2023 г.', 'soon')
    """
    year, month, day, *more = (*text.split("-"), "", "")
    locale = _LOCALES.get(language, language)
    try:
        read = date(int(year), int(month or 1), int(day or 1))
        if any(more):
            return text
        skeletons = Locale.parse(locale).datetime_skeletons
        pattern = "long" if day else str(skeletons["yMMMM" if month else "y"].pattern)
        written = format_date(read, pattern.replace("LLLL", "MMMM") if is_governed else pattern, locale)
    except ValueError:
        return text
    return written.replace("\u202f", " ")


@dataclass(frozen=True)
class DateWriter:
    """Writes date nodes; `captions` are those of the marks of dates: local name or slug -> language -> caption."""

    captions: Mapping[str, Mapping[str, Caption]]

    def write(self, edtf: str, language: str) -> str:
        """Write the text of a date node (its `icn:edtf`); what is none is given back as it is."""
        try:
            node = parse_edtf(edtf)
        except DateError:
            return edtf
        if node.precision == "window":
            ends = edtf[1:-1].split("..")
            mark = "window" if all(ends) else "earliest" if ends[0] else "latest"
            first, last = (write_point(end, language, is_governed=mark != "window") for end in ends)
            return self._caption(mark, language, earliest=first, latest=last)
        if node.precision == "interval":
            return self._interval(edtf, language)
        return self._point(node, language)

    def _interval(self, edtf: str, language: str) -> str:
        ends = edtf.split("/")
        if all(len(end) == len("2023-11-08") for end in ends):
            days = [date.fromisoformat(end) for end in ends]
            return str(format_interval(days[0], days[1], "yMMMMd", locale=_LOCALES.get(language, language)))
        first, last = (
            self._caption(_OPEN[end][place], language) if end in _OPEN else self._point(parse_date(end), language)
            for place, end in enumerate(ends)
        )
        return self._caption("interval", language, earliest=first, latest=last)

    def _point(self, node: DateNode, language: str) -> str:
        text = node.edtf.rstrip("?~%")
        if node.precision in ("decade", "century"):
            bounds = {"earliest": text.replace("X", "0"), "latest": text.replace("X", "9")}
            written = self._caption(node.precision, language, **bounds)
        else:
            written = write_point(text, language, is_governed=node.approximate)
        for mark, is_marked in (("approximate", node.approximate), ("uncertain", node.uncertain)):
            written = self._caption(mark, language, edtf=written) if is_marked else written
        return written

    def _caption(self, mark: str, language: str, **values: str) -> str:
        return self.captions[mark][language].write(values)
