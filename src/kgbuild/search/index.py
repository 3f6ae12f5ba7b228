"""The index: names by their words, stems and sounds, in a file of SQLite."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from kgbuild.core.folding import Word, pinyin, words_of
from kgbuild.search import FILE, FORMAT, KINDS
from kgbuild.search.names import Name, Quads, found_kind, gather

MOST_QUADS: Final = 2_000_000
"""Of files that are indexed when the server starts: larger data are searched as a release, which has its index."""
SHORTEST_CORRECTED: Final = 5
"""Letters of a word that is found with an error."""
_TABLES: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE things (id INTEGER PRIMARY KEY, iri TEXT NOT NULL, kind TEXT NOT NULL, labels TEXT NOT NULL);
CREATE TABLE names (
  id INTEGER PRIMARY KEY, thing INTEGER NOT NULL, text TEXT NOT NULL, language TEXT NOT NULL, kind TEXT NOT NULL,
  folded TEXT NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5(
  word, stem, sound, kind, content='', columnsize=0, tokenize='ascii', prefix='2 3 4'
);
CREATE TABLE vocabulary (word TEXT PRIMARY KEY, written TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE shortened (letters TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (letters, word)) WITHOUT ROWID;
"""
_INDEXES: Final = "CREATE INDEX whole_names ON names (folded); CREATE UNIQUE INDEX iris ON things (iri);"


def make_index(path: Path, quads: Quads) -> None:
    """Make an index in a file that is not there yet; the same quads give the same bytes in one version of SQLite."""
    names, labels = gather(quads)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _TABLES)
        connection.execute("BEGIN")
        _fill(connection, names, labels)
        connection.execute("COMMIT")
        connection.executescript(_INDEXES + "VACUUM;")
    finally:
        connection.close()


def index_bytes(quads: Quads) -> bytes:
    """Make an index as a file of a release."""
    with tempfile.TemporaryDirectory(prefix="kgbuild-search-") as folder:
        path = Path(folder) / FILE
        make_index(path, quads)
        return path.read_bytes()


def _fill(connection: sqlite3.Connection, names: list[Name], labels: Mapping[str, dict[str, str]]) -> None:
    things = {iri: number for number, iri in enumerate(sorted({name.iri for name in names}), 1)}
    connection.executemany(
        "INSERT INTO things VALUES (?, ?, ?, ?)",
        ((n, iri, found_kind(iri), _json(labels.get(iri, {}))) for iri, n in things.items()),
    )
    cut = [words_of(name.text) for name in names]
    connection.executemany(
        "INSERT INTO names VALUES (?, ?, ?, ?, ?, ?)",
        (
            (n, things[name.iri], name.text, name.language, name.kind, " ".join(word.folded for word in words))
            for n, (name, words) in enumerate(zip(names, cut, strict=True), 1)
        ),
    )
    stems = {word.stem for words in cut for word in words}
    connection.executemany(
        "INSERT INTO words (rowid, word, stem, sound, kind) VALUES (?, ?, ?, ?, ?)",
        (
            (n, " ".join(w.folded for w in words), _stems(words, stems), _sounds(words), found_kind(name.iri))
            for n, (name, words) in enumerate(zip(names, cut, strict=True), 1)
        ),
    )
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    _fill_vocabulary(connection, cut)
    counts = Counter(found_kind(iri) for iri in things)
    facts = {"format": FORMAT, "kinds": {kind: counts[kind] for kind in KINDS if counts[kind]}}
    connection.executemany("INSERT INTO facts VALUES (?, ?)", ((name, _json(value)) for name, value in facts.items()))


def _stems(words: list[Word], known: set[str]) -> str:
    """List the stems, and those of a compound's parts where names hold its second part: госпиталь has none."""
    parts = [part for word in words if word.parts and word.parts[1] in known for part in word.parts]
    return " ".join([*(word.stem for word in words), *parts])


def _sounds(words: list[Word]) -> str:
    sounds: list[str] = []
    for run, group in groupby(words, key=lambda word: word.is_han):
        together = list(group)
        sounds += pinyin("".join(w.written for w in together)) if run else [word.sound for word in together]
    return " ".join(sound for sound in sounds if sound)


def _fill_vocabulary(connection: sqlite3.Connection, cut: Iterable[list[Word]]) -> None:
    written: dict[str, str] = {}
    for words in cut:
        for word in words:
            if len(word.folded) >= SHORTEST_CORRECTED and word.folded.isalpha():
                written[word.folded] = max(word.written, written.get(word.folded, ""))
    connection.executemany("INSERT INTO vocabulary VALUES (?, ?)", sorted(written.items()))
    pairs = sorted({(letters, word) for word in written for letters in shortened(word)})
    connection.executemany("INSERT INTO shortened VALUES (?, ?)", pairs)


def shortened(word: str) -> set[str]:
    """Give a word and all that remains of it without one of its letters: what two words one edit apart share."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
