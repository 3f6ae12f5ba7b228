"""One query in a worker: what is refused, which data it sees, and the answer as frames.

Runs in a process of its own that may die: of a deadline, of its memory, of the parser's stack.
"""

from __future__ import annotations

import io
import json
import marshal
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from resource import RUSAGE_SELF, getrusage
from typing import IO, Any, Final, cast

from pyoxigraph import (
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    parse_query_results,
    serialize,
)

from kgbuild.engines import jsonld, lexer
from kgbuild.engines.attribution import MEMBER, attribute, not_attributable
from kgbuild.engines.derivation import SOLUTIONS, Row
from kgbuild.engines.faults import QueryError as QueryError  # under this name for all who ask
from kgbuild.engines.formats import GRAPHS, NOT_FOR_ASK, RESULTS, WITH_PREFIXES
from kgbuild.engines.frames import DATA, END, FAULT, HEAD, Outbox
from kgbuild.engines.syntax import explain_syntax
from kgbuild.engines.thing_description import describe
from kgbuild.engines.thing_lookup import find
from kgbuild.namespaces import PREFIXES

LONGEST_QUERY: Final = 256_000
"""Characters."""
DEEPEST_NESTING: Final = 100
LARGEST_MERGE: Final = 2_000_000
"""Triples in the default graphs that a request merges."""
LARGEST_TABLE: Final = 32 << 20
"""Bytes of a table whose rows are led back to their sources."""
_WITH_SOURCES: Final = "application/sparql-results+json"
_MERGED: Final = NamedNode("urn:kgbuild:merged-default-graph")
_NO_DESCRIPTORS: Final = re.compile(r"os error 24|Too many open files", re.IGNORECASE)

_PREFIX: Final = b"@prefix "
Put = Callable[[bytes, bytes], object]
"""Takes a frame: its kind and its payload."""


@dataclass(frozen=True)
class Request:
    """A query, its dataset, and the media types that fit, best first."""

    query: str
    results: tuple[str, ...]
    graphs: tuple[str, ...]
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    sources: bool = False
    base: str = ""
    """What relative IRIs in the query are relative to, unless it has a BASE: the address of the endpoint."""
    describe: str = ""
    """An IRI that is described in place of a query; without a graph format, only whether there is anything to tell."""
    page: int = 1
    """Of the description."""
    context: str = ""
    """The context that JSON-LD is compacted with."""

    def fields(self) -> tuple[Any, ...]:
        """Give all that is asked: what names the answer."""
        return tuple(vars(self).values())

    def pack(self) -> bytes:
        """Write the request for a worker: in Python's own form, which costs a tenth of JSON, and never leaves us."""
        return marshal.dumps(self.fields())

    @classmethod
    def unpack(cls, payload: bytes) -> Request:
        """Read what `pack` wrote."""
        return cls(*marshal.loads(payload))  # noqa: S302 - from the server that forked this process


def answer(store: Store, payload: bytes, send: Callable[[bytes], object], *, read_only: bool = False) -> None:
    """Answer a request frame with frames; a fault is one of them.

    `read_only` says that the store takes no graph that is made for a query.
    MemoryError is left to the worker, which has to end after it.
    """
    outbox = Outbox(send)
    request = Request.unpack(payload)
    try:
        if request.describe:
            _describe(store, request, outbox.put)
        else:
            _evaluate(store, request, outbox.put, read_only=read_only)
    except QueryError as fault:
        outbox.put(FAULT, fault.pack())
    else:
        outbox.put(END, json.dumps({"holds": getrusage(RUSAGE_SELF).ru_maxrss << 10}).encode())
    outbox.flush()


# --- refusing -----------------------------------------------------------------------------------------------------


def refuse(store: Store, request: Request) -> None:
    """Raise the fault of a query that is not answered here, and says why better than the engine would."""
    text = request.query
    if len(text) > LONGEST_QUERY:
        detail = f"The query has {len(text):,} characters; {LONGEST_QUERY:,} are taken. Ask it in parts."
        raise QueryError("query-too-long", 413, detail)
    # The bare count of brackets is a bound of the depth, and costs a microsecond.
    if sum(map(text.count, "([{")) > DEEPEST_NESTING and lexer.depth(text) > DEEPEST_NESTING:
        detail = f"The query nests brackets more than {DEEPEST_NESTING} levels deep. Flatten it."
        raise QueryError("query-too-complex", 400, detail)
    if "service" in text.lower() and (token := lexer.find_service(text)):
        _refuse_service(text, token.at)
    if not request.default_graphs and not request.named_graphs and "from" in text.lower():
        _check_graphs(store, *lexer.find_from(text, request.base))
    _check_graphs(store, request.default_graphs, request.named_graphs)


