"""What each row of a SELECT rests on: the triples of the default graph that its patterns matched.

The query is run once more with all that it binds shown, and each solution is led back to triples.  The solutions must
give the answer's rows again: if they do not, or if the query has a part that cannot be followed, there is a reason
instead of a result.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, QuerySolutions, Store, Triple

from kgbuild.support.patterns import Absence, PatternPart, Place, Step, read_patterns
from kgbuild.support.rewriting import NotAttributableError, Rewritten, rewrite

Term = NamedNode | BlankNode | Literal | Triple
Row = tuple[Term | None, ...]
Parts = tuple[Term | None, Term | None, Term | None]
"""What is known of a triple."""

SOLUTIONS: Final = 10_000
"""Solutions that are followed; behind one row there may be many."""
MATCHES: Final = 100_000
"""Matches of nodes without a name that are tried, over all solutions."""


@dataclass(frozen=True, slots=True)
class Match:
    """A triple of the default graph that a pattern of the query matched."""

    pattern: str
    triple: Triple


@dataclass(frozen=True, slots=True)
class Basis:
    """What one row rests on: triples in the order of the patterns; `absence` where also on what is not there."""

    matches: tuple[Match, ...]
    absence: bool


def derive(store: Store, query: str, columns: Sequence[str], rows: Sequence[Row], base: str = "") -> list[Basis]:
    """Find what each row of a SELECT's answer rests on; raises NotAttributableError if that cannot be told exactly.

    Rows that are alike have the same basis: all that any of them rests on.
    """
    rewritten = rewrite(query)
    pieces, absences = read_patterns(rewritten.text, base)
    if not rows:
        return []
    # Of a query with a LIMIT, only what can give the rows that were shown.
    certain = {name for piece in pieces if not piece.when and not piece.is_test for name in piece.variables}
    narrowed = rewritten.narrowed(_values(columns, rows, certain)) if rewritten.is_limited else rewritten.text
    names, solutions = _solve_again(store, narrowed, base)
    groups = _regroup(names, solutions, columns, rows, rewritten)
    follower = _Follower(store, pieces, absences)
    made = {row: follower.basis([dict(zip(names, found, strict=True)) for found in groups[row]]) for row in set(rows)}
    return [made[row] for row in rows]


def _solve_again(store: Store, text: str, base: str) -> tuple[list[str], list[Row]]:
    """Run the rewritten query: the names of what it binds, and its solutions."""
    try:
        result = store.query(text, base_iri=base or None)
        assert isinstance(result, QuerySolutions)  # noqa: S101 - a SELECT
        solutions = [tuple(solution) for solution in islice(result, SOLUTIONS + 1)]
    except (SyntaxError, OSError, RuntimeError, ValueError) as problem:
        raise NotAttributableError("the query cannot be run with all that it binds shown") from problem
    if len(solutions) > SOLUTIONS:
        raise NotAttributableError(f"there are more than {SOLUTIONS:,} solutions behind the rows; ask for fewer rows")
    return [f"?{variable.value}" for variable in result.variables], solutions


def _values(columns: Sequence[str], rows: Sequence[Row], certain: set[str]) -> str:
    """Write rows as a VALUES block that lets their solutions through, and each of them once.

    Only columns that every solution binds: the block would bind the others itself, and turn solutions of other rows
    into ones of these.  Nor such as have a blank node, which cannot be written.
    """
    kept = [
        i
        for i, column in enumerate(columns)
        if f"?{column}" in certain and all(isinstance(row[i], NamedNode | Literal) for row in rows)
    ]
    written = dict.fromkeys(" ".join(str(row[i]) for i in kept) for row in rows)
    names = " ".join(f"?{columns[i]}" for i in kept)
    return f"VALUES ({names}) {{ {' '.join(f'({row})' for row in written)} }}" if kept else ""


def _regroup(
    names: Sequence[str], solutions: Iterable[Row], columns: Sequence[str], rows: Sequence[Row], rewritten: Rewritten
) -> dict[Row, list[Row]]:
    """Bring the solutions back to the columns of the answer, and hold them against its rows."""
    places = [names.index(f"?{column}") if f"?{column}" in names else None for column in columns]
    groups: dict[Row, dict[Row, None]] = defaultdict(dict)
    again: list[Row] = []
    for solution in solutions:
        row = tuple(None if place is None else solution[place] for place in places)
        groups[row][solution] = None
        again.append(row)
    if not _agrees(again, rows, rewritten):
        raise NotAttributableError("the query gave other rows when it was run with all that it binds shown")
    return {row: list(found) for row, found in groups.items()}


def _agrees(again: Sequence[Row], rows: Sequence[Row], rewritten: Rewritten) -> bool:
    """Tell whether the rows found again are those of the answer: as often, and in its order if it has one."""
    if rewritten.modifier:
        again = list(dict.fromkeys(again))
        rows = list(dict.fromkeys(rows)) if rewritten.modifier == "REDUCED" else rows
    if rewritten.is_limited:
        return Counter(rows) <= Counter(again)
    return list(again) == list(rows) if rewritten.is_ordered else Counter(again) == Counter(rows)


@dataclass
class _Follower:
    """Leads solutions back to triples."""

    store: Store
    pieces: Sequence[PatternPart]
    absences: Sequence[Absence]
    tried: int = 0
    _found: dict[Parts, list[Triple]] = field(default_factory=dict)
    _followed: dict[tuple[Any, ...], dict[tuple[Place, str], Match]] = field(default_factory=dict)

    def basis(self, solutions: Iterable[Mapping[str, Term | None]]) -> Basis:
        """Gather what any of the solutions behind a row rests on."""
        matches: dict[tuple[Place, str], Match] = {}
        absence = False
        for solution in solutions:
            bound = {name: term for name, term in solution.items() if term is not None}
            for i, piece in enumerate(self.pieces):
                if piece.when <= bound.keys():
                    matches |= self._follow(i, piece, bound)
            absence = absence or any(_is_missing(each, bound) for each in self.absences)
        # A path that crosses a triple twice rests on it once.
        ordered = {(key[0][0], matches[key]): None for key in sorted(matches)}
        return Basis(tuple(match for _, match in ordered), absence)

    def _follow(self, number: int, piece: PatternPart, bound: Mapping[str, Term]) -> Mapping[tuple[Place, str], Match]:
        key = (number, *(bound.get(name) for name in piece.variables))
        if key not in self._followed:
            if not piece.is_test and None in key:
                raise NotAttributableError("a variable of the query is not bound where its pattern was matched")
            given = {name: bound[name] for name in piece.variables if name in bound}
            chains = [chain for way in piece.ways for chain in self._match(way, given)]
            if not chains:
                raise NotAttributableError("a pattern of the query is not found again in the default graph")
            self._followed[key] = {
                (step.place, str(triple)): Match(step.place[1], triple) for chain in chains for step, triple in chain
            }
        return self._followed[key]

    def _match(self, steps: Sequence[Step], bound: Mapping[str, Term]) -> Iterator[tuple[tuple[Step, Triple], ...]]:
        known: list[tuple[Step, Triple]] = []
        left: list[tuple[Step, Parts]] = []
        for step in steps:
            s, p, o = (bound.get(slot) if isinstance(slot, str) else slot for slot in step.slots)
            parts = s, p, o
            if None in parts:
                left.append((step, parts))
            elif found := self._find(parts):
                known.append((step, found[0]))
            else:
                return
        if not left:
            yield tuple(known)
            return
        # The step with the fewest candidates first: the others then know more.
        candidates, chosen = min(((self._find(parts), i) for i, (_, parts) in enumerate(left)), key=lambda c: len(c[0]))
        rest = [step for i, (step, _) in enumerate(left) if i != chosen]
        self.tried += len(candidates)
        if self.tried > MATCHES:
            raise NotAttributableError(f"there are more than {MATCHES:,} ways to match the nodes without a name")
        for triple in candidates:
            more = _bind(left[chosen][0], triple, bound)
            if more is not None:
                for others in self._match(rest, more):
                    yield (*known, (left[chosen][0], triple), *others)

    def _find(self, parts: Parts) -> list[Triple]:
        """Look up the triples that fit; a list longer than `MATCHES` is cut, and too long to be tried."""
        s, p, o = parts
        if isinstance(s, Literal) or not isinstance(p, NamedNode | None):
            return []
        if parts not in self._found:
            quads = self.store.quads_for_pattern(s, p, o, DefaultGraph())
            self._found[parts] = [quad.triple for quad in islice(quads, MATCHES + 1)]
        return self._found[parts]


def _is_missing(absence: Absence, bound: Mapping[str, Term]) -> bool:
    if not absence.when <= bound.keys() or absence.unless in bound:
        return False
    return not absence.shared or not absence.shared.isdisjoint(bound)


def _bind(step: Step, triple: Triple, bound: Mapping[str, Term]) -> Mapping[str, Term] | None:
    """Bind what a step leaves open to the parts of a triple; None if one name would have two values."""
    more = dict(bound)
    for slot, term in zip(step.slots, (triple.subject, triple.predicate, triple.object), strict=True):
        if isinstance(slot, str) and more.setdefault(slot, term) != term:
            return None
    return more
