"""Our server as a process of its own, on a free port of the loopback, gone afterwards; and what tests ask it."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import requests

import kgbuild
from kgbuild.build.compilation import Sources
from kgbuild.build.pipeline import compile_graph
from kgbuild.build.store import canonical_nquads
from servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[1]
MINI = ROOT / "tests" / "fixtures" / "mini"
SOURCE = Path(kgbuild.__file__).parents[1]
JSON = "application/sparql-results+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
"""Counts a Cartesian product: on ten thousand triples it would take days."""
METRICS_TOKEN = "only-tests-know-this-one"  # noqa: S105
"""What opens /metrics on the servers of tests."""
PATIENCE = 60.0
"""Seconds that a test waits for what must come: only a broken server takes so long."""


@dataclass(frozen=True)
class Served:
    """A running server of ours."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def endpoint(self) -> str:
        """The address of the SPARQL endpoint."""
        return f"{self.address}/sparql"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.address.rpartition(":")[2])

    def ask(self, query: str, accept: str | None = JSON, **headers: str) -> requests.Response:
        """Send a query by GET."""
        return self.get({"query": query}, accept, **headers)

    def get(self, parameters: Any, accept: str | None = JSON, **headers: str) -> requests.Response:
        """Send a GET request to the endpoint; `Some_Name="…"` sends the header Some-Name."""
        return self.request("GET", parameters, accept, **headers)

    def request(
        self, method: str, parameters: Any = None, accept: str | None = JSON, data: Any = None, **headers: str
    ) -> requests.Response:
        """Send a request to the endpoint; no Accept header at all where `accept` is None."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent: dict[str, Any] = {"Accept": accept, "Accept-Encoding": None, **given}
        return requests.request(method, self.endpoint, params=parameters, data=data, headers=sent, timeout=PATIENCE)

    def rows(self, query: str) -> list[dict[str, str]]:
        """Answer a SELECT query: the values of each row."""
        answer = self.ask(query)
        assert answer.status_code == 200, answer.text
        bindings: list[dict[str, dict[str, str]]] = answer.json()["results"]["bindings"]
        return [{name: term["value"] for name, term in binding.items()} for binding in bindings]

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are, and read until the server closes or has nothing more to say."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.settimeout(5)
            parts = []
            try:
                while part := connection.recv(1 << 16):
                    parts.append(part)
            except (TimeoutError, ConnectionError):
                pass
            return b"".join(parts)

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def figures(self, **headers: str) -> requests.Response:
        """Ask for the figures, with the token."""
        given = {"Authorization": f"Bearer {METRICS_TOKEN}", **headers}
        return requests.get(f"{self.address}/metrics", headers=given, timeout=PATIENCE)

    def is_well(self) -> bool:
        """Tell whether a small query is answered."""
        answer = self.ask("ASK { ?s ?p ?o }")
        return answer.status_code == 200 and answer.json()["boolean"] is True


@contextmanager
def serving(
    folder: Path,
    *files: Path,
    options: Sequence[str] = (),
    tweak: str = "",
    build: Path | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Served]:
    """Run the server over RDF files or a build folder; its output goes to `folder`.

    `tweak` is Python that runs first, to make a limit small that nobody may set in earnest.
    """
    port = free_port()
    data = ["--build-dir", str(build)] if build else [part for path in files for part in ("--data", str(path))]
    program = f"{tweak}\nfrom kgbuild.cli import main\nmain()"
    command = [sys.executable, "-c", program, "serve", "--host", host, "--port", str(port), *data, *options]
    paths = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "KGBUILD_METRICS_TOKEN": METRICS_TOKEN}
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=ROOT)
    served = Served(f"http://{f'[{host}]' if ':' in host else host}:{port}", process, log)
    try:
        try:
            wait_for(f"{served.address}/healthz", process)
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {log.read_text(encoding='utf-8')}") from problem
        until(lambda: not _makes_index(process.pid), "the search index is not made")
        yield served
    finally:
        family = descendants(process.pid)
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            for pid in family:
                _end(pid)


@cache
def mini_nquads() -> bytes:
    """Compile the golden fixture, once for all tests."""
    sources = Sources(data=MINI / "data", ontology=ROOT / "ontology", queries=ROOT / "queries", root=MINI)
    return canonical_nquads(compile_graph(sources).dataset)


def mini_file(folder: Path) -> Path:
    """Write the golden fixture as canonical N-Quads."""
    path = folder / "mini.nq"
    path.write_bytes(mini_nquads())
    return path


# --- processes ----------------------------------------------------------------------------------------------------


def descendants(pid: int) -> set[int]:
    """List the processes below one: the zygote and its workers; zombies too."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found: set[int] = set()
    left = [pid]
    while left:
        below = children.get(left.pop(), [])
        found.update(below)
        left.extend(below)
    return found


def state(pid: int) -> str:
    """Give the letter of a process's state, Z for a zombie; "" if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs."""
    return state(pid) not in ("", "Z")


def descriptors(pid: int) -> int:
    """Count the open file descriptors of a process; since Linux 6.2 also of one that keeps them from us."""
    folder = Path(f"/proc/{pid}/fd")
    try:
        return len(list(folder.iterdir()))
    except PermissionError:
        return folder.stat().st_size


@contextmanager
def limited(pid: int, kind: int, most: int) -> Iterator[None]:
    """Let a process have at most so much of a resource, such as RLIMIT_NOFILE; what it has already stays."""
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, before)


def resident(pid: int) -> int:
    """Measure the memory that a process holds, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def zygote(served: Served) -> int:
    """Find the process that forks the workers."""
    (found,) = (pid for pid in _children(served) if "kgbuild.workers.zygote" in _command(pid))
    return found


def _children(served: Served) -> list[int]:
    return [pid for pid in descendants(served.process.pid) if is_alive(pid) and _parent(pid) == served.process.pid]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def workers(served: Served) -> set[int]:
    """List the living workers."""
    return {pid for pid in descendants(served.process.pid) if is_alive(pid) and _parent(pid) != served.process.pid}


def until(finding: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail with `what` if it does not come to be."""
    end = time.monotonic() + PATIENCE
    while not finding():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def _parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _makes_index(pid: int) -> bool:
    """Tell whether a server's search index is still being made: a process that is gone before tests count theirs."""
    commands = [_read(Path(f"/proc/{child}/cmdline")) for child in descendants(pid) if is_alive(child)]
    return any(not command or b"kgbuild.search" in command for command in commands)  # one that is ending has none


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _end(pid: int) -> None:
    """End a process that its server has left behind, so that a failing test leaves none."""
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists() and b"kgbuild.workers.zygote" in command.read_bytes():
        os.kill(pid, signal.SIGKILL)
