"""The embedded engine: a release in memory, in pyoxigraph."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph
from pyoxigraph import BlankNode, Literal, NamedNode, QueryBoolean, QuerySolutions, QueryTriples, RdfFormat, Store

from kgbuild.core.errors import EngineError, UsageError
from kgbuild.core.terms import Answer, Table, Term, Triple, iri, literal
from kgbuild.sparql.federation import find_service
from kgbuild.sparql.syntax import SyntaxFault, explain_syntax

GRAPH_FILE = "graph.nq"


class EmbeddedEngine:
    """Answers from a store in memory; nothing is ever written to it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer a query; see `Engine.query`.  A query that asks another server (SERVICE) is refused: a UsageError."""
        match find_service(text) if "service" in text.lower() else None:
            case SyntaxFault() as fault:
                raise _unreadable(fault, name)
            case line, column:
                refusal = "federated queries (SERVICE) are refused: nobody else is asked. Ask each endpoint yourself."
                raise UsageError(f"{name}:{line}:{column}: {refusal}")
        try:
            return _convert(self._store.query(text))
        except SyntaxError as fault:
            raise _unreadable(explain_syntax(str(fault), text), name) from fault
        except (OSError, RuntimeError, ValueError) as fault:
            raise EngineError(f"{name}: the query was not answered: {fault}.") from fault


def _unreadable(fault: SyntaxFault, name: str) -> UsageError:
    return UsageError(f"{name}:{fault.line}:{fault.column}: the query cannot be read: {fault.advice()}")


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


def convert_triple(triple: pyoxigraph.Triple | pyoxigraph.Quad) -> Triple:
    """Turn the triple of a statement of pyoxigraph into one of ours."""
    return convert_term(triple.subject), convert_term(triple.predicate), convert_term(triple.object)


def rdf_term(term: Term) -> NamedNode | BlankNode | Literal:
    """Turn a term of ours into one of pyoxigraph."""
    if term.kind == "iri":
        return NamedNode(term.value)
    if term.kind == "blank":
        return BlankNode(term.value)
    if term.language:
        return Literal(term.value, language=term.language)
    return Literal(term.value, datatype=NamedNode(term.datatype) if term.datatype else None)


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
    return sorted({convert_triple(triple) for triple in result})
