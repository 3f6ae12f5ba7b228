"""What our workers can do beside queries: describe a thing, and lead rows back to their sources.

Named in `access.OPERATIONS`; imported where workers are forked, see `workers.zygote`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, Final, cast

from pyoxigraph import QueryResultsFormat, QuerySolutions, Store, parse_query_results

from kgbuild.server.data.thing_description import describe
from kgbuild.server.data.thing_lookup import find
from kgbuild.sparql.results import MEMBER
from kgbuild.support.derivation import SOLUTIONS, Row
from kgbuild.support.rows import attribute, not_attributable
from kgbuild.workers.evaluation import Put, Sink, begin, evaluated, write_graph
from kgbuild.workers.protocol import HEAD, Head
from kgbuild.workers.request import Request

LARGEST_TABLE: Final = 32 << 20
"""Bytes of a table whose rows are led back to their sources."""


def answer_description(store: Store, request: Request, put: Put, read_only: bool) -> None:  # noqa: ARG001
    """Describe a thing; without a format, say only whether there is anything to tell."""
    if not request.graphs:
        find(store, request.describe)
        put(HEAD, Head("found").pack())
        return
    found = describe(store, request.describe, request.page)
    media_type = request.graphs[0]
    put(HEAD, Head("graph", media_type, pages=found.pages).pack())
    # Where a format has room for the graph in which a triple stands, it keeps it.
    keeps = media_type in ("application/trig", "application/n-quads")
    statements = found.quads(store) if keeps else found.triples()
    write_graph(statements, media_type, request.context, put, found.prefixes)


def answer_with_sources(store: Store, request: Request, put: Put, read_only: bool) -> None:
    """Answer a SELECT as JSON with what supports each row; the rows go out while their sources are looked for."""
    with evaluated(store, request, read_only=read_only) as result:
        begin(result, request, put)
        assert isinstance(result, QuerySolutions)  # noqa: S101 - nothing else comes with sources
        table = _OpenTable(cast(IO[bytes], Sink(put)))
        result.serialize(cast(IO[bytes], table), format=QueryResultsFormat.JSON)
        columns = [variable.value for variable in result.variables]
        table.close_with(MEMBER, _sources(store, request, columns, table))


def _sources(store: Store, request: Request, columns: list[str], table: _OpenTable) -> Any:
    if request.default_graphs or request.named_graphs:
        return not_attributable("the request chooses the graphs; ask the default graph instead")
    if table.kept is None:
        return not_attributable(f"the rows have more than {LARGEST_TABLE:,} bytes; add a LIMIT")
    rows = list(islice(_read_rows(table.kept), SOLUTIONS + 1))
    if len(rows) > SOLUTIONS:
        return not_attributable(f"there are more than {SOLUTIONS:,} rows; add a LIMIT")
    return attribute(store, request.query, columns, rows, request.base)


def _read_rows(table: bytearray) -> Iterator[Row]:
    read = parse_query_results(bytes(table), format=QueryResultsFormat.JSON)
    assert isinstance(read, QuerySolutions)  # noqa: S101 - a table was written
    return (tuple(solution) for solution in read)


class _OpenTable(io.RawIOBase):
    """Passes a table on as it is written, all but its closing brace; keeps a copy unless it grows too large."""

    def __init__(self, sink: IO[bytes]) -> None:
        self.sink = sink
        self.kept: bytearray | None = bytearray()
        self.last = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = bytes(data)
        if written:
            self.sink.write(self.last + written[:-1])
            self.last = written[-1:]
        if self.kept is not None:
            self.kept += written
            self.kept = None if len(self.kept) > LARGEST_TABLE else self.kept
        return len(written)

    def close_with(self, name: str, value: Any) -> None:
        """Write one more member and the closing brace; a list goes out piece by piece."""
        self.sink.write(f",{json.dumps(name)}:".encode())
        if isinstance(value, list):
            for i, each in enumerate(value):
                self.sink.write((b"," if i else b"[") + _compact(each))
            self.sink.write(b"]" if value else b"[]")
        else:
            self.sink.write(_compact(value))
        self.sink.write(self.last)


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
