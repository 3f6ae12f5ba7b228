"""Answers read and written: SPARQL 1.1 Query Results JSON (https://www.w3.org/TR/sparql11-results-json/)."""

from __future__ import annotations

from typing import Any, Final

from kgbuild.core.terms import XSD_STRING, Table, Term, iri, literal

_TYPES: Final = {"iri": "uri", "blank": "bnode", "literal": "literal"}


def read_table(results: dict[str, Any]) -> Table:
    """Read the solutions of a SELECT; raises ValueError, KeyError or TypeError where they are none."""
    columns = tuple(results["head"]["vars"])
    iris: dict[str, Term] = {}  # the same few stand in most rows
    # Lists, since generators cost a third more, and pages read thousands of terms.
    rows = [
        tuple([_read_term(binding[column], iris) if column in binding else None for column in columns])
        for binding in results["results"]["bindings"]
    ]
    return Table(columns, tuple(rows))


def _read_term(written: dict[str, str], iris: dict[str, Term]) -> Term:
    kind, value = written["type"], written["value"]
    if kind == "uri":
        return iris.get(value) or iris.setdefault(value, iri(value))
    if kind == "bnode":
        return Term("blank", value)
    # Virtuoso 7 still writes `typed-literal`, of the drafts before SPARQL 1.1.
    if kind in ("literal", "typed-literal"):
        return literal(value, written.get("datatype", ""), written.get("xml:lang", ""))
    raise ValueError(f"no kind of term: {kind}")


def write_binding(term: Term) -> dict[str, str]:
    """Write a term as a solution has it."""
    written = {"type": _TYPES[term.kind], "value": term.value}
    if term.language:
        written["xml:lang"] = term.language
    elif term.datatype and term.datatype != XSD_STRING:
        written["datatype"] = term.datatype
    return written
