"""Two commits of this program over the same data, in one run: requests a second, and processor time of each request.

`python bench/commits.py OLD_SRC NEW_SRC FILE.nq [ROUNDS]` takes two source folders, such as `src` of two worktrees, and
one N-Quads file. In each round both servers are started anew and measured in turns, so that other work on the machine
meets both. Such work only adds: of each turn the tables have the best of all rounds, then new to old, where above 1 the
new commit is faster, and how that differed between rounds.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from serve import JSON, PREFIX, SMALL, first_time, wrk
from servers import free_port, wait_for  # tests/ is on the path by the import before

REPEATED, NEW, EACH = 6000, 2500, 24
"""Requests for an answer that is kept, queries that were never asked, pages of each kind."""
TURNS = 6
"""Parts into which they are divided, first one commit's, then the other's."""
CLIENTS = (1, 16)
KINDS = ("institution", "network", "article", "membership")
TICKS = os.sysconf("SC_CLK_TCK")
PROGRAM = "import sys; from kgbuild.cli import main; sys.argv[0] = 'kgbuild'; main()"


class Commit:
    """A server of one commit, and one connection to it that is kept alive."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.number = time.time_ns()

    def ask(self, path: str, accept: str = JSON) -> bytes:
        """Ask for a path; gives the body."""
        lines = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: {accept}\r\n\r\n"
        self.connection.sendall(lines.encode())
        got = self.connection.recv(1 << 20)
        while b"\r\n\r\n" not in got:
            got += self.connection.recv(1 << 20)
        head, _, body = got.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"{path}: {head.decode('latin-1')}")
        while len(body) < int(lengths[0].partition(b":")[2]):
            body += self.connection.recv(1 << 20)
        return body

    def unasked(self, count: int) -> Iterator[str]:
        """Write paths of queries that were never asked: a value that differs decides what is found."""
        for _ in range(count):
            self.number += 1
            values = f"VALUES ?x {{ <urn:x:{self.number}> UNDEF }}"
            query = f"{PREFIX}SELECT ?m ?o WHERE {{ {values} ?m icn:member ?a ; icn:organization ?o }} LIMIT 5"
            yield f"/sparql?query={quote(query)}"

    def spent(self) -> tuple[float, float]:
        """Measure processor time, in seconds: of the server's process, and of its workers with the data."""
        return _clock(str(self.pid)), sum(_clock(pid) + _reaped(pid) for pid in _below(str(self.pid)))


@dataclass
class Cost:
    """What the requests of one turn have cost: seconds of the server, of its workers and of the clock."""

    server: float
    workers: float
    clock: float

    @classmethod
    def of(cls, commit: Commit, paths: Iterable[str], accept: str) -> Cost:
        """Ask for paths one after the other."""
        server, workers = commit.spent()
        began = time.perf_counter()
        for path in paths:
            commit.ask(path, accept)
        clock = time.perf_counter() - began
        now = commit.spent()
        return cls(now[0] - server, now[1] - workers, clock)


Turns = list[float]
Figures = dict[tuple[str, str], list[tuple[Turns, Turns]]]
"""(case, what is measured) -> in each round, what the turns of the old commit and those of the new one gave."""


def main() -> None:
    """Measure both, and print the tables."""
    sources, file = [Path(folder).resolve() for folder in sys.argv[1:3]], Path(sys.argv[3]).resolve()
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    costs: Figures = defaultdict(list)
    rates: Figures = defaultdict(list)
    for number in range(rounds):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kgbuild-bench-")))
            pair = [stack.enter_context(_serving(source, file, folder)) for source in sources]
            _costs(pair, costs)
            _rates(pair, folder, rates)
        print(f"round {number + 1} of {rounds} is done", file=sys.stderr, flush=True)
    _print("milliseconds a request", costs, "{:.3f}", min)
    print()
    _print("requests a second", rates, "{:,.0f}", max)


