# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Limits and deadlines of connections and of what they bring: each is kept, and each refusal says which it was."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from kgbuild.server.http import limits
from kgbuild.server.http.parser import Cycle
from nonempty import nonempty
from serving import BROWSER, JSON, PATIENCE, Served, descriptors, mini_file, resident, serving, until

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\n"
QUERY = "application/sparql-query"
FORM = "application/x-www-form-urlencoded"
HASTY = """import kgbuild.server.http.limits as l
import kgbuild.server.exchange.answers as a
a.SLOW_READER = 0.5
l.HEAD_WITHIN, l.BODY_WITHIN, l.IDLE, l.LINGER, l.TAKEN_WITHIN, l.CONNECTIONS = 1.0, 3.0, 2, 1.0, 1.0, 12"""
"""Deadlines of a second or so, and few connections."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with short deadlines; afterwards nothing is left open."""
    folder = tmp_path_factory.mktemp("hasty")
    with serving(folder, mini_file(folder), tweak=HASTY) as served:
        before = descriptors(served.process.pid)
        yield served
        until(lambda: descriptors(served.process.pid) <= before + 5, "no connection is left open")
        assert "Traceback" not in served.log.read_text("utf-8")


def refusal(answer: bytes) -> tuple[int, str]:
    """Read status and type of a problem that ends a connection; (0, "") for a connection that is closed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        return 0, ""
    assert b"application/problem+json" in head
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert int(head.split(b" ", 2)[1]) == problem["status"]
    return problem["status"], problem["type"].rpartition("/")[2]


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    said = b""
    with suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            said += part
    return said


# --- sizes --------------------------------------------------------------------------------------------------------


def filled(size: int) -> bytes:
    """Write a request whose head has a number of bytes, no header of more than 8 kB."""
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    while len(head) < size - 2:
        room = size - 2 - len(head)
        head += b"X: " + b"a" * (min(room, 8000) - 5) + b"\r\n"
    return head + b"\r\n"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (filled(limits.HEAD - 1000), (200, "")),
        (filled(limits.HEAD + 1000), (431, "head-too-large")),
        (filled(1 << 20), (431, "head-too-large")),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * (1 << 20), (431, "head-too-large")),
        (HEALTH[:-2] + b"a: b\r\n" * (limits.HEADERS - 2) + b"Connection: close\r\n\r\n", (200, "")),
        (HEALTH[:-2] + b"a: b\r\n" * limits.HEADERS + b"\r\n", (431, "head-too-large")),
        (b"GET /healthz?" + b"a" * (limits.ADDRESS - 9) + HEALTH[12:-2] + b"Connection: close\r\n\r\n", (200, "")),
        (b"GET /healthz?" + b"a" * limits.ADDRESS + HEALTH[12:], (414, "address-too-long")),
        (b"GET /" + b"a" * (1 << 20), (414, "address-too-long")),
        (b"GET /healthz HTTP/1.1\r\n\r\n", (400, "bad-request")),
        (HEALTH[:-2] + b"Host: y\r\n\r\n", (400, "bad-request")),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 5000, (413, "query-too-long")),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 10_000_000, (413, "query-too-long")),
    ],
    ids=range(13),
)
def test_a_request_has_a_greatest_size(server: Served, request_: bytes, expected: tuple[int, str]) -> None:
    """Heads, headers, addresses, trailers, chunks: at its most it is answered, beyond it is refused, and says why."""
    with server.connect() as connection:
        with suppress(ConnectionError):
            connection.sendall(request_)
        if expected[0] == 200:
            assert b"HTTP/1.1 200" == read_all(connection)[:12]
        elif expected[0] == 400:
            assert b"HTTP/1.1 400" == connection.recv(1 << 16)[:12]
        else:
            assert expected == refusal(read_all(connection))


@pytest.mark.parametrize(
    "request_",
    [
        HEALTH[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
        HEALTH[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /health%7A HTTP/1.0\r\n\r\n",
        POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 6\r\n\r\nASK {}",
    ],
    ids=["websocket", "h2c", "HTTP/1.0", "escaped", "expects"],
)
def test_what_else_a_head_may_ask_for_is_no_fault(server: Served, request_: bytes) -> None:
    """Another protocol, an older one, a letter written as an escape, leave to send: the answer comes over HTTP/1.1."""
    with server.connect() as connection:
        connection.sendall(request_)
        if b"Connection: close" not in request_:
            connection.shutdown(socket.SHUT_WR)
        answers = [part for part in re.split(rb"(?=HTTP/1\.1 )", read_all(connection)) if part]
    assert [b"HTTP/1.1 200 OK"] == [each.split(b"\r\n")[0] for each in answers if b" 100 " not in each[:13]]


def test_headers_are_not_kept_beyond_their_limit(server: Served) -> None:
    """Two hundred headers of a megabyte: refused, and their bytes are nowhere in the memory."""
    before = resident(server.process.pid)
    with server.connect() as connection, suppress(ConnectionError):
        connection.sendall(HEALTH[:-2])
        for _ in range(200):
            connection.sendall(b"X: " + b"a" * (1 << 20) + b"\r\n")
    assert resident(server.process.pid) < before + (16 << 20)
    assert server.is_well()


def test_a_body_in_the_smallest_chunks_is_read(server: Served) -> None:
    """A quarter of a megabyte in chunks of one byte is the query that it is."""
    query = b"ASK {} #" + b"x" * 100_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in query)
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\nAccept: " + JSON.encode() + b"\r\n\r\n"
    answer = server.raw(head + chunks + b"0\r\n\r\n")
    assert b"HTTP/1.1 200" == answer[:12]


def test_many_requests_at_once_are_answered_in_turn(server: Served) -> None:
    """Two thousand in one piece: each has its answer, the last one too."""
    last = HEALTH[:-2] + b"Connection: close\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(HEALTH * 2000 + last)
        assert 2001 == read_all(connection).count(b"HTTP/1.1 200")


LONG = ",".join(["x"] * (limits.RANGES + 1))


@pytest.mark.parametrize("long", [LONG, "a" * (limits.PREFERENCES + 1)])
def test_long_lists_are_refused_or_disregarded(server: Served, long: str) -> None:
    """Accept and `format=` are refused; languages, codings and types count as not said; the rest is cut."""
    query = {"query": "SELECT * {}"}
    refused = server.get(query, long)
    assert (431, "head-too-large") == (refused.status_code, refused.json()["type"].rpartition("/")[2])
    assert "30 media types" in refused.json()["detail"]
    assert 400 == server.get({**query, "format": f"a/b,{long}"}).status_code
    plain = server.get(query, BROWSER)
    assert plain.content == server.get(query, BROWSER, Accept_Language=f"ru,{long}").content
    assert "Content-Encoding" not in server.get(query, BROWSER, Accept_Encoding=f"gzip,{long}").headers
    assert 415 == server.request("POST", data=b"ASK {}", Content_Type=f"{QUERY};{long}").status_code
    asked = server.request("OPTIONS", Access_Control_Request_Headers=f"X-Own,{long}")
    assert "X-Own" not in asked.headers["Access-Control-Allow-Headers"]
    assert 400 == requests.get(f"{server.address}/robots.txt", headers={"Host": "a" * 256}, timeout=60).status_code


def test_a_list_at_its_most_is_read(server: Served) -> None:
    """Thirty media ranges, the last of which is the one."""
    accept = ",".join(["a/b"] * (limits.RANGES - 1) + ["text/csv"])
    assert "text/csv" in server.ask("SELECT * {}", accept).headers["Content-Type"]
    tag = server.ask("SELECT * {}").headers["ETag"]
    tags = ", ".join(['"x"'] * 5000 + [tag])
    assert 304 == server.ask("SELECT * {}", If_None_Match=tags).status_code


def test_ranges_beyond_their_limit_are_disregarded(project: Path, tmp_path: Path) -> None:
    """A list of ranges is a way to let a server sort: the file comes whole."""
    with serving(tmp_path, build=project / "build") as served:
        release = (project / "build" / "current").resolve().name
        address = f"{served.address}/releases/{release}/graph.nq"
        for ranges, status in (("0-1,4-5", 206), (",".join(["0-1"] * 5000), 200), ("9" * 5000 + "-", 200)):
            answer = requests.get(address, headers={"Range": f"bytes={ranges}"}, timeout=PATIENCE)
            assert status == answer.status_code


def test_long_queries_are_not_explained_at_length(server: Served) -> None:
    """Ten terms at most, ten prefixes at most, none of them of a long query, and the lines around the place."""
    terms = " ".join(f"icn:memb{n} ?x;" for n in range(500))
    found = server.ask(f"PREFIX icn: <https://w3id.org/icn/ontology#> ASK {{ ?x {terms} ", None).json()
    assert 10 == len(found["unknown_terms"])
    many = "\n".join(f"icn:memb{n}" for n in range(15_000))
    asked = server.request("POST", data=f"ASK {{ {many}".encode(), Content_Type=QUERY)
    assert 400 == asked.status_code
    assert "unknown_terms" not in asked.json()
    prefixes = " ".join(f"p{n}:x" for n in range(20_000))
    asked = server.request("POST", data=f"ASK {{ {prefixes} }}".encode(), Content_Type=QUERY)
    assert 10 >= len(asked.json().get("missing_prefixes", {}))
    shown = server.ask("\n" * 5000 + "ASK {{ ?x", BROWSER).text
    assert ">5001</span>" in shown
    assert ">4000</span>" not in shown


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/sitemap-{'9' * 5000}.xml", 404),
        ("/sitemap-00.xml", 404),
        ("/sitemap-0.xml", 200),
        (f"/doc/{'a' * 3000}", 404),
        (f"/doc/{'a/' * 8000}", 404),
        (f"/doc/a{'%CC%81%CC%A3' * 1300}", 404),
        (f"/questions/{'a' * 16_000}", 404),
        (f"/sparql?query=ASK%7B%7D&default-graph-uri={'a' * 2001}", 400),
        (f"/search?q={'a' * 16_000}", 400),
        (f"/dataset?{'format=ttl&' * 1001}", 400),
    ],
)
def test_addresses_beyond_all_that_there_is(server: Served, path: str, status: int) -> None:
    """No fault of the server's, however long a number, a name or a list is."""
    assert status == requests.get(server.address + path, timeout=PATIENCE).status_code


