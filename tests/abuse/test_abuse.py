# ruff: noqa: SIM300, E501 - the expected value comes first, as everywhere in these tests; attacks are long lines
"""Attacks on the endpoint, bounded and on the loopback: it stays up, says clearly what it refuses, and leaks nothing.

A quick selection runs with the other tests, on the golden fixture. `pytest -m abuse` runs everything at length;
ABUSE_DATA=FILE chooses what is served, such as a million quads from bench/generate.py.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from canary import Canary, listening
from serving import (
    JSON,
    Served,
    descendants,
    descriptors,
    mini_file,
    resident,
    serving,
    state,
    until,
    workers,
    zygote,
)

QUERY = "application/sparql-query"
TIMEOUT = 2
MEGABYTE = 1 << 20
CLEAR = {400, 403, 404, 405, 406, 413, 415, 503, 504}
"""Refusals; each of them is a problem with a type of its own."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the data under attack; afterwards it must be as it was."""
    folder = tmp_path_factory.mktemp("abuse")
    data = Path(os.environ["ABUSE_DATA"]).resolve() if "ABUSE_DATA" in os.environ else mini_file(folder)
    options = ["--query-timeout", str(TIMEOUT), "--workers", "2", "--memory-per-query", "500"]
    with serving(folder, data, options=options) as served:
        assert served.is_well()
        before = descriptors(served.process.pid), descriptors(zygote(served)), resident(served.process.pid)
        holder = zygote(served)
        yield served
        assert served.is_well()
        assert holder == zygote(served), "the process that holds the data was never lost"
        until(lambda: len(workers(served)) == 2, "two workers, no more and no less")
        until(lambda: descriptors(served.process.pid) <= before[0] + 5, "no connection or file is left open")
        until(lambda: descriptors(zygote(served)) <= before[1], "descriptors are left of workers that have gone")
        assert not [pid for pid in descendants(served.process.pid) if state(pid) == "Z"]
        assert resident(served.process.pid) < before[2] + 400 * MEGABYTE, (
            "the cache has its size, and nothing else grew"
        )
        log = served.log.read_text(encoding="utf-8")
        assert "Traceback" not in log, log[-5000:]


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with listening() as found:
        yield found
        assert [] == found.calls, "nobody was called, by whatever query"


@pytest.fixture(autouse=True)
def well(server: Served) -> Iterator[None]:
    """After each attack small queries are answered, by the same process."""
    yield
    assert server.process.poll() is None
    assert server.is_well()


def post(server: Served, query: str | bytes, accept: str = f"{JSON}, text/turtle") -> requests.Response:
    body = query.encode("utf-8", "surrogatepass") if isinstance(query, str) else query
    return server.request("POST", accept=accept, data=body, Content_Type=QUERY)


def assert_clear(answer: requests.Response) -> str:
    """Demand an answer or a refusal that names its reason; gives the type of the problem, or ""."""
    if answer.status_code == 200:
        return ""
    assert answer.status_code in CLEAR, (answer.status_code, answer.text[:500])
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert answer.status_code == problem["status"]
    return str(problem["type"]).rpartition("/")[2]


def assert_answered(server: Served, query: str) -> None:
    """Demand an answer, for a client who comes back when a busy server tells him to."""
    until(lambda: assert_clear(server.ask(query)) == "", f"{query} is answered")


# --- mutated queries ----------------------------------------------------------------------------------------------

