"""A release into any SPARQL 1.1 server, graph by graph, over the Graph Store Protocol.

https://www.w3.org/TR/sparql11-http-rdf-update/.  A journal beside the release keeps what has arrived, so that a load
that broke off goes on where it stopped; counts on the server decide, not the journal.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from pyoxigraph import NamedNode, RdfFormat, Triple, parse, serialize
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from kgbuild.core.errors import EngineError, UsageError
from kgbuild.core.namespaces import GRAPH
from kgbuild.core.progress import Reporter
from kgbuild.core.terms import Term
from kgbuild.sparql.results import read_table

RESOLVED_GRAPH: Final = f"{GRAPH}resolved"
"""The name of the default graph on servers that have none of their own."""
TRIPLES_PER_REQUEST: Final = 20_000
"""Triples in one request: some servers keep a whole request in memory, and refuse large ones."""
_TIMEOUT: Final = (10, 300)
_GRAPH_STORES: Final = (
    # end of the query endpoint's path -> end of the graph store's: Oxigraph, Fuseki, Virtuoso
    ("/query", "/store"),
    ("/sparql", "/sparql-graph-crud-auth"),
)


@dataclass(frozen=True)
class Target:
    """A server: where it answers queries, where it takes graphs, and under which name it keeps the resolved graph."""

    endpoint: str
    graph_store: str
    resolved: str
    """IRI of the resolved graph there; "" for the server's own default graph."""
    user: str = ""
    password: str = ""
    digest: bool = False


@dataclass(frozen=True)
class Loaded:
    """What a load did: graphs sent, graphs that were there already, graphs removed, triples on the server."""

    sent: int
    kept: int
    removed: int
    triples: int


def find_target(endpoint: str, graph_store: str | None, resolved: str | None, environment: Mapping[str, str]) -> Target:
    """Complete a target: the graph store by the endpoint's path, credentials from the environment.

    `KGBUILD_USER` and `KGBUILD_PASSWORD` name who loads; `KGBUILD_AUTH` is basic or digest, digest if not given.
    """
    store = graph_store or _guess_graph_store(endpoint)
    kind = environment.get("KGBUILD_AUTH", "digest").lower()
    if kind not in ("basic", "digest"):
        raise UsageError(f"KGBUILD_AUTH is '{kind}'. Set it to basic or digest, or leave it out.")
    user, password = environment.get("KGBUILD_USER", ""), environment.get("KGBUILD_PASSWORD", "")
    if bool(user) != bool(password):
        raise UsageError("KGBUILD_USER and KGBUILD_PASSWORD belong together. Set both, or neither.")
    return Target(endpoint, store, resolved or "", user, password, kind == "digest")


