"""A rewritten SELECT as the triple patterns that it is made of, each under the marks of the branches it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod
from typing import Any, Final

import rdflib
from pyoxigraph import Literal, NamedNode
from rdflib.paths import AlternativePath, InvPath, Path, SequencePath
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.parser import parseQuery

from kgbuild.core.namespaces import EXTERNAL, RDF_TYPE, shorten
from kgbuild.support.rewriting import MARK, NOT_FOLLOWED, NotAttributableError

Slot = NamedNode | Literal | str
"""A part of a pattern: a term, or a name; `?x` is a variable's, `_:1` that of a node without one."""

ALTERNATIVES: Final = 256
"""Ways in which the paths of one group of patterns can be read."""
_XSD: Final = EXTERNAL["xsd"]
_BARE: Final = frozenset(_XSD + name for name in ("integer", "decimal", "double", "boolean"))

Place = tuple[int, str, int]
"""What a triple is for: the number of a pattern in the query, the pattern as text, the step of its path."""
_LAST: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Step:
    """One triple to be matched."""

    place: Place
    slots: tuple[Slot, Slot, Slot]


@dataclass(frozen=True, slots=True)
class PatternPart:
    """A group of triple patterns, in each of the ways that its paths can be read."""

    when: frozenset[str]
    """Marks of the branches around it: it was matched where all of them are bound."""
    ways: tuple[tuple[Step, ...], ...]
    is_test: bool
    """Whether it stands in EXISTS, where a variable may be bound by nothing else."""
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """Where a row also rests on something's not being there.

    `unless` is the mark of an OPTIONAL; `shared` are the variables of a MINUS, which takes nothing away where none of
    them is bound.
    """

    when: frozenset[str]
    unless: str = ""
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Look:
    """What stands beside a part of a query: variables it looks at, those it may bind, the marks of its branches."""

    variables: frozenset[str]
    binds: frozenset[str]
    when: frozenset[str]


