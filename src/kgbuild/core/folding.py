"""Names as they are compared: without case, marks and script-specific letters, by stem, and by sound.

The same functions run when the index is made and when it is asked: SQLite's own folding misses й, ё and ұ, and takes
a run of Chinese for one word.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Final

from kgbuild.core.composition import compose

LONGEST: Final = 1000
"""Characters of a text that are looked at: the longest name in the data has a quarter of that."""

_LETTERS: Final = str.maketrans(
    # What a reader without the keyboard of a language types for its letters; ё, й and ў lose their marks anyway.
    dict(zip("қғңәөұүһіҷҳєґ", "кгнаоуухичхег", strict=True))
    | {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ə": "a", "æ": "ae", "œ": "oe", "þ": "th"}
    | {"ى": "ي", "ة": "ه", "ٱ": "ا", "ـ": ""}
)
_WITHIN: Final = frozenset("'’‘ʼʻʹʺ`")
"""Apostrophes, which hold a word together: people's, oʻzbek."""
_HEADS: Final = {"гос": "государственный", "нац": "национальный", "ген": "генеральный"}
"""Shortened adjectives that begin a compound: госуправление is государственное управление."""
_SHORTEST_STEM: Final = 3
_SHORTEST_REST: Final = 5
"""Letters of the rest of a compound: госслужба is one, гости is none."""
_SOUNDS: Final = (
    # Between the ways to write Cyrillic in Latin letters: GOST, BGN, ISO 9, and what newspapers do.
    *(("dzh", "j"), ("zh", "j"), ("kh", "h"), ("ph", "f"), ("ye", "e"), ("yo", "e"), ("ya", "ia"), ("yu", "iu")),
    *(("y", "i"), ("q", "k"), ("w", "v")),
)
SYLLABLES: Final = 3
"""Syllables of Chinese that are written together in Latin letters, at most: Chuntao, Renmin, Zhonghua."""
_stemming: Final = Lock()  # a stemmer keeps the word it works on


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a name, or one Chinese character."""

    written: str
    """In lower case, with its marks."""
    folded: str
    stem: str
    sound: str
    """In simplified Latin letters."""
    parts: tuple[str, str] | None = None
    """Stems of the two words of a compound such as госуправление."""
    is_han: bool = False


def plain(name: str) -> str:
    """Fold a name for comparing it whole: NFKC, without case, single spaces.

    >>> plain("Астанинский  ХАБ")
    'астанинский хаб'
    """
    return " ".join(compose(name, "NFKC").casefold().split())


def normalise(raw: bytes, errors: str = "strict") -> str:
    """Bring a text into the form that offsets count in: UTF-8, NFC, LF; `errors` as for `bytes.decode`."""
    return compose(raw.decode("utf-8", errors).replace("\r\n", "\n").replace("\r", "\n"))


def words_of(text: str) -> list[Word]:
    """Cut a text into words, ready to be compared; never fails, whatever the text holds.

    >>> [word.folded for word in words_of("Ұлттық ҒЫЛЫМ, йод: 国家")]
    ['улттык', 'гылым', 'иод', '国', '家']
    >>> [(word.stem, word.parts) for word in words_of("академии госуправления")]
    [('акад', None), ('госуправл', ('государств', 'управл'))]
    """
    return [_word(written) for written in _cut(text)]


def fold(text: str) -> str:
    """Fold a text: its words, folded, with single spaces.

    >>> fold("O‘zbekiston  «ЁЖ»")
    'ozbekiston еж'
    """
    return " ".join(word.folded for word in words_of(text))


def pinyin(characters: str) -> list[str]:
    """Write a run of Chinese characters by sound: each syllable, and up to three together.

    >>> pinyin("谢春涛")
    ['xie', 'xiechun', 'xiechuntao', 'chun', 'chuntao', 'tao']
    """
    count = range(len(characters))
    runs = [characters[i:j] for i in count for j in range(i + 1, min(i + SYLLABLES, len(characters)) + 1)]
    return [_sound(run) for run in runs]


def is_han(character: str) -> bool:
    """Tell whether a character is written without spaces around words: Chinese, and Japanese syllables."""
    code = ord(character)
    return (
        0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF or 0xF900 <= code <= 0xFAFF or 0x3040 <= code <= 0x30FF
    )


def _cut(text: str) -> list[str]:
    lower = compose(compose(text[:LONGEST], "NFKC").casefold(), "NFKC")
    found = [""]
    for character in lower:
        category = unicodedata.category(character)
        if is_han(character) and character.isalnum():
            found += [character, ""]
        elif character.isalnum() and character not in _WITHIN:
            found[-1] += character
        elif category in ("Mn", "Mc", "Me"):
            found[-1] += character if found[-1] else ""
        elif category != "Cf" and character not in _WITHIN:  # soft hyphens and marks of direction part no name
            found.append("")
    return [written for written in found if written and _folded(written)]


@lru_cache(maxsize=1 << 16)
def _word(written: str) -> Word:
    if len(written) == 1 and is_han(written):
        return Word(written, _folded(written), _folded(written), _sound(written), is_han=True)
    folded = _folded(written)
    return Word(written, folded, _stem(written), _sound(folded), _parts(written))


def _folded(written: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", written) if unicodedata.category(c) not in ("Mn", "Me"))
    return plain.translate(_LETTERS)


@lru_cache
def _stemmer(language: str) -> Any:
    import snowballstemmer  # where it is used: not every command folds words

    return snowballstemmer.stemmer({"ru": "russian", "en": "english"}[language])


def _stem(written: str) -> str:
    """Cut endings off: by the rules of Russian or English; a word of another language is cut by them alike."""
    language = "ru" if any("а" <= c <= "ӿ" for c in written) else "en" if written.isascii() else ""
    if not language:
        return _folded(written)
    stem = written.replace("ё", "е")
    with _stemming:
        stem, before = _stemmer(language).stemWord(stem), stem
        # Once is not enough for Russian: Астане loses -е and Астана -на, as if it were a verb.
        while language == "ru" and stem != before and len(stem) > _SHORTEST_STEM:
            stem, before = _stemmer(language).stemWord(stem), stem
    return _folded(stem) or _folded(written)


def _parts(written: str) -> tuple[str, str] | None:
    head, rest = _HEADS.get(written[:3]), written[3:]
    return (_stem(head), _stem(rest)) if head and len(rest) >= _SHORTEST_REST else None


def _sound(folded: str) -> str:
    from anyascii import anyascii  # where it is used: its tables take 20 ms

    latin = folded if folded.isascii() else anyascii(folded).lower()
    latin = "".join(c for c in latin if c.isascii() and c.isalnum())
    for written, heard in _SOUNDS:
        latin = latin.replace(written, heard)
    return "".join(c for i, c in enumerate(latin) if c.isdigit() or i == 0 or c != latin[i - 1])