SEEDS = [
    "PREFIX icn: <https://w3id.org/icn/ontology#> SELECT DISTINCT ?m ?y WHERE { ?s icn:member ?m ; icn:joined/icn:year ?y "
    "FILTER(?y > 2019 && REGEX(STR(?m), 'a.*b', 'i')) OPTIONAL { ?m icn:ofState ?z } } ORDER BY DESC(?y) LIMIT 10",
    "SELECT ?g (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g HAVING(COUNT(*) > 2) LIMIT 5",
    "CONSTRUCT { ?s ?p ?o } WHERE { { ?s a ?t } UNION { ?s ?p ?o MINUS { ?s a ?x } } BIND(?t AS ?u) } LIMIT 20",
    "ASK { VALUES (?a ?b) { (1 UNDEF) (\"x\"@en 'y'^^<urn:t>) } FILTER NOT EXISTS { ?a (<urn:p>|^<urn:q>)* ?b } }",
    "DESCRIBE <https://w3id.org/icn/id/network/lakes-academies>",
    "SELECT (IF(BOUND(?x), SUBSTR(STR(?x), 2, 3), COALESCE(?y, 1/0)) AS ?z) { { SELECT ?x { ?x ?p ?y } LIMIT 3 } }",
]
FRAGMENTS = [
    "SERVICE <{canary}> {{ ?s ?p ?o }}", "SERVICE SILENT <{canary}> {{}}", "FROM <{canary}>", "LOAD <{canary}>", "{{", "}}",
    "(", ")", "[", "]", "''' ", '"', "'", "\\u0000", "\\uD800", "\x00", "\ufeff", "\U0010ffff", "#", "<", ">", "^^", "@en",
    "?x", "$", "_:b", "1e999", "-", "*", "+", "/", "|", "!", "NOT", "a", ";", ".", ",", "<urn:x>", "<< ?s ?p ?o >>",
    "BASE <{canary}>", "PREFIX : <{canary}#>", "INSERT DATA {{ <urn:a> <urn:b> <urn:c> }}", "GROUP_CONCAT(?x)", "RAND()",
    "{{ SELECT * {{ ?a ?b ?c . ?d ?e ?f }} }}", "9" * 400, "x" * 3000,
]  # fmt: skip


def mutated(number: int, canary: Canary) -> str:
    """Break a good query, the same way each time for a number."""
    chance = random.Random(number)  # noqa: S311 - the same each time is what is wanted
    text = chance.choice(SEEDS)
    for _ in range(chance.randint(1, 6)):
        at, to = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        to = min(to, at + 40)
        fragment = chance.choice(FRAGMENTS).format(canary=canary.address)
        change = chance.randrange(6)
        if change == 0:
            text = text[:at] + text[to:]
        elif change == 1:
            text = text[:to] + text[at:to] * chance.choice((1, 2, 50)) + text[to:]
        elif change == 2:
            words = text.split(" ")
            chance.shuffle(words)
            text = " ".join(words)
        elif change == 3:
            text = text[:at] + chr(chance.choice((0, 9, 34, 39, 92, 123, 125, 0x301, 0x202E, 0x1F600))) + text[at:]
        else:
            text = f"{text[:at]} {fragment} {text[to:]}"
    return text


@pytest.mark.parametrize(
    ("first", "count"), [pytest.param(0, 100, id="quick"), pytest.param(100, 400, id="long", marks=pytest.mark.abuse)]
)
def test_mutated_queries_are_answered_or_refused(server: Served, canary: Canary, first: int, count: int) -> None:
    """Queries broken in every way, four at a time: an answer, or a refusal with its reason; nobody is called."""
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda n: post(server, mutated(n, canary)), range(first, first + count))
        kinds = Counter(assert_clear(answer) for answer in answers)
    assert kinds["syntax-error"] > count / 10
    assert kinds["federated-query"] > 0
    assert kinds[""] > 0


# --- texts that end parsers ---------------------------------------------------------------------------------------

