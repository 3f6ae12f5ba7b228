"""Search over all names: an index made from the quads of a release, in SQLite's FTS5 (https://sqlite.org/fts5.html).

`python -m kgbuild.search INDEX FILE …` makes one of RDF files, in a process of its own.

Names are numbered by their standing: things before articles and concepts, current names before former ones, short
ones before long.  FTS5 gives its rows in this order, so that the first page of a word that a hundred thousand names
hold costs no more than that of a rare one.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Quad, Store, parse

from kgbuild.engines.formats import EXTENSIONS
from kgbuild.errors import KgError
from kgbuild.folding import Word, pinyin, words_of
from kgbuild.namespaces import (
    ARTICLE_GRAPH,
    BASE,
    ENTITY_KINDS,
    ID,
    ONTOLOGY,
    PREFIXES,
    SITUATION_KINDS,
    VOCABULARY,
    expand,
)

FILE: Final = "search.sqlite"
"""In a release's folder."""
MOST_QUADS: Final = 2_000_000
"""Of files that are indexed when the server starts: larger data are searched as a release, which has its index."""
MOST_RESULTS: Final = 200
MOST_WORDS: Final = 12
"""Of a query; further ones are left out."""
DEADLINE: Final = 1.0
"""Seconds that a search may take."""
KINDS: Final = (*ENTITY_KINDS, "article", *SITUATION_KINDS, "concept", "term", "other")
"""Kinds of things found, in the order in which they stand among equals."""
_WHO_AND_WHERE: Final = frozenset(("institution", "network", "person", "place", "state", "territory"))
"""They stand before meetings and agreements, whose names often hold theirs."""
NAME_KINDS: Final = ("name", "short", "other-name", "spelling", "former", "described", "identifier")
"""What a name is to its thing, in the order in which they stand among equals."""
MATCHES: Final = ("exact", "words", "forms", "beginnings", "nearly")
"""How a name fits a query, best first."""
_FORMAT: Final = 1
_SMALL_WORDS: Final = frozenset(
    ("a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to", "в", "во", "и", "на", "о", "по", "при")
)
"""A name is found without them too."""
_SHORTEST_CORRECTED: Final = 5
_SHORTEST_BEGINNING: Final = 2
_STEPS: Final = 1000
"""Of SQLite's machine, between looks at the clock."""


# --- names ------------------------------------------------------------------------------------------------------------


class Quads(Protocol):
    """Where names are read from."""

    def having(self, predicates: frozenset[str]) -> Iterator[Quad]:
        """Go through the quads with one of these predicates."""
        ...


@dataclass(frozen=True)
class StoredQuads:
    """Quads of a store."""

    store: Store

    def having(self, predicates: frozenset[str]) -> Iterator[Quad]:
        """Go through the quads with one of these predicates."""
        for predicate in sorted(predicates):
            yield from self.store.quads_for_pattern(None, NamedNode(predicate), None, None)


