"""Faults of syntax in words: where, what was expected, and what was probably meant."""

from __future__ import annotations

import bisect
import difflib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import Store

from kgbuild.core.namespaces import PREFIXES
from kgbuild.sparql import lexer

LONGEST_EXPLAINED: Final = 20_000
"""Characters of a query that is parsed again, piece by piece, to find the fault."""
MOST_EXPLAINED: Final = 10
"""Unknown terms or prefixes that are named: each is compared with all that there are."""
_LONGEST_COMPARED: Final = 100
"""Characters of a term for which the nearest is sought."""
_POSITION: Final = re.compile(r"error at (\d+):(\d+): ")
_NO_PREFIX: Final = "Prefix not found"
_FINDINGS: Final = {
    "BIND is overriding an existing variable": "BIND takes a variable that has a value already",
    "The SELECT contains a variable that is unbound": "a variable of the SELECT is neither grouped nor aggregated",
    "IRI parsing failed": "this is no whole IRI",
}
"""What pyoxigraph says of rules that are not the grammar's -> how we say it."""
_PARSER: Final = Store()
_LONGEST_KEYWORD: Final = len("ENCODE_FOR_URI")
_APART: Final = " " * (_LONGEST_KEYWORD + 2)
_NOTHING: Final = "\x01"
_SEPARATE: Final = frozenset("()[]{};,")
_JOINED: Final = frozenset({"{|", "|}", "<(", ")>"})
"""Signs of RDF 1.2 that no space may part."""
_KINDS: Final = {
    '"?"': "a variable", '"$"': "a variable", '"<"': "an IRI", '":"': "a prefixed name", "['A'": "a prefixed name",
    '"\'"': "a string", '"\'\'': "a string", '"\\""': "a string", '"\\"\\': "a string", "['0'": "a number",
    '"_:"': "a blank node", '"\'\'\'': "a string",
}  # fmt: skip
"""First four characters of what pyoxigraph calls a terminal -> what people call it."""
_TERMS: Final = frozenset({*_KINDS.values(), "true", "false"})
_NOT_OFFERED: Final = frozenset({"<unreported>", "LATERAL", "SERVICE", "VERSION", "<<", "<<(", "{|", "~"})
"""What is refused here, no part of SPARQL 1.1, or both."""
_PREFIXED: Final = re.compile(r"([A-Za-z][\w-]*):[\w-]?", re.ASCII)
_TERM: Final = "icn:"
KEYWORDS: Final = (
    "A", "ASC", "ASK", "BASE", "BIND", "BOUND", "BY", "CONSTRUCT", "COUNT", "DESC", "DESCRIBE", "DISTINCT", "EXISTS",
    "FILTER", "FROM", "GRAPH", "GROUP", "HAVING", "LIMIT", "MINUS", "NAMED", "OFFSET", "OPTIONAL", "ORDER", "PREFIX",
    "REDUCED", "SELECT", "UNION", "VALUES", "WHERE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """A fault at a place; line and column count from 1."""

    line: int
    column: int
    expected: tuple[str, ...]
    """Words and signs of the grammar, and kinds of terms, that could stand there."""
    missing: tuple[str, ...]
    """Prefixes that are used and not declared."""
    meant: str
    """A keyword, or a prefix, that the word at the place comes near to; "" for none."""
    finding: str = ""
    """What is wrong, where that is more than an unexpected word."""

    def sentence(self) -> str:
        """Say where, what is wrong, and what to do."""
        return f"Line {self.line}, column {self.column}: {self.advice()}"

    def advice(self) -> str:
        """Say what is wrong and what to do, without the place."""
        hint = f" Did you mean {self.meant}?" if self.meant else ""
        if self.missing:
            known = [prefix for prefix in self.missing if prefix in PREFIXES]
            lines = " ".join(f"PREFIX {prefix}: <{PREFIXES[prefix]}>" for prefix in known)
            remedy = f" Add {lines}." if lines else hint or " Declare it."
            named = "prefix {} is" if len(self.missing) == 1 else "prefixes {} are"
            return f"the {named.format(' and '.join(self.missing))} not declared.{remedy}"
        return f"{self.expectation()}.{hint or ' Correct the query at this place.'}"

    def expectation(self) -> str:
        """Say what could stand at the place."""
        if self.finding or not self.expected:
            return self.finding or "there is something that the grammar does not allow"
        words = set(self.expected)
        for name, those in (("a term", words & _TERMS), ("a function", {word for word in words if _is_function(word)})):
            if len(those) > 3:
                words = (words - those) | {name}
        shown = (word if word.replace(" ", "").isalnum() or word == "GROUP_CONCAT" else f"“{word}”" for word in words)
        *first, last = sorted(shown, key=lambda word: (" " not in word, word))
        return f"expected {', '.join(first)} or {last}" if first else f"expected {last}"

    def facts(self) -> dict[str, Any]:
        """Give the fault's parts for programs."""
        found: dict[str, Any] = {"line": self.line, "column": self.column, "expected": list(self.expected)}
        if self.missing:
            found["missing_prefixes"] = {prefix: PREFIXES.get(prefix, "") for prefix in self.missing}
        if self.meant:
            found["suggestion"] = self.meant
        return found


def _is_function(word: str) -> bool:
    return word.isidentifier() and word.upper() not in KEYWORDS and word not in _TERMS


def explain_syntax(message: str, text: str, base: str = "") -> SyntaxFault:
    """Explain why pyoxigraph cannot read a query: its message, and what further parsing of parts brings to light."""
    place: tuple[int, tuple[str, ...], str] = (place_of(message, text), (), "")
    if is_short := len(text) <= LONGEST_EXPLAINED:
        place = _locate(text, base or None)
    missing = (
        tuple(undeclared(text)[:MOST_EXPLAINED])
        if (place[2] == _NO_PREFIX if is_short else _NO_PREFIX in message)
        else ()
    )
    if missing:
        at = min(token.at for token in lexer.words(text) if token.text.partition(":")[0] in missing)
        near = [] if missing[0] in PREFIXES else difflib.get_close_matches(missing[0], PREFIXES, n=1)
        return SyntaxFault(*lexer.position(text, at), (), missing, near[0] if near else "")
    at, expected, finding = place
    return SyntaxFault(*lexer.position(text, at), expected, (), _meant(text, at), finding)


#
# The parser tries a keyword by taking as many characters as the keyword has, and tells the farthest place that any try
# has reached: up to 14 characters behind the fault, and only the longest of the words that it tried.  So the query is
# parsed again with its pieces far apart: the farthest place then lies behind the faulty piece and before the next one.
# What could stand there comes from parsing what is before it, with 0 to 14 characters behind that no rule takes.


def _locate(text: str, base: str | None) -> tuple[int, tuple[str, ...], str]:
    """Find the offset at which a query stops being one, what could stand there, and what is wrong if that says more."""
    pieces = list(_pieces(text))
    starts, padded = [], ""
    for _, piece in pieces:
        starts.append(len(padded))
        padded += piece + _APART
    reached = _reached(padded, base)
    farthest, tried = reached or (len(padded), [])
    number = max(bisect.bisect_right(starts, farthest) - 1, 0)
    at, piece = pieces[number] if pieces else (0, "")
    finding = next((_FINDINGS.get(word, word) for word in tried if _is_rule(word)), "")
    if finding:
        return at, (), finding
    inside = farthest - starts[number] if pieces else 0
    if piece[:1] in ("'", '"') and any(word.startswith('"\\\\') for word in tried):
        return at, (), "this string has no end, or a backslash that escapes nothing"
    if farthest >= len(padded):
        at, before = len(text.rstrip()), padded
    elif inside < len(piece) and not any(word.isalpha() for word in tried):
        # A sign was expected inside the piece: no keyword has moved the place.
        at, before = at + inside, padded[: starts[number]]
    else:
        before = padded[: starts[number]]
    expected = _expected(before, base)
    broken = next((_FINDINGS.get(word, word) for word in expected if _is_rule(word)), "")
    return (at, (), broken) if broken else (at, expected, "")


def _is_rule(word: str) -> bool:
    """Tell what breaks a rule about what has been read from what the grammar expects next."""
    return " " in word and word not in _TERMS and "[" not in word


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a query where a space changes nothing; comments fall away."""
    begin = end = -1
    for token in lexer.tokens(text):
        if token.kind == "comment":
            continue
        joined = token.at == end and not (
            {token.text, text[end - 1]} & _SEPARATE and text[end - 1 : token.at + 1] not in _JOINED
        )
        if begin >= 0 and not joined:
            yield begin, text[begin:end]
        begin, end = (begin if joined else token.at), token.at + len(token.text)
    if begin >= 0:
        yield begin, text[begin:end]


def _expected(before: str, base: str | None) -> tuple[str, ...]:
    """List what could follow the beginning of a query."""
    found: dict[str, None] = {}
    for size in range(_LONGEST_KEYWORD + 1):
        reached = _reached(before + _NOTHING * size, base)
        if reached is not None and reached[0] == len(before) + size:
            found |= dict.fromkeys(_KINDS.get(word[:4], word.strip('"')) for word in reached[1])
    return tuple(word for word in found if word not in _NOT_OFFERED)


def _reached(text: str, base: str | None) -> tuple[int, list[str]] | None:
    """Give the farthest offset that the parser reaches in a text, and what it tried last; None if it reads it all."""
    fault = parse_fault(text, base)
    if fault is None:
        return None
    listed = fault.partition(": ")[2].removeprefix("expected ").removeprefix("one of ")
    return place_of(fault, text), [word for word in listed.split(", ") if word != "[_]"]


def parse_fault(text: str, base: str | None = None) -> str | None:
    """Give what pyoxigraph says of a query that it cannot read; None if it can."""
    try:
        _PARSER.query(text, base_iri=base)
    except SyntaxError as fault:
        return str(fault)
    except (OSError, RuntimeError, ValueError):
        pass  # it can be read, and the store here is not the one that is to answer
    return None


def place_of(message: str, text: str) -> int:
    """Read the offset that a message of pyoxigraph tells: the farthest place that any try has reached."""
    match = _POSITION.match(message)
    if match is None:
        return 0
    before = text.split("\n")[: int(match[1]) - 1]
    return sum(len(line) + 1 for line in before) + int(match[2]) - 1


def _meant(text: str, at: int) -> str:
    """Find a keyword that the word at a place comes near to."""
    word = next((token.text.upper() for token in lexer.words(text) if token.at == at), "")
    if not word.isalpha() or word in KEYWORDS:
        return ""
    return next(iter(difflib.get_close_matches(word, KEYWORDS, n=1, cutoff=0.75)), "")


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

    Ten at most, and none of a long query, which nobody wrote by hand.

    >>> unknown_terms("SELECT * { ?m icn:%s ?d }" % "joinde", frozenset({"joined", "left"})).popitem()[1]
    'icn:joined'
    """
    if len(text) > LONGEST_EXPLAINED:
        return {}
    used = (t.text.rstrip(".") for t in lexer.tokens(text) if t.kind == "word" and t.text.startswith(_TERM))
    wrong = dict.fromkeys(
        term for term in used if term not in (_TERM, _TERM[:-1]) and term.removeprefix(_TERM) not in known
    )
    return {term: _nearest_term(term, known) for term in sorted(wrong)[:MOST_EXPLAINED]}


def _nearest_term(term: str, known: frozenset[str]) -> str:
    name = term.removeprefix(_TERM)
    found = difflib.get_close_matches(name, sorted(known), n=1) if len(name) <= _LONGEST_COMPARED else []
    return f"{_TERM}{found[0]}" if found else ""
