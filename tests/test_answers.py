# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Answers that are kept: asked again they cost no query, they are never stale, and never what differs each time.

The application runs in this process, over a real pool, so that the queries that reach a worker can be counted.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from starlette.types import ASGIApp

from kgbuild.server.app import make_app
from kgbuild.server.exchange import answers as answering
from kgbuild.server.exchange.service import Service, Settings
from kgbuild.server.http.responses import Cache, Response
from kgbuild.sparql import lexer
from kgbuild.workers.lanes import Limits
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer
from kgbuild.workers.supervisor import Pool
from serving import BROWSER, JSON, RUNAWAY, mini_file

NAMES = "SELECT DISTINCT ?o { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?o } ORDER BY ?o"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a a ?c . ?d a ?e FILTER(STR(?a) < STR(?e)) }"


@dataclass
class Got:
    """What came back: status, headers, body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Site:
    """The application, and how often each query reached a worker."""

    app: ASGIApp
    service: Service
    run: Counter[str]

    async def get(self, query: str, accept: str = JSON, **given: str) -> Got:
        """Ask by GET; `method`, `extra` (further parameters) and headers may be given."""
        method, extra = given.pop("method", "GET"), given.pop("extra", "")
        text = f"query={quote(query)}{extra}".encode()
        if method == "POST":
            form = {"content_type": "application/x-www-form-urlencoded"}
            return await self.send("POST", b"", text, {"accept": accept, **form, **given})
        return await self.send(method, text, b"", {"accept": accept, **given})

    async def send(self, method: str, text: bytes, body: bytes, headers: dict[str, str]) -> Got:
        """Send any request to the endpoint, as the server would hand it to the application."""
        got = Got()
        lines = [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in {"host": "icn.example", **headers}.items()
        ]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": "/sparql", "raw_path": b"/sparql", "query_string": text, "root_path": "",
            "headers": lines, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        incoming = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if incoming:
                return incoming.pop()
            await asyncio.Event().wait()  # the client stays
            raise AssertionError

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                got.status = message["status"]
                got.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                got.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return got


def pool_of(site: Site) -> Pool:
    assert isinstance(site.service.data, Pool)
    return site.service.data


OnSite = Callable[[Callable[[Site], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini_file(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[tuple[asyncio.Runner, Site]]:
    """Run the application over a pool in an event loop of its own, and count what reaches the pool."""
    counted: Counter[str] = Counter()
    whole = Pool.run

    async def run(pool: Pool, request: Request, *more: float) -> Answer:
        counted[request.query] += 1
        return await whole(pool, request, *more)

    service = Service(Settings(files=(data,), limits=Limits(timeout=60, workers=2)))
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pool, "run", run)
        runner.run(service.start())
        yield runner, Site(make_app(service), service, counted)
        runner.run(service.stop())


@pytest.fixture
def on_site(running: tuple[asyncio.Runner, Site]) -> OnSite:
    """Run a test's coroutine against the application; each begins with nothing kept."""
    runner, site = running
    site.service.cache.clear()
    site.run.clear()
    return lambda work: runner.run(work(site))


def test_a_question_asked_again_costs_no_query(on_site: OnSite) -> None:
    """GET, HEAD, POST, other parameters' order and If-None-Match: one run, equal bytes, one tag."""

    async def work(site: Site) -> None:
        first = await site.get(NAMES)
        again = await site.get(NAMES)
        headed = await site.get(NAMES, method="HEAD")
        posted = await site.get(NAMES, method="POST")
        spelled = await site.send("GET", urlencode({"x": "1", "query": NAMES}).encode(), b"", {"accept": JSON})
        unchanged = await site.get(NAMES, if_none_match=first.headers["etag"])
        assert {NAMES: 1} == site.run
        assert first == again
        assert first.body == posted.body == spelled.body
        assert (200, b"") == (headed.status, headed.body)
        assert headed.headers == first.headers
        assert (304, b"") == (unchanged.status, unchanged.body)
        assert first.headers["etag"] == unchanged.headers["etag"]

    on_site(work)


def test_each_format_is_an_answer_of_its_own(on_site: OnSite) -> None:
    """Formats and codings are kept apart; what is packed is packed once and unpacks to the same."""

    async def work(site: Site) -> None:
        plain = await site.get(NAMES)
        packed = await site.get(NAMES, accept_encoding="gzip")
        table = await site.get(NAMES, "text/csv")
        page = await site.get(NAMES, BROWSER)
        assert gzip.decompress(packed.body) == plain.body
        assert 4 == len({each.headers["etag"] for each in (plain, packed, table, page)})
        assert packed == await site.get(NAMES, accept_encoding="gzip")
        assert 4 == site.run[NAMES]

    on_site(work)


