"""SPARQL in shapes (https://www.w3.org/TR/shacl/#sparql-constraints): read, and refused where it leaves the graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, RdfFormat, parse
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.plugins.sparql.sparql import Query

from kgbuild.core.errors import DataError, Issue, Place, display_name, error
from kgbuild.core.files import read_text
from kgbuild.core.terms import term
from kgbuild.sparql import lexer

QUERIES: Final = frozenset(term(f"sh:{name}") for name in ("select", "ask", "construct", "update"))
"""Properties of shapes whose values are queries."""
_PREFIX: Final = frozenset(term(f"sh:{name}") for name in ("prefix", "namespace"))
_NO_IRI: Final = frozenset('<>"{}|^`\\ \t\r\n')
_LEAVES: Final = ("service", "from", "load", "\\u")
"""What a query that leaves the graph holds in some case: rdflib writes escapes of code points out before it parses."""
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPED: Final = dict(zip("tbnrf", "\t\b\n\r\f", strict=True))
_REMEDY: Final = "Ask the graph that is checked, and nothing else."


def constraint_issues(paths: Iterable[Path], root: Path) -> Iterator[Issue]:
    """Say which queries of shapes are no SPARQL, ask another server, or read a graph from elsewhere; at their places.

    A file that is no Turtle is told by who reads it for its shapes.
    """
    for path in paths:
        name = display_name(path, root)
        try:
            text = read_text(path, name)
            quads = list(parse(text, format=RdfFormat.TURTLE))
        except (DataError, SyntaxError):
            continue
        for quad in quads:
            if quad.predicate in QUERIES and isinstance(quad.object, Literal):
                yield from _query_issues(quad.object.value, text, name)
            elif quad.predicate in _PREFIX and isinstance(quad.object, Literal) and _NO_IRI & set(quad.object.value):
                finding = f"'{quad.object.value}' is neither a prefix nor an IRI"
                yield error(
                    place_within(quad.object.value, "", text, name), "constraint", finding, "Write the IRI alone."
                )


def _query_issues(query: str, text: str, name: str) -> Iterator[Issue]:
    if not any(word in query.lower() for word in _LEAVES):
        return
    try:
        parsed = parseQuery(query)
    except Exception as fault:
        finding = f"this query is no SPARQL: {fault}"
        yield error(place_within(query, "", text, name), "constraint", finding, "Mend the query.")
        return
    if "\\u" in query.lower():
        finding = "an escape of a code point stands in a query, which may hide a keyword"
        yield error(place_within(query, "\\u", text, name), "constraint", finding, "Write the character itself.")
    elif (word := leaving(parsed)) is not None:
        where = "asks another server" if word == "SERVICE" else "names a graph that may be read from elsewhere"
        yield error(place_within(query, word, text, name), "constraint", f"{word} {where}", _REMEDY)


def leaving(parsed: Any) -> str | None:
    """Find SERVICE or FROM in what rdflib has parsed or translated; None if there is neither."""
    waiting: list[Any] = [parsed]
    while waiting:
        part = waiting.pop()
        if isinstance(part, CompValue):
            if part.name == "ServiceGraphPattern":
                return "SERVICE"
            # `dict.get`: rdflib's own gives the key itself where there is no value.
            if part.name == "DatasetClause" or dict.get(part, "datasetClause"):
                return "FROM"
            waiting.extend(part.values())
        elif isinstance(part, Query):
            waiting.append(part.algebra)
        elif isinstance(part, Iterable) and not isinstance(part, str):
            # What pyparsing gives calls itself a mapping, and holds more than it has names for.
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return None


def place_within(value: str, word: str, text: str, name: str) -> Place:
    """Find a word of a literal in the Turtle that holds it; the literal's beginning where that cannot be told."""
    for token in lexer.tokens(text):
        if token.kind == "string" and value in map(_unescaped, (token.text[3:-3], token.text[1:-1])):
            within = token.text.upper().find(word.upper()) if word else 0
            return Place(name, *lexer.position(text, token.at + max(within, 0)))
    return Place(name, 1, 1)


def _unescaped(written: str) -> str:
    """Read a string of Turtle."""

    def read(found: re.Match[str]) -> str:
        return chr(min(int(found[1][1:], 16), 0x10FFFF)) if len(found[1]) > 1 else _ESCAPED.get(found[1], found[1])

    return _ESCAPE.sub(read, written) if "\\" in written else written
