"""Answers as text: for a terminal, CSV, JSON and Markdown.

CSV is https://www.w3.org/TR/sparql11-results-csv-tsv/, JSON https://www.w3.org/TR/sparql11-results-json/.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from kgbuild.engines import XSD_STRING, Answer, Table, Term, literal
from kgbuild.errors import UsageError
from kgbuild.namespaces import EXTERNAL, shorten

XSD_BOOLEAN: Final = EXTERNAL["xsd"] + "boolean"
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>|])")


def format_answer(answer: Answer, form: str, console: Console | None = None) -> str:
    """Write an answer in a form of `FORMATS`; with a `console` that is a terminal, a table is drawn to fit it."""
    if form not in FORMATS:
        raise UsageError(f"There is no format '{form}'. Choose one of {', '.join(FORMATS)}.")
    if form == "json" and isinstance(answer, bool):
        return _json({"head": {}, "boolean": answer})
    table = as_table(answer)
    if form == "table" and console is not None and console.is_terminal:
        return _draw(table, console)
    return FORMATS[form](table)


def as_table(answer: Answer) -> Table:
    """See any answer as a table: a yes or no is one cell, a graph has a row for each triple."""
    if isinstance(answer, Table):
        return answer
    if isinstance(answer, bool):
        return Table(("answer",), ((literal("true" if answer else "false", XSD_BOOLEAN),),))
    return Table(("subject", "predicate", "object"), tuple(answer))


def format_plain(table: Table) -> str:
    """Write columns side by side, each as wide as its widest cell: nothing is wrapped or cut."""
    lines = [table.columns, *(tuple(map(short, row)) for row in table.rows)]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(table.columns))]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return "".join(_pad(line, widths) for line in ruled)


def format_csv(table: Table) -> str:
    """Write SPARQL 1.1 CSV: whole IRIs, bare texts, nothing where nothing is bound; lines end in CR LF."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_csv_cell(term) for term in row])
    return buffer.getvalue()


def format_json(table: Table) -> str:
    """Write SPARQL 1.1 Query Results JSON."""
    bindings = [{column: _binding(term) for column, term in record.items()} for record in table.records()]
    return _json({"head": {"vars": list(table.columns)}, "results": {"bindings": bindings}})


def format_markdown(table: Table) -> str:
    """Write a Markdown table; an IRI is a link under its short name."""
    rows = [table.columns, tuple("---" for _ in table.columns)]
    rows += [tuple(map(_markdown_cell, row)) for row in table.rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


FORMATS: Final[dict[str, Callable[[Table], str]]] = {
    "table": format_plain,
    "csv": format_csv,
    "json": format_json,
    "markdown": format_markdown,
}
"""Name of a format -> what writes it."""


def short(term: Term | None) -> str:
    """Write a term for people: IRIs by their short names, on one line, without control characters."""
    if term is None:
        return ""
    if term.kind == "blank":
        return f"_:{term.value}"
    return one_line(shorten(term.value) if term.kind == "iri" else term.value)


def one_line(text: str) -> str:
    r"""Make a text fit for a terminal: control characters could move its cursor or colour it.

    >>> one_line("a\n b\x1b[31m")
    'a b[31m'
    """
    kept = "".join(c for c in text if c.isspace() or unicodedata.category(c) != "Cc")
    return " ".join(kept.split())


def _draw(table: Table, console: Console) -> str:
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        # Folded, never cut: an address with an ellipsis in it cannot be followed.
        drawn.add_column(column, overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(short(term)) for term in row))
    with console.capture() as capture:
        console.print(drawn)
    return capture.get()


def _pad(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip() + "\n"


def _csv_cell(term: Term | None) -> str:
    if term is None:
        return ""
    return f"_:{term.value}" if term.kind == "blank" else term.value


def _binding(term: Term) -> dict[str, str]:
    kinds = {"iri": "uri", "blank": "bnode", "literal": "literal"}
    written = {"type": kinds[term.kind], "value": term.value}
    if term.language:
        written["xml:lang"] = term.language
    elif term.datatype and term.datatype != XSD_STRING:
        written["datatype"] = term.datatype
    return written


def _markdown_cell(term: Term | None) -> str:
    written = _MARKDOWN.sub(r"\\\1", short(term))
    if term is not None and term.kind == "iri" and term.value.startswith(("http://", "https://")):
        target = term.value.replace("(", "%28").replace(")", "%29").replace("|", "%7C")
        return f"[{written}]({target})"
    return written


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