def test_graphs_are_part_of_the_question(on_site: OnSite) -> None:
    """The same text over another dataset is another question."""
    graph = "https://w3id.org/icn/graph/dates"
    query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"

    async def work(site: Site) -> None:
        whole = await site.get(query)
        part = await site.get(query, extra=f"&default-graph-uri={quote(graph)}")
        assert whole.body != part.body
        assert part.body == (await site.get(query, extra=f"&default-graph-uri={quote(graph)}", method="POST")).body

    on_site(work)


def test_equal_questions_at_one_moment_are_one_query(on_site: OnSite) -> None:
    """Thirty clients at once: one query, thirty equal answers; also when one of them asks by POST."""

    async def work(site: Site) -> None:
        asked = [site.get(SLOW, method="POST" if n % 3 else "GET") for n in range(30)]
        answers = await asyncio.gather(*asked)
        assert {SLOW: 1} == site.run
        assert {200} == {answer.status for answer in answers}
        assert 1 == len({answer.body for answer in answers})

    on_site(work)


def test_who_joins_while_the_others_leave_is_answered(on_site: OnSite) -> None:
    """A query that ends because all its clients have gone takes nobody with it who comes in that moment."""

    async def work(site: Site) -> None:
        for _ in range(5):
            leaving = asyncio.ensure_future(site.get(SLOW))
            await asyncio.sleep(0.05)
            leaving.cancel()
            await asyncio.sleep(0)
            joining = asyncio.ensure_future(site.get(SLOW))
            assert 200 == (await joining).status
            with pytest.raises(asyncio.CancelledError):
                await leaving
            site.service.cache.clear()

    on_site(work)


def test_a_query_ends_with_the_last_of_its_clients(on_site: OnSite) -> None:
    """As long as one waits the query runs; then its worker is let go."""

    async def work(site: Site) -> None:
        clients = [asyncio.ensure_future(site.get(RUNAWAY)) for _ in range(3)]
        await asyncio.sleep(0.3)
        for client in clients[:2]:
            client.cancel()
        await asyncio.sleep(0.1)
        assert 1 == pool_of(site).lanes.busy
        clients[2].cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await asyncio.wait_for(pool_of(site).lanes.drained.wait(), 60)
        assert {RUNAWAY: 1} == site.run

    on_site(work)


DIFFERENT = [
    "SELECT (RAND() AS ?x) {}",
    "SELECT (now() AS ?x) {}",
    "SELECT (UUID() AS ?x) {}",
    "SELECT (StrUUID() AS ?x) {}",
    "SELECT (BNODE() AS ?x) {}",
    "SELECT (SUM(DISTINCT RAND()) AS ?x) { VALUES ?y { 1 2 } }",
    "ASK { FILTER(1!=2&&RAND()<0.5) }",
    "CONSTRUCT { <urn:x> <urn:y> ?r } WHERE { BIND(RAND() AS ?r) }",
    "SELECT (R\\u0041ND() AS ?x) {}",
]


@pytest.mark.parametrize("query", DIFFERENT)
def test_what_differs_each_time_is_not_kept(on_site: OnSite, query: str) -> None:
    """RAND, NOW, UUID, STRUUID and BNODE, however they are written: run each time, no tag, never a 304."""

    async def work(site: Site) -> None:
        for accept in (f"{JSON}, text/turtle", BROWSER):
            first = await site.get(query, accept)
            again = await site.get(query, accept, if_none_match="*")
            if first.status == 400:  # an engine that reads no escapes in keywords has nothing to keep
                return
            assert (200, 200) == (first.status, again.status)
            assert "no-store" == first.headers["cache-control"] == again.headers["cache-control"]
            assert "etag" not in first.headers
        assert 4 == site.run[query]

    on_site(work)


def test_what_differs_is_not_shared_either(on_site: OnSite) -> None:
    """Clients that ask for a UUID in the same moment get one each."""

    async def work(site: Site) -> None:
        query = "SELECT (STRUUID() AS ?x) { ?s ?p ?o } LIMIT 1"
        answers = await asyncio.gather(*(site.get(query) for _ in range(10)))
        assert 10 == len({answer.body for answer in answers})

    on_site(work)


