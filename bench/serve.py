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
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from servers import free_port, virtuoso_server, wait_for  # noqa: E402

SECONDS = 3
JSON = "application/sparql-results+json"
BESIDE = "small, first time, beside 4 runaways, 16"
CLIENTS = (1, 16, 64)
PREFIX = "PREFIX icn: <https://w3id.org/icn/ontology#> "
SMALL = PREFIX + "SELECT ?m ?o WHERE { ?m icn:member ?a ; icn:organization ?o } LIMIT 5"
HEAVY = (
    PREFIX + "SELECT ?o (COUNT(?m) AS ?n) WHERE { ?m icn:organization ?o ; icn:member ?a } GROUP BY ?o "
    "ORDER BY DESC(?n) LIMIT 20"
)
RUNAWAY = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LUA = """
local number = {first}
request = function()
  number = number + 1
  return wrk.format("GET", "{path}" .. number)
end
"""


@dataclass(frozen=True)
class Figure:
    """What wrk measured: requests a second, latency in milliseconds, answers that were no success."""

    rate: float
    p50: float
    p99: float
    failed: int


@dataclass(frozen=True)
class Peer:
    """One server's figures: seconds until it answered, MB it then held, and each case."""

    ready: float
    held: str
    cases: dict[str, Figure]


def main() -> None:
    """Measure every server on one file and print a table."""
    file, names = Path(sys.argv[1]).resolve(), sys.argv[2:] or list(SERVERS)
    found: dict[str, Peer] = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="kgbuild-bench-") as folder, ExitStack() as stack:
            try:
                endpoint, began = stack.enter_context(SERVERS[name](file, Path(folder)))
            except FileNotFoundError as missing:
                print(f"{name} is left out: {missing}", file=sys.stderr)
                continue
            ready, held = time.perf_counter() - began, _held(endpoint)
            print(f"{name}: ready after {ready:.1f} s, {held}", file=sys.stderr, flush=True)
            found[name] = Peer(ready, held, dict(_measure(endpoint, Path(folder))))
    _print(found)


def _measure(endpoint: str, folder: Path) -> Iterator[tuple[str, Figure]]:
    repeated = f"{endpoint}?query={quote(SMALL)}"
    for clients in CLIENTS:
        yield f"small, repeated, {clients}", wrk(repeated, clients)
    if tag := _etag(repeated):
        yield "small, not modified (304), 16", wrk(repeated, 16, headers=[f"Accept: {JSON}", f"If-None-Match: {tag}"])
    for clients in CLIENTS:
        yield f"small, first time, {clients}", wrk(endpoint, clients, first_time(repeated, folder))
    heavy = f"{endpoint}?query={quote(HEAVY)}"
    yield "heavy, repeated, 16", wrk(heavy, 16)
    yield "heavy, first time, 1", wrk(endpoint, 1, first_time(heavy, folder))
    with runaways(endpoint, 4):
        yield BESIDE, wrk(endpoint, 16, first_time(repeated, folder))


def first_time(address: str, folder: Path) -> Path:
    """Write a script that asks each time what was never asked before: a comment with a number makes it so."""
    script = folder / "first.lua"
    path = "/" + address.split("/", 3)[3]
    # wrk's own random numbers are the same in each run, and the answers of the last one would be asked again.
    script.write_text(LUA.format(first=time.time_ns() % 10**13, path=f"{path}%20%23"), encoding="utf-8")
    return script


def _etag(address: str) -> str:
    request = urllib.request.Request(address, headers={"Accept": JSON})  # noqa: S310 - an address of ours
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(answer.headers.get("ETag") or "")