@dataclass
class _PatternReader:
    """Reads rdflib's algebra of a rewritten query into pieces; raises NotAttributableError for what it cannot."""

    written: Mapping[tuple[Any, Any, Any], int]
    """Where a pattern stands in the query: rdflib's algebra puts them in another order."""
    pieces: list[PatternPart] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    unnamed: int = 0

    def read(self, node: Any, when: frozenset[str], looks: tuple[_Look, ...] = ()) -> None:
        """Read a part of the algebra in branches with the given marks, beside what looks at its variables."""
        match node.name:
            case "BGP":
                self._add(node.triples, when)
            case "Join":
                self.read(node.p1, when, (*looks, _look(node.p2, when)))
                self.read(node.p2, when, (*looks, _look(node.p1, when)))
            case "LeftJoin":
                self._read_optional(node, when, looks)
            case "Union":
                self._read_branch(node.p1, when, looks)
                self._read_branch(node.p2, when, looks)
            case "Filter":
                self.read(node.p, when, (*looks, _look(node.expr, when)))
                self._read_condition(node.expr, when, _bound(node.p), looks)
            case "Extend":
                self.read(node.p, when, (*looks, _look(node.expr, when)))
                _refuse_exists(node.expr)
            case "Minus":
                taken = _bound(node.p2).possible
                self.read(node.p1, when, (*looks, _Look(taken, frozenset(), when)))
                if shared := taken & _bound(node.p1).possible:
                    self.absences.append(Absence(when, shared=shared))
            case "ToMultiSet" if node.p.name == "values":
                pass
            case name:
                raise NotAttributableError(_REASONS.get(name, f"the query has a part ({name}) that cannot be followed"))

    def _read_branch(self, node: Any, when: frozenset[str], looks: tuple[_Look, ...]) -> None:
        self.read(node, when if node.name == "Union" else when | {_mark_of(node)}, looks)

    def _read_optional(self, node: Any, when: frozenset[str], looks: tuple[_Look, ...]) -> None:
        mark = _mark_of(node.p2)
        inside = when | {mark}
        left, right, condition = _bound(node.p1), _bound(node.p2), _look(node.expr, inside)
        self.read(node.p1, when, (*looks, _look(node.p2, inside), condition))
        self.read(node.p2, inside, (*looks, _look(node.p1, when), condition))
        both = _Bound(left.certain | right.certain, left.possible | right.possible)
        self._read_condition(node.expr, inside, both, looks)
        # What looks from outside at what is bound only here may hold because nothing was found here.
        own = right.possible - left.possible
        self.absences += [Absence(when | look.when, mark) for look in looks if own & look.variables]

    def _read_condition(self, expression: Any, when: frozenset[str], bound: _Bound, looks: tuple[_Look, ...]) -> None:
        for each in _conjuncts(expression):
            negated = each.expr if _name(each) == "UnaryNot" else None
            if _name(each) == "Builtin_EXISTS":
                triples = _plain_triples(each.graph)
                uncertain = _variables(triples) & bound.possible - bound.certain
                if any(uncertain & look.binds for look in looks):
                    raise NotAttributableError(
                        "the query has an EXISTS on a variable that other parts may bind as well"
                    )
                self._add(triples, when, tested=bound.possible)
            elif _name(each) == "Builtin_NOTEXISTS" or _name(negated) == "Builtin_EXISTS":
                self.absences.append(Absence(when))
            else:
                _refuse_exists(each)

    def _add(
        self, triples: Iterable[tuple[Any, Any, Any]], when: frozenset[str], tested: frozenset[str] | None = None
    ) -> None:
        """Add a group of patterns; of a test, variables other than those `tested` are nodes without a name."""
        inner = self._unnamed()

        def slot(term: Any) -> Slot:
            is_inner = tested is not None and isinstance(term, rdflib.Variable) and f"?{term}" not in tested
            return f"{inner}?{term}" if is_inner else _slot(term)

        read = [self._read_triple(*triple, slot) for triple in triples]
        if not read:
            return
        if prod(map(len, read)) > ALTERNATIVES:
            raise NotAttributableError(f"the paths of the query can be read in more than {ALTERNATIVES} ways")
        chains = tuple(tuple(step for way in chosen for step in way) for chosen in product(*read))
        slots = {slot for chain in chains for step in chain for slot in step.slots}
        variables = sorted(slot for slot in slots if isinstance(slot, str) and slot.startswith("?"))
        self.pieces.append(PatternPart(when, chains, tested is not None, tuple(variables)))

    def _read_triple(self, s: Any, p: Any, o: Any, slot: Callable[[Any], Slot]) -> list[list[Step]]:
        number, pattern = self.written.get((s, p, o), _LAST), f"{_write(s)} {_write_path(p)} {_write(o)}"
        ways = self._spread(slot(s), p if isinstance(p, Path) else slot(p), slot(o))
        return [[Step((number, pattern, i), parts) for i, parts in enumerate(way)] for way in ways]

    def _spread(self, s: Slot, path: Any, o: Slot) -> list[list[tuple[Slot, Slot, Slot]]]:
        """Take a path apart into the chains of triples that it stands for."""
        if isinstance(path, InvPath):
            return self._spread(o, path.arg, s)
        if isinstance(path, AlternativePath):
            return [way for each in path.args for way in self._spread(s, each, o)]
        if isinstance(path, SequencePath):
            between = [self._unnamed() for _ in path.args[1:]]
            nodes = [s, *between, o]
            steps = [self._spread(nodes[i], each, nodes[i + 1]) for i, each in enumerate(path.args)]
            return [[parts for way in chosen for parts in way] for chosen in islice(product(*steps), ALTERNATIVES + 1)]
        if isinstance(path, Path):
            raise NotAttributableError("the query has a path with *, +, ? or !, whose steps are not shown")
        return [[(s, _slot(path) if isinstance(path, rdflib.URIRef) else path, o)]]

    def _unnamed(self) -> str:
        self.unnamed += 1
        return f"_:{self.unnamed}"


_GROUPED: Final = "the query counts or groups, so that a row stands for many; ask for the rows themselves"
_REASONS: Final = {
    "AggregateJoin": _GROUPED,
    "Group": _GROUPED,
    "Graph": NOT_FOLLOWED["GRAPH"],
    "ToMultiSet": NOT_FOLLOWED["SELECT"],
}
_OUTSIDE: Final = frozenset({"SelectQuery", "Project", "Distinct", "Reduced", "OrderBy", "Slice"})


def read_patterns(text: str, base: str = "") -> tuple[list[PatternPart], list[Absence]]:
    """Read the pieces of a rewritten query."""
    node, written = _parse(text, base)
    while node.name in _OUTSIDE:
        node = node.p
    reader = _PatternReader(written)
    reader.read(node, frozenset())
    return reader.pieces, reader.absences


def _parse(text: str, base: str = "") -> tuple[Any, dict[tuple[Any, Any, Any], int]]:
    """Parse a query: its algebra, and the order in which its triple patterns are written."""
    try:
        parsed = parseQuery(text)
        algebra = translateQuery(parsed, base or None).algebra
    except MemoryError:
        raise
    except Exception as problem:
        # rdflib raises what it likes for what it cannot read; the answer itself came from another parser.
        raise NotAttributableError("the parser that looks for the query's patterns cannot read it") from problem
    # An EXISTS beside the pattern, in SELECT or ORDER BY, is left as it was parsed.
    blocks = (node for node in _inside(parsed[1].where) if _name(node) == "TriplesBlock")
    parts = [part for block in blocks for triples in block.triples for part in triples]
    written = zip(parts[::3], parts[1::3], parts[2::3], strict=False)
    return algebra, {triple: i for i, triple in reversed(list(enumerate(written)))}