@pytest.mark.parametrize(
    "query",
    ["SELECT ?now ?rand { ?now ?rand ?uuid }", "SELECT ('RAND()' AS ?x) {} # NOW()", "ASK { <urn:RAND> ?p ?known }"],
)
def test_names_that_only_look_so_are_kept(query: str) -> None:
    """A variable, a string, a comment or an IRI is no function."""
    assert lexer.is_deterministic(query)


def test_errors_are_not_kept(on_site: OnSite) -> None:
    """A refusal is given anew each time, and is not stored by anybody."""

    async def work(site: Site) -> None:
        for _ in range(2):
            answer = await site.get("SELECT")
            assert (400, "no-store") == (answer.status, answer.headers["cache-control"])
            assert "etag" not in answer.headers
        assert 2 == site.run["SELECT"]

    on_site(work)


def test_a_conditional_post_is_answered(on_site: OnSite) -> None:
    """RFC 9110 §13.1.2: 304 is for GET and HEAD."""

    async def work(site: Site) -> None:
        tag = (await site.get(NAMES)).headers["etag"]
        assert 200 == (await site.get(NAMES, method="POST", if_none_match=tag)).status

    on_site(work)


def test_the_description_is_made_from_what_is_known(on_site: OnSite) -> None:
    """Describing the service runs no query, however often and under whatever name it is asked for."""

    async def work(site: Site) -> None:
        for accept in ("text/turtle", "application/ld+json", BROWSER):
            assert 200 == (await site.send("GET", b"", b"", {"accept": accept})).status
        assert not site.run

    on_site(work)


@pytest.mark.parametrize("host", ["a b", "<x>", "[", "x/y", "x, y", '"', "é", "a:b:c"])
def test_a_host_that_is_none_is_a_bad_request(on_site: OnSite, host: str) -> None:
    """H11: what stands in Host comes into the description as an IRI, or is refused; no query hides it."""

    async def work(site: Site) -> None:
        for text in (b"", b"query=ASK%7B%7D"):
            answer = await site.send("GET", text, b"", {"host": host, "accept": "text/turtle, */*;q=0.1"})
            assert 400 == answer.status

    on_site(work)


# --- the cache itself ---------------------------------------------------------------------------------------------


def encoded(size: int) -> Any:
    return Response(200, [], b"x" * size).encoded(takes_gzip=False)


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    """Its size stays below what it may have; what is used stays."""
    cache = Cache(40_000)
    for n in range(8):
        cache.put(n, encoded(3000))
    assert cache.get(0) is not None
    for n in range(8, 12):
        cache.put(n, encoded(3000))
    assert cache.size <= 40_000
    assert cache.get(0) is not None
    assert cache.get(1) is None


def test_one_answer_cannot_take_the_whole_cache() -> None:
    """An answer of more than an eighth of the cache is not kept."""
    cache = Cache(80_000)
    cache.put("large", encoded(20_000))
    assert cache.get("large") is None
    assert 0 == cache.size


def test_putting_again_counts_once() -> None:
    """The size is that of what is held, not of what was ever put."""
    cache = Cache(100_000)
    for _ in range(5):
        cache.put("one", encoded(1000))
    assert encoded(1000).size == cache.size
    cache.clear()
    assert (0, None) == (cache.size, cache.get("one"))


def test_a_long_question_costs_no_more_than_a_short_one(on_site: OnSite) -> None:
    """What the cache holds besides the answers is bounded: queries of 200 kB are not stored as keys."""

    async def work(site: Site) -> None:
        for n in range(3):
            assert 200 == (await site.get(f"ASK {{}} # {n} " + "x" * 200_000)).status
        kept = site.service.cache._kept
        assert len(kept) == 6
        assert all(sys.getsizeof(key) < 200 for key in kept)
        assert all(isinstance(key, bytes) for key in kept)

    on_site(work)


def test_a_page_that_would_be_too_large_is_refused(on_site: OnSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser is not sent a table of megabytes: the way to all of it is said."""
    monkeypatch.setattr(answering, "KEPT", 1000)

    async def work(site: Site) -> None:
        page = await site.get(NAMES, BROWSER)
        assert 406 == page.status
        assert "LIMIT" in page.body.decode()
        large = await site.get(NAMES)
        assert (200, str(len(large.body))) == (large.status, large.headers["content-length"])

    on_site(work)
