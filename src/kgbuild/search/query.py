"""Searching an index: whole names first, then all words, their forms, their beginnings, and words one letter off."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final
from urllib.parse import quote

from kgbuild.core.errors import KgError
from kgbuild.core.folding import Word, fold, words_of
from kgbuild.core.namespaces import BASE, PREFIXES
from kgbuild.search import FORMAT
from kgbuild.search.index import SHORTEST_CORRECTED, shortened

MOST_RESULTS: Final = 200
MOST_WORDS: Final = 12
"""Of a query; further ones are left out."""
DEADLINE: Final = 1.0
"""Seconds that a search may take."""
MATCHES: Final = ("exact", "words", "forms", "beginnings", "nearly")
"""How a name fits a query, best first."""
_SMALL_WORDS: Final = frozenset(
    ("a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to", "в", "во", "и", "на", "о", "по", "при")
)
"""A name is found without them too."""
_SHORTEST_BEGINNING: Final = 2
_STEPS: Final = 1000
"""Of SQLite's machine, between looks at the clock."""


class SearchError(KgError):
    """An index cannot be used."""


class TooLongError(SearchError):
    """A search was ended after `DEADLINE`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found, by the one of its names that fits best."""

    iri: str
    kind: str
    labels: Mapping[str, str]
    """Language -> label."""
    text: str
    """The name that was found; the IRI where that was asked for."""
    language: str
    name_kind: str
    match: str
    """One of `MATCHES`."""


@dataclass(frozen=True)
class Found:
    """What a search found, best first: at most `MOST_RESULTS`."""

    hits: tuple[Hit, ...] = ()
    more: bool = False
    """Whether there would be more of them."""
    instead: str = ""
    """The query as it may have been meant, where nothing fits it as it is."""


_Words = tuple[Word, ...]
_ROW: Final = "t.iri, t.kind, t.labels, n.text, n.language, n.kind"
_BY_WORDS: Final = (
    f"SELECT {_ROW}, n.folded FROM words CROSS JOIN names n ON n.id = words.rowid "  # noqa: S608 - our own columns
    "CROSS JOIN things t ON t.id = n.thing WHERE words MATCH ? ORDER BY words.rowid"
)
_BY_WHOLE: Final = (
    f"SELECT {_ROW}, n.folded FROM names n CROSS JOIN things t ON t.id = n.thing "  # noqa: S608
    "WHERE n.folded = ? AND (? = '' OR t.kind = ?) ORDER BY n.id"
)
_BY_IRI: Final = (
    "SELECT t.iri, t.kind, t.labels, t.iri, '', 'identifier', '' FROM things t "
    "WHERE t.iri = ? AND (? = '' OR t.kind = ?)"
)


