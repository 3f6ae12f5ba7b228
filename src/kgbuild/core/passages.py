"""The words of a text, as passages are compared: whatever case, mark-up, line breaks and punctuation surround them.

A word is a run of letters, marks and digits after NFKC and case folding; each Han character is a word of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kgbuild.core.composition import compose

_IGNORED: Final = frozenset("\u00ad\u200c\u200d\u2060\ufeff\u200e\u200f")
"""Soft hyphens, joiners and marks of direction: a page may have them within a word, and its reader sees nothing."""


_HAN: Final = (
    ("\u3005", "\u3007"),
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)


@dataclass(frozen=True, slots=True)
class TextWord:
    """One word, normalised, and where it stands: offsets in the NFC text, the end excluded."""

    text: str
    start: int
    end: int


def text_words(text: str) -> list[TextWord]:
    """Cut a text in NFC into normalised words.

    >>> [(word.text, word.start, word.end) for word in text_words("The HUB’s №5: 国家.")]
    [('the', 0, 3), ('hub', 4, 7), ('s', 8, 9), ('no5', 10, 12), ('国', 14, 15), ('家', 15, 16)]
    """
    words: list[TextWord] = []
    letters, start, end = "", 0, 0
    for normal, at, after in _segments(text):
        for character in normal:
            is_han = _is_han(character)
            if letters and (is_han or not _is_of_word(character)):
                words.append(TextWord(letters, start, end))
                letters = ""
            if is_han:
                words.append(TextWord(character, at, after))
            elif _is_of_word(character):
                start = at if not letters else start
                letters, end = letters + character, after
    return [*words, TextWord(letters, start, end)] if letters else words


def _segments(text: str) -> Iterator[tuple[str, int, int]]:
    """Give each letter with the marks that follow it, normalised, with its offsets; what is not seen is left out."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.category(text[end])[0] == "M":
            end += 1
        if text[start] not in _IGNORED:
            yield _normal(text[start:end]), start, end
        start = end


def _normal(segment: str) -> str:
    if segment.isascii():
        return segment.lower()
    return compose(compose(segment, "NFKC").casefold(), "NFKC")


def _is_of_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd"


def _is_han(character: str) -> bool:
    return any(first <= character <= last for first, last in _HAN)