@dataclass(frozen=True)
class FiledQuads:
    """Quads of RDF files; each time they are asked for they are read."""

    files: tuple[Path, ...]

    def having(self, predicates: frozenset[str]) -> Iterator[Quad]:
        """Go through the quads with one of these predicates."""
        wanted = {NamedNode(predicate) for predicate in predicates}
        for path in self.files:
            # As the server loads them: lenient, each file with blank nodes of its own.
            for quad in parse(path=path, format=EXTENSIONS[path.suffix.lower()], lenient=True):
                if quad.predicate in wanted:
                    yield quad


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a thing."""

    iri: str
    text: str
    language: str
    """"" if it has none."""
    kind: str
    """One of `NAME_KINDS`."""


_LABELS: Final = frozenset({expand("rdfs:label"), expand("skos:prefLabel"), expand("dcterms:title")})
_ALTERNATIVE: Final = expand("skos:altLabel")
_IDENTIFIERS: Final = frozenset({expand("dcterms:identifier"), expand("icn:identifier"), expand("skos:notation")})
_NAMING: Final = {name: expand(f"icn:{name}") for name in ("text", "nameOf", "nameKind", "ended")}
_CLAIM: Final = {name: expand(f"icn:{name}") for name in ("claims", "namedAs", "infers")}
NAMING_PREDICATES: Final = frozenset({*_LABELS, _ALTERNATIVE, *_IDENTIFIERS, *_NAMING.values(), *_CLAIM.values()})
_OF_NAME_KIND: Final = {expand("name-kind:former"): "former", expand("name-kind:short"): "short"}


def gather(quads: Quads) -> tuple[list[Name], dict[str, dict[str, str]]]:
    """Collect all names, and the labels of each thing by language; of twins the one that stands higher."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    values: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in (*_NAMING.values(), *_CLAIM.values())}
    texts: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for quad in quads.having(NAMING_PREDICATES):
        predicate, value = quad.predicate.value, quad.object
        if not isinstance(quad.subject, NamedNode):
            continue
        subject = quad.subject.value
        if isinstance(value, Literal):
            text, language = " ".join(value.value.split()), value.language or ""
            if predicate in _LABELS:
                found[subject, text, language].add("name")
                if predicate != expand("dcterms:title"):
                    labels[subject][language] = min(text, labels[subject].get(language, text))
            elif predicate == _ALTERNATIVE:
                found[subject, text, language].add(_graph_kind(quad))
            elif predicate in _IDENTIFIERS:
                found[subject, text, ""].add("identifier")
            else:
                texts[subject].add((text, language))
        elif isinstance(value, NamedNode) and predicate in values:
            values[predicate][subject].add(value.value)
    for name in _namings(values, texts):
        found[name.iri, name.text, name.language].add(name.kind)
    for name in _descriptions(values, texts, found, quads):
        found[name.iri, name.text, name.language].add(name.kind)
    names = [Name(*key, kind) for key, kinds in found.items() if (kind := _chosen(kinds)) and key[1]]
    return sorted(names, key=_standing), labels


def _graph_kind(quad: Quad) -> str:
    graph = quad.graph_name
    if isinstance(graph, NamedNode):
        return "spelling" if graph.value.startswith(ARTICLE_GRAPH) else "other-name"
    return "resolved"


def _chosen(kinds: set[str]) -> str:
    """Say what a name is of which several things are said; the default graph only repeats the others."""
    known = kinds - {"resolved"} or {"other-name"}
    if "name" not in known and {"former", "short"} & known:
        known &= {"former", "short"}  # a dated name says more than that somebody uses it
    return min(known, key=NAME_KINDS.index)


def _standing(name: Name) -> tuple[int, int, int, str, str, str]:
    kind, sort = kind_of(name.iri), NAME_KINDS.index(name.kind)
    group = 0 if kind in _WHO_AND_WHERE else 1 if kind in ENTITY_KINDS else KINDS.index(kind)
    return group, sort, len(name.text), name.text, name.iri, name.language


def kind_of(iri: str) -> str:
    """Tell the kind of a thing, one of `KINDS`, by its IRI.

    >>> [kind_of(expand(name)) for name in ("network:x", "act:x", "icn:Network", "foaf:name")]
    ['network', 'concept', 'term', 'other']
    """
    if iri.startswith(ID):
        kind = iri[len(ID) :].partition("/")[0]
        return kind if kind in KINDS else "other"
    return "concept" if iri.startswith(VOCABULARY) else "term" if iri.startswith(ONTOLOGY) else "other"


