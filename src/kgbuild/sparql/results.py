"""Answers read: SPARQL 1.1 Query Results JSON (https://www.w3.org/TR/sparql11-results-json/)."""

from __future__ import annotations

from typing import Any

from kgbuild.core.terms import Table, Term, iri, literal


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
