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
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import chain
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import aiohttp
from pyoxigraph import QueryResultsFormat, Store, parse, parse_query_results

from kgbuild.core.errors import EngineError, UsageError
from kgbuild.server.data.access import PROBE, SIZE, Data, RemoteEndpoint
from kgbuild.server.data.charging import charged
from kgbuild.server.data.operations import answer_description
from kgbuild.server.data.remote_store import RemoteStore
from kgbuild.sparql.formats import READ_GRAPHS
from kgbuild.sparql.query_error import QueryError
from kgbuild.sparql.results import MEMBER
from kgbuild.support.rows import not_attributable
from kgbuild.workers.evaluation import JSON, Put, begin, choose, unknown_graph, write_graph, write_results
from kgbuild.workers.lanes import WAITING, Limits, Load, going_down, queue_full, too_slow
from kgbuild.workers.protocol import DATA, HEAD, Head
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer, Spool
from kgbuild.workers.supervisor import Pool

CHECKS: Final = {"query": "kgbuild.workers.evaluation:check_query"}
CONNECTIONS: Final = 16
"""Queries that run there at one time: the other server has no lanes."""
LARGEST: Final = 64 << 20
"""Bytes of an answer of the other server, which is read here before it is written in another format."""
CONNECT_WITHIN: Final = 10.0
_ACCEPT_GRAPH: Final = "application/n-triples, text/turtle;q=0.9"
_ACCEPT_TABLE: Final = f"{JSON}, application/json;q=0.9"
_IRI: Final = re.compile(r"[^\x00-\x20<>\"{}|^`\\]+")
_SLOW: Final = re.compile(r"time ?out|timed out|exceeds the limit|cancel", re.IGNORECASE)
_GRAPHS: Final = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
_SYSTEM_GRAPHS: Final = ("http://www.openlinksw.com/", "http://localuriqaserver/", "http://www.w3.org/ns/ldp#")
"""What Virtuoso 7 keeps for itself among the graphs."""
_log: Final = logging.getLogger("kgbuild.server")


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
        self._probing: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._asking = 0
        """Queries that run there or wait for a connection."""
        self._stopping = False

    async def start(self) -> None:
        """Begin the checks, and count what is there; raises EngineError where the server does not answer."""
        await self._checks.start()
        # The reader's deadline is kept by whoever asks; a connection that was kept is closed before Virtuoso does it.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN)
        self._session, self._probing = (
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=most, keepalive_timeout=5))
            for most in (CONNECTIONS, 1)
        )
        try:
            (row,) = (await self.select(SIZE, 60)).records()
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
        for session in (self._session, self._probing):
            if session is not None:
                await session.close()

    def abort(self) -> None:
        """Let go of everything, now."""
        self._stopping = True
        for task in self._running:
            task.cancel("shutting-down")
        self._checks.abort()

    def load(self) -> Load:
        """Tell what is under way, there and in the workers that check."""
        checks = self._checks.load()
        waiting = max(0, self._asking - CONNECTIONS)
        return replace(checks, running=checks.running + len(self._running), waiting=waiting)

    @property
    def answers(self) -> bool:
        """Tell whether queries can be checked; whether they are answered, only the other server knows."""
        return not self._stopping and self._checks.answers

    async def probe(self) -> None:
        """Have a query checked, and ask the other server one, on a connection that no other query takes."""
        (await self._checks.run(PROBE, first=True)).close()
        await self._fetch({"query": PROBE.query}, "table", self._probing)

    async def run(self, request: Request, timeout: float | None = None) -> Answer:
        """Answer a request; raises QueryError for every reason why there is none.  Cancelling closes the connection."""
        return await self._within(timeout or self.limits.timeout, self._checked(request))

    async def _run_own(self, request: Request, timeout: float | None) -> Answer:
        # Our own queries are known to be queries.
        form = "table" if request.results else "graph"
        work = self._describe(request) if request.describe else self._answer(request, form)
        return await self._within(timeout or self.limits.timeout, work)

    async def _within(self, seconds: float, work: Coroutine[Any, Any, Answer]) -> Answer:
        if self._stopping:
            work.close()
            raise going_down()
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(seconds):
                return await task
        except TimeoutError as problem:
            raise too_slow(seconds) from problem
        except asyncio.CancelledError:
            if self._stopping:
                raise going_down() from None
            task.cancel()
            raise

    async def _checked(self, request: Request) -> Answer:
        if request.describe:
            return await self._describe(request)
        (checked := await self._checks.run(replace(request, sources=False))).close()
        await self._check_graphs(request)
        return await self._answer(request, checked.form)

    async def _answer(self, request: Request, form: str) -> Answer:
        choose(form, request)  # nothing is asked for where no format fits
        fields = await asyncio.to_thread(self._fields, request)  # a long query is read for its graphs
        body, given = await self._fetch(fields, form)
        if form == "graph":
            return await asyncio.to_thread(self._written, lambda put: _write_graph(body, given, request, put))
        return await asyncio.to_thread(self._written, lambda put: _write_results(body, request, put))

    def _fields(self, request: Request) -> dict[str, Any]:
        """Write the form that is sent: the query, and the graphs that it sees."""
        query = f"BASE <{request.base}>\n{request.query}" if request.base else request.query
        fields: dict[str, Any] = {"query": query}
        if request.default_graphs:
            fields["default-graph-uri"] = list(dict.fromkeys(request.default_graphs))
        if request.named_graphs:
            fields["named-graph-uri"] = list(dict.fromkeys(request.named_graphs))
        if self.engine.default_graph and not any(request.dataset()):
            fields["default-graph-uri"] = [self.engine.default_graph]
            if "graph" in query.lower():
                # Without them Virtuoso 7 finds nothing in `GRAPH <name>`, and in `GRAPH ?g` its own graphs as well.
                fields["named-graph-uri"] = self._graphs
        return fields

    async def _check_graphs(self, request: Request) -> None:
        for name in dict.fromkeys(chain(*await asyncio.to_thread(request.dataset))):
            if not _IRI.fullmatch(name):
                raise unknown_graph(name)
            body, _ = await self._fetch({"query": f"ASK {{ GRAPH <{name}> {{ ?s ?p ?o }} }}"}, "boolean")
            if not json.loads(body).get("boolean"):
                raise unknown_graph(name)

    async def _fetch(
        self, fields: dict[str, Any], form: str, session: aiohttp.ClientSession | None = None
    ) -> tuple[bytes, str]:
        """Ask the other server; returns its answer whole, and the media type of it."""
        session = session or self._session
        if self._asking >= CONNECTIONS + WAITING and session is self._session:
            raise queue_full()
        assert session is not None  # noqa: S101 - `start` comes first
        accept = _ACCEPT_GRAPH if form == "graph" else _ACCEPT_TABLE
        self._asking += 1
        try:
            with charged():
                return await self._post(session, fields, accept)
        except aiohttp.ServerDisconnectedError:
            try:
                with charged():
                    return await self._post(session, fields, accept)  # one that had been kept was closed there
            except aiohttp.ClientError as problem:
                raise _unreachable(f"the connection broke off: {problem}") from problem
        except aiohttp.ClientError as problem:
            raise _unreachable(str(problem) or type(problem).__name__) from problem
        finally:
            self._asking -= 1

    async def _post(self, session: aiohttp.ClientSession, fields: dict[str, Any], accept: str) -> tuple[bytes, str]:
        headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        form = urlencode(fields, doseq=True).encode()
        where = self.engine.endpoint
        async with session.post(where, data=form, headers=headers, allow_redirects=False) as response:
            body = bytearray()
            async for part in response.content.iter_chunked(1 << 16):
                body += part
                if len(body) > LARGEST:
                    detail = (
                        f"The answer has more than {LARGEST >> 20} MiB, which is not passed on from another server."
                    )
                    raise QueryError("answer-too-large", 400, f"{detail} Add a LIMIT.")
            if response.status != 200:
                raise _refused(response.status, bytes(body))
            return bytes(body), response.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _written(self, write: Callable[[Put], object]) -> Answer:
        """Make an answer of frames, as if a worker had sent them."""
        made: list[Answer] = []

        def put(kind: bytes, payload: bytes) -> None:
            if kind == HEAD:
                made.append(self._spool.begin(payload))
            else:
                self._spool.add(made[0], payload)

        write(put)
        return made[0]

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
            return self._written(lambda put: answer_description(store, request, put, True))

        try:
            return await asyncio.to_thread(work)
        finally:
            gone = True

    async def _ask(self, query: str) -> bytes:
        body, _ = await self._fetch(self._fields(Request(query, (JSON,), ())), "table")
        return json.dumps(_repaired(json.loads(body)), ensure_ascii=False).encode()


def _write_results(body: bytes, request: Request, put: Put) -> None:
    try:
        read = _repaired(json.loads(body))
        if request.sources:
            reason = "the data are on another server, which does not tell what a row rests on; ask it of a release"
            read[MEMBER] = not_attributable(reason)
        written = json.dumps(read, ensure_ascii=False, separators=(",", ":")).encode()
        result = parse_query_results(written, format=QueryResultsFormat.JSON)
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as problem:
        raise _broken(problem, body) from problem
    media_type = begin(result, request, put)
    if media_type == JSON:
        put(DATA, written)
    else:
        write_results(result, media_type, put)


def _write_graph(body: bytes, given: str, request: Request, put: Put) -> None:
    if given not in READ_GRAPHS:
        raise _broken(ValueError(f"it is {given or 'of no type'}, not N-Triples or Turtle"), body)
    try:
        triples = dict.fromkeys(quad.triple for quad in parse(body, READ_GRAPHS[given]))
    except (SyntaxError, ValueError) as problem:
        raise _broken(problem, body) from problem
    media_type = choose("graph", request)
    put(HEAD, Head("graph", media_type).pack())
    write_graph(triples, media_type, request.context, put)


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