def _refuse_service(text: str, at: int) -> None:
    line, column = lexer.position(text, at)
    detail = "Federated queries (SERVICE) are refused: this endpoint asks nobody else. Ask each endpoint yourself."
    raise QueryError("federated-query", 403, detail, {"line": line, "column": column})


def _check_graphs(store: Store, *lists: Iterable[str]) -> None:
    for name in (name for names in lists for name in names):
        try:
            known = store.contains_named_graph(NamedNode(name))
        except ValueError:
            known = False
        if not known:
            detail = (
                f"There is no graph <{name}> here, and graphs from elsewhere are not fetched. Name one of this data."
            )
            raise QueryError("unknown-graph", 400, detail, {"graph": name})


# --- evaluating ---------------------------------------------------------------------------------------------------


def _evaluate(store: Store, request: Request, put: Put, *, read_only: bool) -> None:
    refuse(store, request)
    merged, dataset = _dataset(store, request, read_only=read_only)
    try:
        result = (store if merged is None else merged).query(request.query, base_iri=request.base or None, **dataset)
        if request.sources:
            _write_with_sources(store, result, request, put)
        else:
            _write(result, request, put)
    except SyntaxError as problem:
        if lexer.first_word(request.query) in lexer.UPDATES:
            detail = "This endpoint is read-only: it answers queries and takes no updates."
            raise QueryError("read-only", 403, detail) from problem
        fault = explain_syntax(str(problem), request.query, request.base)
        raise QueryError("syntax-error", 400, fault.sentence(), fault.facts()) from problem
    except (OSError, RuntimeError, ValueError) as problem:
        if _NO_DESCRIPTORS.search(str(problem)):
            # What no scan saw, the wall did: a worker has no file descriptor to spare.
            _refuse_service(request.query, 0)
        raise QueryError("evaluation-failed", 400, f"The query was not answered: {problem}.") from problem
    finally:
        if merged is not None:
            # Its quads alone would leave the graph's name, and `GRAPH ?g {}` would list it to whoever asks next.
            merged.remove_graph(_MERGED)


def _dataset(store: Store, request: Request, *, read_only: bool) -> tuple[Store | None, dict[str, Any]]:
    """Choose what the query sees: the protocol's graphs go before FROM, several default graphs are merged to a set.

    pyoxigraph 0.5.13 counts a triple twice that stands in two graphs of FROM, so that they are merged here.
    Returns the store that has the merged graph, which has to be removed, if one was made; and the dataset.
    """
    default, named = request.default_graphs, request.named_graphs
    if not default and not named:
        default_, named_ = lexer.find_from(request.query, request.base) if "from" in request.query.lower() else ([], [])
        if len(default_) < 2 and len(set(named_)) == len(named_):
            return None, {}
        default, named = tuple(default_), tuple(named_)
    graphs = [NamedNode(name) for name in dict.fromkeys(default)]
    others = [NamedNode(name) for name in dict.fromkeys(named)]
    if len(graphs) < 2:
        return None, {"default_graph": graphs, "named_graphs": others}
    target = store
    if read_only:
        # The dataset is all that the query sees: a copy of it in memory stands for the store.
        target = Store()
        _copy(store, others if "graph" in request.query.lower() else [], target)
    _merge(store, graphs, target)
    return target, {"default_graph": [_MERGED], "named_graphs": others}


def _copy(store: Store, graphs: list[NamedNode], target: Store) -> None:
    for graph in graphs:
        target.add_graph(graph)
        # One more than fits tells that it does not.
        target.extend(islice(store.quads_for_pattern(None, None, None, graph), LARGEST_MERGE + 1 - len(target)))
        if len(target) > LARGEST_MERGE:
            raise _too_large()


def _merge(store: Store, graphs: list[NamedNode], target: Store) -> None:
    triples: set[Triple] = set()
    for graph in graphs:
        triples.update(quad.triple for quad in store.quads_for_pattern(None, None, None, graph))
        if len(triples) > LARGEST_MERGE:
            raise _too_large()
    target.extend(Quad(t.subject, t.predicate, t.object, _MERGED) for t in triples)


def _too_large() -> QueryError:
    detail = f"The default graphs hold more than {LARGEST_MERGE:,} triples together. Name fewer."
    return QueryError("dataset-too-large", 400, detail)


def _describe(store: Store, request: Request, put: Put) -> None:
    if not request.graphs:
        find(store, request.describe)
        put(HEAD, json.dumps({"form": "found", "media_type": ""}).encode())
        return
    found = describe(store, request.describe, request.page)
    media_type = request.graphs[0]
    put(HEAD, json.dumps({"form": "graph", "media_type": media_type, "pages": found.pages}).encode())
    # Where a format has room for the graph in which a triple stands, it keeps it.
    keeps = media_type in ("application/trig", "application/n-quads")
    _write_graph(found.quads(store) if keeps else found.triples(), media_type, request, put, found.prefixes)


