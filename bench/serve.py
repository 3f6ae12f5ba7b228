"""Requests a second and latency of the endpoint, beside Oxigraph, rdflib-endpoint and Virtuoso 7, in one run.

`python bench/serve.py FILE.nq [NAME …]` serves one N-Quads file from each server in turn (all if none is named) and
drives it with wrk at 1, 16 and 64 clients. Peers that are not installed are left out with a sentence. Everything stays
on the loopback; each measurement is bounded in time. Read the ratios: absolute figures depend on the machine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from servers import free_port, virtuoso_server, wait_for  # noqa: E402

SECONDS = 3
CLIENTS = (1, 16, 64)
PREFIX = "PREFIX icn: <https://w3id.org/icn/ontology#> "
SMALL = PREFIX + "SELECT ?m ?o WHERE { ?m icn:member ?a ; icn:organization ?o } LIMIT 5"
HEAVY = (
    PREFIX + "SELECT ?o (COUNT(?m) AS ?n) WHERE { ?m icn:organization ?o ; icn:member ?a } GROUP BY ?o "
    "ORDER BY DESC(?n) LIMIT 20"
)
RUNAWAY = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LUA = """
local number = math.random(1, 1000000000)
request = function()
  number = number + 1
  return wrk.format("GET", "%s" .. number)
end
"""


@dataclass(frozen=True)
class Figure:
    """What wrk measured: requests a second, latency in milliseconds, answers that were no success."""

    rate: float
    p50: float
    p99: float
    failed: int


def main() -> None:
    """Measure every server on one file and print a table."""
    file, names = Path(sys.argv[1]).resolve(), sys.argv[2:] or list(SERVERS)
    found: dict[str, dict[str, Figure]] = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="kgbuild-bench-") as folder, ExitStack() as stack:
            try:
                began = time.perf_counter()
                endpoint = stack.enter_context(SERVERS[name](file, Path(folder)))
            except FileNotFoundError as missing:
                print(f"{name} is left out: {missing}", file=sys.stderr)
                continue
            print(f"{name}: ready after {time.perf_counter() - began:.1f} s", file=sys.stderr)
            found[name] = dict(_measure(endpoint, Path(folder)))
    _print(found)


def _measure(endpoint: str, folder: Path) -> Iterator[tuple[str, Figure]]:
    repeated = f"{endpoint}?query={quote(SMALL)}"
    path = "/" + repeated.split("/", 3)[3]
    script = folder / "first.lua"
    # A comment with a number in it makes each query one that was never asked before.
    script.write_text(LUA.replace("%s", f"{path}%20%23"), encoding="utf-8")
    for clients in CLIENTS:
        yield f"small, repeated, {clients}", wrk(repeated, clients)
    for clients in CLIENTS:
        yield f"small, first time, {clients}", wrk(endpoint, clients, script)
    yield "heavy, repeated, 16", wrk(f"{endpoint}?query={quote(HEAVY)}", 16)
    with runaways(endpoint, 4):
        yield "small, first time, beside 4 runaways, 16", wrk(endpoint, 16, script)


def wrk(address: str, clients: int, script: Path | None = None) -> Figure:
    """Drive an address for a few seconds."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", "--timeout", "10s", "--latency"]
    command += ["-H", "Accept: application/sparql-results+json"]
    command += ["-s", str(script)] if script else []
    said = subprocess.run([*command, address], check=False, capture_output=True, text=True, timeout=60).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Figure(
        float(rate[1]) if rate else 0.0, _latency(said, "50%"), _latency(said, "99%"), int(failed[1]) if failed else 0
    )


def _latency(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", said)
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]] if found else float("nan")