def test_a_few_wrong_parameters_are_told(project: Path, tmp_path: Path) -> None:
    """Of nine hundred unknown parameters the first ten are named."""
    with serving(tmp_path, build=project / "build") as served:
        pairs = "&".join(f"wrong{n}=x" for n in range(900))
        answer = requests.get(f"{served.address}/questions/members-as-of?{pairs}", timeout=PATIENCE)
        assert (400, limits.FINDINGS) == (answer.status_code, len(answer.json()["errors"]))


def test_a_large_page_shows_its_beginning(server: Served) -> None:
    """Seven megabytes of rows, or of a graph: the first thousand are shown, and all are counted."""
    for query in (
        "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 10000",
        "CONSTRUCT { ?s ?p ?x } WHERE { ?s ?p ?o . ?o2 ?p2 ?x } LIMIT 20000",
    ):
        total = len(server.ask(query, JSON if query.startswith("S") else "application/n-triples").content.splitlines())
        shown = server.ask(query, BROWSER).text
        assert 1000 == shown.count("<tr>") - 1
        assert query.startswith("S") or f"<h1>{total} rows</h1>" in shown
        assert not query.startswith("S") or "<h1>10000 rows</h1>" in shown


def test_a_query_that_is_too_long_for_an_address_has_a_page(server: Served) -> None:
    """By POST: its page has no links that could not be followed."""
    asked = server.request("POST", accept=BROWSER, data=b"ASK {} #" + b"x" * 100_000, Content_Type=QUERY)
    assert 200 == asked.status_code
    assert "format=xml" not in asked.text
    assert "Content-Location" not in asked.headers


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (b"", (0, "")),
        (b"GET /healthz HTT", (408, "too-slow")),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nAccept", (408, "too-slow")),
        (POST + b"Content-Length: 1000\r\n\r\nASK", (408, "too-slow")),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nASK\r\n", (408, "too-slow")),
    ],
)
def test_half_requests_are_given_up(hasty: Served, beginning: bytes, expected: tuple[int, str]) -> None:
    """A head or a body that does not come: the client is told, unless he has said nothing, and the connection ends."""
    with hasty.connect() as connection:
        connection.sendall(beginning)
        assert expected == refusal(read_all(connection))


