"""Unicode normal forms (https://www.unicode.org/reports/tr15/) at a cost that grows with a text's length alone.

Marks in a row are sorted, which costs the square of their number: 50,000 behind one letter take seconds.  UAX #15
calls a text with at most 30 in a row stream-safe; no writing has more.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

MOST_MARKS: Final = 30
_HALF_WIDTH: Final = "\uff9e\uff9f"
"""Letters by their category, which NFKC makes marks of."""
_PERHAPS: Final = re.compile(rf"(?:[^\w\s\x00-\x7f]|[{_HALF_WIDTH}]){{{MOST_MARKS + 1},}}")


def find_overload(text: str) -> int | None:
    r"""Find the first mark of a row of more than `MOST_MARKS`: its offset, None if there is none.

    >>> find_overload("й" * 100), find_overload("ab" + "\u0301" * 31)
    (None, 2)
    """
    for row in _PERHAPS.finditer(text):
        marks = 0
        for at, character in enumerate(row[0], row.start()):
            is_mark = unicodedata.category(character).startswith("M") or character in _HALF_WIDTH
            marks = marks + 1 if is_mark else 0
            if marks > MOST_MARKS:
                return at - MOST_MARKS
    return None


def compose(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """Bring a text into a normal form; one with too many marks in a row stays as it is."""
    return text if text.isascii() or find_overload(text) is not None else unicodedata.normalize(form, text)