def _guess_graph_store(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    for query, store in _GRAPH_STORES:
        if parts.path.endswith(query):
            return parts._replace(path=parts.path.removesuffix(query) + store, query="", fragment="").geturl()
    raise UsageError(
        f"{endpoint}: where this server takes graphs cannot be told from its address. Give it with --graph-store."
    )


def load_release(release: Path, target: Target, report: Reporter) -> Loaded:
    """Load a release's graphs; returns counts that were compared with the server's.

    The resolved graph comes last: until then the server answers from what it had.  Graphs of ours on the server that
    the release does not have are removed.  Raises EngineError where the server refuses, breaks off or has another
    count; the same call goes on from there.
    """
    graphs = read_graphs(release / "graph.nq", target.resolved)
    server = _Server(target)
    journal = _Journal.open(release, target)
    there = server.counts()
    digests = {name: hashlib.sha256(_ntriples(triples)).hexdigest() for name, triples in graphs.items()}
    arrived = {name for name in graphs if journal.arrived.get(name) == digests[name]}
    waiting = [name for name in graphs if name not in arrived or there.get(name, 0) != len(graphs[name])]
    for name in report.each("Sending graphs", waiting):
        journal.forget(name)
        server.replace(name, graphs[name])
        journal.note(name, digests[name])
    stale = sorted(name for name in there if name.startswith(GRAPH) and name not in graphs)
    for name in report.each("Removing graphs that the release does not have", stale):
        server.send("DELETE", name)
    report.step("Comparing counts")
    _compare(graphs, server.counts())
    return Loaded(len(waiting), len(graphs) - len(waiting), len(stale), sum(map(len, graphs.values())))


def read_graphs(path: Path, resolved: str) -> dict[str, list[Triple]]:
    """Read a release's N-Quads: graph IRI -> its triples; `resolved` names the default graph, which comes last."""
    graphs: dict[str, list[Triple]] = {}
    for quad in parse(path=str(path), format=RdfFormat.N_QUADS):
        name = quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else ""
        graphs.setdefault(name, []).append(quad.triple)
    default = graphs.pop("", [])
    return {**dict(sorted(graphs.items())), resolved: default}


def _ntriples(triples: list[Triple]) -> bytes:
    return serialize(triples, format=RdfFormat.N_TRIPLES) or b""


def _compare(graphs: dict[str, list[Triple]], there: dict[str, int]) -> None:
    wrong = [
        f"{name or 'the default graph'} has {there.get(name, 0)} triples, not {len(triples)}"
        for name, triples in graphs.items()
        if there.get(name, 0) != len(triples)
    ]
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise EngineError(
            f"The server does not have what was sent: {'; '.join(wrong[:3])}{more}. Run the same command again: it "
            "sends what is missing. If it stays so, somebody else writes there, or the server changes literals."
        )


class _Server:
    def __init__(self, target: Target) -> None:
        self.target = target
        self.session = requests.Session()
        scheme: type[HTTPDigestAuth | HTTPBasicAuth] = HTTPDigestAuth if target.digest else HTTPBasicAuth
        self.session.auth = scheme(target.user, target.password) if target.user else None

    def counts(self) -> dict[str, int]:
        """Count the triples of each of our graphs; "" is the default graph, where the server has one."""
        query = (
            f"SELECT ?g (COUNT(*) AS ?n) WHERE {{ GRAPH ?g {{ ?s ?p ?o }} "
            f'FILTER (STRSTARTS(STR(?g), "{GRAPH}")) }} GROUP BY ?g'
        )
        found = {row["g"].value: int(row["n"].value) for row in self._select(query) if "g" in row}
        if not self.target.resolved:
            (row,) = self._select("SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }")
            found[""] = int(row["n"].value)
        return found

    def _select(self, query: str) -> list[dict[str, Term]]:
        where = self.target.endpoint
        headers = {"Accept": "application/sparql-results+json"}
        answer = self._request(where, "POST", self.target.endpoint, data={"query": query}, headers=headers)
        try:
            return read_table(answer.json()).records()
        except (ValueError, KeyError, TypeError) as fault:
            raise EngineError(f"{where}: the answer is no SPARQL JSON. Check --endpoint.") from fault

    def replace(self, name: str, triples: list[Triple]) -> None:
        """Put a graph in place of what is there: the first part replaces, the others add to it."""
        for start in range(0, max(len(triples), 1), TRIPLES_PER_REQUEST):
            part = triples[start : start + TRIPLES_PER_REQUEST]
            self.send("POST" if start else "PUT", name, _ntriples(part))

    def send(self, method: str, name: str, body: bytes | None = None) -> None:
        chosen = {"graph": name} if name else {"default": ""}
        headers = {"Content-Type": "application/n-triples"} if body is not None else {}
        where = f"{self.target.graph_store}: {method} {name or 'the default graph'}"
        self._request(where, method, self.target.graph_store, params=chosen, data=body, headers=headers)

    def _request(self, where: str, method: str, address: str, **sent: Any) -> requests.Response:
        """Send a request; raises EngineError, with `where` it was, for anything but success."""
        try:
            response = self.session.request(method, address, timeout=_TIMEOUT, **sent)
        except requests.exceptions.Timeout as fault:
            raise EngineError(f"{where}: no answer in time. Run the same command again: it goes on here.") from fault
        except requests.exceptions.RequestException as fault:
            reason = " ".join(str(fault).split())[:200]
            what = "the server cannot be reached" if "NewConnectionError" in str(fault) else "the connection failed"
            raise EngineError(
                f"{where}: {what}: {reason}. Check the address, and run the same command again: it goes on here."
            ) from fault
        if response.status_code in (401, 403):
            raise EngineError(
                f"{where}: the server answered {response.status_code}. Set KGBUILD_USER and KGBUILD_PASSWORD to "
                "somebody who may write, and KGBUILD_AUTH to basic or digest."
            )
        if response.status_code >= 300:
            words = " ".join(response.text.split())[:200]
            raise EngineError(
                f"{where}: the server answered {response.status_code}: {words}. Check --endpoint and "
                "--graph-store, and run the same command again: it goes on here."
            )
        return response


@dataclass
class _Journal:
    """What has arrived at one server: graph -> digest of what was sent."""

    path: Path
    arrived: dict[str, str]

    @classmethod
    def open(cls, release: Path, target: Target) -> _Journal:
        """Read the journal of a server; it stands outside the releases, which never change."""
        name = hashlib.sha256(f"{target.graph_store}\n{target.resolved}".encode()).hexdigest()[:16]
        path = release.resolve().parent.parent / "loads" / f"{name}.json"
        arrived: dict[str, str] = {}
        # A damaged journal says nothing: everything is sent again.
        with suppress(OSError, ValueError):
            read = json.loads(path.read_text(encoding="utf-8"))
            arrived = {str(key): str(value) for key, value in read.items()}
        return cls(path, arrived)

    def note(self, name: str, digest: str) -> None:
        self.arrived[name] = digest
        self._write()

    def forget(self, name: str) -> None:
        if self.arrived.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(self.arrived, sort_keys=True), encoding="utf-8")
        temporary.replace(self.path)
