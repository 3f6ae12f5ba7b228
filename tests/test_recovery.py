# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""What the server lacked for a while: taken from it, given back, and all is as before, without a restart.

Each test exhausts one resource of the real server, lets go, and asks.
"""

from __future__ import annotations

import asyncio
import io
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from kgbuild.server.data.access import Data
from kgbuild.server.exchange.health import Health
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.lanes import Limits
from kgbuild.workers.spool import IN_MEMORY, Answer, Spool
from kgbuild.workers.supervisor import Pool
from nonempty import nonempty
from serving import (
    JSON,
    PATIENCE,
    RUNAWAY,
    Served,
    descriptors,
    is_alive,
    limited,
    mini_file,
    serving,
    state,
    until,
    workers,
    zygote,
)
from test_pool import CROSS, WHICH, make_release, zygote_pid
from test_remote_data import standing

MEGABYTE = 1 << 20
SOON = (
    "import kgbuild.workers.supervisor as s; s.RETRY = 0.05\n"
    "import kgbuild.server.exchange.search_index as i; i.RETRY = 0.05"
)
SPOOL = f"import kgbuild.workers.spool as p; p.SPOOL_ALL = {6 << 20}"
FEW = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))\n{SOON}"
HURRIED = (
    "import kgbuild.workers.supervisor as s; s.FORK_WITHIN = 0.5; s.ENDS_WITHIN = 0.5\n"
    "import kgbuild.server.exchange.health as h; h.EVERY = 0.05; h.WITHIN = 0.5"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini_file(tmp_path_factory.mktemp("data"))


def get(served: Served, path: str) -> requests.Response:
    return requests.get(f"{served.address}{path}", timeout=PATIENCE)


def health(served: Served) -> int:
    return get(served, "/healthz").status_code


def is_whole(served: Served) -> bool:
    """Tell whether all is as it was at the start: queries, search, both states, two workers."""
    try:
        found = [get(served, path).status_code for path in ("/healthz", "/readyz", "/search?q=academy")]
        return [200] * 3 == found and served.is_well() and 2 == len(workers(served))
    except requests.ConnectionError:  # that found no descriptor is told by being closed
        return False


def kill_workers(served: Served) -> None:
    """End the workers, as the kernel does where memory is short."""
    for pid in nonempty(workers(served)):
        os.kill(pid, signal.SIGKILL)


def ask_in_vain(served: Served, count: int, stack: ExitStack, path: str = "") -> None:
    """Open connections, as many as can be had, and ask for `path` on each if there is one."""
    with suppress(OSError):  # of ours or theirs: then there are no more
        for n in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=5))
            if path:
                connection.sendall(f"GET {path}%20%23{n} HTTP/1.1\r\nHost: x\r\nAccept: {JSON}\r\n\r\n".encode())


# --- descriptors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["queries", "connections"])
def test_descriptors(tmp_path: Path, data: Path, first: str) -> None:
    """Two hundred idle connections and six slow queries where 128 files may be open; workers die meanwhile."""
    slow = f"/sparql?query={quote(RUNAWAY)}"
    with serving(tmp_path, data, options=["--workers", "2"], tweak=FEW) as served:
        until(lambda: is_whole(served), "it begins whole")
        before = descriptors(served.process.pid)
        for _ in range(2):
            with ExitStack() as stack:
                if first == "queries":
                    ask_in_vain(served, 6, stack, slow)
                ask_in_vain(served, 200, stack)
                ask_in_vain(served, 6, stack, slow)
                used = _processor(served.process.pid)
                time.sleep(1)
                assert _processor(served.process.pid) - used < 0.5, "it does not spin where it can accept nothing"
                kill_workers(served)
                time.sleep(0.5)
            until(lambda: is_whole(served), "it is whole again")
            until(lambda: descriptors(served.process.pid) <= before + 5, "nothing leaks")


def _processor(pid: int) -> float:
    """Give the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_an_index_that_found_no_descriptor_is_made_later(tmp_path: Path, data: Path) -> None:
    """The search comes in once its process can be started, without a restart."""
    tweak = (
        f"{SOON}\nimport asyncio; real = asyncio.create_subprocess_exec; left = [3]\n"
        "async def fail(*given, **more):\n"
        "    left[0] -= 1\n"
        "    if left[0] >= 0: raise OSError(24, 'Too many open files')\n"
        "    return await real(*given, **more)\n"
        "asyncio.create_subprocess_exec = fail"
    )
    with serving(tmp_path, data, options=["--workers", "2"], tweak=tweak) as served:
        until(lambda: is_whole(served), "it can be searched")
        said = served.log.read_text(encoding="utf-8")
        assert 1 == said.count("Too many open files"), "each reason is told once"


