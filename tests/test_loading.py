# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Loading a release into real servers: what stands there afterwards is the release, and a broken load goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from pyoxigraph import RdfFormat, Store

from kgbuild.build.loading import RESOLVED_GRAPH, Loaded, Target, find_target, load_release, read_graphs
from kgbuild.build.store import canonical_nquads
from kgbuild.core.errors import EngineError, UsageError
from kgbuild.core.namespaces import GRAPH
from kgbuild.core.progress import Silent
from kgbuild.core.terms import select
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.remote import RemoteEngine
from servers import Server, oxigraph_server, virtuoso_server

ROOT = Path(__file__).parents[1]
MINI = ROOT / "tests" / "fixtures" / "mini"


@pytest.fixture
def release(mini_store: Store, tmp_path: Path) -> Path:
    """Lay the fixture out as a release of its own: each has a journal of its own."""
    folder = tmp_path / "build" / "releases" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "graph.nq").write_bytes(canonical_nquads(mini_store))
    return folder


@pytest.fixture(scope="module")
def oxigraph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with oxigraph_server(tmp_path_factory.mktemp("oxigraph")) as server:
        yield server


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with virtuoso_server(tmp_path_factory.mktemp("virtuoso")) as server:
        yield server


def target_of(server: Server, resolved: str = "") -> Target:
    return find_target(server.endpoint, server.graph_store, resolved, server.environment)


def counts(store: Store) -> dict[str, int]:
    """Count what the fixture has in each named graph."""
    found: dict[str, int] = {}
    for quad in store:
        name = getattr(quad.graph_name, "value", "")
        found[name] = found.get(name, 0) + 1
    return found


def test_oxigraph_holds_the_release_after_a_load(mini_store: Store, release: Path, oxigraph: Server) -> None:
    """Every graph arrives with its triples, the resolved one as the default graph; a second load sends nothing."""
    expected = counts(mini_store)
    first = load_release(release, target_of(oxigraph), Silent())
    again = load_release(release, target_of(oxigraph), Silent())
    assert Loaded(len(expected), 0, 0, len(mini_store)) == first
    assert Loaded(0, len(expected), 0, len(mini_store)) == again
    dumped = requests.get(oxigraph.graph_store, headers={"Accept": "application/n-quads"}, timeout=30).content
    held = Store()
    held.bulk_load(dumped, format=RdfFormat.N_QUADS)
    assert canonical_nquads(mini_store) == canonical_nquads(held)


def test_virtuoso_holds_the_release_after_a_load(mini_store: Store, release: Path, virtuoso: Server) -> None:
    """The same with Digest, and with the resolved graph under a name, since Virtuoso has no default graph."""
    target = target_of(virtuoso, RESOLVED_GRAPH)
    assert len(mini_store) == load_release(release, target, Silent()).triples
    query = "SELECT ?s ?p ?o { ?s ?p ?o FILTER (isIRI(?o)) } ORDER BY ?s ?p ?o"
    assert (
        select(EmbeddedEngine(mini_store), query).rows
        == select(RemoteEngine(target.endpoint, default_graph=RESOLVED_GRAPH), query).rows
    )


def test_graphs_that_the_release_lacks_are_removed(release: Path, oxigraph: Server) -> None:
    """A graph of ours from an older release goes; a graph of somebody else stays."""
    for name in (f"{GRAPH}article/withdrawn", "https://example.org/others"):
        body = "<urn:a> <urn:b> <urn:c> ."
        headers = {"Content-Type": "application/n-triples"}
        requests.put(oxigraph.graph_store, params={"graph": name}, data=body, headers=headers, timeout=30)
    assert 1 == load_release(release, target_of(oxigraph), Silent()).removed
    left = requests.get(oxigraph.graph_store, params={"graph": "https://example.org/others"}, timeout=30)
    assert 200 == left.status_code


def test_a_graph_that_was_changed_there_is_sent_again(release: Path, oxigraph: Server) -> None:
    """Counts on the server decide, not the journal: what somebody deleted is sent once more."""
    load_release(release, target_of(oxigraph), Silent())
    requests.delete(oxigraph.graph_store, params={"graph": f"{GRAPH}dates"}, timeout=30)
    assert 1 == load_release(release, target_of(oxigraph), Silent()).sent


