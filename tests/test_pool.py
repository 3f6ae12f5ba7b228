# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The pool of workers under attack: what a query may take is taken from it in time, and nothing is left behind."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from pyoxigraph import Store

from kgbuild.build.release import ReleaseContent, publish
from kgbuild.server.data.access import OPERATIONS, EmbeddedData
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers import lanes, spool, supervisor
from kgbuild.workers import zygote as zygote_module
from kgbuild.workers.lanes import Limits
from kgbuild.workers.request import Request
from kgbuild.workers.supervisor import Pool
from nonempty import nonempty
from serving import (
    JSON,
    PATIENCE,
    RUNAWAY,
    Served,
    descendants,
    descriptors,
    is_alive,
    limited,
    mini_file,
    mini_nquads,
    resident,
    serving,
    state,
    until,
    workers,
    zygote,
)

PROBLEM = "https://w3id.org/icn/problem/"
CROSS = "SELECT ?a ?b ?c ?d { ?a ?b ?c . ?d ?e ?f } LIMIT "
ENDLESS = "CONSTRUCT { ?a ?e ?f } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
TIMEOUT = 0.6
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini_file(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Served]:
    """Run a server that gives a query little: half a second, and 200 MB."""
    options = ["--query-timeout", str(TIMEOUT), "--workers", "2", "--memory-per-query", "200"]
    with serving(tmp_path_factory.mktemp("server"), data, options=options) as served:
        yield served


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Served]:
    """Run a server whose queries have ten minutes, and 64 MB: no test here waits for that deadline."""
    options = ["--query-timeout", "600", "--workers", "2", "--memory-per-query", "64"]
    with serving(tmp_path_factory.mktemp("calm"), data, options=options) as served:
        yield served


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Served]:
    """Run a server that holds a megabyte of an answer and streams the rest, to readers who read."""
    tweak = (
        f"import kgbuild.workers.spool as p; p.SPOOL_ANSWER = {MEGABYTE}; p.SLOW_READER = 0.5\n"
        "import kgbuild.server.exchange.answers as s; s.SLOW_READER = 0.5"
    )
    with patient(tmp_path_factory.mktemp("streaming"), data, tweak) as served:
        yield served


@pytest.fixture(scope="module")
def cutting(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Served]:
    """Run a server that streams what is above a megabyte, and stops queries after half a second."""
    tweak = f"import kgbuild.workers.spool as p; p.SPOOL_ANSWER = {MEGABYTE}"
    with patient(tmp_path_factory.mktemp("cutting"), data, tweak, timeout="0.5") as served:
        yield served


@contextmanager
def patient(folder: Path, data: Path, tweak: str = "", timeout: str = "600") -> Iterator[Served]:
    """Run a server whose queries may take ten minutes: no test here waits for that deadline."""
    with serving(folder, data, options=["--query-timeout", timeout, "--workers", "2"], tweak=tweak) as served:
        yield served


def problem_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


@contextmanager
def asking(served: Served, query: str, receive: int = 0) -> Iterator[socket.socket]:
    """Send a query and do not read the answer; `receive` makes the client's buffer small."""
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", served.port))
    with connection:
        head = f"GET /sparql?query={quote(query)} HTTP/1.1\r\nHost: x\r\nAccept: {JSON}, text/turtle\r\n\r\n"
        connection.sendall(head.encode())
        yield connection


def nice(pid: int) -> int:
    """Tell by how much a process gives way to others more than these tests do, which may be nice themselves."""
    return os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0)


# --- trap 1: deadline, memory, stack ------------------------------------------------------------------------------


def test_a_deadline_is_kept(server: Served) -> None:
    """A runaway is ended when its time is up: not before, and long before twice that; the worker is replaced."""
    before = workers(server)
    started = time.monotonic()
    answer = server.ask(RUNAWAY)
    taken = time.monotonic() - started
    assert (504, "deadline") == problem_of(answer)
    assert TIMEOUT <= taken < 2 * TIMEOUT
    assert f"{TIMEOUT} seconds" in answer.json()["detail"]
    until(lambda: len(workers(server)) == 2, "two workers are there again")
    assert before != workers(server)
    assert server.is_well()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?d ?g",
        "SELECT ?a ?d (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?d ?f ?i ?g",
        "SELECT (GROUP_CONCAT(CONCAT(STR(?a), STR(?d))) AS ?x) { ?a ?b ?c . ?d ?e ?f }",
        'SELECT ?z { BIND("xxxxxxxxxxxxxxxx" AS ?a0) '
        + " ".join(f"BIND(CONCAT(?a{n}, ?a{n}) AS ?a{n + 1})" for n in range(28))
        + " BIND(?a28 AS ?z) }",
    ],
)
def test_memory_has_a_limit(server: Served, query: str) -> None:
    """Sorting, grouping, joining texts and doubling them without end: 503 or the deadline, whichever comes first."""
    ceiling = resident(server.process.pid) + 100 * MEGABYTE
    kind = problem_of(server.ask(query))
    assert kind in ((503, "out-of-memory"), (504, "deadline"))
    assert resident(server.process.pid) < ceiling
    assert server.is_well()


