# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The event loop is never held: whatever one client sends, all others are answered meanwhile.

What is measured is how long the server itself keeps its loop from a timer, by its own figure: other programs on the
machine make `/healthz` slow as well, and say nothing of the server.  `/healthz` is asked by a process of its own.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from attacks import HEADERS, READ, Attack, every_attack

from nonempty import nonempty
from serving import PATIENCE, Served, descriptors, resident, serving, until

CLIENTS = 16
HELD = 0.1
"""Seconds that the loop may be held."""
PROBE = """
import socket, sys, time
port, times = int(sys.argv[1]), []
with socket.create_connection(("127.0.0.1", port)) as connection:
    connection.settimeout(60)
    print("ready", flush=True)
    while not sys.stdin.closed and not __import__("select").select([sys.stdin], [], [], 0.01)[0]:
        began = time.perf_counter()
        connection.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        said = b""
        while not said.endswith(b" quads\\n"):
            assert (part := connection.recv(65536)), said
            said += part
        times.append(time.perf_counter() - began)
print(*times)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Served]:
    """Serve the mini release, with a log of all requests; afterwards it must be at rest as before."""
    folder = tmp_path_factory.mktemp("loop")
    options = ["--query-timeout", "2", "--workers", "2", "--access-log", str(folder / "access.log")]
    with serving(folder, build=project / "build", options=options) as served:
        assert served.is_well()
        before = descriptors(served.process.pid), resident(served.process.pid)
        yield served
        until(served.is_well, "queries are answered")
        until(lambda: descriptors(served.process.pid) <= before[0] + 5, "no connection or file is left open")
        grown = resident(served.process.pid) - before[1]
        assert grown < 400 << 20, "the answers kept have their size, and nothing else grew"
        print(f"Afterwards: {grown >> 20} MB more, {descriptors(served.process.pid)} descriptors ({before[0]} before)")
        log = served.log.read_text(encoding="utf-8")
        assert "Traceback" not in log, log[-5000:]


@pytest.fixture(scope="module")
def attacks(server: Served, project: Path) -> list[Attack]:
    """List all attacks, in an order that mixes them, the same each time."""
    described = requests.get(f"{server.address}/openapi.json", timeout=PATIENCE).json()
    release = (project / "build" / "current").resolve().name
    found = list(every_attack(described, release))
    random.Random(1).shuffle(found)  # noqa: S311 - the same each time is what is wanted
    return found


def send(server: Served, request: bytes) -> int:
    """Send a request and read what comes; gives the status, 0 where there is none."""
    said = b""
    with server.connect() as connection, suppress(ConnectionError):
        with suppress(ConnectionError):  # who is refused may be told before he has said all
            connection.sendall(request)
        said = connection.recv(1 << 16)
        while connection.recv(1 << 16):
            pass
    return int(said[9:12]) if said.startswith(b"HTTP/1.1 ") else 0


def lags(server: Served) -> Counter[float]:
    """Read how often the loop was late by which class: its upper bound in seconds -> times."""
    text = server.figures().text
    counts = re.findall(r'^kgbuild_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.]+)', text, re.MULTILINE)
    sums = [(float(bound), float(count)) for bound, count in nonempty(counts)]
    return Counter({bound: int(n - before) for (bound, n), (_, before) in zip(sums, [(0, 0), *sums], strict=False)})


def percentile(found: Counter[float], share: float) -> float:
    """Give the class below which a share of all delays are."""
    left = share * found.total()
    for bound in sorted(found):
        left -= found[bound]
        if left <= 0:
            return bound
    raise AssertionError("there are no figures")


def assert_refused_or_answered(attack: Attack, status: int) -> None:
    """Demand a status that is no fault of the server's."""
    assert status in (0, 502, 503, 504) or 200 <= status < 500, (attack.name, status)


def test_everything_that_is_read_is_attacked(attacks: list[Attack]) -> None:
    """Headers are found in the modules, routes in the table, and parameters in the description."""
    assert {"accept", "accept-language", "accept-encoding", "if-none-match", "host", "range", "referer"} <= READ
    names = " ".join(attack.name for attack in attacks)
    for part in (*HEADERS, "/releases/", "/context/", "/questions/members-as-of", "default-graph-uri", "kind"):
        assert part in names, part


@pytest.mark.parametrize("count", [pytest.param(150, id="quick"), pytest.param(0, id="long", marks=pytest.mark.abuse)])
def test_no_request_holds_the_loop(server: Served, attacks: list[Attack], count: int) -> None:
    """One after the other: what a client sends at its most, or one beyond, is answered or refused, and holds nobody."""
    bodies = [attack for attack in attacks if attack.name.startswith("POST")]
    held = []
    before = lags(server)
    for attack in nonempty([*attacks[: count or len(attacks)], *bodies]):
        assert_refused_or_answered(attack, send(server, attack.request))
        now = lags(server)
        held += [f"{attack.name}: {bound} s" for bound in (now - before) if bound > HELD]
        before = now
    assert [] == held


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(10.0, id="quick"),
        pytest.param(float(os.environ.get("ABUSE_SECONDS", "600")), id="long", marks=pytest.mark.abuse),
    ],
)
def test_many_attackers_hold_nobody(server: Served, attacks: list[Attack], seconds: float) -> None:
    """Sixteen at once: of a hundred moments there are 99 in which the loop is not held for a tenth of a second."""
    rest = probed(server, 1.0)
    before, end = lags(server), time.monotonic() + seconds

    def attacker(number: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        for attack in attacks[number::CLIENTS] * 100:
            if time.monotonic() > end:
                break
            statuses[status := send(server, attack.request)] += 1
            assert_refused_or_answered(attack, status)
        return statuses

    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        probing = threads.submit(probed, server, seconds)
        found = sum(threads.map(attacker, range(CLIENTS)), Counter[int]())
        times = probing.result()
    late = lags(server) - before
    print(f"{found.total()} attacks: {dict(sorted(found.items()))}; the loop was late {dict(sorted(late.items()))}")
    print(f"p99 of /healthz {_p99(times):.4f} s, at rest {_p99(rest):.4f} s")
    assert found.total() > CLIENTS
    assert percentile(late, 0.99) <= HELD
    assert max(times) < PATIENCE / 2


def probed(server: Served, seconds: float) -> list[float]:
    """Ask `/healthz` again and again from another process; gives how long each answer took."""
    command = [sys.executable, "-c", PROBE, str(server.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as probe:
        assert probe.stdout is not None
        assert "ready\n" == probe.stdout.readline()
        time.sleep(seconds)
        said, _ = probe.communicate("\n")
    return [float(each) for each in nonempty(said.split())]


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]