def test_a_body_that_drips_is_given_up(hasty: Served) -> None:
    """Bytes that come one by one do not keep a connection."""
    with hasty.connect() as connection:
        connection.sendall(POST + b"Content-Length: 100000\r\n\r\n")
        connection.settimeout(0.05)
        said, end = b"", time.monotonic() + PATIENCE
        while not said and time.monotonic() < end:
            with suppress(TimeoutError):
                connection.sendall(b"x")
                said = connection.recv(1 << 16)
        assert (408, "too-slow") == refusal(said)


@pytest.mark.parametrize("more", [b"", b"\r\n"])
def test_idle_connections_are_closed(hasty: Served, more: bytes) -> None:
    """Also those that send nothing but the end of a line now and then."""
    with hasty.connect() as connection:
        connection.sendall(HEALTH)
        said = connection.recv(1 << 16)
        connection.sendall(more)
        rest = read_all(connection)
        assert said.startswith(b"HTTP/1.1 200")
        assert b"200" not in rest


@pytest.mark.parametrize("rows", [10_000, 30_000], ids=["in memory", "on disk"])
def test_who_takes_nothing_of_an_answer_is_given_up(hasty: Served, rows: int) -> None:
    """Of an answer of some megabytes nothing is read: the connection does not stay, even where it is closed already."""
    query = f"SELECT%20*%20%7B?a%20?b%20?c.?d%20?e%20?f%7D%20LIMIT%20{rows}"
    before = descriptors(hasty.process.pid)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", hasty.port))
        reader.sendall(f"GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\nAccept: {JSON}\r\n\r\n".encode())
        assert reader.recv(1).startswith(b"H")
        until(lambda: descriptors(hasty.process.pid) <= before, "the connection is closed")