def test_too_much_memory_is_its_own_problem(calm: Served) -> None:
    """With time enough, it is the memory that ends a sort of everything with everything."""
    answer = calm.ask("SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?a ?d")
    assert (503, "out-of-memory") == problem_of(answer)
    assert "64 MB" in answer.json()["detail"]
    assert calm.is_well()


@pytest.mark.parametrize(
    "query",
    [
        "ASK { FILTER(" + " || ".join(["?x = 1"] * 20_000) + ") }",
        "SELECT (" + " + ".join(["1"] * 20_000) + " AS ?x) {}",
        "SELECT (" + "!" * 20_000 + "true AS ?x) {}",
        "ASK { " + " UNION ".join(["{ ?a ?b ?c }"] * 10_000) + " }",
        "ASK { ?a (" + "/".join(["<a:a>"] * 20_000) + ") ?b }",
        "ASK { " + "?a ?b ?c ." * 20_000 + " }",
        "ASK { " + "MINUS { ?a ?b ?c } " * 5_000 + " }",
        "ASK { ?s ?p ?o " + "OPTIONAL { ?s ?p ?x } " * 5_000 + " }",
        "SELECT * { " + " ".join(f"BIND({n} AS ?x{n})" for n in range(5_000)) + " }",
    ],
)
def test_chains_without_brackets_end_no_server(server: Served, query: str) -> None:
    """What recurses without nesting runs into a limit of its own, or is answered; never a fault of the server."""
    answer = server.request("POST", data=query.encode(), Content_Type="application/sparql-query")
    if answer.status_code != 200:
        assert problem_of(answer) in ((400, "query-too-complex"), (503, "out-of-memory"), (504, "deadline"))
    assert server.is_well()


def test_small_queries_go_on_beside_runaways(calm: Served) -> None:
    """With as many runaways as the slow lane holds, the quick lane is free; one runaway more is told to come back."""
    with ExitStack() as stack:
        for n in range(4):  # equal ones would be run once
            stack.enter_context(asking(calm, f"{RUNAWAY} # {n}"))
        until(lambda: sum(1 for pid in workers(calm) if nice(pid)) == 4, "four in the slow lane")
        running = {pid for pid in workers(calm) if nice(pid)}
        # On a busy machine a small query may be taken for a long one, and is told to come back: so it does.
        asked = Counter[int]()
        for n in range(50):
            until(partial(_is_answered, calm, f"ASK {{}} # {n}", asked), "each of them is answered")
        assert asked.keys() <= {200, 503}
        one_more = calm.ask(f"{RUNAWAY} # one more")
        assert (503, "too-many-long-queries") == problem_of(one_more)
        assert int(one_more.headers["Retry-After"]) > 0
        assert running <= workers(calm)
    until(lambda: not running & workers(calm), "they ended with their clients")


def _is_answered(server: Served, query: str, asked: Counter[int]) -> bool:
    status = server.ask(query).status_code
    asked[status] += 1
    return status == 200


# --- trap 6: clients that go --------------------------------------------------------------------------------------


def test_a_query_ends_with_its_client(calm: Served) -> None:
    """Who hangs up takes his query with him: the worker is gone long before the deadline."""
    with asking(calm, RUNAWAY):
        until(lambda: any(nice(pid) for pid in workers(calm)), "it is under way")
        (running,) = [pid for pid in workers(calm) if nice(pid)]
    until(lambda: not is_alive(running), "its worker was ended, by the client's going and not by its deadline")
    assert calm.is_well()


def test_an_answer_under_way_ends_with_its_client(streaming: Served) -> None:
    """So where the answer is being sent already, past what the spool takes."""
    with asking(streaming, CROSS + "100000000") as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        until(lambda: any(nice(pid) for pid in workers(streaming)), "it is under way")
        (running,) = [pid for pid in workers(streaming) if nice(pid)]
    until(lambda: not is_alive(running), "its worker was ended, by the client's going and not by its deadline")
    assert streaming.is_well()