def test_a_release_that_could_not_be_loaded_is_tried_again(tmp_path: Path) -> None:
    """A release that came in while no process could be started for it is served once one can."""
    build = tmp_path / "build"
    make_release(build, "first")
    none = tmp_path / "none"
    tweak = (
        "import kgbuild.server.exchange.service as s; s.LOOK_EVERY = s.TRY_AGAIN = 0.1\n"
        "import subprocess, pathlib; start = subprocess.Popen.__init__\n"
        "def fail(self, *given, **more):\n"
        f"    if pathlib.Path({str(none)!r}).exists(): raise OSError(24, 'Too many open files')\n"
        "    start(self, *given, **more)\n"
        "subprocess.Popen.__init__ = fail"
    )
    with serving(tmp_path, build=build, options=["--workers", "2"], tweak=tweak) as served:
        none.touch()
        make_release(build, "second")
        until(lambda: "Too many open files" in served.log.read_text(encoding="utf-8"), "it was tried")
        assert served.rows(WHICH) == [{"x": "first"}]
        none.unlink()
        until(lambda: served.rows(WHICH) == [{"x": "second"}], "the new release is served")


# --- processes and threads ----------------------------------------------------------------------------------------


def test_processes(tmp_path: Path, data: Path) -> None:
    """Where nothing can be forked, both addresses say so; with the first process that can, all is well."""
    with serving(tmp_path, data, options=["--workers", "2"], tweak=SOON) as served:
        with no_processes(zygote(served)):
            kill_workers(served)
            until(lambda: health(served) == 503, "no query can run")
            assert 503 == get(served, "/readyz").status_code
            assert "not-ready" in get(served, "/readyz").json()["type"]
        until(lambda: is_whole(served), "it is whole again")