def wrk(
    address: str, clients: int, script: Path | None = None, headers: Sequence[str] = (f"Accept: {JSON}",)
) -> Figure:
    """Drive an address for a few seconds."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", "--timeout", "10s", "--latency"]
    command += [part for header in headers for part in ("-H", header)]
    command += ["-s", str(script)] if script else []
    said = subprocess.run([*command, address], check=False, capture_output=True, text=True, timeout=60).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Figure(
        float(rate[1]) if rate else 0.0, _latency(said, "50%"), _latency(said, "99%"), int(failed[1]) if failed else 0
    )


def _held(endpoint: str) -> str:
    """Measure the memory of whoever listens there and of all below it: private and shared in proportion (PSS)."""
    port = endpoint.split(":")[2].split("/")[0]
    found = subprocess.run(["ss", "-ltnpH", f"sport = :{port}"], check=False, capture_output=True, text=True).stdout
    pids = re.findall(r"pid=(\d+)", found)
    time.sleep(2)  # workers that answered the server's own questions are replaced
    held = [_pss(process) for pid in pids[:1] for process in (pid, *_below(pid))]
    return " + ".join(f"{mb:.0f}" for mb in held) + " MB" if held else "?"


def _below(pid: str) -> list[str]:
    said = subprocess.run(["pgrep", "-P", pid], check=False, capture_output=True, text=True).stdout.split()
    return [process for child in said for process in (child, *_below(child))]


def _pss(pid: str) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) / 1024


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
def icn(file: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """Serve with kgbuild."""
    port = free_port()
    program = "import sys; from kgbuild.cli import main; sys.argv[0] = 'kgbuild'; main()"
    command = [sys.executable, "-c", program, "serve", "--data", str(file), "--port", str(port)]
    began = time.perf_counter()
    with _running(command, f"http://127.0.0.1:{port}/healthz", folder):
        yield f"http://127.0.0.1:{port}/sparql", began


@contextmanager
def oxigraph(file: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """Serve with the Oxigraph server, read-only."""
    program, port = str(Path(sys.executable).parent / "oxigraph"), free_port()
    store = str(folder / "store")
    began = time.perf_counter()
    subprocess.run([program, "load", "--location", store, "--file", str(file)], check=True, capture_output=True)
    command = [program, "serve-read-only", "--location", store, "--bind", f"127.0.0.1:{port}"]
    with _running(command, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/query", began


@contextmanager
def rdflib_endpoint(file: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """Serve with rdflib-endpoint, installed apart: `make build/peers`."""
    program, port = ROOT / "build" / "peers" / "bin" / "rdflib-endpoint", free_port()
    if not program.exists():
        raise FileNotFoundError("rdflib-endpoint is not installed: run `make build/peers`")
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), str(file)]
    began = time.perf_counter()
    with _running(command, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/", began


@contextmanager
def virtuoso(file: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """Serve with Virtuoso 7, loaded graph by graph."""
    if not shutil.which("virtuoso-t"):
        raise FileNotFoundError("Virtuoso 7 is not installed: on Debian, apt-get install virtuoso-opensource-7")
    from kgbuild.build.loading import RESOLVED_GRAPH, find_target, load_release
    from kgbuild.core.progress import Silent

    release = folder / "build" / "releases" / "bench"
    release.mkdir(parents=True)
    (release / "graph.nq").symlink_to(file)
    began = time.perf_counter()
    with virtuoso_server(folder / "virtuoso") as server:
        target = find_target(server.endpoint, server.graph_store, RESOLVED_GRAPH, server.environment)
        load_release(release, target, Silent())
        yield server.endpoint, began


SERVERS: dict[str, Callable[[Path, Path], AbstractContextManager[tuple[str, float]]]] = {
    "icn": icn,
    "oxigraph": oxigraph,
    "rdflib-endpoint": rdflib_endpoint,
    "virtuoso": virtuoso,
}


def _print(found: dict[str, Peer]) -> None:
    names = list(found)
    print("| case | " + " | ".join(f"{name}: req/s (p50 / p99 ms)" for name in names) + " | ours to Oxigraph |")
    print("|---|" + "--:|" * (len(names) + 1))
    print("| ready after, s | " + " | ".join(f"{found[name].ready:.1f}" for name in names) + " | |")
    print("| memory at rest | " + " | ".join(found[name].held for name in names) + " | |")
    for case in max((peer.cases for peer in found.values()), key=len):
        cells = [_cell(found[name].cases.get(case)) for name in names]
        ours, theirs = (found[name].cases.get(case) if name in found else None for name in ("icn", "oxigraph"))
        ratio = f"{ours.rate / theirs.rate:.2f}×" if ours and theirs and theirs.rate else "–"
        print(f"| {case} | " + " | ".join(cells) + f" | {ratio} |")
    for name, peer in found.items():
        calm, beside = peer.cases["small, first time, 16"], peer.cases[BESIDE]
        said = f"p99 {beside.p99 / calm.p99:.1f}× that of calm" if beside.rate else "none is answered"
        print(f"\n{name}, small queries beside four runaways: {said}.")


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    if not figure.rate:
        return "no answer"
    failed = f", {figure.failed} refused" if figure.failed else ""
    return f"{figure.rate:,.0f} ({figure.p50:.2f} / {figure.p99:.1f}{failed})"


if __name__ == "__main__":
    main()
