"""Dates in a reader's language, exactly as precise as they are: a month stays a month, a bound stays a bound."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

from babel.dates import format_date, format_interval

_POINT: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?([?~%]?)", re.ASCII)
_DECADE: Final = re.compile(r"(\d{3})X([?~%]?)", re.ASCII)
_WINDOW: Final = re.compile(r"\[([^.\[\]]*)\.\.([^.\[\]]*)\]", re.ASCII)

_WORDS: Final = {
    "en": {
        "by": "by {}",
        "from": "not before {}",
        "between": "some day from {} to {}",
        "lasting": "{} to {}",
        "about": "about {}",
        "uncertain": "{} (uncertain)",
        "decade": "the {}s",
        "open": "no stated end",
        "unknown": "unknown",
    },
    "ru": {
        "by": "не позднее {}",
        "from": "не ранее {}",
        "between": "в один из дней: {} – {}",
        "lasting": "{} – {}",
        "about": "около {}",
        "uncertain": "{} (неточно)",
        "decade": "{}-е годы",
        "open": "конец не указан",
        "unknown": "неизвестно",
    },
}
"""Wordings of dates; not in the catalogue, since they are built up from one another."""
_CASES: Final = {"ru": {"month": "LLLL y 'г'.", "day": "d MMMM y 'г'.", "year": "y"}}
_LOCALES: Final = {"en": "en_GB"}
_FORMS: Final = {"month": "MMMM y", "day": "d MMMM y", "year": "y"}


@lru_cache(maxsize=8192)
def write_date(edtf: str, language: str) -> str:
    """Write a date of ours (its `icn:edtf`) in en or ru; what is none is given back as it is.

    >>> write_date("2023-11-08", "en"), write_date("2023-11", "ru"), write_date("[..2024-02-21]", "en")
    ('8 November 2023', 'ноябрь 2023 г.', 'by 21 February 2024')
    >>> write_date("2023-05-18/2023-05-19", "ru"), write_date("2008~", "en")
    ('18–19 мая 2023\u202fг.', 'about 2008')
    """
    words = _WORDS.get(language, _WORDS["en"])
    if window := _WINDOW.fullmatch(edtf):
        first, last = (_point(part, language) for part in window.groups())
        if first and last:
            return words["between"].format(first, last)
        return words["from"].format(first) if first else words["by"].format(last)
    if "/" in edtf:
        return _lasting(edtf, language)
    return _point(edtf, language)


def _lasting(edtf: str, language: str) -> str:
    words = _WORDS.get(language, _WORDS["en"])
    first, last = edtf.split("/", 1)
    days = [_day(part) for part in (first, last)]
    if days[0] and days[1]:
        return str(format_interval(days[0], days[1], "yMMMMd", locale=_LOCALES.get(language, language)))
    ends = [{"..": words["open"], "": words["unknown"]}.get(part) or _point(part, language) for part in (first, last)]
    return words["lasting"].format(*ends)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _point(text: str, language: str) -> str:
    words = _WORDS.get(language, _WORDS["en"])
    if decade := _DECADE.fullmatch(text):
        return _marked(words["decade"].format(f"{decade[1]}0"), decade[2], words)
    read = _POINT.fullmatch(text)
    if read is None:
        return text
    year, month, day, mark = read.groups()
    precision = "day" if day else "month" if month else "year"
    pattern = _CASES.get(language, _FORMS)[precision]
    try:
        written = format_date(date(int(year), int(month or 1), int(day or 1)), pattern, locale=language)
    except ValueError:
        return text
    return _marked(str(written), mark, words)


def _marked(written: str, mark: str, words: dict[str, str]) -> str:
    about = words["about"].format(written) if mark in ("~", "%") else written
    return words["uncertain"].format(about) if mark in ("?", "%") else about
