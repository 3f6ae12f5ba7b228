"""Captions: texts of the ontology with the names of properties in braces, filled in with what a thing has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LANGUAGES: Final = ("en", "ru", "zh", "kk")
"""Languages of names and labels, in the order in which they stand in for one another."""
_PART: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption, read: what stands before, between and after its parts, and the properties that each part takes."""

    texts: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Caption:
        """Read `Seat: {seatOf} – {place|host}`; of `{a|b}` the first that is there is taken."""
        pieces = _PART.split(text)
        return cls(tuple(pieces[::2]), tuple(tuple(part.split("|")) for part in pieces[1::2]))

    @property
    def properties(self) -> tuple[str, ...]:
        """List the local names of the properties that it speaks of."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part))

    def write(self, values: Mapping[str, str]) -> str:
        """Fill in the values of properties; a part that is missing goes with the separator before it.

        >>> caption = Caption.parse("Count: {about} – {measure}: {comparator} {value}")
        >>> caption.write({"about": "The Hub", "measure": "members", "value": "6"})
        'Count: The Hub – members: 6'
        """
        written, separator = self.texts[0], ""
        found = False
        for names, following in zip(self.parts, self.texts[1:], strict=True):
            if value := next((values[name] for name in names if values.get(name)), ""):
                written, separator, found = written + separator + value, following, True
        written += self.texts[-1] if len(self.texts) > 1 else ""
        return written if found or not self.parts else written.strip(" ,;:，；：–")


def choose_text(by_language: Mapping[str, str], language: str) -> str:
    """Choose a text for a language, else from those that stand in for it, else any; "" if there is none.

    >>> choose_text({"ru": "сеть", "de": "Netz"}, "zh"), choose_text({"zh-hans": "网络", "en": "network"}, "zh")
    ('сеть', '网络')
    """
    for wanted in (language, *LANGUAGES):
        fitting = [tag for tag in by_language if tag == wanted or tag.startswith(f"{wanted}-")]
        if fitting:
            return by_language[min(fitting)]
    return by_language[min(by_language)] if by_language else ""
