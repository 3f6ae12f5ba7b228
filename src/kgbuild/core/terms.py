"""Query engines: what answers SPARQL 1.1 (https://www.w3.org/TR/sparql11-query/), here or elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pyoxigraph import NamedNode

from kgbuild.core.errors import EngineError
from kgbuild.core.namespaces import EXTERNAL, ONTOLOGY, expand

T = TypeVar("T")

XSD_STRING = EXTERNAL["xsd"] + "string"
LANG_STRING = EXTERNAL["rdf"] + "langString"

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
# What N-Triples writes by code point: the other controls, and what is no character at all.
_SPECIAL = re.compile('[\\\\"\x00-\x1f\x7f\ufffe\uffff]')


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """An IRI, a literal or a blank node; `kind` is `iri`, `literal` or `blank`.

    `value` is the IRI, the text or the label.  A plain string has neither `datatype` nor `language`.
    """

    kind: str
    value: str
    datatype: str = ""
    language: str = ""

    def n3(self) -> str:
        r"""Write the term as canonical N-Quads do.

        >>> Term("literal", 'a "hub"', language="en").n3()
        '"a \\"hub\\""@en'
        """
        if self.kind == "iri":
            return f"<{self.value}>"
        if self.kind == "blank":
            return f"_:{self.value}"
        quoted = f'"{_SPECIAL.sub(_escape, self.value)}"'
        if self.language:
            return f"{quoted}@{self.language}"
        return f"{quoted}^^<{self.datatype}>" if self.datatype else quoted


Triple = tuple[Term, Term, Term]
Row = tuple[Term | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The solutions of a SELECT: names of columns, and rows as long as these; None where nothing is bound."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def records(self) -> list[dict[str, Term]]:
        """Give each row as a mapping that leaves out what is not bound."""
        return [{c: t for c, t in zip(self.columns, row, strict=True) if t is not None} for row in self.rows]


Answer = Table | bool | list[Triple]
"""SELECT -> Table; ASK -> bool; CONSTRUCT and DESCRIBE -> triples, sorted, each once."""


class Engine(Protocol):
    """Answers queries."""

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer a query; `name` is how messages call it.

        Raises UsageError for a query that cannot be read, EngineError where there is no answer.
        """


def select(engine: Engine, text: str, name: str = "query") -> Table:
    """Answer a SELECT query."""
    answer = engine.query(text, name)
    if not isinstance(answer, Table):
        raise EngineError(f"{name}: the answer is no table. Only a SELECT query can be used here.")
    return answer


def iri(value: str) -> Term:
    """Make an IRI."""
    return Term("iri", value)


def literal(value: str, datatype: str = "", language: str = "") -> Term:
    """Make a literal; the two datatypes that plain and language-tagged strings have are left out."""
    return Term("literal", value, "" if datatype in (XSD_STRING, LANG_STRING) else datatype, language)


def term(name: str) -> NamedNode:
    """Name a term by its prefixed name, as `skos:altLabel`."""
    return NamedNode(expand(name))


def icn(name: str) -> NamedNode:
    """Name a term of our ontology."""
    return NamedNode(ONTOLOGY + name)


TYPE = term("rdf:type")


def reach(starts: Iterable[T], following: Callable[[T], Iterable[T]]) -> list[T]:
    """List all that can be reached from some things, themselves first, each once, whatever circles there are."""
    found = list(dict.fromkeys(starts))
    seen = set(found)
    for thing in found:  # grows meanwhile
        new = [other for other in dict.fromkeys(following(thing)) if other not in seen]
        seen.update(new)
        found.extend(new)
    return found


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _ESCAPES.get(character) or f"\\u{ord(character):04X}"
