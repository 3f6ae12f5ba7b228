"""Real SPARQL servers for tests: the Oxigraph server and Virtuoso 7, on free ports of the loopback, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyoxigraph import Store

from kgbuild.build.loading import RESOLVED_GRAPH, find_target, load_release
from kgbuild.build.store import canonical_nquads
from kgbuild.core.progress import Silent
from kgbuild.core.terms import Engine
from kgbuild.sparql.remote import RemoteEngine

PASSWORD = "for_tests_only"  # noqa: S105 - of a database that lives as long as the tests
VIRTUOSO_INI = """
[Database]
DatabaseFile = {db}/virtuoso.db
ErrorLogFile = {db}/virtuoso.log
LockFile = {db}/virtuoso.lck
TransactionFile = {db}/virtuoso.trx
xa_persistent_file = {db}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {db}/temp.db
TransactionFile = {db}/temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
CaseMode = 2
ServerThreads = 10
NumberOfBuffers = 20000
MaxDirtyBuffers = 12000
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {root}
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = 1000000
MaxQueryExecutionTime = 60
"""


@dataclass(frozen=True)
class Server:
    """A running server: where it answers queries, and where and as whom it takes graphs."""

    endpoint: str
    graph_store: str
    environment: dict[str, str]


def free_port() -> int:
    """Find a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(address: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Wait until an address answers anything; fail with what the server said if it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - an address of ours
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, f"the server ended: {process.communicate()}"
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{address}: no answer in {seconds} seconds")


@contextmanager
def oxigraph_server(folder: Path) -> Iterator[Server]:
    """Run the Oxigraph server over an empty store."""
    program = Path(sys.executable).parent / "oxigraph"
    port = free_port()
    (folder / "store").mkdir(parents=True)
    command = [str(program), "serve", "--location", str(folder / "store"), "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield Server(f"http://127.0.0.1:{port}/query", f"http://127.0.0.1:{port}/store", {})
    finally:
        process.kill()
        process.wait()


@contextmanager
def virtuoso_server(folder: Path) -> Iterator[Server]:
    """Run Virtuoso 7 over an empty database; skips where it is not installed."""
    if not shutil.which("virtuoso-t") or not shutil.which("isql-vt"):
        pytest.skip("Virtuoso 7 is not installed: on Debian, apt-get install virtuoso-opensource-7")
    db, root = folder / "db", folder / "vsp"
    for path in (db, root):
        path.mkdir(parents=True)
    sql, http = free_port(), free_port()
    ini = folder / "virtuoso.ini"
    ini.write_text(VIRTUOSO_INI.format(db=db, root=root, sql=sql, http=http), encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder)}
    process = subprocess.Popen(
        ["virtuoso-t", "+configfile", ini, "+foreground"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{http}/sparql", process)
        # A new database has dba/dba, whatever the command line says.
        _isql(sql, "dba", f"set password dba {PASSWORD};")
        yield Server(
            f"http://127.0.0.1:{http}/sparql",
            f"http://127.0.0.1:{http}/sparql-graph-crud-auth",
            {"KGBUILD_USER": "dba", "KGBUILD_PASSWORD": PASSWORD, "KGBUILD_AUTH": "digest"},
        )
    finally:
        process.kill()
        process.wait()


def _isql(port: int, password: str, statement: str) -> None:
    command = ["isql-vt", f"127.0.0.1:{port}", "dba", password, f"exec={statement}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)


@contextmanager
def loaded(name: str, store: Store, folder: Path) -> Iterator[Engine]:
    """Load a compiled graph into `oxigraph` or `virtuoso`, as a release is loaded, and give it to be asked."""
    release = folder / "releases" / "0123456789abcdef"
    release.mkdir(parents=True)
    (release / "graph.nq").write_bytes(canonical_nquads(store))
    start, graph = (oxigraph_server, None) if name == "oxigraph" else (virtuoso_server, RESOLVED_GRAPH)
    with start(folder) as server:
        target = find_target(server.endpoint, server.graph_store, graph, server.environment)
        load_release(release, target, Silent())
        yield RemoteEngine(target.endpoint, default_graph=target.resolved)
