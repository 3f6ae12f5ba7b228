"""Data on another server, over the SPARQL 1.1 Protocol (https://www.w3.org/TR/sparql11-protocol/).

Our rules hold: a query is read in a worker of ours before it is sent, it has the reader's deadline, and its connection
is closed when its client leaves.  JSON and N-Triples are asked for; the other formats are written here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import aiohttp
from pyoxigraph import QuerySolutions, RdfFormat, Store, parse, parse_query_results

from kgbuild.core.errors import EngineError, UsageError
from kgbuild.search.index import MOST_QUADS
from kgbuild.search.names import NAME_PREDICATES
from kgbuild.server.data.access import Data
from kgbuild.server.data.operations import answer_description
from kgbuild.server.data.remote_store import RemoteStore
from kgbuild.sparql import lexer
from kgbuild.sparql.formats import GRAPHS, NOT_FOR_ASK, RESULTS
from kgbuild.sparql.query_error import QueryError
from kgbuild.support.rows import MEMBER, not_attributable
from kgbuild.workers.evaluation import Sink, fitting, write_graph
from kgbuild.workers.lanes import Limits, Load
from kgbuild.workers.protocol import HEAD
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer, Spool
from kgbuild.workers.supervisor import SCANS, Pool

T = TypeVar("T")

CHECKS: Final = {"query": "kgbuild.workers.evaluation:check_query"}
CONNECTIONS: Final = 16
"""Queries that run there at one time: the other server has no lanes."""
WAITING: Final = 512
LARGEST: Final = 64 << 20
"""Bytes of an answer of the other server, which is read here before it is written in another format."""
PAGE: Final = 10_000
"""Rows of a page: what servers give at most."""
CONNECT_WITHIN: Final = 10.0
WELL_WITHIN: Final = 5.0
_JSON: Final = "application/sparql-results+json"
_ACCEPT_GRAPH: Final = "application/n-triples, text/turtle;q=0.9"
_ACCEPT_TABLE: Final = f"{_JSON}, application/json;q=0.9"
_READS: Final = {
    "text/turtle": RdfFormat.TURTLE,
    "application/x-turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "text/plain": RdfFormat.N_TRIPLES,
}
_SLOW: Final = re.compile(r"time ?out|timed out|exceeds the limit|cancel", re.IGNORECASE)
_GRAPHS: Final = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
_SYSTEM_GRAPHS: Final = ("http://www.openlinksw.com/", "http://localuriqaserver/", "http://www.w3.org/ns/ldp#")
"""What Virtuoso 7 keeps for itself among the graphs."""
_SIZE: Final = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
_log: Final = logging.getLogger("kgbuild.server")


@dataclass(frozen=True)
class RemoteEndpoint:
    """A SPARQL server that is served from."""

    endpoint: str
    default_graph: str = ""
    """The graph there that stands for the default one, on a server that has none of its own."""


def read_engine(endpoint: str, default_graph: str = "") -> RemoteEndpoint:
    """Check the address of a server; raises UsageError."""
    try:
        parts = urlsplit(endpoint)
        # `port` raises ValueError where it is no number up to 65535.
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        remedy = "Give one that starts with http:// or https://."
        raise UsageError(f"--engine {endpoint}: this is no address of a SPARQL server. {remedy}")
    return RemoteEndpoint(endpoint, default_graph)


class RemoteData(Data):
    """The data of another server."""

    def __init__(self, engine: RemoteEndpoint, limits: Limits, ended: Counter[str]) -> None:
        self.engine, self.limits = engine, limits
        self.quads = 0
        self._checks = Pool((), replace(limits, slow=1), None, ended, CHECKS)
        self.lost = self._checks.lost
        self._spool = Spool()
        self._graphs: list[str] = []
        """The named graphs, on a server whose default graph has a name."""
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._running: set[asyncio.Task[Any]] = set()
        self._waiting = 0
        self._stopping = False

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the checks, and count what is there; raises EngineError where the server does not answer."""
        await self._checks.start()
        # The reader's deadline is kept by whoever asks; a connection that was kept is closed before Virtuoso does it.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        try:
            (row,) = (await self.select(_SIZE, 60)).records()
            if self.engine.default_graph:
                found = [row["g"].value for row in (await self.select(_GRAPHS, 60)).records()]
                others = (self.engine.default_graph, *_SYSTEM_GRAPHS)
                self._graphs = [name for name in found if not name.startswith(others)]
        except (QueryError, ValueError) as problem:
            what = problem.detail if isinstance(problem, QueryError) else str(problem)
            raise EngineError(f"{self.engine.endpoint}: {what} Check --engine, and that the server runs.") from problem
        self.quads = int(row["n"].value)
        if not self.quads:
            default = "a --resolved-graph" if self.engine.default_graph else "its default graph"
            _log.warning("%s: there is nothing in %s.", self.engine.endpoint, default)

    async def stop(self, *, drain: bool = False) -> None:
        """End: at once, or after the queries under way."""
        if drain and self._running:
            await asyncio.wait(set(self._running), timeout=2 * self.limits.timeout)
        self.abort()
        await self._checks.stop()
        if self._session is not None:
            await self._session.close()

    def abort(self) -> None:
        """Let go of everything, now."""
        self._stopping = True
        for task in self._running:
            task.cancel("shutting-down")
        self._checks.abort()

    def load(self) -> Load:
        """Tell what is under way, there and in the workers that check."""
        checks = self._checks.load()
        return replace(checks, running=checks.running + len(self._running), waiting=self._waiting)

    async def is_well(self) -> bool:
        """Ask the other server for a word."""
        try:
            async with asyncio.timeout(WELL_WITHIN):
                await self.select("SELECT (1 AS ?n) {}")
        except (QueryError, TimeoutError):
            return False
        return True

    # -- answering -------------------------------------------------------------------------------------------------

    async def run(self, request: Request, timeout: float | None = None) -> Answer:
        """Answer a request; raises QueryError for every reason why there is none.  Cancelling closes the connection."""
        return await self._within(timeout or self.limits.timeout, self._checked(request))

    async def _run_own(self, request: Request, timeout: float | None) -> Answer:
        # Our own queries are known to be queries.
        work = self._describe(request) if request.describe else self._answer(request, _form(request))
        return await self._within(timeout or self.limits.timeout, work)

    async def _within(self, seconds: float, work: Coroutine[Any, Any, Answer]) -> Answer:
        if self._stopping:
            work.close()
            raise _going_down()
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(seconds):
                return await task
        except TimeoutError as problem:
            detail = f"The query took longer than {seconds:g} seconds and was stopped. Ask for less, or for a part."
            raise QueryError("deadline", 504, detail) from problem
        except asyncio.CancelledError:
            if self._stopping:
                raise _going_down() from None
            task.cancel()
            raise

    async def _checked(self, request: Request) -> Answer:
        if request.describe:
            return await self._describe(request)
        (checked := await self._checks.run(replace(request, sources=False))).close()
        await self._check_graphs(request)
        return await self._answer(request, checked.form)

    async def _answer(self, request: Request, form: str) -> Answer:
        wanted = _wanted(request, form)
        body, media_type = await self._fetch(self._fields(request), form)
        if form == "graph":
            return await asyncio.to_thread(self._write_graph, body, media_type, wanted, request.context)
        return await asyncio.to_thread(self._write_results, body, form, wanted, request.sources)

    def _fields(self, request: Request) -> dict[str, Any]:
        """Write the form that is sent: the query, and the graphs that it sees."""
        query = f"BASE <{request.base}>\n{request.query}" if request.base else request.query
        fields: dict[str, Any] = {"query": query}
        chosen = bool(request.default_graphs or request.named_graphs)
        if request.default_graphs:
            fields["default-graph-uri"] = list(dict.fromkeys(request.default_graphs))
        if request.named_graphs:
            fields["named-graph-uri"] = list(dict.fromkeys(request.named_graphs))
        if self.engine.default_graph and not chosen and not any(_from(request)):
            fields["default-graph-uri"] = [self.engine.default_graph]
            if "graph" in query.lower():
                # Without them Virtuoso 7 finds nothing in `GRAPH <name>`, and in `GRAPH ?g` its own graphs as well.
                fields["named-graph-uri"] = self._graphs
        return fields

    async def _check_graphs(self, request: Request) -> None:
        graphs = request.default_graphs, request.named_graphs
        chosen = graphs if any(graphs) else _from(request)
        for name in dict.fromkeys(name for names in chosen for name in names):
            if not await self._has_graph(name):
                detail = (
                    f"There is no graph <{name}> here, and graphs from elsewhere are not fetched. "
                    "Name one of this data."
                )
                raise QueryError("unknown-graph", 400, detail, {"graph": name})

    async def _has_graph(self, name: str) -> bool:
        if not re.fullmatch(r"[^\x00-\x20<>\"{}|^`\\]+", name):
            return False
        query = {"query": f"ASK {{ GRAPH <{name}> {{ ?s ?p ?o }} }}"}
        body, _ = await self._fetch(query, "boolean")
        return bool(json.loads(body).get("boolean"))

    # -- asking ----------------------------------------------------------------------------------------------------

    async def _fetch(self, fields: dict[str, Any], form: str) -> tuple[bytes, str]:
        """Ask the other server; returns its answer whole, and the media type of it."""
        accept = _ACCEPT_GRAPH if form == "graph" else _ACCEPT_TABLE
        async with self._place():
            try:
                return await self._post(fields, accept)
            except aiohttp.ServerDisconnectedError:
                pass  # a connection that had been kept was closed there
            except aiohttp.ClientError as problem:
                raise _unreachable(str(problem) or type(problem).__name__) from problem
            try:
                return await self._post(fields, accept)
            except aiohttp.ClientError as problem:
                raise _unreachable(f"the connection broke off: {problem}") from problem

    async def _post(self, fields: dict[str, Any], accept: str) -> tuple[bytes, str]:
        assert self._session is not None  # noqa: S101 - `start` comes first
        headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        form = urlencode(fields, doseq=True).encode()
        where = self.engine.endpoint
        async with self._session.post(where, data=form, headers=headers, allow_redirects=False) as response:
            parts, size = [], 0
            async for part in response.content.iter_chunked(1 << 16):
                size += len(part)
                if size > LARGEST:
                    raise _too_large()
                parts.append(part)
            body = b"".join(parts)
            if response.status != 200:
                raise _refused(response.status, body)
            return body, response.headers.get("content-type", "").partition(";")[0].strip().lower()

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            detail = f"{WAITING} queries are waiting already. Come back in a moment."
            raise QueryError("queue-full", 503, detail, {"retry_after": 2})
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    # -- writing ---------------------------------------------------------------------------------------------------

    def _write_results(self, body: bytes, form: str, media_type: str, sources: bool) -> Answer:
        try:
            read = _repaired(json.loads(body))
            variables = tuple(read["head"].get("vars", ())) if form == "table" else ()
            if sources:
                reason = "the data are on another server, which does not tell what a row rests on; ask it of a release"
                read[MEMBER] = not_attributable(reason)
            written = json.dumps(read, ensure_ascii=False, separators=(",", ":")).encode()
            result = parse_query_results(written, format=RESULTS[_JSON])
        except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as problem:
            raise _broken(problem, body) from problem
        answer = self._spool.new(form, media_type, variables)
        if media_type == _JSON:
            self._spool.add(answer, written)
            return answer
        assert form != "table" or isinstance(result, QuerySolutions)  # noqa: S101 - as it was read above
        return self._written(answer, lambda sink: result.serialize(sink, format=RESULTS[media_type]))

    def _write_graph(self, body: bytes, given: str, media_type: str, context: str) -> Answer:
        if given not in _READS:
            raise _broken(ValueError(f"it is {given or 'of no type'}, not N-Triples or Turtle"), body)
        try:
            triples = dict.fromkeys(quad.triple for quad in parse(body, _READS[given]))
        except (SyntaxError, ValueError) as problem:
            raise _broken(problem, body) from problem
        answer = self._spool.new("graph", media_type)
        write_graph(triples, media_type, context, lambda _, part: self._spool.add(answer, part))
        return answer

    def _written(self, answer: Answer, write: Callable[[IO[bytes]], object]) -> Answer:
        with Sink(lambda _, part: self._spool.add(answer, part)) as sink:
            write(cast(IO[bytes], sink))
        return answer

    # -- describing ------------------------------------------------------------------------------------------------

    async def _describe(self, request: Request) -> Answer:
        """Describe a thing as a worker does, over a store that asks for what it lacks."""
        loop = asyncio.get_running_loop()
        gone = False

        def ask(query: str) -> bytes:
            if gone:
                raise QueryError("abandoned", 503, "The query was stopped before it was done.")
            return asyncio.run_coroutine_threadsafe(self._ask(query), loop).result(self.limits.timeout)

        def work() -> Answer:
            store = cast(Store, RemoteStore(ask, self.engine.default_graph))
            made: list[Answer] = []

            def put(kind: bytes, payload: bytes) -> object:
                if kind == HEAD:
                    head = json.loads(payload)
                    made.append(self._spool.new(head["form"], head["media_type"], (), head.get("pages", 1)))
                    return None
                return self._spool.add(made[0], payload)

            answer_description(store, request, put, True)
            return made[0]

        try:
            return await asyncio.to_thread(work)
        finally:
            gone = True

    async def _ask(self, query: str) -> bytes:
        body, _ = await self._fetch(self._fields(Request(query, (_JSON,), ())), "table")
        return json.dumps(_repaired(json.loads(body)), ensure_ascii=False).encode()