@dataclass
class Weak:
    """A stand-in's address, and how many requests it serves before it fails."""

    address: str
    strength: int


@contextmanager
def weak_graph_store(server: Server, strength: int, how: str) -> Iterator[Weak]:
    """Stand in front of a server's graph mini_store, and fail once some requests were served."""
    weak = Weak("", strength)

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            weak.strength -= 1
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if weak.strength < 0 and how == "broken":
                self.connection.close()
                return
            if weak.strength < 0:
                self.send_error(500, "the disk is full")
                return
            query = self.path.partition("?")[2]
            headers = {"Content-Type": self.headers["Content-Type"]}
            address = f"{server.graph_store}?{query}"
            answer = requests.request(self.command, address, data=body, headers=headers, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_DELETE = do_PUT  # noqa: N815 - the names http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the tests' output clean."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        weak.address = f"http://127.0.0.1:{proxy.server_address[1]}/store"
        yield weak
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.parametrize(("how", "finding"), [("broken", "the connection failed"), ("500", "the server answered 500")])
def test_a_load_that_broke_off_goes_on(
    mini_store: Store, release: Path, tmp_path: Path, how: str, finding: str
) -> None:
    """What had arrived is not sent again, and the message says where it stopped and what to do."""
    with oxigraph_server(tmp_path / "fresh") as server, weak_graph_store(server, 5, how) as weak:
        target = find_target(server.endpoint, weak.address, None, {})
        with pytest.raises(EngineError) as caught:
            load_release(release, target, Silent())
        assert finding in str(caught.value)
        assert "run the same command again: it goes on here" in str(caught.value)
        weak.strength = 10**6
        done = load_release(release, target, Silent())
        assert 5 == done.kept
        assert len(mini_store) == done.triples


def test_a_server_that_is_down_is_named(release: Path) -> None:
    """Nobody listens: the address, the reason and the remedy, no traceback."""
    with pytest.raises(EngineError) as caught:
        load_release(release, find_target("http://127.0.0.1:9/query", None, None, {}), Silent())
    assert "http://127.0.0.1:9/query: the server cannot be reached" in str(caught.value)


def test_who_may_not_write_is_told_so(release: Path, virtuoso: Server) -> None:
    """Without credentials Virtuoso refuses, and the message names the variables to set."""
    stranger = find_target(virtuoso.endpoint, None, "https://example.org/resolved-elsewhere", {})
    with pytest.raises(EngineError, match="KGBUILD_USER"):
        load_release(release, stranger, Silent())


@pytest.mark.parametrize(
    ("endpoint", "environment", "finding"),
    [
        ("http://127.0.0.1/ask", {}, "Give it with --graph-store"),
        ("http://127.0.0.1/query", {"KGBUILD_USER": "me"}, "belong together"),
        ("http://127.0.0.1/query", {"KGBUILD_AUTH": "magic"}, "Set it to basic or digest"),
    ],
)
def test_an_incomplete_target_is_refused(endpoint: str, environment: dict[str, str], finding: str) -> None:
    """Nothing is sent to a server that is not wholly known."""
    with pytest.raises(UsageError, match=finding):
        find_target(endpoint, None, None, environment)


@pytest.mark.parametrize(
    ("endpoint", "graph_store"),
    [
        ("http://127.0.0.1/query", "http://127.0.0.1/store"),
        ("http://127.0.0.1/x/sparql?default-graph-uri=urn:x/query", "http://127.0.0.1/x/sparql-graph-crud-auth"),
    ],
)
def test_the_graph_store_is_told_by_the_path(endpoint: str, graph_store: str) -> None:
    """Parameters of the address of queries are no part of where graphs are taken."""
    assert graph_store == find_target(endpoint, None, None, {}).graph_store


def test_the_resolved_graph_is_sent_last(release: Path) -> None:
    """Until everything it rests on has arrived, the server answers from what it had."""
    assert "https://example.org/x" == list(read_graphs(release / "graph.nq", "https://example.org/x"))[-1]