def test_equal_queries_outlive_one_of_their_clients(calm: Served) -> None:
    """Of two who ask the same, one goes: the other one still gets the answer."""
    query = "SELECT (COUNT(*) AS ?n) { ?a a ?b . ?c a ?d FILTER(STR(?a) < STR(?d)) }"
    with ThreadPoolExecutor(1) as threads:
        with asking(calm, query):
            other = threads.submit(calm.ask, query)
            time.sleep(0.05)
        answer = other.result()
    assert 200 == answer.status_code
    assert int(answer.json()["results"]["bindings"][0]["n"]["value"]) > 0


# --- trap 4: slow readers, and the spool --------------------------------------------------------------------------


def test_a_slow_reader_keeps_no_worker(calm: Served) -> None:
    """Ten clients ask for megabytes each and read nothing: the answers wait on the disk, the workers are free."""
    with ExitStack() as stack:
        for n in range(10):
            stack.enter_context(asking(calm, CROSS + f"{30_000 + n}", receive=4096))
        until(lambda: len(deleted_files(calm)) == 10, "ten answers are on the disk")
        until(lambda: not any(nice(pid) for pid in workers(calm)), "no worker is at work")
        assert calm.is_well()
    until(lambda: not deleted_files(calm), "the space was given back when the clients had gone")


def deleted_files(served: Served) -> list[str]:
    """List the files that the server holds and nobody else can see: its spool."""
    found = []
    for path in Path(f"/proc/{served.process.pid}/fd").iterdir():
        try:
            target = path.readlink()
        except OSError:
            continue
        if "(deleted)" in str(target) and "kgbuild-search-" not in str(target):  # the index stays open
            found.append(str(target))
    return found


def test_a_large_answer_takes_no_memory(calm: Served) -> None:
    """An answer of 40 MB and more passes through the server, which grows by a fraction of it; it arrives whole."""
    assert calm.is_well()
    before = resident(calm.process.pid)
    peak, size, tail = before, 0, b""
    with requests.get(calm.endpoint, {"query": CROSS + "150000"}, stream=True, timeout=PATIENCE) as answer:
        for part in answer.iter_content(MEGABYTE):
            size += len(part)
            tail = (tail + part)[-10:]
            peak = max(peak, resident(calm.process.pid))
        assert str(size) == answer.headers["Content-Length"]
    assert tail.rstrip().endswith(b"]}}")
    assert size > 40 * MEGABYTE
    assert peak - before < size / 3