# --- the names that are searched ----------------------------------------------------------------------------------


async def write_names(data: Data, path: Path) -> None:
    """Write the quads that names are read from as N-Quads, fetched a page at a time."""
    with path.open("wb") as file:
        for predicate in sorted(NAME_PREDICATES):
            for offset in range(0, MOST_QUADS, PAGE):
                text = f"{{ ?s <{predicate}> ?o }} UNION {{ GRAPH ?g {{ ?s <{predicate}> ?o }} }}"
                query = f"SELECT ?s ?o ?g {{ {text} }} LIMIT {PAGE} OFFSET {offset}"
                rows = (await data.select(query, SCANS)).records()
                for row in rows:
                    terms = [row["s"].n3(), f"<{predicate}>", row["o"].n3(), *([row["g"].n3()] if "g" in row else [])]
                    file.write(f"{' '.join(terms)} .\n".encode())
                if len(rows) < PAGE:
                    break


def _from(request: Request) -> tuple[list[str], list[str]]:
    return lexer.find_from(request.query, request.base) if "from" in request.query.lower() else ([], [])


def _form(request: Request) -> str:
    """Tell the form of a query of the server's own, which asks for one kind of formats."""
    return "table" if request.results else "graph"


def _wanted(request: Request, form: str) -> str:
    """Choose the format of the answer; raises QueryError where none fits, or sources are wanted of what has none."""
    if request.sources and form != "table":
        detail = "Only the rows of a SELECT come with sources. Ask a SELECT, or leave `sources` out."
        raise QueryError("sources-for-select-only", 400, detail)
    if request.sources and _JSON not in request.results:
        detail = f"Sources come with {_JSON} only. Ask for that format, or leave `sources` out."
        raise QueryError("not-acceptable", 406, detail, {"available": [_JSON]})
    if request.sources:
        return _JSON
    if form == "graph":
        return fitting(request.graphs, GRAPHS)
    return fitting(tuple(m for m in request.results if not (form == "boolean" and m in NOT_FOR_ASK)), RESULTS)


