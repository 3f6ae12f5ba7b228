"""Mutants of SPARQL: each query or update (https://www.w3.org/TR/sparql11-query/#sparqlGrammar) with one thing wrong.

Read by the words alone, as the project's own rules, checks and constraints are written: keywords in capitals, no
brackets in triples but those of paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from kgbuild.sparql.lexer import Token, tokens

_FLIPS = {
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "=": ("!=",), "!=": ("=",),
    "&&": ("||",), "||": ("&&",),
}  # fmt: skip
_SWAPS = {
    "icn:earliest": "icn:latest", "icn:latest": "icn:earliest", "MIN": "MAX", "MAX": "MIN",
    "true": "false", "false": "true",
}  # fmt: skip
_PATTERNS = frozenset({"OPTIONAL", "FILTER", "BIND", "VALUES", "GRAPH", "SELECT", "MINUS"})
_OPEN = frozenset("({[")
_CLOSE = frozenset(")}]")

Edit = tuple[int, int, str]
"""Begin and end of a stretch of the text, and what stands there instead."""


@dataclass(frozen=True)
class Mutant:
    """What was done to a text, numbered where it was done more than once, and the text it gives."""

    what: str
    text: str


def mutate(text: str) -> list[Mutant]:
    """Give every mutant of a query or update, each once."""
    found: dict[str, Mutant] = {}
    times = Counter[str]()
    for what, edits in _Reader(text).mutations():
        changed = text
        for begin, end, new in sorted(edits, reverse=True):
            changed = changed[:begin] + new + changed[end:]
        if changed not in (text, *found):
            times[what] += 1
            found[changed] = Mutant(what if times[what] == 1 else f"{what} ({times[what]})", changed)
    return list(found.values())


Mutation = tuple[str, list[Edit]]
Walk = Generator[Mutation, None, int]
"""Mutations of a part, and what follows it."""


@dataclass
class _Reader:
    text: str
    found: list[Token] = field(init=False)
    mate: dict[int, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.found = [token for token in tokens(self.text) if token.kind != "comment"]
        waiting = []
        for i, token in enumerate(self.found):
            if token.kind == "mark" and token.text in _OPEN:
                waiting.append(i)
            elif token.kind == "mark" and token.text in _CLOSE:
                self.mate[waiting[-1]] = i
                self.mate[i] = waiting.pop()

    # --- what the words are ---

    def word(self, i: int) -> str:
        return self.found[i].text if i < len(self.found) else ""

    def begin(self, i: int) -> int:
        return self.found[i].at

    def end(self, i: int) -> int:
        """Tell where the word before `i` ends."""
        return self.found[i - 1].at + len(self.found[i - 1].text)

    def cut(self, i: int, j: int, new: str = "") -> Edit:
        return self.begin(i), self.end(j), new

    def shown(self, i: int, j: int) -> str:
        """Write some words in one line, without comments."""
        parts = ((k > i and self.begin(k) > self.end(k), self.word(k)) for k in range(i, j))
        return "".join(f" {word}" if apart else word for apart, word in parts).strip()

    def drop(self, i: int, j: int) -> Mutation:
        return f"drop {self.shown(i, j)}", [self.cut(i, j)]

    def operator(self, i: int) -> tuple[str, int]:
        """Give an operator and how many words it takes."""
        two = self.word(i) + self.word(i + 1)
        touching = i + 1 < len(self.found) and self.begin(i + 1) == self.end(i + 1)
        return (two, 2) if touching and two in _FLIPS else (self.word(i), 1)

    # --- the whole ---

    def mutations(self) -> Iterator[Mutation]:
        yield from self.query(0, len(self.found))

    def query(self, i: int, end: int) -> Iterator[Mutation]:
        """Go through a query or a chain of updates: groups, and expressions in between."""
        while i < end:
            if self.word(i) == "PREFIX":
                i += 3
            elif self.word(i) == "{":
                yield from self.group(i + 1, self.mate[i])
                i = self.mate[i] + 1
            elif self.word(i) == "(":
                yield from self.expression(i + 1, self.mate[i])
                i = self.mate[i] + 1
            else:
                i += 1

    def group(self, i: int, end: int) -> Iterator[Mutation]:
        while i < end:
            word, start = self.word(i), i
            if word == ".":
                i += 1
            elif word == "SELECT":
                yield from self.query(i, end)
                return
            elif word == "{":
                i = yield from self.branches(i, end)
            elif word in ("OPTIONAL", "MINUS"):
                i = self.mate[i + 1] + 1
                yield self.drop(start, i)
                yield f"require {self.shown(start + 1, i)}", [self.cut(start, start + 1)]
                yield from self.group(start + 2, i - 1)
            elif word == "GRAPH":
                i = self.after_term(i + 1)
                yield f"in any graph {self.shown(start, i)}", [self.cut(start, i)]
                yield from self.group(i + 1, self.mate[i])
                i = self.mate[i] + 1
            elif word == "VALUES":
                i = self.mate[i + 1] + 1 if self.word(i + 1) == "(" else self.after_term(i + 1)
                yield from self.items(i + 1, self.mate[i], "")
                i = self.mate[i] + 1
                yield self.drop(start, i)
            elif word == "BIND":
                i = self.mate[i + 1] + 1
                yield self.drop(start, i)
                if self.word(i - 2) != "finding":  # its words are no logic
                    yield from self.expression(start + 2, i - 1)
            elif word == "FILTER":
                i = yield from self.filter(i)
            else:
                i = yield from self.triples(i, end)

    def branches(self, i: int, end: int) -> Walk:
        """Go through `{ … } UNION { … }`; gives what follows."""
        spans = [(i, self.mate[i] + 1)]
        while spans[-1][1] < end and self.word(spans[-1][1]) == "UNION":
            opening = spans[-1][1] + 1
            spans.append((opening, self.mate[opening] + 1))
        for n, (begin, close) in enumerate(spans):
            if len(spans) > 1:
                edit = self.cut(begin, close + 1) if n == 0 else self.cut(begin - 1, close)
                yield f"drop the branch {self.shown(begin, close)}", [edit]
            yield from self.group(begin + 1, close - 1)
        return spans[-1][1]

    def filter(self, i: int) -> Walk:
        start, negated = i, self.word(i + 1) == "NOT"
        i += 2 if negated else 1
        if self.word(i) == "EXISTS":
            close = self.mate[i + 1] + 1
            edit = self.cut(i - 1, i) if negated else (self.begin(i), self.begin(i), "NOT ")
            yield f"turn {self.shown(start, close)}", [edit]
            yield from self.group(i + 2, close - 1)
        else:
            i += 0 if self.word(i) == "(" else 1  # a function
            close = self.mate[i] + 1
            yield from self.expression(i + 1, close - 1)
        yield self.drop(start, close)
        return close

    # --- triples ---

    def after_term(self, i: int) -> int:
        return i + 2 if self.word(i) in "?$" else i + 1

    def triples(self, i: int, end: int) -> Walk:
        """Go through one subject with its properties; gives what follows."""
        start = i
        while i < end and self.word(i) not in (".", "{") and (i == start or self.word(i) not in _PATTERNS):
            i = self.mate[i] + 1 if self.word(i) == "(" else i + 1
        close = i + 1 if i < end and self.word(i) == "." else i
        first = self.after_term(start)
        parts = self.split(first, i, ";")
        for n, (begin, stop) in enumerate(parts):
            if len(parts) == 1:
                yield self.drop(start, close)
            else:
                edit = self.cut(begin, stop + 1) if n == 0 else self.cut(begin - 1, stop)
                yield f"drop {self.shown(start, first)} {self.shown(begin, stop)}", [edit]
            objects = self.split(begin, stop, ",")
            for m, (left, right) in enumerate(objects):
                if len(objects) > 1 and m > 0:
                    yield f"drop {self.shown(start, first)} … {self.shown(left, right)}", [self.cut(left - 1, right)]
            yield from self.path(begin, stop)
        return i

    def path(self, i: int, end: int) -> Iterator[Mutation]:
        at = self.shown(i, end)
        for k in range(i, end):
            word = self.word(k)
            if word in "+*" and k > i:
                yield f"one step for {word} in {at}", [self.cut(k, k + 1)]
                other = "*" if word == "+" else "+"
                yield f"{other} for {word} in {at}", [self.cut(k, k + 1, other)]
            elif word == "^":
                yield f"turn round {self.word(k + 1)} in {at}", [self.cut(k, k + 1)]
            elif word in _SWAPS:
                yield f"{_SWAPS[word]} for {word} in {at}", [self.cut(k, k + 1, _SWAPS[word])]
        for mark in "|/":
            for left, right in self.paths(i, end):
                parts = self.split(left, right, mark)
                for n, (begin, stop) in enumerate(parts):
                    if len(parts) > 1:
                        edit = self.cut(begin, stop + 1) if n == 0 else self.cut(begin - 1, stop)
                        yield f"drop {self.shown(begin, stop)} of {self.shown(left, right)}", [edit]

    def paths(self, i: int, end: int) -> Iterator[tuple[int, int]]:
        """Give the paths within a property and its objects: the whole, what stands in brackets, and alternatives."""
        stop = i
        while stop < end and (stop == i or self.word(stop) in "|/+*^(" or self.word(stop - 1) in "|/^"):
            stop = self.mate[stop] + 1 if self.word(stop) == "(" else stop + 1
        yield i, stop
        if len(alternatives := self.split(i, stop, "|")) > 1:
            yield from alternatives
        for k in range(i, stop):
            if self.word(k) == "(":
                yield k + 1, self.mate[k]

    def split(self, i: int, end: int, *marks: str) -> list[tuple[int, int]]:
        """Split at marks outside of brackets."""
        parts, start, k = [], i, i
        while k < end:
            word, size = self.operator(k)
            if word in _OPEN:
                k = self.mate[k] + 1
                continue
            if word in marks:
                parts.append((start, k))
                start = k + size
            k += size
        parts.append((start, end))
        return [(begin, stop) for begin, stop in parts if begin < stop]

    # --- expressions ---

    def items(self, i: int, end: int, mark: str) -> Iterator[Mutation]:
        """Drop one of several items of a list, with the mark that parts it from the next."""
        parts = self.split(i, end, mark) if mark else list(self.rows(i, end))
        for n, (begin, stop) in enumerate(parts):
            if len(parts) > 1:
                size = len(mark) if mark else 0
                edit = self.cut(begin, stop + size) if n == 0 else self.cut(begin - size, stop)
                yield f"drop {self.shown(begin, stop)} of {self.shown(parts[0][0], parts[-1][1])}", [edit]

    def rows(self, i: int, end: int) -> Iterator[tuple[int, int]]:
        """Go through what VALUES lists: terms, or rows of terms."""
        while i < end:
            after = self.mate[i] + 1 if self.word(i) == "(" else i + 1
            yield i, after
            i = after

    def expression(self, i: int, end: int) -> Iterator[Mutation]:
        at, k = self.shown(i, end), i
        yield from self.items(i, end, "||")
        for begin, stop in self.split(i, end, "||"):
            yield from self.items(begin, stop, "&&")
        while k < end:
            word, size = self.operator(k)
            for flipped in _FLIPS.get(word, ()):
                yield f"{flipped} for {word} in {at}", [self.cut(k, k + size, flipped)]
            if word == "EXISTS":
                negated = self.word(k - 1) == "NOT"
                edit = self.cut(k - 1, k) if negated else (self.begin(k), self.begin(k), "NOT ")
                yield f"turn {self.shown(k, self.mate[k + 1] + 1)}", [edit]
                yield from self.group(k + 2, self.mate[k + 1])
                k = self.mate[k + 1] + 1
                continue
            if word == "!":
                yield f"drop ! in {at}", [self.cut(k, k + 1)]
            elif word in _SWAPS:
                yield f"{_SWAPS[word]} for {word} in {at}", [self.cut(k, k + 1, _SWAPS[word])]
            elif word.isdigit():
                for number in (int(word) - 1, int(word) + 1):
                    yield f"{number} for {word} in {at}", [self.cut(k, k + 1, str(number))]
            elif word == "DISTINCT":
                yield f"drop DISTINCT in {at}", [self.cut(k, k + 1)]
            elif word[:2] == '"^' or word[-2:] == '$"':
                for part, new in (("^", ""), ("$", "")):
                    yield f"drop {part} of {word}", [self.cut(k, k + 1, word.replace(part, new))]
            elif word == "(":
                before = self.word(k - 1)
                if before in ("IN", "COALESCE"):
                    yield from self.items(k + 1, self.mate[k], ",")
                if before == "IF":
                    (_, _), (a, b), (c, d) = self.split(k + 1, self.mate[k], ",")
                    swapped = [self.cut(a, b, self.shown(c, d)), self.cut(c, d, self.shown(a, b))]
                    yield f"swap {self.shown(a, b)} and {self.shown(c, d)}", swapped
                if before == "IN" and self.word(k - 2) == "NOT":
                    yield f"drop NOT in {at}", [self.cut(k - 2, k - 1)]
                yield from self.expression(k + 1, self.mate[k])
                k = self.mate[k]
            k += size