def _write(result: QuerySolutions | QueryTriples | QueryBoolean, request: Request, put: Put) -> None:
    if isinstance(result, QueryTriples):
        media_type = _fitting(request.graphs, GRAPHS)
        put(HEAD, json.dumps({"form": "graph", "media_type": media_type}).encode())
        _write_graph(_once(result), media_type, request, put, PREFIXES)
        return
    is_ask = isinstance(result, QueryBoolean)
    media_type = _fitting(tuple(m for m in request.results if not (is_ask and m in NOT_FOR_ASK)), RESULTS)
    head: dict[str, Any] = {"form": "boolean" if is_ask else "table", "media_type": media_type}
    if isinstance(result, QuerySolutions):
        head["variables"] = [variable.value for variable in result.variables]
    put(HEAD, json.dumps(head).encode())
    with _Sink(put) as sink:
        result.serialize(cast(IO[bytes], sink), format=RESULTS[media_type])


def _write_graph(
    statements: Iterable[Triple | Quad], media_type: str, request: Request, put: Put, prefixes: dict[str, str]
) -> None:
    with _Sink(put) as sink:
        if media_type == jsonld.MEDIA_TYPE:
            with io.BufferedWriter(sink, 1 << 16) as buffer:
                jsonld.write(statements, jsonld.read_context(request.context), buffer.write)
            return
        format_ = RdfFormat.from_media_type(media_type)
        assert format_ is not None  # noqa: S101 - one of ours
        listed = prefixes if media_type in WITH_PREFIXES else None
        serialize(cast(Any, statements), cast(IO[bytes], sink), format=format_, prefixes=listed)


def _write_with_sources(
    store: Store, result: QuerySolutions | QueryTriples | QueryBoolean, request: Request, put: Put
) -> None:
    """Write a table as JSON with what supports each row; the rows go out while their sources are still looked for."""
    if not isinstance(result, QuerySolutions):
        detail = "Only the rows of a SELECT come with sources. Ask a SELECT, or leave `sources` out."
        raise QueryError("sources-for-select-only", 400, detail)
    if _WITH_SOURCES not in request.results:
        detail = f"Sources come with {_WITH_SOURCES} only. Ask for that format, or leave `sources` out."
        raise QueryError("not-acceptable", 406, detail, {"available": [_WITH_SOURCES]})
    columns = [variable.value for variable in result.variables]
    head = {"form": "table", "media_type": _WITH_SOURCES, "variables": columns}
    put(HEAD, json.dumps(head).encode())
    table = _OpenTable(cast(IO[bytes], _Sink(put)))
    result.serialize(cast(IO[bytes], table), format=QueryResultsFormat.JSON)
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


def _once(triples: QueryTriples) -> Iterator[Triple]:
    """Go through triples, each once: an RDF graph is a set, and pyoxigraph gives what it meets as often."""
    seen: set[Triple] = set()
    for triple in triples:
        if triple not in seen:
            seen.add(triple)
            yield triple


def _fitting(wanted: tuple[str, ...], known: dict[str, Any]) -> str:
    if wanted:
        return wanted[0]
    detail = f"None of the formats asked for fits this form of query. Ask for one of {', '.join(known)}."
    raise QueryError("not-acceptable", 406, detail, {"available": list(known)})


class _Sink(io.RawIOBase):
    """Sends what is written to it as frames; pyoxigraph writes 8 kB at a time.

    The prefixes at the beginning of Turtle and TriG are sorted on the way: pyoxigraph 0.5.13 writes them in an order
    that is another one each time, and the same answer must be the same bytes, for its ETag.
    """

    def __init__(self, put: Put) -> None:
        self.put = put
        self.begun: bytes | None = b""
        """What was written while there may still be prefixes to come; None after that."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = bytes(data)
        if self.begun is None:
            self.put(DATA, written)
        else:
            self._begin(self.begun + written)
        return len(written)

    def _begin(self, begun: bytes) -> None:
        *lines, rest = begun.split(b"\n")
        if all(line.startswith(_PREFIX) for line in lines) and rest.startswith(_PREFIX[: len(rest)]):
            self.begun = begun
            return
        prefixes = list(takewhile(lambda line: line.startswith(_PREFIX), lines))
        self.begun = None
        self.put(DATA, b"\n".join([*sorted(prefixes), *lines[len(prefixes) :], rest]))

    def close(self) -> None:
        """Send what is left, where there was nothing but prefixes."""
        if self.begun:
            self.put(DATA, b"\n".join([*sorted(self.begun.splitlines()), b""]))
            self.begun = None
        super().close()
