"""A canary: listens on the loopback, counts who comes, and would answer whatever is asked of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ANSWER = b'{"head":{"vars":["leaked"]},"results":{"bindings":[{"leaked":{"type":"literal","value":"canary"}}]}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\nConnection: close\r\n\r\n"


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