class Index:
    """An index that is there; one thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        """Open an index read-only; SearchError if there is none, or one of another version."""
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        try:
            self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            facts = {name: json.loads(value) for name, value in self._connection.execute("SELECT * FROM facts")}
        except (sqlite3.Error, ValueError) as problem:
            raise SearchError(f"{path}: cannot be searched: {problem}. Build again.") from problem
        if facts.get("format") != FORMAT:
            raise SearchError(f"{path}: is an index of another version. Build again.")
        self.kinds: dict[str, int] = facts["kinds"]
        """Kind -> number of its things, in the order of `KINDS`."""

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def find(self, query: str, kind: str = "") -> Found:
        """Find things by their names, best first; of one kind if it is given.

        Never fails for what the query holds; raises TooLongError after `DEADLINE`, SearchError if the file is damaged.
        """
        end = time.monotonic() + DEADLINE
        self._connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            return self._find(query, kind)
        except sqlite3.Error as problem:
            if problem.sqlite_errorname == "SQLITE_INTERRUPT":
                raise TooLongError(f"The search took longer than {DEADLINE:g} s.") from problem
            raise SearchError(f"The index cannot be read: {problem}. Build again.") from problem

    def _find(self, query: str, kind: str) -> Found:
        taken = _Taken()
        taken.add(self._connection.execute(_BY_IRI, (_iri_in(query), kind, kind)), "exact")
        words = tuple(words_of(query))
        cut = words[:MOST_WORDS] if not any(word.is_han for word in words) else words[: 4 * MOST_WORDS]
        if not cut:
            return taken.found()
        taken.add(self._connection.execute(_BY_WHOLE, (fold(query), kind, kind)), "exact")
        needed = tuple(word for word in cut if word.folded not in _SMALL_WORDS) or cut
        for match, asked in (
            ("words", _all_of(cut, _as_written)),
            ("forms", _all_of(needed, _in_any_form)),
            ("beginnings", _all_of(needed, _begun)),
        ):
            if not taken.full:
                taken.add(self._matching(asked, kind), match)
        return taken.found() if taken.hits else self._nearly(cut, needed, kind, taken)

    def _matching(self, asked: str, kind: str) -> Iterator[tuple[str, ...]]:
        return self._connection.execute(_BY_WORDS, (f'({asked}) AND kind : "{kind}"' if kind else asked,))

    def _nearly(self, written: _Words, words: _Words, kind: str, taken: _Taken) -> Found:
        """Find names in which a word of five letters or more is one edit away."""
        near = {word: self._neighbours(word) for word in words}
        if not any(near.values()):
            return taken.found()

        def any_of(word: Word) -> str:
            return " OR ".join([_in_any_form(word), *(_quoted("word", other) for other in near[word])])

        taken.add(self._matching(_all_of(words, any_of), kind), "nearly")
        if not taken.hits:
            return taken.found()
        return taken.found(" ".join(self._meant(word, near.get(word, []), taken.first) for word in written))

    def _neighbours(self, word: Word) -> list[str]:
        if word.is_han or len(word.folded) < SHORTEST_CORRECTED - 1:
            return []
        letters = sorted(shortened(word.folded))
        marks = ", ".join("?" * len(letters))
        rows = self._connection.execute(
            f"SELECT DISTINCT word FROM shortened WHERE letters IN ({marks}) ORDER BY word",  # noqa: S608 - marks only
            letters,
        )
        return [other for (other,) in rows if other != word.folded and is_one_edit(word.folded, other)]

    def _meant(self, word: Word, near: list[str], folded: frozenset[str]) -> str:
        """Choose the word that the best hit has; the one that was written where that has it."""
        other = next((other for other in near if other in folded), None)
        if other is None or word.folded in folded:
            return word.written
        row = self._connection.execute("SELECT written FROM vocabulary WHERE word = ?", (other,)).fetchone()
        return str(row[0])


@dataclass
class _Taken:
    """Collects hits: each thing once, by the name that comes first."""

    hits: dict[str, Hit] = field(default_factory=dict)
    first: frozenset[str] = frozenset()
    """Folded words of the best name."""

    @property
    def full(self) -> bool:
        return len(self.hits) > MOST_RESULTS

    def add(self, rows: Iterator[tuple[str, ...]], match: str) -> None:
        for iri, kind, labels, text, language, name_kind, folded in rows:
            if iri not in self.hits:
                if not self.hits:
                    self.first = frozenset(folded.split())
                self.hits[iri] = Hit(iri, kind, json.loads(labels), text, language, name_kind, match)
            if self.full:
                break

    def found(self, instead: str = "") -> Found:
        return Found(tuple(self.hits.values())[:MOST_RESULTS], self.full, instead)


def _iri_in(query: str) -> str:
    """Read a query as an IRI, whole or with a prefix; as it is otherwise."""
    text = query.strip().strip("<>").encode(errors="replace").decode()  # half a character, which SQLite would not take
    prefix, colon, local = text.partition(":")
    return PREFIXES[prefix] + local if colon and prefix in PREFIXES and not text.startswith(BASE) else text


def _all_of(words: _Words, ask: Callable[[Word], str]) -> str:
    """Ask for names with all of some words; of a run of Chinese characters for the run."""
    parts: list[str] = []
    for run, group in groupby(words, key=lambda word: word.is_han):
        if run:
            parts.append(_quoted("word", " ".join(word.folded for word in group)))
        else:
            parts += [f"({ask(word)})" for word in group]
    return " AND ".join(parts)


def _quoted(column: str, text: str) -> str:
    return f'{column} : "{text}"'  # words have letters and figures only, and so no quotation marks


def _as_written(word: Word) -> str:
    return _quoted("word", word.folded)


def _in_any_form(word: Word) -> str:
    asked = [_as_written(word), _quoted("stem", word.stem)]
    if 2 * len(word.sound) >= len(word.folded):  # not what is hardly left of a row of one letter
        asked.append(_quoted("sound", word.sound))
    if word.parts:
        asked.append("(" + " AND ".join(_quoted("stem", part) for part in word.parts) + ")")
    return " OR ".join(asked)


def _begun(word: Word) -> str:
    asked = [_in_any_form(word)]
    if len(word.folded) >= _SHORTEST_BEGINNING:
        asked.append(f"{_as_written(word)}*")
    if len(word.sound) >= _SHORTEST_BEGINNING + 2:
        asked.append(f"{_quoted('sound', word.sound)}*")
    return " OR ".join(asked)


def is_one_edit(one: str, other: str) -> bool:
    """Tell whether a letter more, less, changed, or two neighbours exchanged, make one word of another.

    >>> [is_one_edit("chuntao", other) for other in ("chuntoa", "chunta", "chuntaoo", "chumtao", "chuntao")]
    [True, True, True, True, False]
    """
    if len(one) > len(other):
        one, other = other, one
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    rest, longer = one[start:], other[start:]
    if len(one) < len(other):
        return len(other) - len(one) == 1 and rest == longer[1:]
    return one != other and (rest[1:] == longer[1:] or (rest[:2] == longer[1::-1] and rest[2:] == longer[2:]))
