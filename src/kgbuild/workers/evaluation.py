"""One query in a worker: what is refused, which data it sees, and the answer as frames.

Runs in a process of its own that may die: of a deadline, of its memory, of the parser's stack.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice, takewhile
from typing import IO, Any, Final, cast

from pyoxigraph import NamedNode, Quad, QueryBoolean, QuerySolutions, QueryTriples, RdfFormat, Store, Triple, serialize

from kgbuild.core.namespaces import PREFIXES
from kgbuild.sparql import jsonld, lexer
from kgbuild.sparql.federation import find_service
from kgbuild.sparql.formats import GRAPHS, NOT_FOR_ASK, RESULTS, WITH_PREFIXES
from kgbuild.sparql.query_error import QueryError
from kgbuild.sparql.syntax import explain_syntax
from kgbuild.workers.protocol import DATA, HEAD, Head
from kgbuild.workers.request import Request

LONGEST_QUERY: Final = 256_000
"""Characters."""
DEEPEST_NESTING: Final = 100
JSON: Final = "application/sparql-results+json"
LARGEST_MERGE: Final = 2_000_000
"""Triples in the default graphs that a request merges."""
_MERGED: Final = NamedNode("urn:kgbuild:merged-default-graph")
_NO_DESCRIPTORS: Final = re.compile(r"os error 24|Too many open files", re.IGNORECASE)

_PREFIX: Final = b"@prefix "
Put = Callable[[bytes, bytes], object]
"""Takes a frame: its kind and its payload."""
Result = QuerySolutions | QueryTriples | QueryBoolean


def answer_query(store: Store, request: Request, put: Put, read_only: bool) -> None:
    """Answer a query in the best of the formats that fit; see `zygote.Handler`."""
    with evaluated(store, request, read_only=read_only) as result:
        media_type = begin(result, request, put)
        if isinstance(result, QueryTriples):
            write_graph(_once(result), media_type, request.context, put)
        else:
            write_results(result, media_type, put)


def refuse(store: Store, request: Request) -> None:
    """Raise the fault of a query that is not answered here, and says why better than the engine would."""
    _refuse_text(request.query)
    for name in chain(*request.dataset()):
        try:
            known = store.contains_named_graph(NamedNode(name))
        except ValueError:
            known = False
        if not known:
            raise unknown_graph(name)


def refuse_long(text: str) -> None:
    """Raise the fault of a text that is too long to be looked at."""
    if len(text) > LONGEST_QUERY:
        detail = f"The query has {len(text):,} characters; {LONGEST_QUERY:,} are taken. Ask it in parts."
        raise QueryError("query-too-long", 413, detail)


def _refuse_text(text: str) -> None:
    """Raise the fault of a text that is not answered over any data."""
    refuse_long(text)
    # The bare count of brackets is a bound of the depth, and costs a microsecond.
    if sum(map(text.count, "([{")) > DEEPEST_NESTING and lexer.depth(text) > DEEPEST_NESTING:
        detail = f"The query nests brackets more than {DEEPEST_NESTING} levels deep. Flatten it."
        raise QueryError("query-too-complex", 400, detail)
    if "service" in text.lower() and (token := lexer.find_service(text)):
        raise _federated(*lexer.position(text, token.at))


def check_query(store: Store, request: Request, put: Put, read_only: bool) -> None:  # noqa: ARG001
    """Say of which form a query is that another server is to answer; raises the fault of one that is not sent there.

    The store is empty: the query is parsed here, where the parser may end its process.  Nothing keeps the other server
    from the network, so that SERVICE is refused where either of two readings finds it.
    """
    _refuse_text(request.query)
    plain = lexer.unescape(request.query)
    if "service" in plain.lower():
        if token := lexer.find_service(plain):
            raise _federated(*lexer.position(plain, token.at))
        found = find_service(plain)
        if isinstance(found, tuple):
            raise _federated(*found)
    form = "table"
    try:
        form = _form(store.query(request.query, base_iri=request.base or None))
    except SyntaxError as problem:
        raise _unreadable(problem, request) from problem
    except (OSError, RuntimeError, ValueError):
        pass  # it can be read: whether it can be answered is for the other server to say
    put(HEAD, Head(form).pack())


def _federated(line: int, column: int) -> QueryError:
    detail = "Federated queries (SERVICE) are refused: this endpoint asks nobody else. Ask each endpoint yourself."
    return QueryError("federated-query", 403, detail, {"line": line, "column": column})


def unknown_graph(name: str) -> QueryError:
    """Say that a graph is not there."""
    detail = f"There is no graph <{name}> here, and graphs from elsewhere are not fetched. Name one of this data."
    return QueryError("unknown-graph", 400, detail, {"graph": name})


@contextmanager
def evaluated(store: Store, request: Request, *, read_only: bool) -> Iterator[Result]:
    """Evaluate a query that is not refused; what goes wrong while its result is read becomes a QueryError."""
    refuse(store, request)
    merged, dataset = _dataset(store, request, read_only=read_only)
    try:
        yield (store if merged is None else merged).query(request.query, base_iri=request.base or None, **dataset)
    except SyntaxError as problem:
        raise _unreadable(problem, request) from problem
    except (OSError, RuntimeError, ValueError) as problem:
        if _NO_DESCRIPTORS.search(str(problem)):
            # What no scan saw, the wall did: a worker has no file descriptor to spare.
            raise _federated(*lexer.position(request.query, 0)) from problem
        raise QueryError("evaluation-failed", 400, f"The query was not answered: {problem}.") from problem
    finally:
        if merged is not None:
            # Its quads alone would leave the graph's name, and `GRAPH ?g {}` would list it to whoever asks next.
            merged.remove_graph(_MERGED)


def _unreadable(problem: SyntaxError, request: Request) -> QueryError:
    if lexer.first_word(request.query) in lexer.UPDATES:
        detail = "This endpoint is read-only: it answers queries and takes no updates."
        return QueryError("read-only", 403, detail)
    fault = explain_syntax(str(problem), request.query, request.base)
    return QueryError("syntax-error", 400, fault.sentence(), fault.facts())


def _dataset(store: Store, request: Request, *, read_only: bool) -> tuple[Store | None, dict[str, Any]]:
    """Choose what the query sees: the protocol's graphs go before FROM, several default graphs are merged to a set.

    pyoxigraph 0.5.13 counts a triple twice that stands in two graphs of FROM, so that they are merged here.
    Returns the store that has the merged graph, which has to be removed, if one was made; and the dataset.
    """
    default, named = request.dataset()
    is_of_query = not request.default_graphs and not request.named_graphs
    if is_of_query and len(default) < 2 and len(set(named)) == len(named):
        return None, {}
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


def _form(result: Result) -> str:
    return "graph" if isinstance(result, QueryTriples) else "boolean" if isinstance(result, QueryBoolean) else "table"


def begin(result: Result, request: Request, put: Put) -> str:
    """Send what comes before the first data of an answer; returns its media type, or raises as `choose` does."""
    form = _form(result)
    media_type = choose(form, request)
    variables = tuple(variable.value for variable in result.variables) if isinstance(result, QuerySolutions) else ()
    put(HEAD, Head(form, media_type, variables).pack())
    return media_type


def write_results(result: QuerySolutions | QueryBoolean, media_type: str, put: Put) -> None:
    """Write a table or a boolean as frames."""
    with Sink(put) as sink:
        result.serialize(cast(IO[bytes], sink), format=RESULTS[media_type])


def _once(triples: QueryTriples) -> Iterator[Triple]:
    """Go through triples, each once: an RDF graph is a set, and pyoxigraph gives what it meets as often."""
    seen: set[Triple] = set()
    for triple in triples:
        if triple not in seen:
            seen.add(triple)
            yield triple


def write_graph(
    statements: Iterable[Triple | Quad], media_type: str, context: str, put: Put, prefixes: dict[str, str] = PREFIXES
) -> None:
    """Write statements as frames; formats that declare prefixes have those, JSON-LD is compacted with the context."""
    with Sink(put) as sink:
        if media_type == jsonld.MEDIA_TYPE:
            with io.BufferedWriter(sink, 1 << 16) as buffer:
                jsonld.write(statements, jsonld.read_context(context), buffer.write)
            return
        format_ = RdfFormat.from_media_type(media_type)
        assert format_ is not None  # noqa: S101 - one of ours
        listed = prefixes if media_type in WITH_PREFIXES else None
        serialize(cast(Any, statements), cast(IO[bytes], sink), format=format_, prefixes=listed)


def choose(form: str, request: Request) -> str:
    """Take the best format that fits; raises QueryError where none does, or sources are wanted of what has none."""
    if request.sources:
        if form != "table":
            detail = "Only the rows of a SELECT come with sources. Ask a SELECT, or leave `sources` out."
            raise QueryError("sources-for-select-only", 400, detail)
        if JSON not in request.results:
            detail = f"Sources come with {JSON} only. Ask for that format, or leave `sources` out."
            raise QueryError("not-acceptable", 406, detail, {"available": [JSON]})
        return JSON
    known, wanted = (GRAPHS, request.graphs) if form == "graph" else (RESULTS, request.results)
    for media_type in wanted:
        if form != "boolean" or media_type not in NOT_FOR_ASK:
            return media_type
    detail = f"None of the formats asked for fits this form of query. Ask for one of {', '.join(known)}."
    raise QueryError("not-acceptable", 406, detail, {"available": list(known)})


class Sink(io.RawIOBase):
    """Sends what is written to it as frames; pyoxigraph writes 8 kB at a time.

    The prefixes at the beginning of Turtle and TriG are sorted on the way: pyoxigraph 0.5.13 writes them in an order
    that is another one each time, and the same answer must be the same bytes, for its ETag.
    """

    def __init__(self, put: Put) -> None:
        self.put = put
        self.begun: bytes | None = b""
        """What was written while there may still be prefixes to come; None after that."""

    def writable(self) -> bool:
        """Say so, as a file does."""
        return True

    def write(self, data: Any) -> int:
        """Send bytes."""
        written = bytes(data)
        if self.begun == b"" and not written.startswith(_PREFIX[: len(written)]):
            self.begun = None
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