def _namings(values: Mapping[str, dict[str, set[str]]], texts: dict[str, set[tuple[str, str]]]) -> Iterator[Name]:
    """Read the situations in which a thing bears a name; a name whose end is known is a former one."""
    for naming, things in values[_NAMING["nameOf"]].items():
        said = {_OF_NAME_KIND.get(kind, "other-name") for kind in values[_NAMING["nameKind"]].get(naming, ())}
        former = "former" in said or naming in values[_NAMING["ended"]]
        kind = "former" if former else "short" if "short" in said else "other-name"
        for thing in things:
            for text, language in texts.get(naming, ()):
                yield Name(thing, text, language, kind)


def _descriptions(
    values: Mapping[str, dict[str, set[str]]],
    texts: dict[str, set[tuple[str, str]]],
    found: Mapping[tuple[str, str, str], set[str]],
    quads: Quads,
) -> Iterator[Name]:
    """Read by what words a claim means a thing that it does not name, where the claim leaves no doubt which."""
    claims = {claim: names for claim, names in values[_CLAIM["infers"]].items() if claim in texts}
    bodies = {body for claim in claims for body in values[_CLAIM["claims"]].get(claim, ())}
    meant: dict[tuple[str, str], set[str]] = defaultdict(set)
    for quad in quads.having(frozenset(name for names in claims.values() for name in names)) if claims else ():
        subject, value = quad.subject, quad.object
        if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode) or subject.value not in bodies:
            continue
        if kind_of(value.value) in ENTITY_KINDS:
            meant[subject.value, quad.predicate.value].add(value.value)
    names = {(text, language) for _, text, language in found}
    for claim, properties in claims.items():
        things = {t for body in values[_CLAIM["claims"]].get(claim, ()) for p in properties for t in meant[body, p]}
        # What is somebody's name was said of another party to the claim.
        described = texts[claim] - names
        if len(things) == 1:
            yield from (Name(next(iter(things)), text, language, "described") for text, language in sorted(described))


# --- the index --------------------------------------------------------------------------------------------------------

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
        ((n, iri, kind_of(iri), _json(labels.get(iri, {}))) for iri, n in things.items()),
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
            (n, " ".join(w.folded for w in words), _stems(words, stems), _sounds(words), kind_of(name.iri))
            for n, (name, words) in enumerate(zip(names, cut, strict=True), 1)
        ),
    )
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    _fill_vocabulary(connection, cut)
    counts = Counter(kind_of(iri) for iri in things)
    facts = {"format": _FORMAT, "kinds": {kind: counts[kind] for kind in KINDS if counts[kind]}}
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
            if len(word.folded) >= _SHORTEST_CORRECTED and word.folded.isalpha():
                written[word.folded] = max(word.written, written.get(word.folded, ""))
    connection.executemany("INSERT INTO vocabulary VALUES (?, ?)", sorted(written.items()))
    pairs = sorted({(letters, word) for word in written for letters in _shortened(word)})
    connection.executemany("INSERT INTO shortened VALUES (?, ?)", pairs)


def _shortened(word: str) -> set[str]:
    """Give a word and all that remains of it without one of its letters: what two words one edit apart share."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# --- asking -----------------------------------------------------------------------------------------------------------


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
        if facts.get("format") != _FORMAT:
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
        whole = " ".join(word.folded for word in words)
        taken.add(self._connection.execute(_BY_WHOLE, (whole, kind, kind)), "exact")
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
        if word.is_han or len(word.folded) < _SHORTEST_CORRECTED - 1:
            return []
        letters = sorted(_shortened(word.folded))
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


# --- made by a process of its own -------------------------------------------------------------------------------------

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Make an index of files, for the process that waits for it; ends with it, and takes its folder along."""
    parent, path, *files = sys.argv[1:]
    folder = Path(path).parent
    signal.signal(signal.SIGTERM, lambda *_: _abandon(folder))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when to end
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        _abandon(folder)  # whom this is for has gone
    os.nice(10)  # it answers queries meanwhile
    make_index(Path(path), FiledQuads(tuple(map(Path, files))))


def _abandon(folder: Path) -> None:
    """Leave nothing behind of a server that was killed: its folder is nobody's now."""
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