TEXTS = {
    "10,000 nested braces": "ASK " + "{" * 10_000 + "}" * 10_000,
    "10,000 nested parentheses": "ASK { FILTER(" + "(" * 10_000 + "1" + ")" * 10_000 + ") }",
    "10,000 nested blank nodes": "ASK { ?s ?p " + "[ ?p " * 10_000 + "?x" + "]" * 10_000 + " }",
    "10,000 nested lists": "ASK { ?s ?p " + "(" * 10_000 + "1" + ")" * 10_000 + " }",
    "10,000 nested EXISTS": "ASK { " + "FILTER EXISTS { " * 10_000 + "}" * 10_000 + " }",
    "10,000 nested OPTIONAL": "ASK { " + "OPTIONAL { " * 10_000 + "}" * 10_000 + " }",
    "10,000 open braces": "ASK " + "{" * 10_000,
    "99 nested braces, many times": "ASK { " + ("{" * 30 + "}" * 30) * 3 + " }",
    "20,000 ||": "ASK { FILTER(" + "||".join(["?x"] * 20_000) + ") }",
    "20,000 +": "SELECT (" + "+".join(["1"] * 20_000) + " AS ?x) {}",
    "20,000 -": "SELECT (" + "-" * 20_000 + "1 AS ?x) {}",
    "20,000 !": "SELECT (" + "!" * 20_000 + "?y AS ?x) {}",
    "20,000 =": "ASK { FILTER(" + "=".join(["1"] * 20_000) + ") }",
    "20,000 UNION": "ASK { " + " UNION ".join(["{}"] * 20_000) + " }",
    "20,000 steps of a path": "ASK { ?a " + "/".join(["<a:a>"] * 20_000) + " ?b }",
    "20,000 choices of a path": "ASK { ?a " + "|".join(["<a:a>"] * 20_000) + " ?b }",
    "20,000 ^": "ASK { ?a " + "^" * 20_000 + "<a:a> ?b }",
    "20,000 triples": "ASK { " + "?a ?b ?c." * 20_000 + " }",
    "20,000 values": "SELECT * { VALUES ?x { " + "1 " * 20_000 + "} }",
    "20,000 variables": "SELECT " + " ".join(f"?v{n}" for n in range(20_000)) + " { }",
    "20,000 prefixes": "".join(f"PREFIX p{n}: <urn:{n}> " for n in range(10_000)) + "ASK {}",
    "5,000 OPTIONALs": "ASK { ?s ?p ?o " + "OPTIONAL { ?s ?p ?x } " * 5_000 + "}",
    "5,000 OPTIONALs of their own": "SELECT * { ?s ?p ?o "
    + "".join(f"OPTIONAL {{ ?s <urn:p{n}> ?x{n} }} " for n in range(5_000)) + "}",
    "5,000 MINUS": "ASK { " + "MINUS { ?a ?b ?c } " * 5_000 + "}",
    "5,000 BINDs": "SELECT * { " + "".join(f"BIND({n} AS ?x{n}) " for n in range(5_000)) + "}",
    "5,000 sub-selects": "ASK { " + "{ SELECT * { ?s ?p ?o } } " * 5_000 + "}",
    "5,000 groups": "SELECT (COUNT(*) AS ?n) {} GROUP BY " + " ".join(f"(?s{n})" for n in range(5_000)),
    "a string without an end": "ASK { ?s ?p '" + '"\\' * 50_000,
    "200 kB of a word": "ASK { ?s " + "a." * 100_000 + " }",
    "200 kB of nothing": " " * 200_000 + "ASK {}",
    "200 kB of comments": "#\n" * 100_000 + "ASK {}",
    "200 kB of escapes": "ASK { ?s ?p '" + "\\u0041" * 30_000 + "' }",
    "an IRI of 200 kB": "ASK { <urn:" + "x" * 200_000 + "> ?p ?o }",
    "a number of 100 kB": "SELECT (" + "9" * 100_000 + " AS ?x) {}",
    "SERVICE 20,000 times": "SERVICE " * 20_000,
    "FROM 10,000 times": "SELECT * " + "FROM <urn:x> " * 10_000 + "{}",
}  # fmt: skip
QUICK = (
    "10,000 nested braces", "a string without an end", "20,000 ||", "20,000 UNION", "20,000 steps of a path",
    "20,000 values", "5,000 OPTIONALs", "200 kB of escapes", "SERVICE 20,000 times",
)  # fmt: skip
"""One of each kind: nested, not ended, chains of operators, patterns and paths, lists, long words, what is forbidden."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.abuse]) for name in TEXTS]
)
def test_no_text_ends_the_server(server: Served, name: str) -> None:
    """Nested, chained or endless texts: answered, refused by their size or depth, or ended by a limit."""
    kind = assert_clear(post(server, TEXTS[name]))
    assert kind in {"", "syntax-error", "query-too-complex", "query-too-long", "out-of-memory", "deadline",
                    "unknown-graph", "federated-query"}  # fmt: skip


# --- queries without end ------------------------------------------------------------------------------------------

DOUBLING = " ".join(f"BIND(CONCAT(?a{n}, ?a{n}) AS ?a{n + 1})" for n in range(40))
HUNGRY = {
    "Cartesian COUNT": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "Cartesian COUNT DISTINCT": "SELECT (COUNT(DISTINCT *) AS ?n) { ?a ?b ?c . ?d ?e ?f }",
    "Cartesian SORT": "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f ?a",
    "Cartesian GROUP": "SELECT ?a ?d (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f } GROUP BY ?a ?d ?c ?f",
    "Cartesian DISTINCT": "SELECT DISTINCT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "Cartesian GROUP_CONCAT": "SELECT (GROUP_CONCAT(CONCAT(STR(?a), STR(?f))) AS ?x) { ?a ?b ?c . ?d ?e ?f }",
    "CONCAT doubling": f'SELECT ?a40 {{ BIND("xxxxxxxxxxxxxxxx" AS ?a0) {DOUBLING} }}',
    "REPLACE growing": "SELECT (" + "REPLACE(" * 12 + "'aaaaaaaaaa'" + ", 'a', 'aaaaaaaaaa')" * 12 + " AS ?x) {}",
    "endless SELECT": "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "endless CONSTRUCT": "CONSTRUCT { ?a ?e ?i } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "endless CONSTRUCT of blank nodes": "CONSTRUCT { [] ?b [ ?e ?f ] } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "endless DESCRIBE": "DESCRIBE ?a ?d { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "endless path": "SELECT (COUNT(*) AS ?n) { ?a (!<urn:x>|^!<urn:x>)* ?b . ?b (!<urn:x>|^!<urn:x>)* ?c }",
    "paths of paths": "SELECT * { ?a (((!<urn:x>)*)*/((!<urn:y>)+)*)+ ?b } ORDER BY ?b",
    "regex bomb": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER REGEX(CONCAT(STR(?a), STR(?f)), '(.*.*.*)*x$') }",
    "regex that is large": "SELECT * { ?s ?p ?o FILTER REGEX(STR(?o), '((a{1,500}){1,500}){1,500}') }",
    "regex from the data": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER REGEX(STR(?c), STR(?f)) }",
    "NOT EXISTS everywhere": "SELECT * { ?a ?b ?c FILTER NOT EXISTS { ?d ?e ?f FILTER(?f = ?c && ?a != ?d && 1 = 2) } }",
    "MINUS everything": "SELECT * { ?a ?b ?c . ?d ?e ?f MINUS { ?d ?e ?f . ?a ?x ?y FILTER(?y = ?f) } } ORDER BY ?a",
    "all named graphs": "SELECT * { GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f } GRAPH ?i { ?j ?k ?l } } ORDER BY ?l",
    "hashes": "SELECT (MAX(SHA512(CONCAT(STR(?a), STR(?f)))) AS ?x) { ?a ?b ?c . ?d ?e ?f }",
}
QUICK_HUNGRY = (
    "Cartesian COUNT", "Cartesian SORT", "CONCAT doubling", "endless SELECT", "endless CONSTRUCT", "endless DESCRIBE",
    "endless path", "regex bomb", "NOT EXISTS everywhere",
)  # fmt: skip
"""One of each kind: time, memory of rows and of a value, answers of each form without end, paths, expressions."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK_HUNGRY else [pytest.mark.abuse]) for name in HUNGRY]
)
def test_no_query_takes_more_than_it_may(server: Served, name: str) -> None:
    """Time, memory, disk: each query is ended by its limit, and a large answer is whole or recognisably cut off."""
    before = resident(server.process.pid)
    try:
        kind = assert_clear(post(server, HUNGRY[name]))
    except requests.exceptions.ChunkedEncodingError:
        kind = "cut off"
    assert kind in {"", "deadline", "out-of-memory", "evaluation-failed", "cut off"}
    assert resident(server.process.pid) < before + 300 * MEGABYTE


