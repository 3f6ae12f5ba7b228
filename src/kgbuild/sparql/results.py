"""Answers read and written: SPARQL 1.1 Query Results JSON (https://www.w3.org/TR/sparql11-results-json/)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from kgbuild.core.terms import XSD_STRING, Table, Term, iri, literal

MEMBER: Final = "sources"
"""The member of the results' JSON that stands beside `results`."""

Rows = list[dict[str, dict[str, str]]]
"""Solutions as JSON has them: of each the terms that are bound, by the names of their columns."""

_TYPES: Final = {"iri": "uri", "blank": "bnode", "literal": "literal"}


_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODE: Final = json.JSONDecoder().raw_decode
_DEEP: Final = 3
"""How deep rows lie, and what is beside them."""
_AT_ONCE: Final = 256 << 10
"""Bytes that are read at once: it holds other threads up for two milliseconds at most, and takes two thirds as long."""


def read_json(body: bytes) -> Any:
    """Read JSON, much of it row by row: `json.loads` lets no other thread do anything until it has read all of it."""
    text = body.decode()
    if len(body) <= _AT_ONCE:
        return json.loads(text)
    value, end = _read(text, _SPACE.match(text).end(), _DEEP)  # type: ignore[union-attr]  # it matches anything
    if _SPACE.match(text, end).end() != len(text):  # type: ignore[union-attr]
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _read(text: str, at: int, depth: int) -> tuple[Any, int]:
    opening = text[at : at + 1]
    if not depth or opening not in ("[", "{"):
        return _DECODE(text, at)
    found: list[Any] = []
    names: list[str] = []
    closing, at = "]" if opening == "[" else "}", _after(text, at + 1)
    while text[at : at + 1] != closing or found:
        if opening == "{":
            name, at = _DECODE(text, at)
            if not isinstance(name, str) or text[at := _after(text, at)] != ":":
                raise json.JSONDecodeError("Expecting a name and ':'", text, at)
            names.append(name)
            at = _after(text, at + 1)
        value, at = _read(text, at, depth - 1)
        found.append(value)
        at = _after(text, at)
        if text[at : at + 1] == closing:
            break
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError(f"Expecting ',' or '{closing}'", text, at)
        at = _after(text, at + 1)
    return (dict(zip(names, found, strict=True)) if opening == "{" else found), at + 1


def _after(text: str, at: int) -> int:
    """Go on behind blanks."""
    return at if text[at : at + 1] not in " \t\r\n" else _SPACE.match(text, at).end()  # type: ignore[union-attr]


def read_table(results: dict[str, Any]) -> Table:
    """Read the solutions of a SELECT; raises ValueError, KeyError or TypeError where they are none."""
    columns = tuple(results["head"]["vars"])
    iris: dict[str, Term] = {}  # the same few stand in most rows
    # Lists, since generators cost a third more, and pages read thousands of terms.
    rows = [
        tuple([_read_term(binding[column], iris) if column in binding else None for column in columns])
        for binding in results["results"]["bindings"]
    ]
    return Table(columns, tuple(rows))


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """The solutions of a SELECT as JSON has them: what needs them as quads does not make terms of ours first."""

    rows: Rows

    def records(self) -> list[dict[str, Term]]:
        """Give what `Table.records` gives; raises what `read_table` raises."""
        iris: dict[str, Term] = {}
        return [{column: _read_term(each, iris) for column, each in row.items()} for row in self.rows]


def read_solutions(body: bytes) -> WrittenTable:
    """Read the solutions of a SELECT from JSON; for a thread where there are many."""
    return WrittenTable(read_json(body)["results"]["bindings"])


def _read_term(written: dict[str, str], iris: dict[str, Term]) -> Term:
    value = written["value"]
    if written["type"] == "uri":
        return iris.get(value) or iris.setdefault(value, iri(value))
    return read_term(written)


def read_term(written: dict[str, str]) -> Term:
    """Read a term as a solution has it; raises ValueError or KeyError where it is none."""
    kind, value = written["type"], written["value"]
    if kind == "uri":
        return iri(value)
    if kind == "bnode":
        return Term("blank", value)
    # Virtuoso 7 still writes `typed-literal`, of the drafts before SPARQL 1.1.
    if kind in ("literal", "typed-literal"):
        return literal(value, written.get("datatype", ""), written.get("xml:lang", ""))
    raise ValueError(f"no kind of term: {kind}")


def written(found: Table | WrittenTable) -> Rows:
    """Give solutions as JSON has them."""
    if isinstance(found, WrittenTable):
        return found.rows
    return [{column: write_binding(term) for column, term in row.items()} for row in found.records()]


def write_binding(term: Term) -> dict[str, str]:
    """Write a term as a solution has it."""
    written = {"type": _TYPES[term.kind], "value": term.value}
    if term.language:
        written["xml:lang"] = term.language
    elif term.datatype and term.datatype != XSD_STRING:
        written["datatype"] = term.datatype
    return written