# --- how many -----------------------------------------------------------------------------------------------------


def test_who_asks_nothing_makes_room(hasty: Served) -> None:
    """Where there are as many connections as may be, the one that has been idle longest goes."""
    with ExitStack() as stack:
        idle = [stack.enter_context(hasty.connect()) for _ in range(12)]
        for each in nonempty(idle):
            each.sendall(HEALTH)
            assert each.recv(1 << 16).startswith(b"HTTP/1.1 200")
        newcomer = stack.enter_context(hasty.connect())
        newcomer.sendall(HEALTH)
        assert newcomer.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert b"200 OK" not in read_all(idle[0])


def test_too_many_who_ask_are_refused(hasty: Served) -> None:
    """Twelve who are at their requests: the thirteenth is told to come back, and is answered when he does."""
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(hasty.connect()).sendall(HEALTH[:20])
        newcomer = stack.enter_context(hasty.connect())
        said = read_all(newcomer)
        assert (503, "too-many-connections") == refusal(said)
        assert b"retry-after: 1" in said.lower()
    until(lambda: hasty.raw(HEALTH[:-2] + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200"), "it is answered")


def test_half_of_the_descriptors_are_kept_for_the_rest() -> None:
    """Connections and those who wait for one leave room for workers and files."""
    descriptors_, most = resource.getrlimit(resource.RLIMIT_NOFILE)[0], limits.most_connections()
    assert min(limits.CONNECTIONS, descriptors_ // 2) == most
    assert most + limits.backlog() <= 0.75 * descriptors_


# --- documents ----------------------------------------------------------------------------------------------------


def test_every_refusal_is_described(server: Served) -> None:
    """Each operation lists the statuses that any request may get; docs/endpoint.md has each limit and type."""
    described = requests.get(f"{server.address}/openapi.json", timeout=PATIENCE).json()
    for path, methods in nonempty(described["paths"].items()):
        for method, operation in nonempty(methods.items()):
            assert {"400", "408", "414", "431", "503"} <= set(operation["responses"]), (method, path)
    assert "413" in described["paths"]["/sparql"]["post"]["responses"]
    text = (Path(__file__).parents[1] / "docs" / "endpoint.md").read_text("utf-8")
    for kind in ("head-too-large", "address-too-long", "too-slow", "too-many-connections"):
        assert text.count(f"`{kind}`") >= 2, kind
    for limit in (limits.ADDRESS >> 10, limits.HEAD >> 10, limits.HEADERS, limits.CONNECTIONS, limits.PARAMETERS):
        assert f"{limit:,}" in text


# --- the head of an answer ----------------------------------------------------------------------------------------


def sent(
    kind: type[RequestResponseCycle], status: int, headers: Any, *, keep_alive: bool = True, whole: bool = False
) -> bytes:
    """Give what is written of an answer with the body `ok`."""
    written = bytearray()
    transport = SimpleNamespace(write=written.extend, close=lambda: None, is_closing=lambda: False)
    scope: Any = {"method": "GET"}
    flow: Any = SimpleNamespace(write_paused=False)
    log, dated = logging.getLogger("unused"), [(b"date", b"today")]
    made = kind(
        scope, cast(Any, transport), flow, log, log, False, dated, asyncio.Event(), False, keep_alive, lambda: None
    )

    start: Any = {"type": "http.response.start", "status": status, "headers": headers, "whole": whole}

    async def send() -> None:
        await made.send(start)
        await made.send({"type": "http.response.body", "body": b"ok", "more_body": False})

    asyncio.run(send())
    return bytes(written)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize(
    "more",
    [
        [(b"content-length", b"2")],
        ((b"content-length", b"2"), (b"link", "é; \t~".encode("latin-1"))),
        [],
        [(b"Content-Length", b"2")],
        [(b"content-length", b"2"), (b"connection", b"close")],
        [(b"transfer-encoding", b"chunked")],
    ],
)
def test_an_answer_has_the_head_that_uvicorn_would_write(more: Any, keep_alive: bool) -> None:
    """The head that is checked as a whole has the same bytes as one that is checked header by header."""
    expected = sent(RequestResponseCycle, 200, more, keep_alive=keep_alive)
    assert expected.startswith(b"HTTP/1.1 200 OK\r\ndate: today\r\n")
    assert expected == sent(Cycle, 200, more, keep_alive=keep_alive)
    assert expected == sent(Cycle, 200, more, keep_alive=keep_alive, whole=True)


@pytest.mark.parametrize(
    "header",
    [
        *((b"link", value) for value in (b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\x00", b"\x7f", b"a\r\n")),
        *((name, b"a") for name in (b"a b", b"a:", b"a\r\nb", b"a: b\r\nc")),
    ],
)
def test_no_header_of_an_answer_holds_another(header: tuple[bytes, bytes]) -> None:
    """A header that a client would read as more than one, or as none, ends the answer before anything is sent."""
    with pytest.raises(RuntimeError, match="Invalid HTTP header"):
        sent(Cycle, 200, [(b"content-length", b"2"), header])
