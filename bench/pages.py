"""Pages, descriptions and search over HTTP: new, kept and unchanged, beside a server that only sends fixed bytes.

`python bench/pages.py [BUILD]` serves the current release of a build folder. New answers are asked for one after the
other, each once; kept ones are driven by wrk at 16 clients, and so is the ceiling: uvicorn with one function that sends
as many bytes as the page has. Read the ratios: absolute figures depend on the machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import requests

from serve import ROOT, wrk
from servers import free_port, wait_for  # tests/ is on the path by the import before

HTML, TURTLE = "text/html", "text/turtle"
KINDS = ("agreement", "article", "institution", "meeting", "membership", "network", "person", "polity")
EACH = 30
"""Things of each kind that are asked for."""
WORDS = ("академия госуправления", "国家行政学院", "Si Chuntao", "Astana", "академия", "hub", "summit", "Казахстан")
FLAGSHIP = "/questions/academies-joined-network?network=china-central-asia-academies&year="
CEILING = """
import sys, uvicorn
body = b"x" * int(sys.argv[2])
head = [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())]
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""


def main() -> None:
    """Measure, and print two tables."""
    build = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
    with _ours(build) as address:
        print("| asked for the first time | answers | p50 ms | p99 ms |\n|---|--:|--:|--:|")
        things = {kind: _things(address, kind) for kind in KINDS}
        for kind, paths in things.items():
            _print_new(f"page of {kind}", address, paths, HTML)
        _print_new("any of them as Turtle", address, [path for paths in things.values() for path in paths], TURTLE)
        _print_new("search, JSON", address, [f"/search?q={quote(word)}" for word in WORDS], "application/json")
        _print_new("named question, page", address, [f"{FLAGSHIP}{year}" for year in range(2000, 2024)], HTML)
        print("\n| kept, 16 clients | bytes | req/s | p99 ms | of the ceiling |\n|---|--:|--:|--:|--:|")
        network = "/doc/network/china-central-asia-academies"
        _print_kept("page of a network", address, network, HTML)
        _print_kept("page of a network, unchanged (304)", address, network, HTML, unchanged=True)
        _print_kept("network as Turtle", address, network, TURTLE)
        _print_kept("search, JSON", address, f"/search?q={quote(WORDS[0])}", "application/json")
        _print_kept("named question, page", address, f"{FLAGSHIP}2023", HTML)


def _things(address: str, kind: str) -> list[str]:
    start = f"https://w3id.org/icn/id/{kind}/"
    query = f'SELECT DISTINCT ?x {{ ?x a ?class FILTER (STRSTARTS(STR(?x), "{start}")) }} ORDER BY ?x LIMIT {EACH}'
    answer = requests.get(f"{address}/sparql", {"query": query, "format": "csv"}, timeout=60)
    return [f"/doc/{kind}/{line.removeprefix(start)}" for line in answer.text.split()[1:]]


def _print_new(name: str, address: str, paths: list[str], accept: str) -> None:
    taken = []
    with requests.Session() as session:
        for path in paths:
            began = time.perf_counter()
            session.get(address + path, headers={"Accept": accept}, timeout=60).raise_for_status()
            taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    print(
        f"| {name} | {len(taken)} | {statistics.median(taken):.1f} | {taken[int(len(taken) * 0.99)]:.1f} |", flush=True
    )


def _print_kept(name: str, address: str, path: str, accept: str, *, unchanged: bool = False) -> None:
    answer = requests.get(address + path, headers={"Accept": accept, "Accept-Encoding": "identity"}, timeout=60)
    sent = f"Accept: {accept}"
    more = [f"If-None-Match: {answer.headers['ETag']}"] if unchanged else []
    size = 0 if unchanged else len(answer.content)
    ours = wrk(address + path, 16, headers=[sent, *more])
    with _ceiling(size) as other:
        most = wrk(other, 16, headers=[sent])
    print(f"| {name} | {size:,} | {ours.rate:,.0f} | {ours.p99:.1f} | {ours.rate / most.rate:.2f}× |", flush=True)


@contextmanager
def _ours(build: Path) -> Iterator[str]:
    program = "import sys; from kgbuild.cli import main; main()"
    yield from _running(lambda port: [program, "serve", "--build-dir", str(build), "--port", str(port)])


@contextmanager
def _ceiling(size: int) -> Iterator[str]:
    yield from _running(lambda port: [CEILING, str(port), str(size)])


def _running(command: Callable[[int], list[str]]) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", *command(port)], cwd=ROOT)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


if __name__ == "__main__":
    main()
