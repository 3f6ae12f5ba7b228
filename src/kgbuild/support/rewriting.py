"""A SELECT rewritten so that it shows all it binds.

All variables are selected, DISTINCT and LIMIT are dropped, and each branch of an OPTIONAL or UNION marks the solutions
that it took part in.  Nothing else changes, so that filters stay as exact as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kgbuild.sparql import lexer

LONGEST: Final = 20_000
"""Characters behind the prologue of a query: rdflib takes 2 ms for each comparison in a filter."""
MARK: Final = "kgbuild_branch_"
"""What the names of the variables begin with that mark branches."""
NOT_FOLLOWED: Final = {
    "SELECT": "the query has a sub-SELECT, whose rows are not shown; join its parts into one pattern",
    "GRAPH": "the query names graphs with GRAPH, and so asks for its sources itself",
}
"""Keyword -> why a pattern that holds it is not followed."""
_VARIABLE: Final = re.compile(r"\w+")


class NotAttributableError(Exception):
    """Why the rows of a query cannot be led back to triples."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A query that shows all it binds, in three parts: up to its pattern, the pattern in braces, what follows."""

    head: str
    pattern: str
    tail: str
    modifier: str
    """DISTINCT, REDUCED or "": of the query as it was."""
    is_ordered: bool
    is_limited: bool

    @property
    def text(self) -> str:
        """Give the whole query."""
        return self.head + self.pattern + self.tail

    def narrowed(self, block: str) -> str:
        """Give the query with a VALUES block beside its pattern."""
        return f"{self.head}{{ {self.pattern} {block} }}{self.tail}"


@dataclass(frozen=True, slots=True)
class _Word:
    """A token by what it means: a keyword in capitals, a mark, `?x` for a variable, "" for everything else."""

    key: str
    start: int
    end: int


def rewrite(text: str) -> Rewritten:
    r"""Show all that a SELECT binds.

    >>> rewrite("SELECT ?x { ?x ?y 1 OPTIONAL { ?x a ?z } } LIMIT 5").text
    'SELECT ?kgbuild_branch_ ?kgbuild_branch_1 ?x ?y ?z { ?x ?y 1 OPTIONAL { ?x a ?z  BIND(1 AS ?kgbuild_branch_1) } } '
    """
    if "\\u" in text.lower():
        raise NotAttributableError("the query has \\u escapes, which two parsers read differently; write the letters")
    if MARK in text:
        raise NotAttributableError(f"the query uses the name {MARK}, which is taken for marking its branches")
    words = list(_words(text))
    select = _find_select(words)
    if len(text) - words[select].start > LONGEST:
        raise NotAttributableError(f"the query has more than {LONGEST:,} characters; ask it in parts")
    modifier = words[select + 1].key if words[select + 1].key in ("DISTINCT", "REDUCED") else ""
    opening, computed, expressions = _read_columns(text, words, select + 1 + bool(modifier))
    pairs = _pair_braces(words, opening)
    closing = pairs[opening]
    keys = {word.key for word in words[opening:]}
    if reason := next((NOT_FOLLOWED[key] for key in NOT_FOLLOWED if key in keys), ""):
        raise NotAttributableError(reason)
    branches = sorted(_branch_ends(words, pairs, opening, closing))
    shown = dict.fromkeys(word.key for word in words[opening:] if word.key.startswith("?"))
    columns = [*(f"?{MARK}{n or ''}" for n in range(len(branches) + 1)), *(v for v in shown if v[1:] not in computed)]
    marks = [(end, end, f" BIND(1 AS ?{MARK}{n}) ") for n, end in enumerate(branches, 1)]
    last = words[closing].end
    tail = list(words[closing + 1 :])
    limits = [(a.start, b.end, "") for a, b in pairwise(tail) if a.key in ("LIMIT", "OFFSET")]
    return Rewritten(
        head=f"{text[: words[select].end]} {' '.join([*columns, *expressions])} ",
        pattern=_edited(text, words[opening].start, last, marks),
        tail=_edited(text, last, len(text), limits),
        modifier=modifier,
        is_ordered=any(word.key == "ORDER" for word in tail),
        is_limited=bool(limits),
    )


def _words(text: str) -> Iterator[_Word]:
    for token in lexer.tokens(text):
        start, end = token.at, token.at + len(token.text)
        before = text[start - 1 : start]
        if token.kind == "comment" or token.text in ("?", "$"):
            continue
        if token.kind != "word":
            yield _Word(token.text if token.kind == "mark" else "", start, end)
        elif before and before in "?$" and (name := _VARIABLE.match(token.text)):
            yield _Word(f"?{name[0]}", start - 1, start + name.end())
            # The lexer takes `x.OPTIONAL` for one word; a variable's name ends before the dot.
            rest = token.text[name.end() :].lstrip(".-")
            if rest:
                yield _Word(rest.upper(), end - len(rest), end)
        else:
            yield _Word("" if before == "@" else token.text.upper(), start, end)


def _find_select(words: Sequence[_Word]) -> int:
    at = 0
    while at < len(words) and words[at].key in ("PREFIX", "BASE"):
        at += 3 if words[at].key == "PREFIX" else 2
    if at + 1 >= len(words) or words[at].key != "SELECT":
        raise NotAttributableError("the beginning of the query cannot be followed; write `SELECT ?a ?b WHERE { … }`")
    return at


def _read_columns(text: str, words: Sequence[_Word], at: int) -> tuple[int, frozenset[str], list[str]]:
    """Read the SELECT clause: where the pattern opens, which columns are expressions, and these as written."""
    computed: list[str] = []
    expressions: list[str] = []
    depth, start = 0, 0
    for i in range(at, len(words)):
        key = words[i].key
        if key == "FROM":
            raise NotAttributableError("the query chooses its graphs with FROM; ask the default graph instead")
        if key == "{" and not depth:
            return i, frozenset(computed), expressions
        if key == "(":
            start = start if depth else words[i].start
            depth += 1
        elif key == ")":
            depth -= 1
            if not depth:
                expressions.append(text[start : words[i].end])
                computed.append(words[i - 1].key.removeprefix("?"))
    raise NotAttributableError("the pattern of the query cannot be found; write `SELECT ?a ?b WHERE { … }`")


def _pair_braces(words: Sequence[_Word], opening: int) -> dict[int, int]:
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for i in range(opening, len(words)):
        if words[i].key == "{":
            opened.append(i)
        elif words[i].key == "}":
            pairs[opened.pop()] = i
            if not opened:
                return pairs
    raise NotAttributableError("the braces of the query cannot be paired; set its parts apart with spaces")


def _branch_ends(words: Sequence[_Word], pairs: Mapping[int, int], opening: int, closing: int) -> Iterator[int]:
    for start, end in pairs.items():
        follows = words[end + 1].key if end < closing else ""
        if start != opening and (words[start - 1].key in ("OPTIONAL", "UNION") or follows == "UNION"):
            yield words[end].start


def _edited(text: str, start: int, end: int, edits: Iterable[tuple[int, int, str]]) -> str:
    """Cut a part out of a text, with some of its stretches replaced."""
    parts = []
    for first, last, instead in edits:
        parts += [text[start:first], instead]
        start = last
    return "".join([*parts, text[start:end]])