# --- requests that are none ---------------------------------------------------------------------------------------

REQUESTS = {
    "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
    "an absolute address": b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "no request": b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": b"GET /sparql HTTP/9.9\r\nHost: x\r\n\r\n",
    "no host": b"GET /sparql HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET /sparql HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    "two lengths": b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nASKxx",
    "length and chunks": b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a huge length": b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a broken chunk": b"POST /sparql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nASK\r\n",
    "a line break in a header": b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: x\r\nAccept: a\nb: c\r\nConnection: close\r\n\r\n",
    "10 kB of a header's name": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * 10_000 + b": b\r\nConnection: close\r\n\r\n",
    "a thousand headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 1000 + b"Connection: close\r\n\r\n",
    "a long address": b"GET /sparql?" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "an upgrade": b"GET /sparql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_no_request_is_refused_or_dropped(server: Served, name: str) -> None:
    """Broken HTTP: a status below 500, or the connection is closed; the next client is answered."""
    with server.connect() as connection:
        connection.sendall(REQUESTS[name])
        connection.settimeout(2)
        try:
            said = connection.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            said = b""
    assert said[:10] in (b"", b"HTTP/1.1 1", b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4"), said


PATHS = [
    "/../../etc/passwd", "/sparql/../../../etc/passwd", "/style.css/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd", "/style.css%00.html", "/%00", "//etc/passwd", "/\\..\\..\\etc\\passwd", "/sparql%2f..%2f..",
    "/server-status", "/.git/config", "/.env", "/%ff%fe", "/sparql;jsessionid=1", "/" + "a/" * 2000, "/{{7*7}}", "/%0d%0aX: y",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(server: Served, path: str) -> None:
    """Traversal in every spelling: 404 with a problem that shows the path as text, or 400."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    client.putrequest("GET", path.replace(" ", "%20"), skip_host=False, skip_accept_encoding=True)
    client.putheader("Accept", "text/html")
    client.endheaders()
    answer = client.getresponse()
    text = answer.read().decode("utf-8", "replace")
    client.close()
    assert answer.status in (400, 404)
    assert "root:" not in text
    assert "<script" not in text
    assert "Traceback" not in text
    assert answer.getheader("X") is None


INJECTIONS = [
    "a\r\nX-Injected: yes",
    "a\nX-Injected: yes",
    "a\rX-Injected: yes",
    "a%0d%0aX-Injected: yes",
    "\u010d\u010aX-Injected: yes",
]


@pytest.mark.parametrize("injected", INJECTIONS)
def test_nothing_of_a_request_becomes_a_header(server: Served, injected: str) -> None:
    """Header injection through parameters, through what the preflight repeats, and through addresses that are given."""
    for parameters in (
        {"query": f"SELECT ('{quote(injected)}' AS ?x) {{}} # {injected}"},
        {"query": "ASK {}", "format": injected},
        {"query": "ASK {}", "default-graph-uri": injected},
        {injected: injected, "query": "ASK {}"},
    ):
        assert "X-Injected" not in server.get(parameters).headers
        assert "X-Injected" not in server.get(parameters, "text/html").headers
    asked = {"Access-Control-Request-Headers": "a, b:c;d", "Origin": "https://example.org"}
    assert (
        ":" not in requests.options(server.endpoint, headers=asked, timeout=60).headers["Access-Control-Allow-Headers"]
    )


@pytest.mark.parametrize("content_type", [QUERY, "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_of_ten_megabytes_is_refused(server: Served, content_type: str) -> None:
    """A large body is not read to its end: 413 or 415, and the server does not keep it."""
    before = resident(server.process.pid)
    body = b"query=" + b"x" * (10 * MEGABYTE)
    with server.connect() as connection:
        head = (
            f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        said = b""
        with suppress(ConnectionError, TimeoutError):  # it may be closed at once, which is as good
            connection.sendall(head.encode() + body)
        with suppress(ConnectionError, TimeoutError):
            said = connection.recv(1 << 16)
    assert said[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 415", b"")
    assert resident(server.process.pid) < before + 8 * MEGABYTE


def test_an_unpacked_body_is_not_unpacked(server: Served) -> None:
    """A bomb of zeros, packed: refused for its coding."""
    bomb = gzip.compress(b"\0" * (20 * MEGABYTE))
    answer = server.request("POST", data=bomb, Content_Type=QUERY, Content_Encoding="gzip")
    assert "unsupported-media-type" == assert_clear(answer)


# --- clients that do not end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [pytest.param(20, id="quick"), pytest.param(300, id="long", marks=pytest.mark.abuse)])
def test_half_requests_hold_nobody_up(server: Served, count: int) -> None:
    """Clients that begin a request, or a body, and say no more: everybody else is answered."""
    beginnings = [
        b"GET /sparql?query=ASK%7B%7D HTT",
        b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: x\r\nAccept",
        b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 1000\r\n\r\nASK",
        b"",
    ]
    with ExitStack() as stack:
        for n in range(count):
            connection = stack.enter_context(server.connect())
            connection.sendall(beginnings[n % len(beginnings)])
        for n in range(20):
            assert_answered(server, f"ASK {{}} # beside half requests {n}")


@pytest.mark.parametrize(
    "rounds", [pytest.param(20, id="quick"), pytest.param(500, id="long", marks=pytest.mark.abuse)]
)
def test_slow_clients_hold_nobody_up(server: Served, rounds: int) -> None:
    """Senders of a byte at a time, and readers of large answers who read nothing: everybody else is answered."""
    large = quote("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 50000")
    with ExitStack() as stack:
        readers = []
        for n in range(8):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", server.port))
            reader.sendall(f"GET /sparql?query={large}%20%23{n} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            readers.append(reader)
        senders = [stack.enter_context(server.connect()) for _ in range(8)]
        request = b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"y" * 5000
        until(server.is_well, "the large answers are made; on a busy machine others wait for that")
        for n in range(rounds):
            for sender in senders:
                sender.sendall(request[n : n + 1])
            assert_answered(server, f"ASK {{}} # beside slow clients {n}")
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("clients", "seconds"),
    [pytest.param(16, 2, id="quick"), pytest.param(64, 20, id="long", marks=pytest.mark.abuse)],
)
def test_many_clients_beside_runaways(server: Served, clients: int, seconds: float) -> None:
    """Four runaways without pause, and many clients with small queries: each client is answered all the time.

    No small query fails, and none waits as long as a runaway may take.
    """
    ended = threading.Event()
    failed: list[str] = []
    longest = [0.0] * clients
    counts = [0] * clients

    def runaway(number: int) -> None:
        asked = 0
        while not ended.is_set():
            asked += 1
            assert_clear(post(server, f"{HUNGRY['Cartesian COUNT']} # {number} {asked}"))

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not ended.is_set():
            counts[number] += 1
            text = f"SELECT ?t {{ ?s a ?t }} LIMIT 3 # {number} {counts[number]}"
            started = time.monotonic()
            connection.request("GET", f"/sparql?query={quote(text)}", headers={"Accept": JSON})
            answer = connection.getresponse()
            body = answer.read()
            longest[number] = max(longest[number], time.monotonic() - started)
            if answer.status != 200 or len(json.loads(body)["results"]["bindings"]) != 3:
                failed.append(body.decode()[:300])
        connection.close()

    with ThreadPoolExecutor(clients + 4) as threads:
        futures = [threads.submit(runaway, n) for n in range(4)]
        futures += [threads.submit(client, n) for n in range(clients)]
        time.sleep(seconds)
        ended.set()
        for future in futures:
            future.result()
    assert [] == failed
    assert min(counts) >= 3
    assert max(longest) < TIMEOUT
    print(f"{sum(counts)} small queries by {clients} clients in {seconds} s; the longest took {max(longest):.2f} s")