def _costs(pair: list[Commit], found: Figures) -> None:
    repeated = f"/sparql?query={quote(SMALL)}"
    for commit in pair:  # what is made once is made before, in a process of its own the index that a search waits for
        for path in ("/search?q=academy", repeated, *commit.unasked(200)):
            commit.ask(path, "application/json" if path.startswith("/search") else JSON)
    _take_turns("repeated", pair, [[repeated] * REPEATED for _ in pair], JSON, found)
    _take_turns("first time", pair, [list(commit.unasked(NEW)) for commit in pair], JSON, found)
    for kind in KINDS:
        first, *paths = _things(pair[1], kind)
        for commit in pair:
            commit.ask(first, "text/html")
        _take_turns(f"page of {kind}, first time", pair, [paths for _ in pair], "text/html", found)


def _take_turns(case: str, pair: list[Commit], paths: list[list[str]], accept: str, found: Figures) -> None:
    costs: list[list[Cost]] = [[], []]
    turns = min(TURNS, len(paths[0]))
    for turn in range(turns):
        for i in (0, 1) if turn % 2 else (1, 0):
            costs[i].append(Cost.of(pair[i], paths[i][turn::turns], accept))
    share = 1000 * turns / len(paths[0])  # seconds of a turn -> milliseconds of a request
    for what in ("server", "workers", "clock"):
        old, new = ([share * getattr(cost, what) for cost in each] for each in costs)
        found[case, what].append((old, new))


def _things(commit: Commit, kind: str) -> list[str]:
    start = f"https://w3id.org/icn/id/{kind}/"
    query = f'SELECT DISTINCT ?x {{ ?x a ?class FILTER (STRSTARTS(STR(?x), "{start}")) }} ORDER BY ?x LIMIT {EACH + 1}'
    listed = commit.ask(f"/sparql?query={quote(query)}&format=csv").decode().split()[1:]
    return [f"/doc/{kind}/{iri.removeprefix(start)}" for iri in listed]


def _rates(pair: list[Commit], folder: Path, found: Figures) -> None:
    for clients in CLIENTS:
        for case, script in (("repeated", False), ("first time", True)):
            rates = []
            for commit in pair:
                address = f"http://127.0.0.1:{commit.port}/sparql?query={quote(SMALL)}"
                rates.append([wrk(address, clients, first_time(address, folder) if script else None).rate])
            found[f"{case}, {clients}", "wrk"].append((rates[0], rates[1]))


@contextmanager
def _serving(source: Path, file: Path, folder: Path) -> Iterator[Commit]:
    port = free_port()
    command = [sys.executable, "-c", PROGRAM, "serve", "--data", str(file), "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process, seconds=300)
        yield Commit(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _below(pid: str) -> list[str]:
    children = " ".join(path.read_text("ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return [each for child in children for each in (child, *_below(child))]


def _clock(pid: str) -> float:
    """Read the processor time of another process, by the clock that clock_getcpuclockid(3) names."""
    return time.clock_gettime(~int(pid) << 3 | 2)


def _reaped(pid: str) -> float:
    """Read the processor time of the children of a process that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / TICKS


def _print(unit: str, figures: Figures, form: str, best: Callable[[Iterable[float]], float]) -> None:
    print(f"| {unit} | measured | old | new | new to old | in the rounds |\n|---|---|--:|--:|--:|--:|")
    for (case, what), rounds in figures.items():
        old, new = (_mean(map(best, zip(*side, strict=True))) for side in zip(*rounds, strict=True))
        if not old and not new:  # what is kept costs the workers nothing
            continue
        each = sorted(_ratio(_mean(one), _mean(other), best) for one, other in rounds)
        shown = f"{form.format(old)} | {form.format(new)} | {_ratio(old, new, best):.2f}×"
        print(f"| {case} | {what} | {shown} | {each[0]:.2f}–{each[-1]:.2f} |")


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return sum(found) / len(found)


def _ratio(old: float, new: float, best: Callable[[Iterable[float]], float]) -> float:
    better, worse = (new, old) if best is max else (old, new)
    return better / worse if worse else float("nan")


if __name__ == "__main__":
    main()