@contextmanager
def no_processes(pid: int) -> Iterator[None]:
    """Let a process fork nothing."""
    if os.geteuid():
        with limited(pid, resource.RLIMIT_NPROC, 1):
            yield
        return
    groups = Path("/sys/fs/cgroup/pids")  # that limit does not hold for root
    group = groups / f"kgbuild-{pid}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("root needs control groups of version 1 for this")
    try:
        (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
        (group / "pids.max").write_text("1", encoding="ascii")
        yield
    finally:
        (groups / "cgroup.procs").write_text(str(pid), encoding="ascii")
        group.rmdir()


def test_threads(tmp_path: Path, data: Path) -> None:
    """What needs a thread is refused as a shortage, not as a fault, while there is none; queries go on."""
    tweak = (
        f"{SOON}\nimport threading, pathlib; start = threading.Thread.start\n"
        "def fail(self):\n"
        f'    if pathlib.Path({str(tmp_path / "none")!r}).exists(): raise RuntimeError("can\'t start new thread")\n'
        "    start(self)\n"
        "threading.Thread.start = fail"
    )
    with serving(tmp_path, data, options=["--workers", "2"], tweak=tweak) as served:
        (tmp_path / "none").touch()
        answer = get(served, "/search?q=academy")
        assert 503 == answer.status_code
        assert served.is_well()
        assert 200 == health(served)
        (tmp_path / "none").unlink()
        until(lambda: is_whole(served), "it is whole again")
    assert "Traceback" not in served.log.read_text(encoding="utf-8")


# --- memory -------------------------------------------------------------------------------------------------------


def test_a_worker_ended_by_the_kernel(tmp_path: Path, data: Path) -> None:
    """A query whose process is ended from outside is told to come back; its place is filled."""
    with serving(tmp_path, data, options=["--workers", "2"], tweak=SOON) as served, ExitStack() as stack:
        connection = stack.enter_context(served.connect())
        connection.sendall(
            f"GET /sparql?query={quote(RUNAWAY)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        until(lambda: 3 == len(workers(served)), "it is in the slow lane, and its place is filled")
        kill_workers(served)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503"), head
        assert b"out-of-memory" in body
        until(lambda: is_whole(served), "it is whole again")


def test_a_zygote_without_memory(tmp_path: Path, data: Path) -> None:
    """Whether the process that forks bears it or ends: queries are answered again, from the same data."""
    with serving(tmp_path, data, options=["--workers", "2"], tweak=SOON) as served:
        rows = served.rows("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
        old = zygote(served)
        before = resource.prlimit(old, resource.RLIMIT_AS)
        resource.prlimit(old, resource.RLIMIT_AS, (MEGABYTE, before[1]))
        kill_workers(served)
        time.sleep(0.5)
        with suppress(ProcessLookupError):
            resource.prlimit(old, resource.RLIMIT_AS, before)
        until(lambda: is_whole(served), "it is whole again")
        assert rows == served.rows("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")


# --- disk ---------------------------------------------------------------------------------------------------------


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """Put a disk of a few megabytes in the place of a folder."""
    if os.geteuid():
        pytest.skip("mounting a small disk needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    """Fill a disk up to a few kilobytes, where a file begins and finds no end."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    os.truncate(filler, filler.stat().st_size - (1 << 16))
    try:
        yield
    finally:
        filler.unlink()


def test_a_full_disk(tmp_path: Path, data: Path) -> None:
    """An answer finds no room: 503, time and again, and a whole one with the first room there is."""
    small = tmp_path / "small"
    small.mkdir()
    tweak = f"{SOON}\nimport tempfile; tempfile.tempdir = {str(small)!r}\n{SPOOL}"
    with _small_disk(small), serving(tmp_path, data, options=["--workers", "2"], tweak=tweak) as served:
        until(lambda: is_whole(served), "it begins whole")
        with _full(small):
            # More than twice what the spool takes in all: what a refused answer held is counted no more.
            for n in range(8):
                answer = served.ask(f"{CROSS}9000 # {n}")
                assert (503, True) == (answer.status_code, "no-room" in answer.text)
            assert 200 == health(served), "small queries go on"
        whole = served.ask(f"{CROSS}9000 # whole")
        assert (200, True) == (whole.status_code, "Content-Length" in whole.headers), "and it is not streamed"
        until(lambda: is_whole(served), "it is whole again")


def test_files_that_may_not_grow(tmp_path: Path, data: Path) -> None:
    """The same with the limit that a user may set: `ulimit -f`."""
    tweak = f"{SOON}\n{SPOOL}"
    with serving(tmp_path, data, options=["--workers", "2"], tweak=tweak) as served:
        until(lambda: is_whole(served), "it begins whole")
        before = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (MEGABYTE, before[1]))
        for n in range(8):
            answer = served.ask(f"{CROSS}9000 # {n}")
            assert (503, True) == (answer.status_code, "no-room" in answer.text)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, before)
        whole = served.ask(f"{CROSS}9000 # whole")
        assert (200, True) == (whole.status_code, "Content-Length" in whole.headers)
        until(lambda: is_whole(served), "it is whole again")


def test_the_last_bytes_of_an_answer_find_no_room() -> None:
    """What would stay in a buffer is refused when it comes, not found missing when the answer is sent."""
    spool = Spool()
    answer = Answer("table", JSON, io.BytesIO(), 0, give_back=spool._give_back)
    assert spool.add(answer, bytes(IN_MEMORY))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (IN_MEMORY + 50, before[1]))
    try:
        with pytest.raises(QueryError):
            spool.add(answer, bytes(100))
        answer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 == spool.held


# --- processes that hang ------------------------------------------------------------------------------------------


def test_a_zygote_that_hangs(tmp_path: Path, data: Path) -> None:
    """The process that forks is stopped when a worker is needed: it is ended, and the data are loaded again."""
    with serving(tmp_path, data, options=["--workers", "2"], tweak=HURRIED) as served:
        old = zygote(served)
        os.kill(old, signal.SIGSTOP)
        kill_workers(served)
        until(lambda: health(served) == 503, "no query can run")
        until(lambda: is_whole(served), "it is whole again")
        assert old != zygote(served)
        until(lambda: state(old) == "", "the old one was ended, and is no zombie")


@pytest.mark.parametrize("whom", ["a query", "nobody but who looks after its health"])
def test_workers_that_hang(tmp_path: Path, data: Path, whom: str) -> None:
    """Stopped workers cost each query that meets one its deadline at most, and are replaced."""
    options = ["--workers", "2", "--query-timeout", "1"]
    with serving(tmp_path, data, options=options, tweak=HURRIED) as served:
        stopped = workers(served)
        for pid in nonempty(stopped):
            os.kill(pid, signal.SIGSTOP)
        if whom == "a query":
            assert {504} == {served.ask(f"ASK {{}} # {n}").status_code for n in range(2)}
            assert served.is_well()
        else:
            until(lambda: health(served) == 503, "no query can run")
        until(lambda: is_whole(served), "it is whole again")
        assert stopped.isdisjoint(workers(served))


def test_a_server_ends_though_its_zygote_hangs(tmp_path: Path, data: Path) -> None:
    """SIGTERM ends all of them, a stopped one too."""
    with serving(tmp_path, data, options=["--workers", "2"], tweak=HURRIED) as served:
        hanging = zygote(served)
        os.kill(hanging, signal.SIGSTOP)
        served.process.terminate()
        served.process.wait(PATIENCE)
        until(lambda: not is_alive(hanging), "it has gone")


def test_a_pool_ends_though_its_zygote_hangs(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool of an old release is let go while its process is stopped: no thread and no process stays for ever."""
    monkeypatch.setattr("kgbuild.workers.supervisor.ENDS_WITHIN", 0.2)

    async def work() -> None:
        pool = Pool((data,), Limits(workers=2))
        await pool.start()
        hanging = zygote_pid(pool)
        os.kill(hanging, signal.SIGSTOP)
        await asyncio.wait_for(pool.stop(), PATIENCE)
        assert "" == state(hanging)

    asyncio.run(work())


# --- what the two addresses say -----------------------------------------------------------------------------------


def test_data_that_cannot_be_loaded_again(tmp_path: Path, data: Path) -> None:
    """Without data neither address says yes, while what needs none is still answered; then both do."""
    file = tmp_path / "served.nq"
    file.write_bytes(data.read_bytes())
    tweak = "import kgbuild.server.exchange.service as s; s.LOOK_EVERY = 0.05"
    with serving(tmp_path, file, options=["--workers", "2"], tweak=tweak) as served:
        file.rename(tmp_path / "aside.nq")
        os.kill(zygote(served), signal.SIGKILL)
        until(lambda: get(served, "/readyz").status_code == 503, "no release is served")
        assert 503 == health(served)
        assert "kgbuild_ready 0.0" in served.figures().text
        (tmp_path / "aside.nq").rename(file)
        until(lambda: is_whole(served), "it is whole again")
        assert "kgbuild_ready 1.0" in served.figures().text


def test_a_busy_server_is_well(tmp_path: Path, data: Path) -> None:
    """The slow lane is full and others wait for the quick one: a query could run, and it is told at once."""
    options = ["--workers", "1", "--query-timeout", "600"]
    tweak = "import kgbuild.server.exchange.health as h; h.EVERY = 0.05"
    with serving(tmp_path, data, options=options, tweak=tweak) as served, ExitStack() as stack:
        for n in range(60):
            ask_in_vain(served, 1, stack, f"/sparql?query={quote(f'{RUNAWAY} # {n}')}")
        until(lambda: 'kgbuild_workers{lane="slow"} 4.0' in served.figures().text, "the slow lane is full")
        told = set()
        for _ in range(35):  # for longer than a probe may take
            told.add(health(served))
            time.sleep(0.2)
        assert {200} == told
        assert "kgbuild_queries_waiting 0.0" not in served.figures().text


def test_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    """Over another server: it hangs, or our workers that check queries cannot be had."""
    with standing() as server:
        engine = f"http://127.0.0.1:{server.server_address[1]}/query"
        with serving(tmp_path, options=["--engine", engine, "--workers", "2"], tweak=f"{HURRIED}\n{SOON}") as served:
            until(lambda: health(served) == 200, "it is well")
            server.shutdown()  # it still listens: who connects waits
            until(lambda: health(served) == 503, "the other server says nothing")
            assert 200 == get(served, "/readyz").status_code, "its data are served, as far as is known here"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            until(lambda: health(served) == 200, "it is well again")
            with limited(zygote(served), resource.RLIMIT_NOFILE, 3):
                kill_workers(served)
                until(lambda: health(served) == 503, "nothing can be checked")
                assert 503 == get(served, "/readyz").status_code
            until(lambda: health(served) == 200, "it is well again")


class _Asked:
    """Data that count how often they are asked, and answer as they are told."""

    answers = True

    def __init__(self) -> None:
        self.count = 0
        self.answer: Callable[[], AbstractContextManager[object]] = ExitStack
        self.held = asyncio.Event()
        self.held.set()

    async def probe(self) -> None:
        self.count += 1
        await self.held.wait()
        with self.answer():
            pass


def test_health_is_asked_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred who want to know cost one query a second; while it takes long they are told the last answer."""

    async def work() -> None:
        asked = _Asked()
        health = Health(asked)  # type: ignore[arg-type]  # the part of it that is needed
        assert [True] * 100 == list(await asyncio.gather(*(health.is_well() for _ in range(100))))
        assert 1 == asked.count
        monkeypatch.setattr("kgbuild.server.exchange.health.EVERY", 0.0)
        asked.held.clear()
        assert [True] * 100 == list(await asyncio.gather(*(health.is_well() for _ in range(100))))
        await asyncio.sleep(0)
        assert 2 == asked.count, "and no second one beside one that is under way"
        monkeypatch.setattr("kgbuild.server.exchange.health.WITHIN", 0.0)
        asked.held.set()
        asked.answer = _fail
        await health.is_well()
        assert not await health.is_well()

    asyncio.run(work())


def _fail() -> AbstractContextManager[object]:
    raise QueryError("queue-full", 503, "Come back.")


def test_every_kind_of_data_can_be_asked() -> None:
    """What `Health` needs of data is part of what data are."""
    assert {"answers", "probe"} <= Data.__abstractmethods__
