"""YAML with positions: one pass over the events of PyYAML's C parser (YAML 1.1 syntax, no implicit types).

Composing recurses and can be crashed by 100,000 brackets; the event pass cannot.  Every scalar stays text, so
`no` stays Norway and `2023` stays as written.  Anchors, aliases, tags, duplicate keys, nested-too-deep and empty
values are refused at their place: none has a use in a record, each has a use in an attack or a typing error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kgbuild.core.composition import MOST_MARKS, compose, find_overload
from kgbuild.core.errors import DataError, Findings, Place, error
from kgbuild.core.files import read_text

MAX_DEPTH = 32
LONGEST = 10_000
"""Characters of a key or a value."""

KeyPath = tuple[str | int, ...]
"""The path to a value: keys and list positions from the top of the document."""


@dataclass
class Document:
    """A file's content as dicts, lists and NFC strings, with the place of every key and value."""

    path: str
    content: Any
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Find the place of a value; of the nearest enclosing value where `path` leads to nothing."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(self.path, 1, 1))

    def key_place(self, path: KeyPath) -> Place:
        """Find the place of a key; of its value or the nearest enclosing value where it has none."""
        return self.keys.get(path) or self.place(path)

    def at(self, path: KeyPath) -> Any:
        """Give the value that a path leads to; None where it leads to nothing."""
        value = self.content
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def read_document(path: Path, name: str, findings: Findings) -> Document | None:
    """Read one YAML file; `name` is how issues call it.  A file that cannot be read is one issue."""
    return _document_or_issue(lambda: read_text(path, name), name, findings)


def comments(path: Path, name: str) -> Iterator[Place]:
    """Find what may be a comment in a file that was read, but for the line that tells editors the schema."""
    for number, line in enumerate(read_text(path, name).splitlines(), 1):
        found = re.search(
            r"(?:^|(?<=\s))#(?! yaml-language-server:)", line
        )  # within quotes it is none: rather too many
        if found:
            yield Place(name, number, found.start() + 1)


def parse_document(text: str, name: str, findings: Findings) -> Document | None:
    """Parse YAML text into a document of one mapping, or say what is wrong and where."""
    return _document_or_issue(lambda: text, name, findings)


def _document_or_issue(read: Callable[[], str], name: str, findings: Findings) -> Document | None:
    try:
        return _build_document(read(), name)
    except DataError as refused:
        findings.add(refused.issues)
        return None


def _refused(place: Place, code: str, finding: str, remedy: str) -> DataError:
    """End the reading of a file with its one issue."""
    return DataError([error(place, code, finding, remedy)])


def _build_document(text: str, name: str) -> Document:
    try:
        document = _Builder(name).build(text)
    except yaml.MarkedYAMLError as problem:
        raise _syntax_error(problem, name) from problem
    except yaml.reader.ReaderError as problem:  # a character that YAML does not allow has no mark, but a byte's number
        place = _place_after(text.encode()[: problem.position].decode(), name)
        raise _refused(place, "syntax", str(problem).splitlines()[0], "Remove the character.") from problem
    if document is None:
        raise _refused(Place(name, 1, 1), "empty-file", "the file says nothing", "Write a record, or remove the file.")
    if not isinstance(document.content, dict):
        finding = "the file is not a mapping of keys to values"
        raise _refused(document.place(()), "not-a-mapping", finding, "See data/README.md.")
    return document


def _place_after(before: str, name: str) -> Place:
    """Give the place of what follows the text `before`."""
    return Place(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _syntax_error(problem: yaml.MarkedYAMLError, name: str) -> DataError:
    mark = problem.problem_mark or problem.context_mark
    place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1, 1)
    finding = " ".join(part for part in (problem.problem, problem.context) if part)
    remedy = "Check the indentation, the colons and the quotes; a text with ': ' or ' #' in it needs quotes."
    return _refused(place, "syntax", f"this is not YAML: {finding}", remedy)


@dataclass
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    path: KeyPath
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
        text = self._composed(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._begin_key(top, text, event)
            return
        if not text and event.implicit[0]:  # plain, not quoted
            if top is None:
                return  # a file of comments alone
            remedy = "Give the value, or leave the key out; inside {…} a text with a comma needs quotes."
            self._refuse(event, "empty-value", "a value is missing", remedy)
        self._place(text, event)

    def _composed(self, event: yaml.ScalarEvent) -> str:
        text: str = event.value
        if len(text) > LONGEST:
            finding = f"a text of {len(text):,} characters stands here, more than {LONGEST:,}"
            self._refuse(event, "too-long", finding, "A record holds claims, not texts: shorten it.")
        if find_overload(text) is not None:
            finding = f"more than {MOST_MARKS} marks follow one letter here"
            self._refuse(event, "too-many-marks", finding, "No writing has that: remove them.")
        return compose(text)

    def _begin_key(self, top: _Open, key: str, event: yaml.Event) -> None:
        if key in top.value:
            finding = f"the key '{key}' stands here for the second time"
            self._refuse(event, "duplicate-key", finding, "Keep one of them.")
        top.key = key
        self.document.keys[(*top.path, key)] = self._mark(event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._check_node(event)
        if len(self.stack) >= MAX_DEPTH:
            finding = f"more than {MAX_DEPTH} levels of nesting"
            self._refuse(event, "too-deep", finding, "No record needs that: check the brackets.")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            self._refuse(event, "complex-key", "a key must be a word", "Write `key: value`.")
        path = self._place(value, event)
        self.stack.append(_Open(value, path))

    def _place(self, value: Any, event: yaml.Event) -> KeyPath:
        path: KeyPath = ()
        top = self.stack[-1] if self.stack else None
        if top is None:
            self.document.content = value
        elif isinstance(top.value, list):
            path = (*top.path, len(top.value))
            top.value.append(value)
        else:
            assert top.key is not None  # noqa: S101  # _open and _scalar refuse or set the key first
            path = (*top.path, top.key)
            top.value[top.key] = value
            top.key = None
        self.document.values[path] = self._mark(event)
        return path

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
        raise _refused(self._mark(event), code, finding, remedy)