# --- trap 5: an answer that was cut off ---------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [JSON, "text/csv"])
def test_an_answer_that_was_cut_off_can_be_told(cutting: Served, accept: str) -> None:
    """Past the spool the beginning is sent before the end is known: a deadline then breaks the connection.

    The last chunk never comes: every client reports it, nothing is appended, and no 200 looks whole.
    """
    query = CROSS + "100000000"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        cutting.ask(query, accept)
    raw = cutting.raw(f"GET /sparql?query={quote(query)} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"transfer-encoding: chunked" in raw.partition(b"\r\n\r\n")[0].lower()
    assert not raw.endswith(b"\r\n0\r\n\r\n")
    assert b"problem" not in raw
    assert cutting.is_well()
    assert "Traceback" not in cutting.log.read_text(encoding="utf-8")


def test_an_answer_in_the_spool_is_never_half(server: Served) -> None:
    """Up to the spool's size a deadline gives a clean 504, however much was answered before."""
    answer = server.ask(CROSS + "100000000")
    assert (504, "deadline") == problem_of(answer)


def test_a_reader_of_a_stream_who_stops_is_cut_off(streaming: Served) -> None:
    """Past the spool a reader who takes nothing loses the answer, and the worker is free for others."""
    with asking(streaming, CROSS + "100000000 # stops", receive=4096) as connection:
        assert connection.recv(500).startswith(b"HTTP/1.1 200")
        until(lambda: any(nice(pid) for pid in workers(streaming)), "it is under way")
        (running,) = [pid for pid in workers(streaming) if nice(pid)]
        until(lambda: not is_alive(running), "its worker was ended")
        assert streaming.is_well()


# --- trap 8: another release --------------------------------------------------------------------------------------


def make_release(build: Path, label: str) -> str:
    """Publish the fixture with one triple that tells which release it is."""
    told = f'<urn:which> <urn:is> "{label}" .\n'.encode()
    lines = sorted([*mini_nquads().splitlines(keepends=True), told])
    return publish(build, ReleaseContent(b"".join(lines), b"", {}, {})).id


WHICH = "SELECT ?x { <urn:which> <urn:is> ?x }"
SLOWLY = "SELECT ?x ?n { <urn:which> <urn:is> ?x { SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d a ?e FILTER(?c < ?e) } } }"


def test_a_release_comes_in_without_a_failed_request(tmp_path: Path) -> None:
    """While four clients ask, a new release takes over: no request fails, and nobody is told the old one afterwards.

    A query that began on the old release ends there; its answer is not kept for the new one.
    """
    build = tmp_path / "build"
    first = make_release(build, "first")
    tweak = "import kgbuild.server.exchange.service as s; s.LOOK_EVERY = 0.1"
    options = ["--query-timeout", "60", "--workers", "2"]
    with serving(tmp_path, build=build, options=options, tweak=tweak) as served, ThreadPoolExecutor(6) as threads:
        old = zygote(served)
        ended = threading.Event()
        heard: list[list[str]] = [[] for _ in range(4)]
        failed: list[str] = []

        def client(number: int) -> None:
            session = requests.Session()
            asked = 0
            while not ended.is_set():
                asked += 1
                query = WHICH if asked % 2 else f"{WHICH} # {number} {asked}"
                answer = session.get(served.endpoint, params={"query": query}, headers={"Accept": JSON}, timeout=60)
                if answer.status_code == 200:
                    heard[number].append(answer.json()["results"]["bindings"][0]["x"]["value"])
                else:
                    failed.append(answer.text)

        try:
            clients = [threads.submit(client, number) for number in range(4)]
            slow = threads.submit(served.ask, SLOWLY)
            until(lambda: any(nice(pid) for pid in workers(served)), "the slow query is under way")
            second = make_release(build, "second")
            until(lambda: all(said and said[-1] == "second" for said in heard), "every client was told the new one")
            assert first != second
            assert ["first"] == [row["x"]["value"] for row in slow.result().json()["results"]["bindings"]]
            assert ["second"] == [row["x"] for row in served.rows(SLOWLY)]
        finally:
            ended.set()
        for each in clients:
            each.result()
        assert [] == failed
        for said in nonempty(heard):
            assert sorted(said) == said, "first, then second, and never back"
        until(lambda: not state(old), "the old release's process is gone, and is no zombie")
        assert f"release {second}" in requests.get(f"{served.address}/healthz", timeout=60).text


def test_a_release_that_cannot_be_loaded_changes_nothing(tmp_path: Path) -> None:
    """A damaged release as the current one: the old one goes on, the log says why, no process is left behind."""
    build = tmp_path / "build"
    make_release(build, "first")
    tweak = "import kgbuild.server.exchange.service as s; s.LOOK_EVERY = 0.1"
    with serving(tmp_path, build=build, options=["--workers", "2"], tweak=tweak) as served:
        second = make_release(build, "second")
        until(lambda: served.rows(WHICH)[0]["x"] == "second", "the second one took over")
        third = make_release(tmp_path / "other", "third")
        shutil.copytree(tmp_path / "other" / "releases" / third, build / "releases" / third)
        (build / "releases" / third / "graph.nq").write_text("this is no N-Quads", encoding="utf-8")
        link = build / "next"
        link.symlink_to(Path("releases") / third)
        link.replace(build / "current")
        until(lambda: "cannot be served" in served.log.read_text(encoding="utf-8"), "the log says so")
        for _ in range(5):
            time.sleep(0.1)
            assert "second" == served.rows(f"{WHICH} # {time.monotonic()}")[0]["x"]
        log = served.log.read_text(encoding="utf-8")
        assert f"Release {second} stays" in log
        assert 1 == log.count("cannot be served")
        assert "Traceback" not in log
        until(lambda: not [pid for pid in descendants(served.process.pid) if state(pid) == "Z"], "no zombie")
        assert zygote(served)


def test_a_lost_zygote_is_replaced(streaming: Served) -> None:
    """The process that holds the data is killed, as the kernel does for memory: the data are loaded again."""
    lost = zygote(streaming)
    os.kill(lost, signal.SIGKILL)
    until(lambda: not state(lost), "it is gone, and is no zombie")
    until(lambda: requests.get(f"{streaming.address}/healthz", timeout=60).status_code == 200, "it is well again")
    until(lambda: streaming.ask("ASK { ?s ?p ?o }").status_code == 200, "queries are answered again")
    assert lost != zygote(streaming)


# --- traps 3 and 7: the end ---------------------------------------------------------------------------------------

NO_LANES = "import kgbuild.workers.lanes as p; p.QUICK = p.PATIENCE = 600"


def test_sigterm_ends_runaways_at_once(tmp_path: Path, data: Path) -> None:
    """Two runaways and a query in the queue: each client is told, and no process is left when the server has ended."""
    with patient(tmp_path, data, NO_LANES) as served, ThreadPoolExecutor(3) as threads:
        clients = [threads.submit(served.ask, RUNAWAY + " " * n) for n in range(2)]
        until(lambda: all(busy(pid) for pid in workers(served)), "both workers are busy")
        clients.append(threads.submit(served.ask, "ASK {}"))
        time.sleep(0.2)
        # The process that makes the search index ends by itself, on a busy machine a while after the server is ready.
        until(lambda: len(descendants(served.process.pid)) == 3, "one holds the data, two are workers")
        family = descendants(served.process.pid)
        served.process.terminate()
        served.process.wait(PATIENCE)  # long before the runaways' deadline
        until(lambda: not any(is_alive(pid) for pid in family), "all of them are gone")
        told = [client.result() for client in clients]
        assert [(503, "shutting-down")] * 3 == [problem_of(answer) for answer in told]
        assert all(answer.headers["Retry-After"] for answer in told)
        assert "Traceback" not in served.log.read_text(encoding="utf-8")


def busy(pid: int) -> bool:
    """Tell whether a process has used processor time worth speaking of."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) > 5


def test_a_killed_server_leaves_no_process(tmp_path: Path, data: Path) -> None:
    """SIGKILL of the server under runaways: the zygote sees its end, the workers die with it."""
    with patient(tmp_path, data) as served:
        with asking(served, RUNAWAY), asking(served, RUNAWAY + " "):
            until(lambda: sum(1 for pid in workers(served) if nice(pid)) == 2, "two runaways")
            family = descendants(served.process.pid)
            served.process.kill()
            served.process.wait()
        until(lambda: not any(is_alive(pid) for pid in family), "all of them are gone")


def test_a_worker_is_shut_in(server: Served) -> None:
    """A worker has four descriptors, may open none, dumps no core, and dies with its parent."""
    for pid in nonempty(workers(server)):
        assert 4 == descriptors(pid)
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
        rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
        assert ("0", "0") == (rows["Max open files"], rows["Max core file size"])
        assert "unlimited" != rows["Max address space"]
        assert 200 * MEGABYTE < int(rows["Max address space"])
        assert int(rows["Max stack size"]) >= 256 * MEGABYTE or rows["Max stack size"] == "unlimited"


def test_nothing_leaks(server: Served) -> None:
    """After forty queries that were killed, broken or abandoned: no zombie, no more descriptors or processes."""
    assert server.is_well()
    until(lambda: len(workers(server)) == 2, "two workers")
    before = descriptors(server.process.pid), descriptors(zygote(server))
    allowed = 5  # connections that clients have not closed yet: eight of each kind of query would be more
    with ThreadPoolExecutor(8) as threads:
        for answer in nonempty(threads.map(server.ask, [RUNAWAY + f" # {n}" for n in range(8)])):
            assert answer.status_code in (503, 504)
        list(threads.map(server.ask, ["SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?a" + " " * n for n in range(4)]))
        list(threads.map(server.ask, [f"nonsense {n}" for n in range(20)]))
    for n in range(8):
        with asking(server, f"{RUNAWAY} # gone {n}"):
            pass
    until(lambda: len(workers(server)) == 2, "two workers again")
    until(
        lambda: descriptors(server.process.pid) <= before[0] + allowed and descriptors(zygote(server)) <= before[1],
        f"descriptors as before: {before}",
    )
    until(lambda: not [pid for pid in descendants(server.process.pid) if state(pid) == "Z"], "no zombie")
    assert server.is_well()


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    """A file that is no RDF: the message names it and the place, with no traceback, and nothing keeps running."""
    broken = tmp_path / "broken.ttl"
    broken.write_text("<urn:a> <urn:b> .", encoding="utf-8")
    with pytest.raises(AssertionError) as caught, serving(tmp_path, broken):
        pass
    said = str(caught.value)
    assert f"The data cannot be loaded: {broken}" in said
    assert "Traceback" not in said


# --- the pool itself ----------------------------------------------------------------------------------------------

TABLE = ("application/sparql-results+json",)


def request(query: str) -> Request:
    return Request(query, TABLE, ("text/turtle",))


InPool = Callable[[Callable[[Pool], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="module")
def one_worker(data: Path) -> Iterator[InPool]:
    """Run coroutines in this process with a pool of one worker, whose queries have a minute; without lanes."""
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "QUICK", 600)
        patch.setattr(lanes, "PATIENCE", 600)
        pool = Pool((data,), Limits(timeout=60, workers=1))
        runner.run(pool.start())

        def run(work: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
            async def whole() -> None:
                (await pool.run(request("ASK {}"))).close()  # the worker is there
                await work(pool)

            runner.run(whole())

        yield run
        runner.run(pool.stop())


def in_pool(data: Path, limits: Limits, work: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine function with a pool of its own."""

    async def whole() -> None:
        pool = Pool((data,), limits)
        await pool.start()
        try:
            await work(pool)
        finally:
            await pool.stop()

    asyncio.run(whole())


def test_a_full_queue_says_so(one_worker: InPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """More waiting queries than there is room for: 503 of its own type, with a time to come back."""
    monkeypatch.setattr(lanes, "WAITING", 3)

    async def work(pool: Pool) -> None:
        running = [asyncio.ensure_future(pool.run(request(RUNAWAY))) for _ in range(4)]
        await asyncio.sleep(0.1)
        with pytest.raises(QueryError) as caught:
            await pool.run(request("ASK {}"))
        assert ("queue-full", 503) == (caught.value.kind, caught.value.status)
        assert caught.value.extra["retry_after"] > 0
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    one_worker(work)


def test_who_has_gone_takes_no_place_in_the_queue(one_worker: InPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that hang up while they wait leave room for others, though no worker has come free meanwhile."""
    monkeypatch.setattr(lanes, "WAITING", 3)

    async def work(pool: Pool) -> None:
        runaway = asyncio.ensure_future(pool.run(request(RUNAWAY)))
        await asyncio.sleep(0.1)
        for _ in range(5):
            gone = [asyncio.ensure_future(pool.run(request("ASK {}"))) for _ in range(3)]
            await asyncio.sleep(0.01)
            for task in gone:
                task.cancel()
            await asyncio.gather(*gone, return_exceptions=True)
        waiting = asyncio.ensure_future(pool.run(request("ASK {}")))
        await asyncio.sleep(0.01)
        runaway.cancel()
        assert b"true" in (await waiting).read()

    one_worker(work)


def test_waiting_has_a_deadline_too(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a worker as long as a query may take is told to come back; a worker is not lost by it."""
    monkeypatch.setattr(lanes, "QUICK", 600)
    monkeypatch.setattr(lanes, "PATIENCE", 600)

    async def work(pool: Pool) -> None:
        first = asyncio.ensure_future(pool.run(request(RUNAWAY), timeout=60))
        await asyncio.sleep(0.1)
        with pytest.raises(QueryError) as caught:
            await pool.run(request("ASK {}"))
        assert "queue-full" == caught.value.kind
        first.cancel()
        assert b"true" in (await pool.run(request("ASK {}"))).read()

    in_pool(data, Limits(timeout=0.3, workers=1), work)


def test_draining_waits_for_the_queue(data: Path) -> None:
    """A pool that is let go answers those who wait in its queue as well, one after the other."""

    async def work(pool: Pool) -> None:
        waiting = [asyncio.ensure_future(pool.run(request(f"ASK {{}} # {n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await pool.stop(drain=True)
        assert all(b"true" in answer.read() for answer in nonempty(await asyncio.gather(*waiting)))

    in_pool(data, Limits(workers=1), work)


def test_a_kill_never_hits_another_worker(one_worker: InPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has died by itself is not killed again: its descriptor's number may be another one's by then."""
    signalled: list[int] = []
    send = signal.pidfd_send_signal

    def record(life: int, number: int) -> None:
        signalled.append(life)
        send(life, number)

    monkeypatch.setattr(signal, "pidfd_send_signal", record)

    async def work(pool: Pool) -> None:
        task = asyncio.ensure_future(pool.run(request(RUNAWAY)))
        await asyncio.sleep(0.05)
        (victim,) = pool.lanes.workers.values()
        os.kill(victim.pid, signal.SIGKILL)
        with pytest.raises(QueryError):
            await task
        assert victim.gone.done()
        assert [] == signalled

    one_worker(work)


def test_the_spool_counts_what_is_held(one_worker: InPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that nobody has read yet fill the spool of all; the next large one is streamed, until they are closed."""

    async def work(pool: Pool) -> None:
        first = await pool.run(request(CROSS + "20000"))
        monkeypatch.setattr(spool, "SPOOL_ALL", int(2.5 * first.size))
        second = await pool.run(request(CROSS + "20000"))
        streamed = await pool.run(request(CROSS + "20000"))
        assert [True, True, False] == [answer.rest is None for answer in (first, second, streamed)]
        for answer in (first, second, streamed):
            answer.close()
        again = await pool.run(request(CROSS + "20000"))
        assert again.rest is None
        assert first.size == again.size
        again.close()

    one_worker(work)


def test_an_answer_that_nobody_took_gives_its_worker_back(one_worker: InPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is dropped unread, as when its client went at that moment: the pool is whole again."""
    monkeypatch.setattr(spool, "SPOOL_ANSWER", MEGABYTE)

    async def work(pool: Pool) -> None:
        dropped = await pool.run(request(CROSS + "1000000"))
        assert dropped.rest is not None
        del dropped
        await asyncio.wait_for(pool.lanes.drained.wait(), PATIENCE)
        assert b"true" in (await pool.run(request("ASK {}"))).read()

    one_worker(work)


def test_limits_of_queries_do_not_bind_the_server(data: Path) -> None:
    """The server counts its own data when it starts, however little time a query gets; nothing else may take longer."""
    product = "?a a ?b . ?c a ?d . ?e a icn:Membership"  # seconds, on a quick machine as well
    query = f"SELECT (COUNT(*) AS ?n) {{ {product} FILTER(STR(?a) < STR(?d)) }}"

    async def work() -> None:
        served = EmbeddedData((data,), Limits(timeout=0.2, workers=1), handlers=OPERATIONS)
        await served.start()
        try:
            with pytest.raises(QueryError) as caught:
                await served.select(query)
            assert "deadline" == caught.value.kind
            (row,) = (await served.select(query, 60)).records()
            assert int(row["n"].value) > 0
        finally:
            await served.stop()

    asyncio.run(work())


# --- what the machine refuses -------------------------------------------------------------------------------------


def zygote_pid(pool: Pool) -> int:
    assert pool._process is not None
    return pool._process.pid


async def become(finding: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not finding():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.02)


def is_whole(pool: Pool) -> bool:
    return pool.load().quick == pool.limits.workers and len(pool.lanes.idle) == pool.limits.workers


async def kill_all(pool: Pool) -> None:
    """End the workers behind the pool's back, and wait until it knows."""
    await become(lambda: is_whole(pool), "the pool is whole")
    killed = list(pool.lanes.workers.values())
    for worker in killed:
        os.kill(worker.pid, signal.SIGKILL)
    await become(lambda: all(worker.gone.done() for worker in killed), "they have gone")


@pytest.mark.parametrize("whose", ["the zygote's", "ours"])
def test_a_pool_without_descriptors_comes_back(
    data: Path, whose: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no socket is to be had, no worker comes; later the pool is whole again, and nothing has leaked."""
    monkeypatch.setattr(supervisor, "RETRY", 0.05)

    async def work(pool: Pool) -> None:
        await become(lambda: is_whole(pool), "the pool is whole")
        ours, theirs = descriptors(os.getpid()), descriptors(zygote_pid(pool))
        process = os.getpid() if whose == "ours" else zygote_pid(pool)
        with limited(process, resource.RLIMIT_NOFILE, 3):
            await kill_all(pool)
            await become(lambda: "could not be started" in caplog.text, "a fork has failed")
            await become(lambda: pool._failed_starts > 5, "and was tried again")
            assert not pool.answers
        await become(lambda: is_whole(pool), "the pool is whole again")
        assert pool.answers
        assert b"true" in (await pool.run(request("ASK {}"))).read()
        await become(lambda: descriptors(os.getpid()) <= ours, "none of ours leaks")
        await become(lambda: descriptors(zygote_pid(pool)) <= theirs, "none of the zygote's leaks")
        assert 1 == sum("could not be started" in record.message for record in caplog.records)
        assert not pool._refused
        assert not pool._early

    in_pool(data, Limits(workers=3), work)


@pytest.mark.parametrize("call", ["fork", "pidfd_open", "memfd_create"])
def test_a_failed_fork_is_told_and_leaves_nothing(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """EAGAIN, ENOMEM, ENFILE at any step: the zygote lives on, says so, and forks when it is asked again."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    config = zygote_module.Config((), 1 << 30, 60, theirs.fileno(), os.getpid())
    nursery = zygote_module.Nursery(theirs, Store(), config, {})
    real = getattr(os, call)
    before = descriptors(os.getpid())

    def fail(*_: object) -> int:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    with ours, theirs:
        monkeypatch.setattr(os, call, fail)
        nursery.fork()
        assert {"no_worker": "Resource temporarily unavailable"} == json.loads(ours.recv(1000))
        assert {} == nursery.words
        assert before == descriptors(os.getpid())
        monkeypatch.setattr(os, call, real)
        nursery.fork()
        told, received, _, _ = socket.recv_fds(ours, 1000, 2)
        pid = json.loads(told)["worker"]
        assert [pid] == list(nursery.words)
        for descriptor in received:
            os.close(descriptor)
        nursery._end()
        os.waitpid(pid, 0)


def test_a_connection_that_fails_costs_one_worker(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the socket of a new worker cannot be taken in, another one is forked in its place."""
    monkeypatch.setattr(supervisor, "RETRY", 0.01)

    async def work(pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        connect, failures = loop.create_connection, 3

        async def fail(*given: Any, **more: Any) -> Any:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise OSError(errno.ENOBUFS, "No buffer space available")
            return await connect(*given, **more)

        monkeypatch.setattr(loop, "create_connection", fail)
        await kill_all(pool)
        await become(lambda: is_whole(pool), "the pool is whole again")
        assert failures < 0
        await become(lambda: not pool._refused and not pool._early, "those that failed have been buried")

    in_pool(data, Limits(workers=2), work)


def test_last_words_are_logged(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A worker that ends by itself: how, at which query, and what it wrote."""

    async def work(pool: Pool) -> None:
        with pytest.raises(QueryError):
            await pool.run(request(f"SELECT * {{ ?a ?b ?c . ?d ?e ?f }} ORDER BY ?a ?d # {'x' * 1000}"))

    in_pool(data, Limits(timeout=60, memory=64 << 20, workers=1), work)
    first = next(record.message for record in caplog.records if "ended at" in record.message)
    assert "ended at 'SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?a ?d # xxx" in first
    assert "memory allocation of" in first
    assert len(first) < 800


def test_no_room_for_an_answer_is_a_problem(one_worker: InPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, or no file to be had: 503 with a time to come back, and the spool is empty again."""

    def fail() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)

    async def work(pool: Pool) -> None:
        with pytest.raises(QueryError) as caught:
            await pool.run(request(CROSS + "20000"))
        assert ("no-room", 503) == (caught.value.kind, caught.value.status)
        assert 0 == pool.spool.held
        assert b"true" in (await pool.run(request("ASK {}"))).read()

    one_worker(work)


def test_health_is_told_truthfully(tmp_path: Path, data: Path) -> None:
    """A server that can start no worker says that it does not answer, and says when it does again."""
    tweak = "import kgbuild.workers.supervisor as s; s.RETRY = 0.05"
    with serving(tmp_path, data, options=["--workers", "2"], tweak=tweak) as served:
        health = f"{served.address}/healthz"
        assert 200 == requests.get(health, timeout=PATIENCE).status_code
        with limited(zygote(served), resource.RLIMIT_NOFILE, 3):
            for pid in workers(served):
                os.kill(pid, signal.SIGKILL)
            until(lambda: requests.get(health, timeout=PATIENCE).status_code == 503, "it says so")
        until(lambda: requests.get(health, timeout=PATIENCE).status_code == 200, "it is well again")
        assert served.is_well()


def test_a_page_ends_with_its_client(tmp_path: Path, data: Path) -> None:
    """What a page asks has the reader's deadline, and ends when the reader leaves."""
    slow = f"import kgbuild.server.routes.home as h; h._ARTICLES = {RUNAWAY!r}"
    with serving(tmp_path, data, options=["--query-timeout", "60", "--workers", "2"], tweak=slow) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
            until(lambda: any(nice(pid) for pid in workers(served)), "it is under way")
            (running,) = [pid for pid in workers(served) if nice(pid)]
        gone = time.monotonic()
        until(lambda: not is_alive(running), "its worker was ended")
        assert time.monotonic() - gone < 30, "by the client's going, not by its deadline"
    with serving(tmp_path, data, options=["--query-timeout", "0.5", "--workers", "2"], tweak=slow) as served:
        answer = requests.get(served.address, headers={"Accept": "text/html"}, timeout=PATIENCE)
        assert 504 == answer.status_code
