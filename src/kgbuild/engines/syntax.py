"""Faults of syntax in words: where, what was expected, and what was probably meant."""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import dataclass
from typing import Any, Final

from kgbuild.engines import lexer
from kgbuild.namespaces import PREFIXES

_POSITION: Final = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)
_PREFIXED: Final = re.compile(r"([A-Za-z][\w-]*):[\w-]?", re.ASCII)
_TERM: Final = "icn:"
KEYWORDS: Final = (
    "A", "ASC", "ASK", "BASE", "BIND", "BOUND", "BY", "CONSTRUCT", "COUNT", "DESC", "DESCRIBE", "DISTINCT", "EXISTS",
    "FILTER", "FROM", "GRAPH", "GROUP", "HAVING", "LIMIT", "MINUS", "NAMED", "OFFSET", "OPTIONAL", "ORDER", "PREFIX",
    "REDUCED", "SELECT", "UNION", "VALUES", "WHERE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """A fault at a place; line and column count from 1, 0 where the engine names none."""

    line: int
    column: int
    expected: tuple[str, ...]
    missing: tuple[str, ...]
    """Prefixes that are used and not declared."""
    meant: str
    """A keyword that the word at the place comes near to; "" for none."""

    def sentence(self) -> str:
        """Say what is wrong and what to do."""
        where = f"Line {self.line}, column {self.column}: " if self.line else ""
        if self.missing:
            lines = " ".join(f"PREFIX {prefix}: <{PREFIXES.get(prefix, '…')}>" for prefix in self.missing)
            return f"{where}the prefix {' and '.join(self.missing)} is not declared. Add {lines}."
        hint = f" Did you mean {self.meant}?" if self.meant else " Correct the query at this place."
        return f"{where}{self.expectation()}.{hint}"

    def expectation(self) -> str:
        """Say what could stand at the place."""
        if not self.expected:
            return "there is something that the grammar does not allow"
        return f"expected {' or '.join(self.expected)}"

    def facts(self) -> dict[str, Any]:
        """Give the fault's parts for programs."""
        found: dict[str, Any] = {"line": self.line, "column": self.column, "expected": list(self.expected)}
        if self.missing:
            found["missing_prefixes"] = {prefix: PREFIXES.get(prefix, "") for prefix in self.missing}
        if self.meant:
            found["suggestion"] = self.meant
        return found


def explain_syntax(message: str, text: str) -> SyntaxFault:
    """Read pyoxigraph's message about a query."""
    match = _POSITION.fullmatch(message)
    line, column, expected = (int(match[1]), int(match[2]), match[3]) if match else (0, 0, message)
    missing = tuple(undeclared(text)) if "Prefix not found" in expected or not match else ()
    if missing and match:  # the engine points behind the name: its beginning says more
        at = min(token.at for token in lexer.words(text) if token.text.partition(":")[0] in missing)
        line, column = lexer.position(text, at)
    return SyntaxFault(line, column, () if missing else _words(expected), missing, _meant(text, line, column))


def _words(expected: str) -> tuple[str, ...]:
    """Keep the words of the grammar from pyoxigraph's list; its character classes help nobody."""
    if "The SELECT contains a variable that is unbound" in expected:
        return ("each variable of the SELECT to be grouped, aggregated or bound",)
    listed = expected.removeprefix("expected ").removeprefix("one of ").split(", ")
    return tuple(word for word in listed if not set(word) & set("[]|{}=\n") and word != "Prefix not found")


def _meant(text: str, line: int, column: int) -> str:
    """Find a keyword that one of the last words before the place comes near to: the engine often points behind it."""
    if not line:
        return ""
    at = sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1
    before = [token for token in lexer.words(text[: at + 40]) if token.at <= at][-4:]
    for token in reversed(before):
        word = token.text.upper()
        if word in KEYWORDS or not word.isalpha() or text[token.at - 1 : token.at] in ("?", "$"):
            continue
        if found := difflib.get_close_matches(word, KEYWORDS, n=1, cutoff=0.75):
            return found[0]
    return ""


def undeclared(text: str) -> list[str]:
    """List the prefixes that a query uses and does not declare.

    >>> undeclared("PREFIX icn: <https://w3id.org/icn/ontology#> SELECT * { ?x a icn:Academy ; foaf:name 'a:b' }")
    ['foaf']
    """
    found = lexer.words(text)
    declared = {
        after.text.rstrip(":")
        for before, after in itertools.pairwise(found)
        if before.text.upper() == "PREFIX" and after.text.endswith(":")
    }
    used = {match[1] for token in found if (match := _PREFIXED.match(token.text)) and not token.text.endswith("::")}
    return sorted(used - declared - {"_"})


def unknown_terms(text: str, known: frozenset[str]) -> dict[str, str]:
    """List terms of our ontology that a query uses and that do not exist, each with the nearest that does, or "".

    >>> unknown_terms("SELECT * { ?m icn:joinde ?d }", frozenset({"joined", "left"}))
    {'icn:joinde': 'icn:joined'}
    """
    used = sorted({t.text.rstrip(".") for t in lexer.words(text) if t.text.startswith(_TERM) and t.text != _TERM})
    wrong = [term for term in used if term.removeprefix(_TERM) not in known]
    near = {term: difflib.get_close_matches(term.removeprefix(_TERM), sorted(known), n=1) for term in wrong}
    return {term: f"{_TERM}{found[0]}" if found else "" for term, found in near.items()}