def _repaired(results: dict[str, Any]) -> dict[str, Any]:
    """Give results as SPARQL 1.1 has them: Virtuoso 7 still writes `typed-literal`, of the drafts before it."""
    for row in results.get("results", {}).get("bindings", ()):
        for term in row.values():
            if term["type"] == "typed-literal":
                term["type"] = "literal"
    kept = {"head": {k: v for k, v in results.get("head", {}).items() if k == "vars"}}
    if "boolean" in results:
        return {"head": {}, "boolean": results["boolean"]}
    return {**kept, "results": {"bindings": results["results"]["bindings"]}}


def _refused(status: int, body: bytes) -> QueryError:
    words = " ".join(body.decode("utf-8", "replace").split())[:300]
    if status in (408, 504) or _SLOW.search(words):
        return QueryError("deadline", 504, f"The server that holds the data stopped the query: {words}")
    if status in (400, 413, 414):
        return QueryError("evaluation-failed", 400, f"The server that holds the data refuses the query: {words}")
    if status in (429, 503):
        return QueryError("queue-full", 503, f"The server that holds the data is busy: {words}", {"retry_after": 5})
    return _unreachable(f"it answered {status}: {words}")


def _unreachable(why: str) -> QueryError:
    detail = f"The server that holds the data cannot be asked: {why.rstrip('.')}. Come back in a moment."
    return QueryError("engine-unreachable", 502, detail, {"retry_after": 5})


def _broken(problem: Exception, body: bytes) -> QueryError:
    # Servers that stop a query late answer 200 and break off: such a part is never taken for the whole.
    end = body[-80:].decode("utf-8", "replace")
    detail = f"The answer of the server that holds the data is not whole ({problem}); it ends with: {end}"
    return QueryError("engine-unreachable", 502, detail, {"retry_after": 5})


def _too_large() -> QueryError:
    detail = f"The answer has more than {LARGEST >> 20} MiB, which is not passed on from another server. Add a LIMIT."
    return QueryError("answer-too-large", 400, detail)


def _going_down() -> QueryError:
    return QueryError("shutting-down", 503, "The server is going down. Come back in a moment.", {"retry_after": 5})
