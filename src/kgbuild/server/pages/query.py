"""Pages for people: made here, readable without scripts; everything from outside is escaped by the templates."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kgbuild.core.namespaces import shorten
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.links import is_web
from kgbuild.server.http.problems import Problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.layout import Shown
from kgbuild.server.pages.rendering import environment, page
from kgbuild.sparql.results import MEMBER, read_json
from kgbuild.sparql.syntax import unknown_terms
from kgbuild.workers.spool import Answer

ROWS_SHOWN: Final = 1000
SOURCED_ROWS_SHOWN: Final = 100
STATEMENTS_SHOWN: Final = 20
"""Of the sources of one row."""
LINES_SHOWN: Final = 20
"""Of a query, before and after the place of its fault."""
FORMATS: Final = {
    "table": ("csv", "tsv", "json", "xml"),
    "boolean": ("json", "xml"),
    "graph": ("ttl", "nt", "jsonld", "rdf", "trig"),
}
"""Form of an answer -> the formats it can be downloaded in."""


def form_page(service: Service, query: str, reader: Reader) -> Response:
    """Show the form to ask a query, with the named questions to begin from."""
    questions = service.settings.questions
    begin = query or next((question.text for question in questions.values()), "SELECT * WHERE { ?s ?p ?o } LIMIT 10\n")
    linked = [
        {"title": question.title, "about": question.question, "link": f"/sparql?{urlencode({'query': question.text})}"}
        for question in questions.values()
    ]
    facts = {"release": service.release_id, "quads": service.data.quads if service.is_ready else 0}
    return page("form.html", reader, query=begin, questions=linked, facts=facts, with_sources=False)


def results_page(query: str, answer: Answer, address: str, service: Service, reader: Reader) -> Response:
    """Show an answer as a table, with links to all of it in every format; with its sources if it has them.

    Takes its time over a large answer: for a thread.
    """
    if answer.form == "graph":
        read: dict[str, Any] = {}
        shown, columns, rows = _graph_rows(answer)
    else:
        read = read_json(answer.read())
        shown, columns, rows = _table_rows(read)
    return page(
        "results.html",
        reader,
        query=query,
        with_sources=MEMBER in read,
        columns=columns,
        rows=rows,
        **shown,
        # A query that is too long for an address has none.
        downloads=[(name, _with_format(address, name)) for name in FORMATS[answer.form] if address],
        unknown=unknown_terms(query, service.catalogue.known_terms) if service.catalogue.known_terms else {},
        release=service.release_id,
    )


def rows_shown(sources: Any, total: int) -> dict[str, Any]:
    """Tell a template how many of the rows are shown, and their sources, or why there are none."""
    listed = sources if isinstance(sources, list) else []
    return {
        "total": total,
        "shown": min(total, SOURCED_ROWS_SHOWN if listed else ROWS_SHOWN),
        "sources": listed,
        "no_sources": sources["notAttributable"] if isinstance(sources, dict) else "",
        "most": STATEMENTS_SHOWN,
    }


def problem_page(found: Problem, query: str, reader: Reader, *, with_sources: bool) -> Response:
    """Show a problem and the form as it was sent; where the query has a place, it is marked.  For a thread."""
    query = query[:20_000]
    line, column = int(found.extra.get("line", 0)), int(found.extra.get("column", 0))
    marked = _marked(query, line, column) if query and line else []
    return page(
        "problem.html", reader, found.status, problem=found, query=query, marked=marked, with_sources=with_sources
    )


def _marked(query: str, line: int, column: int) -> list[dict[str, str]]:
    """Cut the lines around a place out of a query; the faulty one into what is before and after the place."""
    first = max(1, line - LINES_SHOWN)
    lines = query.split("\n")[first - 1 : line + LINES_SHOWN]
    cut = []
    for number, text in enumerate(lines, first):
        at = column - 1 if number == line else len(text)
        cut.append({"number": str(number), "before": text[:at], "after": text[at:], "fault": str(number == line)})
    return cut


def _with_format(address: str, name: str) -> str:
    """Give the address of the same request in another format, relative to the server."""
    pairs = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    # Only JSON has room for sources.
    left_out = {"format"} if name == "json" else {"format", "sources"}
    kept = [(key, value) for key, value in pairs if key not in left_out]
    return f"/sparql?{urlencode([*kept, ('format', name)])}"


def _table_rows(read: dict[str, Any]) -> tuple[dict[str, Any], list[str], list[list[Shown]]]:
    if "boolean" in read:
        return rows_shown(None, 1), ["answer"], [[Shown("yes" if read["boolean"] else "no")]]
    columns, bindings = read["head"]["vars"], read["results"]["bindings"]
    shown = rows_shown(read.get(MEMBER), len(bindings))
    return shown, columns, [[cell(each.get(column)) for column in columns] for each in bindings[: shown["shown"]]]


def cell(term: dict[str, str] | None) -> Shown:
    """Show a term as SPARQL JSON has it."""
    if term is None:
        return Shown("")
    if term["type"] == "uri":
        return Shown(shorten(term["value"]), term["value"] if is_web(term["value"]) else "")
    if term["type"] == "bnode":
        return Shown(f"_:{term['value']}")
    datatype = shorten(term["datatype"]) if "datatype" in term else ""
    return Shown(term["value"], language=term.get("xml:lang", ""), title=datatype)


def _graph_rows(answer: Answer) -> tuple[dict[str, Any], list[str], list[list[Shown]]]:
    body = answer.read()
    shown = rows_shown(None, body.count(b"\n"))
    triples = islice(parse(body, format=RdfFormat.N_TRIPLES), shown["shown"])
    rows = [[_term_cell(term) for term in (each.subject, each.predicate, each.object)] for each in triples]
    return shown, ["subject", "predicate", "object"], rows


def _term_cell(term: object) -> Shown:
    if isinstance(term, Literal):
        return Shown(term.value, language=term.language or "")
    return cell({"type": "uri", "value": term.value}) if isinstance(term, NamedNode) else Shown(str(term))


environment().filters["cell"] = cell