def _mark_of(branch: Any) -> str:
    while branch.name == "Filter":
        branch = branch.p
    if branch.name != "Extend" or not branch.var.startswith(MARK):
        raise NotAttributableError("the branches of the query's OPTIONAL or UNION cannot be told apart")
    return f"?{branch.var}"


def _conjuncts(expression: Any) -> Iterator[Any]:
    if _name(expression) == "ConditionalAndExpression":
        yield from _conjuncts(expression.expr)
        for other in expression.other:
            yield from _conjuncts(other)
    else:
        yield expression


def _inside(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, Mapping):
        yield from (key for key in node if isinstance(key, rdflib.Variable))  # of a VALUES block
    if isinstance(node, Mapping | list | tuple):
        for value in node.values() if isinstance(node, Mapping) else node:
            yield from _inside(value)


def _plain_triples(node: Any) -> list[tuple[Any, Any, Any]]:
    """List the triple patterns of an EXISTS that holds nothing else: no filter can then name what they bind."""
    if node.name == "Join":
        return [*_plain_triples(node.p1), *_plain_triples(node.p2)]
    if node.name != "BGP":
        raise NotAttributableError("the query has an EXISTS that holds more than triple patterns")
    return list(node.triples)


def _refuse_exists(expression: Any) -> None:
    if any(_name(each) in ("Builtin_EXISTS", "Builtin_NOTEXISTS") for each in _inside(expression)):
        raise NotAttributableError("the query has an EXISTS inside an expression; make it a FILTER of its own")


def _name(node: Any) -> str:
    """Name a node of the algebra; a variable or a literal has no name."""
    return str(getattr(node, "name", ""))


def _variables(part: Any) -> frozenset[str]:
    return frozenset(f"?{each}" for each in _inside(part) if isinstance(each, rdflib.Variable))


@dataclass(frozen=True, slots=True)
class _Bound:
    """The variables that a part of the algebra binds in each of its solutions, and in some."""

    certain: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()


def _look(part: Any, when: frozenset[str]) -> _Look:
    binds = _bound(part).possible if _name(part) in _PATTERNS else frozenset()
    return _Look(_variables(part), binds, when)


_PATTERNS: Final = frozenset({"BGP", "Join", "LeftJoin", "Union", "Extend", "Filter", "Minus", "ToMultiSet"})


def _bound(node: Any) -> _Bound:
    """Find what a part of the algebra binds; what filters, MINUS and EXISTS hold is bound within them alone."""
    match node.name:
        case "BGP":
            return _Bound(_variables(node.triples), _variables(node.triples))
        case "Join" | "LeftJoin" | "Union":
            one, two = _bound(node.p1), _bound(node.p2)
            certain = {"Join": one.certain | two.certain, "LeftJoin": one.certain, "Union": one.certain & two.certain}
            return _Bound(certain[node.name], one.possible | two.possible)
        case "Extend":
            inner = _bound(node.p)
            # An expression that fails binds nothing.
            return _Bound(inner.certain, inner.possible | {f"?{node.var}"})
        case "Filter":
            return _bound(node.p)
        case "Minus":
            return _bound(node.p1)
        case _:
            return _Bound(frozenset(), _variables(node))


def _slot(term: Any) -> Slot:
    if isinstance(term, rdflib.Variable):
        return f"?{term}"
    if isinstance(term, rdflib.BNode):
        return f"_:{term}"
    if isinstance(term, rdflib.Literal):
        datatype = NamedNode(str(term.datatype)) if term.datatype is not None else None
        return Literal(str(term), language=term.language) if term.language else Literal(str(term), datatype=datatype)
    try:
        return NamedNode(str(term))
    except ValueError as problem:
        raise NotAttributableError(f"an IRI of the query is read in two ways: {problem}") from problem


def _write(term: Any) -> str:
    """Write a part of a pattern as a query would."""
    if isinstance(term, rdflib.Variable):
        return f"?{term}"
    if isinstance(term, rdflib.BNode):
        return "[]"
    if isinstance(term, rdflib.Literal):
        is_bare = str(term.datatype) in _BARE and not term.endswith(".")
        return str(term) if is_bare else term.n3()
    name = shorten(str(term))
    return f"<{name}>" if name == str(term) else name


def _write_path(path: Any) -> str:
    if isinstance(path, InvPath):
        return f"^({_write_path(path.arg)})" if isinstance(path.arg, InvPath) else f"^{_write_part(path.arg)}"
    if isinstance(path, SequencePath | AlternativePath):
        return ("/" if isinstance(path, SequencePath) else "|").join(map(_write_part, path.args))
    return "a" if str(path) == RDF_TYPE else _write(path)


def _write_part(path: Any) -> str:
    written = _write_path(path)
    return f"({written})" if isinstance(path, SequencePath | AlternativePath) else written


# A worker can open no file: what rdflib and pyparsing import only when they parse is imported here, before the fork.
_parse("SELECT ?s { ?s a ?o }")
