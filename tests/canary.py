"""A canary: listens on the loopback, counts who comes, and would answer whatever is asked of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ANSWER = b'{"head":{"vars":["leaked"]},"results":{"bindings":[{"leaked":{"type":"literal","value":"canary"}}]}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\nConnection: close\r\n\r\n"

PLAIN = [
    "SELECT * {{ SERVICE <{c}> {{ ?s ?p ?o }} }}",
    "select * {{ service silent <{c}> {{ ?s ?p ?o }} }}",
    "ASK {{ SeRvIcE<{c}>{{}} }}",
    "CONSTRUCT {{ ?s ?p ?o }} WHERE {{ SERVICE <{c}> {{ ?s ?p ?o }} }}",
    "DESCRIBE ?s {{ SERVICE <{c}> {{ ?s ?p ?o }} }}",
    "PREFIX c: <{c}> SELECT * {{ SERVICE c: {{ ?s ?p ?o }} }}",
    "BASE <{c}> SELECT * {{ SERVICE <> {{ ?s ?p ?o }} }}",
    "SELECT * {{ BIND(<{c}> AS ?c) SERVICE ?c {{ ?s ?p ?o }} }}",
    "SELECT * {{ VALUES ?c {{ <{c}> }} SERVICE ?c {{ ?s ?p ?o }} }}",
    "SELECT * {{ OPTIONAL {{ {{ SELECT * {{ SERVICE SILENT <{c}> {{ ?s ?p ?o }} }} }} }} }}",
    "SELECT * {{ FILTER EXISTS {{ SERVICE <{c}> {{ ?s ?p ?o }} }} }}",
    "SELECT * {{ ?s ?p ?o MINUS {{ SERVICE <{c}> {{ ?s ?p ?o }} }} }}",
    "SELECT * {{ SERVICE#\n<{c}>#\n{{ ?s ?p ?o }} }}",
    "SELECT * {{ # '''\n SERVICE <{c}> {{ ?s ?p ?o }} # '''\n }}",
    "SELECT * {{ ?s ?p trueSERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ ?s ?p 1SERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ ?s ?p 'x'SERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ ?s ?p <urn:x>SERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ {{}}SERVICE<{c}>{{?a ?b ?c}} }}",
    "SELECT * {{ GRAPH ?g {{ SERVICE <{c}> {{ ?s ?p ?o }} }} }}",
    "SELECT * {{ SERVICE <{c}> {{ SERVICE <{c}> {{ ?s ?p ?o }} }} }}",
    "SELECT * {{\r\n\tSERVICE\r\n\t<{c}>\r\n\t{{ ?s ?p ?o }} }}",
]
"""Queries that plainly ask another server, with `{c}` for its address."""
DISGUISED = [
    "SELECT * {{ ?s ?p ?o FILTER(?o<'x>'||1=1)SERVICE <{c}> {{ ?a ?b 'y' }} }}",
    "SELECT * {{ ?s ?p ?o FILTER(?o<'x>'||1=1)SERVICE SILENT <{c}> {{ ?a ?b 'y' }} }}",
    "SELECT * {{ \\u0053ERVICE <{c}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ S\\u0045RVICE <{c}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ ?s ?p '\\u0027 SERVICE <{c}> {{ ?a ?b ?c }} #' }}",
    "SELECT * {{ ?s ?p ?o FILTER(?s<?o&&?o>'a') SERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ ?s ?p ex:SERVICE }} # <{c}>",
    "PREFIX ex: <{c}#> SELECT * {{ ?s ?p ex:a.SERVICE <{c}> {{ ?a ?b ?c }} }}",
    "PREFIX ex: <{c}#> SELECT * {{ ?s ?p ex:aSERVICE ; ex:SERVICE ?service }}",
    "SELECT * {{ ?s ?p 'x'@enSERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ ?s ?p ?o{{}}\ufeffSERVICE <{c}> {{ ?a ?b ?c }} }}",
    "SELECT * {{ ?s ?p '''\\'''' SERVICE <{c}> {{ ?a ?b ?c }} #''' }}",
    "SELECT ?SERVICE {{ ?SERVICE ?p $service }} LIMIT 1",
    "SELECT ('SERVICE <{c}> {{ ?s ?p ?o }}' AS ?x) {{}}",
    "# SERVICE <{c}>\nASK {{}}",
]
"""Queries that seem to, or seem not to."""


@dataclass
class Canary:
    """Where it listens, and the first bytes of each connection that it had."""

    address: str
    port: int
    calls: list[bytes] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Canary]:
    """Listen until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        canary = Canary(f"http://127.0.0.1:{port}/sparql", port)
        ended = threading.Event()
        thread = threading.Thread(target=_answer, args=(listener, canary, ended), daemon=True)
        thread.start()
        try:
            yield canary
        finally:
            ended.set()
            with socket.create_connection(("127.0.0.1", port)):
                pass  # wakes the thread
            thread.join()


def _answer(listener: socket.socket, canary: Canary, ended: threading.Event) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            if ended.is_set():
                return
            canary.calls.append(b"a connection")
            connection.settimeout(2)
            try:
                canary.calls[-1] = connection.recv(4096)
                connection.sendall(HEAD + ANSWER)
            except OSError:
                continue
