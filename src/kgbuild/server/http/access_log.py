"""The access log: one line of JSON for each request, written through `logging`; off unless it is asked for.

JSON, because a request may hold anything: as ASCII with escapes, no line can be broken, forged or made to steer a
terminal.  Texts are cut: a query that is asked is no business of the log beyond what tells requests apart.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from time import perf_counter
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgbuild.core.errors import UsageError
from kgbuild.server.http.responses import header

LONGEST: Final = 200
"""Characters of any text of a request that are written."""
_log: Final = logging.getLogger("kgbuild.access")
_fault_log: Final = logging.getLogger("kgbuild.server")


class AccessLogMiddleware:
    """Writes a line for each request that passes through, when its answer has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and write of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        status = size = 0

        async def noting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            size += len(message.get("body", b""))

        try:
            await self.app(scope, receive, noting)
        finally:
            sent = {"status": status, "bytes": size, "seconds": round(perf_counter() - began, 6)}
            line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **_describe(scope), **sent}
            _log.info(json.dumps(line))


def _describe(scope: Scope) -> dict[str, str]:
    client = scope.get("client")
    told = {
        "client": client[0] if client else "",
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode("latin-1"),
        "http": scope.get("http_version", ""),
        "referer": header(scope, b"referer") or "",
        "agent": header(scope, b"user-agent") or "",
    }
    return {name: text[:LONGEST] for name, text in told.items()}


class _ToFile(WatchedFileHandler):
    """Writes to a file, opens it anew when it has been moved away, and complains once where it cannot be written."""

    complained = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name logging knows
        if not self.complained:
            self.complained = True
            _fault_log.error("The access log cannot be written: %s", sys.exc_info()[1])


class _ToOutput(logging.StreamHandler[Any]):
    """Writes to the standard output; whoever reads it may go."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name logging knows
        """Say nothing: there is nobody to read it."""


def open_log(target: str) -> None:
    """Let the access log be written to a file, or to the standard output for `-`; UsageError if that cannot be."""
    try:
        handler: logging.Handler = _ToOutput(sys.stdout) if target == "-" else _ToFile(target, encoding="utf-8")
    except OSError as problem:
        raise UsageError(
            f"--access-log {target}: cannot be written: {problem.strerror}. Give a file, or -."
        ) from problem
    for old in _log.handlers[:]:
        _log.removeHandler(old)
        old.close()
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