@contextmanager
def runaways(endpoint: str, count: int) -> Iterator[None]:
    """Keep queries that never end running beside; each is asked again when it is ended."""
    ask = f"curl -s -m 30 -o /dev/null '{endpoint}?query={quote(RUNAWAY)}%23'$RANDOM"
    loop = f"for i in $(seq 20); do {ask}; sleep 0.2; done"
    processes = [subprocess.Popen(["bash", "-c", loop], start_new_session=True) for _ in range(count)]
    time.sleep(1.5)
    try:
        yield
    finally:
        for process in processes:
            subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
            process.wait()


# --- servers ------------------------------------------------------------------------------------------------------


@contextmanager
def _running(command: list[str], address: str, cwd: Path) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(address, process, seconds=300)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def icn(file: Path, folder: Path) -> Iterator[str]:
    """Serve with kgbuild."""
    port = free_port()
    program = "import sys; from kgbuild.cli import main; sys.argv[0] = 'kgbuild'; main()"
    command = [sys.executable, "-c", program, "serve", "--data", str(file), "--port", str(port)]
    with _running(command, f"http://127.0.0.1:{port}/healthz", folder):
        yield f"http://127.0.0.1:{port}/sparql"


@contextmanager
def oxigraph(file: Path, folder: Path) -> Iterator[str]:
    """Serve with the Oxigraph server, read-only."""
    program, port = str(Path(sys.executable).parent / "oxigraph"), free_port()
    store = str(folder / "store")
    subprocess.run([program, "load", "--location", store, "--file", str(file)], check=True, capture_output=True)
    command = [program, "serve-read-only", "--location", store, "--bind", f"127.0.0.1:{port}"]
    with _running(command, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/query"


@contextmanager
def rdflib_endpoint(file: Path, folder: Path) -> Iterator[str]:
    """Serve with rdflib-endpoint, installed apart: `make bench-peers`."""
    program, port = ROOT / "build" / "peers" / "bin" / "rdflib-endpoint", free_port()
    if not program.exists():
        raise FileNotFoundError("rdflib-endpoint is not installed: run `make bench-peers`")
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), str(file)]
    with _running(command, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def virtuoso(file: Path, folder: Path) -> Iterator[str]:
    """Serve with Virtuoso 7, loaded graph by graph."""
    if not shutil.which("virtuoso-t"):
        raise FileNotFoundError("Virtuoso 7 is not installed: on Debian, apt-get install virtuoso-opensource-7")
    from kgbuild.loading import RESOLVED_GRAPH, find_target, load_release
    from kgbuild.progress import Silent

    release = folder / "build" / "releases" / "bench"
    release.mkdir(parents=True)
    (release / "graph.nq").symlink_to(file)
    with virtuoso_server(folder / "virtuoso") as server:
        target = find_target(server.endpoint, server.graph_store, RESOLVED_GRAPH, server.environment)
        load_release(release, target, Silent())
        yield server.endpoint


SERVERS: dict[str, Callable[[Path, Path], AbstractContextManager[str]]] = {
    "icn": icn,
    "oxigraph": oxigraph,
    "rdflib-endpoint": rdflib_endpoint,
    "virtuoso": virtuoso,
}


def _print(found: dict[str, dict[str, Figure]]) -> None:
    names = list(found)
    print("| case | " + " | ".join(f"{name}: req/s (p50 / p99 ms)" for name in names) + " | ours to Oxigraph |")
    print("|---|" + "--:|" * (len(names) + 1))
    for case in next(iter(found.values())):
        cells = [_cell(found[name][case]) for name in names]
        both = "icn" in found and "oxigraph" in found and found["oxigraph"][case].rate
        ratio = f"{found['icn'][case].rate / found['oxigraph'][case].rate:.2f}×" if both else "–"
        print(f"| {case} | " + " | ".join(cells) + f" | {ratio} |")


def _cell(figure: Figure) -> str:
    failed = f", {figure.failed} refused" if figure.failed else ""
    return f"{figure.rate:,.0f} ({figure.p50:.2f} / {figure.p99:.1f}{failed})"


if __name__ == "__main__":
    main()
