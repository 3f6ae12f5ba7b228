"""Run the W3C's tests through an endpoint, ours or the Oxigraph server's, and count.

`python tests/conformance/run.py CHECKOUT [kgbuild|oxigraph]`, where CHECKOUT holds w3c/rdf-tests.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import yaml

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import protocol
import requests
import w3c

from servers import free_port, wait_for
from serving import serving

AT_ONCE = 2
"""Servers beside each other."""
SKIPS = Path(__file__).with_name("skips.yaml")


@contextmanager
def endpoint(backend: str, nquads: bytes) -> Iterator[str]:
    """Serve a dataset; gives the address of the SPARQL endpoint."""
    with tempfile.TemporaryDirectory(prefix="kgbuild-w3c-") as folder:
        data = Path(folder) / "data.nq"
        data.write_bytes(nquads)
        if backend == "oxigraph":
            with _oxigraph(nquads) as address:
                yield address
        else:
            with serving(Path(folder), data, options=["--workers", "1"]) as served:
                yield served.endpoint


@contextmanager
def _oxigraph(nquads: bytes) -> Iterator[str]:
    port = free_port()
    program = Path(sys.executable).parent / "oxigraph"
    command = [str(program), "serve", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        headers = {"Content-Type": "application/n-quads"}
        requests.post(f"http://127.0.0.1:{port}/store", data=nquads, headers=headers, timeout=60).raise_for_status()
        yield f"http://127.0.0.1:{port}/query"
    finally:
        process.kill()
        process.wait()


def run_evaluation(checkout: Path, backend: str) -> dict[str, str]:
    """Run all tests of query evaluation: name -> why it fails, or ""."""
    return _run(by_dataset(w3c.evaluation_tests(checkout)), backend)


def run_short(checkout: Path) -> dict[str, str]:
    """Run of each folder of SPARQL 1.1 the tests that share one dataset, and the tests of service descriptions."""
    tests = w3c.evaluation_tests(checkout, w3c.SPARQL_11)
    largest: dict[str, tuple[w3c.Loaded, list[w3c.Test]]] = {}
    for dataset, those in by_dataset(tests):
        folder = those[0].name.rpartition("/")[0]
        if folder not in largest or len(those) > len(largest[folder][1]):
            largest[folder] = dataset, those
    with endpoint("kgbuild", b"") as address:
        described = protocol.run_description(checkout, address)
    return {**_run(list(largest.values()), "kgbuild"), **described}


def by_dataset(tests: list[w3c.Test]) -> list[tuple[w3c.Loaded, list[w3c.Test]]]:
    """Put together the tests that can share a server."""
    ordered = sorted(tests, key=lambda test: (str(test.dataset), test.name))
    return [(dataset, list(those)) for dataset, those in groupby(ordered, key=lambda test: test.dataset)]


def _run(groups: list[tuple[w3c.Loaded, list[w3c.Test]]], backend: str) -> dict[str, str]:
    """Run tests, those of each dataset by a server of their own."""

    def run(group: tuple[w3c.Loaded, list[w3c.Test]]) -> dict[str, str]:
        dataset, those = group
        with endpoint(backend, w3c.nquads(dataset)) as address:
            return {test.name: w3c.failure(test, address) for test in those}

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return {name: why for found in threads.map(run, groups) for name, why in found.items()}


def run_protocol(checkout: Path, backend: str) -> dict[str, str]:
    """Run the tests of the protocol and of the service description."""
    with endpoint(backend, protocol.nquads(checkout)) as address:
        return {**protocol.run_protocol(checkout, address), **protocol.run_description(checkout, address)}


def skips() -> dict[str, str]:
    """Read which tests are not passed: name -> the reason."""
    read: dict[str, str] = yaml.safe_load(SKIPS.read_text(encoding="utf-8"))
    return read


def count(found: dict[str, str]) -> str:
    """Count what passes, by folder."""
    lines = []
    for folder, names in groupby(sorted(found), key=lambda name: name.rpartition("/")[0]):
        results = [found[name] for name in names]
        lines.append(f"{folder:40} {sum(not why for why in results):4} of {len(results):4} pass")
    lines.append(f"{'together':40} {sum(not why for why in found.values()):4} of {len(found):4} pass")
    return "\n".join(lines)


def main() -> None:
    """Run everything and print counts and failures."""
    checkout = Path(sys.argv[1]).resolve()
    backend = sys.argv[2] if len(sys.argv) > 2 else "kgbuild"
    for title, run in (("Query evaluation", run_evaluation), ("Protocol and service description", run_protocol)):
        found = run(checkout, backend)
        print(f"{title}, {backend}\n{count(found)}")
        for name, why in sorted(found.items()):
            if why:
                print(f"  {name}: {why[:160]}")


if __name__ == "__main__":
    main()
