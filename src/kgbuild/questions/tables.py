"""Answers as text: for a terminal, CSV, JSON and Markdown.

CSV is https://www.w3.org/TR/sparql11-results-csv-tsv/, JSON https://www.w3.org/TR/sparql11-results-json/.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len, chop_cells

from kgbuild.core.errors import UsageError, inert
from kgbuild.core.namespaces import EXTERNAL, shorten
from kgbuild.core.terms import Answer, Table, Term, literal
from kgbuild.sparql.results import write_binding

XSD_BOOLEAN: Final = EXTERNAL["xsd"] + "boolean"
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>|])")
_GAP: Final = "  "
# A longer word may go on in the next line, after a mark that joins the parts of an IRI or id.
_LONGEST_WORD: Final = 16
_PARTS: Final = re.compile(r"[^-/:_]*[-/:_]+|[^-/:_]+")
_LEAST_ROOM: Final = 10
# A table whose rows are taller than this is drawn in another way.
_TALLEST: Final = 4


def format_answer(answer: Answer, form: str, width: int = 0) -> str:
    """Write an answer in a form of `FORMATS`; a table is drawn to fit a terminal so many columns wide, if one is."""
    if form not in FORMATS:
        raise UsageError(f"There is no format '{form}'. Choose one of {', '.join(FORMATS)}.")
    if form == "json" and isinstance(answer, bool):
        return _json({"head": {}, "boolean": answer})
    table = as_table(answer)
    if form == "table" and width:
        return fit_table(table, width)
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
    return _grid([table.columns, *_cells(table)], _natural_widths([table.columns, *_cells(table)]))


def fit_table(table: Table, width: int) -> str:
    """Write a table for a terminal so many columns wide; texts are wrapped at spaces, and nothing is cut.

    Where rows would be too tall, the columns that have one value in all rows are said once, above the others; where
    that does not help, each row is a block of lines.
    """
    if not table.columns or not table.rows:
        return format_plain(table)
    lines = [table.columns, *_cells(table)]
    if widths := _fit_widths(lines, width):
        return _grid(lines, widths)
    same = [i for i in range(len(table.columns)) if len(lines) > 2 and len({line[i] for line in lines[1:]}) == 1]
    others = [[cell for i, cell in enumerate(line) if i not in same] for line in lines]
    if same and others[0] and (widths := _fit_widths(others, width)):
        said_once = _block([(lines[0][i], lines[1][i]) for i in same], width, "  ")
        return f"In all rows:\n{said_once}\n{_grid(others, widths)}"
    return "\n".join(_block(list(zip(lines[0], line, strict=True)), width) for line in lines[1:])


def format_csv(table: Table) -> str:
    """Write SPARQL 1.1 CSV: whole IRIs, bare texts, nothing where nothing is bound; lines end in CR LF."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([term and (f"_:{term.value}" if term.kind == "blank" else term.value) for term in row])
    return buffer.getvalue()


def format_json(table: Table) -> str:
    """Write SPARQL 1.1 Query Results JSON."""
    bindings = [{column: write_binding(term) for column, term in record.items()} for record in table.records()]
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
    """Write a term for people: IRIs by their short names, on one line, with control characters escaped."""
    if term is None:
        return ""
    if term.kind == "blank":
        return f"_:{term.value}"
    return one_line(shorten(term.value) if term.kind == "iri" else term.value)


def one_line(text: str) -> str:
    r"""Make a text fit for a terminal: control characters could move its cursor or colour it.

    >>> print(one_line("a\n b\x1b[31m"))
    a b\u{1b}[31m
    """
    return inert(" ".join(text.split()))


def _cells(table: Table) -> list[Sequence[str]]:
    return [tuple(map(short, row)) for row in table.rows]


def _natural_widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*lines, strict=True)]


def _fit_widths(lines: Sequence[Sequence[str]], width: int) -> list[int]:
    """Narrow columns until all fit side by side, best without breaking a word; an empty list if rows are too tall."""
    for longest_word in (width, _LONGEST_WORD):
        widths = _narrow(lines, width, longest_word)
        if widths and _tallest(lines, widths) <= _TALLEST:
            return widths
    return []


def _narrow(lines: Sequence[Sequence[str]], width: int, longest_word: int) -> list[int]:
    """Narrow the widest columns, but none below its longest word."""
    widths = _natural_widths(lines)
    words = [[cell_len(word) for cell in column for word in cell.split()] for column in zip(*lines, strict=True)]
    least = [min(max(lengths, default=1), longest_word) for lengths in words]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        spare = [(w, -i) for i, w in enumerate(widths) if w > least[i]]
        if not spare:
            return []
        widths[-max(spare)[1]] -= 1
    return widths


def _tallest(lines: Sequence[Sequence[str]], widths: Sequence[int]) -> int:
    return max(len(_wrap(cell, w)) for line in lines for cell, w in zip(line, widths, strict=True))


def _wrap(text: str, width: int) -> list[str]:
    """Break a text into lines at its spaces; words that are too long, after their marks; other ones anywhere."""
    lines = [""]
    for word in text.split():
        parts = [word] if cell_len(word) <= min(width, _LONGEST_WORD) else _PARTS.findall(word)
        space = " " if lines[-1] else ""
        for part in parts:
            if cell_len(lines[-1] + space + part) > width and lines[-1]:
                lines.append("")
                space = ""
            *full, last = chop_cells(lines[-1] + space + part, width)
            lines[-1:] = [*full, last]
            space = ""
    return lines


def _grid(lines: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """Write lines of cells under the first one, each column as wide as told."""
    header, *rows = ([_wrap(cell, w) for cell, w in zip(line, widths, strict=True)] for line in lines)
    # Rows that are several lines tall are set apart.
    gap = "\n" if any(len(cell) > 1 for row in rows for cell in row) else ""
    rule = _pad(["-" * width for width in widths], widths)
    return _stack(header, widths) + rule + gap.join(_stack(row, widths) for row in rows)


def _stack(row: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    return "".join(_pad(cells, widths) for cells in zip_longest(*row, fillvalue=""))


def _block(fields: Sequence[tuple[str, str]], width: int, indent: str = "") -> str:
    """Write one line for each name and value, with values that are too long going on below themselves."""
    widest = max(cell_len(name) for name, _ in fields)
    room = max(width - len(indent) - widest - len(_GAP), _LEAST_ROOM)
    rows = [([name], _wrap(value, room)) for name, value in fields]
    return "".join(f"{indent}{line}" for row in rows for line in _stack(row, [widest, room]).splitlines(keepends=True))


def _pad(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    return _GAP.join(padded).rstrip() + "\n"


def _markdown_cell(term: Term | None) -> str:
    written = _MARKDOWN.sub(r"\\\1", short(term))
    if term is not None and term.kind == "iri" and term.value.startswith(("http://", "https://")):
        target = term.value.replace("(", "%28").replace(")", "%29").replace("|", "%7C")
        return f"[{written}]({target})"
    return written


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
