"""The embedded engine: a release in memory, in pyoxigraph."""

from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
)

from kgbuild.engines import Answer, Table, Term, Triple, iri, literal
from kgbuild.errors import EngineError, UsageError
from kgbuild.namespaces import PREFIXES

GRAPH_FILE = "graph.nq"
_POSITION = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)
_PROLOGUE = re.compile(r"(?i)\bPREFIX\s+([\w-]*):")
_STRINGS_AND_IRIS = re.compile(r"<[^<>\s]*>|\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*")
_PREFIXED = re.compile(r"(?<![\w:?$-])([A-Za-z][\w-]*):(?=\w)")


class EmbeddedEngine:
    """Answers from a store in memory; nothing is ever written to it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer a query; see `Engine.query`."""
        try:
            return _convert(self._store.query(text))
        except SyntaxError as fault:
            raise UsageError(_explain_syntax(str(fault), text, name)) from fault
        except (OSError, RuntimeError, ValueError) as fault:
            raise EngineError(f"{name}: the query was not answered: {fault}.") from fault


def open_release(directory: Path) -> EmbeddedEngine:
    """Load the release in `directory` (its `graph.nq`) into memory."""
    path = directory / GRAPH_FILE
    if not path.is_file():
        raise UsageError(f"{path}: there is no release here. Make one with 'kgbuild build'.")
    store = Store()
    try:
        store.bulk_load(path=path, format=RdfFormat.N_QUADS)
    except (SyntaxError, OSError, ValueError) as fault:
        remedy = "The release is damaged: make it again with 'kgbuild build'."
        raise EngineError(f"{path}: the graph cannot be read: {fault}. {remedy}") from fault
    return EmbeddedEngine(store)


def convert_term(term: object) -> Term:
    """Turn a term of pyoxigraph into one of ours; RDF 1.2's triple terms have none."""
    if isinstance(term, NamedNode):
        return iri(term.value)
    if isinstance(term, Literal):
        return literal(term.value, "" if term.language else term.datatype.value, term.language or "")
    if isinstance(term, BlankNode):
        return Term("blank", term.value)
    raise EngineError(f"The answer holds a triple term, {term}. Ask for its parts instead.")


def _convert(result: QuerySolutions | QueryTriples | QueryBoolean) -> Answer:
    if isinstance(result, QueryBoolean):
        return bool(result)
    if isinstance(result, QuerySolutions):
        columns = tuple(variable.value for variable in result.variables)
        rows = tuple(
            tuple(None if (term := row[column]) is None else convert_term(term) for column in columns) for row in result
        )
        return Table(columns, rows)
    # A set: CONSTRUCT and DESCRIBE of pyoxigraph give a triple as often as they meet it.
    return sorted({_convert_triple(triple) for triple in result})


def _convert_triple(triple: pyoxigraph.Triple) -> Triple:
    return convert_term(triple.subject), convert_term(triple.predicate), convert_term(triple.object)


def _explain_syntax(message: str, text: str, name: str) -> str:
    """Write place, what was expected, and which PREFIX lines are missing, from pyoxigraph's message."""
    match = _POSITION.fullmatch(message)
    missing = _undeclared(text)
    lines = " ".join(f"PREFIX {p}: <{PREFIXES.get(p, '…')}>" for p in missing)
    remedy = f" Add {lines}." if missing else " Correct the query at this place."
    if match is None:
        return f"{name}: the query cannot be read: {message}.{remedy}"
    line, column, expected = match.groups()
    return f"{name}:{line}:{column}: the query cannot be read: {_expectation(expected)}.{remedy}"


def _expectation(expected: str) -> str:
    """Keep the words of the grammar from pyoxigraph's list; its character classes help nobody."""
    if "Prefix not found" in expected:
        return "the prefix is not declared"
    listed = expected.removeprefix("expected ").removeprefix("one of ").split(", ")
    if "The SELECT contains a variable that is unbound" in listed:
        return "a variable of the SELECT is neither grouped nor aggregated, or not known"
    words = [word for word in listed if not set(word) & set("[]|{}=\n")]
    return f"expected {' or '.join(words)}" if words else "there is something the grammar does not allow"


def _undeclared(text: str) -> list[str]:
    declared = set(_PROLOGUE.findall(text))
    used = set(_PREFIXED.findall(_STRINGS_AND_IRIS.sub(" ", text)))
    return sorted(used - declared - {"_"})
