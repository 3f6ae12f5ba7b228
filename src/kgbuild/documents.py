"""YAML with positions: one pass over the events of PyYAML's C parser (YAML 1.1 syntax, no implicit types).

Composing recurses and can be crashed by 100,000 brackets; the event pass cannot.  Every scalar stays text, so
`no` stays Norway and `2023` stays as written.  Anchors, aliases, tags, duplicate keys, nested-too-deep and empty
values are refused at their place: none has a use in a record, each has a use in an attack or a typing error.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kgbuild.errors import Issue, Place, error

MAX_BYTES = 1_000_000
MAX_DEPTH = 32

Key = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top of the document."""


@dataclass
class Document:
    """A file's content as dicts, lists and NFC strings, with the place of every key and value."""

    path: str
    content: Any
    keys: dict[Key, Place] = field(default_factory=dict)
    values: dict[Key, Place] = field(default_factory=dict)

    def place(self, way: Key) -> Place:
        """Find the place of a value; of the nearest enclosing value where `way` leads to nothing."""
        while way and way not in self.values:
            way = way[:-1]
        return self.values.get(way, Place(self.path, 1, 1))

    def key_place(self, way: Key) -> Place:
        """Find the place of a key; of its value or the nearest enclosing value where it has none."""
        return self.keys.get(way) or self.place(way)


class _RefusedError(Exception):
    """Carries the one issue that ends the reading of a file."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(str(issue))
        self.issue = issue


def read_document(path: Path, name: str) -> Document | Issue:
    """Read one YAML file; `name` is how issues call it.  A file that cannot be read is one issue."""
    text = _read_text(path, name)
    if isinstance(text, Issue):
        return text
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document | Issue:
    """Parse YAML text into a document of one mapping, or say what is wrong and where."""
    try:
        document = _Builder(name).build(text)
    except _RefusedError as refused:
        return refused.issue
    except yaml.MarkedYAMLError as problem:
        return _syntax_issue(problem, name)
    except yaml.reader.ReaderError as problem:  # a character that YAML does not allow has no mark, but a byte's number
        place = _place_after(text.encode()[: problem.position].decode(), name)
        return error(place, "syntax", str(problem).splitlines()[0], "Remove the character.")
    if document is None:
        return error(Place(name, 1, 1), "empty-file", "the file says nothing", "Write a record, or remove the file.")
    if not isinstance(document.content, dict):
        return error(
            document.place(()),
            "not-a-mapping",
            "the file is not a mapping of keys to values",
            "See data/README.md.",
        )
    return document


def _read_text(path: Path, name: str) -> str | Issue:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            return error(
                Place(name),
                "too-large",
                f"the file has {size:,} bytes, more than {MAX_BYTES:,}",
                "A record holds claims, not texts: split it or remove what is no claim.",
            )
        raw = path.read_bytes()
    except OSError as problem:
        return error(
            Place(name),
            "unreadable",
            f"the file cannot be read: {problem.strerror}",
            "Check its permissions.",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        read = problem.object  # `raw` without a byte order mark
        return error(
            _place_after(read[: problem.start].decode(), name),
            "not-utf-8",
            f"byte 0x{read[problem.start]:02x} is not UTF-8",
            "Save the file as UTF-8.",
        )


def _place_after(before: str, name: str) -> Place:
    """Give the place of what follows the text `before`."""
    return Place(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _syntax_issue(problem: yaml.MarkedYAMLError, name: str) -> Issue:
    mark = problem.problem_mark or problem.context_mark
    place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1, 1)
    finding = " ".join(part for part in (problem.problem, problem.context) if part)
    return error(
        place,
        "syntax",
        f"this is not YAML: {finding}",
        "Check the indentation, the colons and the quotes; a text with ': ' or ' #' in it needs quotes.",
    )


@dataclass
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    way: Key
    key: str | None = None


class _Builder:
    """Builds a document from events, iteratively: nothing here recurses on the input."""

    def __init__(self, name: str) -> None:
        self.document = Document(name, None)
        self.stack: list[_Open] = []
        self.documents = 0

    def build(self, text: str) -> Document | None:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            self._take(event)
        return self.document if self.document.values else None

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "two-documents", "a second document begins", "Give each record its own file.")
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(event, "alias", "an alias stands here", "Write the value out.")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._check_node(event)
        text = unicodedata.normalize("NFC", event.value)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._begin_key(top, text, event)
            return
        if not text and event.implicit[0]:  # plain, not quoted
            if top is None:
                return  # a file of comments alone
            self._refuse(
                event,
                "empty-value",
                "a value is missing",
                "Give the value, or leave the key out; inside {…} a text with a comma needs quotes.",
            )
        self._place(text, event)

    def _begin_key(self, top: _Open, key: str, event: yaml.Event) -> None:
        if key in top.value:
            self._refuse(
                event,
                "duplicate-key",
                f"the key '{key}' stands here for the second time",
                "Keep one of them.",
            )
        top.key = key
        self.document.keys[(*top.way, key)] = self._mark(event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._check_node(event)
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(
                event,
                "too-deep",
                f"more than {MAX_DEPTH} levels of nesting",
                "No record needs that: check the brackets.",
            )
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            self._refuse(event, "complex-key", "a key must be a word", "Write `key: value`.")
        way = self._place(value, event)
        self.stack.append(_Open(value, way))

    def _place(self, value: Any, event: yaml.Event) -> Key:
        way: Key = ()
        if not self.stack:
            self.document.content = value
        else:
            top = self.stack[-1]
            if isinstance(top.value, list):
                way = (*top.way, len(top.value))
                top.value.append(value)
            else:
                assert top.key is not None  # noqa: S101  # _open and _scalar refuse or set the key first
                way = (*top.way, top.key)
                top.value[top.key] = value
                top.key = None
        self.document.values[way] = self._mark(event)
        return way

    def _check_node(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, "anchor", "an anchor stands here", "Write each value out where it is used.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(event, "tag", f"a type tag '{tag}' stands here", "Remove it: every value is read as text.")

    def _mark(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.document.path, mark.line + 1, mark.column + 1) if mark else Place(self.document.path)

    def _refuse(self, event: yaml.Event, code: str, finding: str, remedy: str) -> None:
        raise _RefusedError(error(self._mark(event), code, finding, remedy))
