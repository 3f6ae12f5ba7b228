"""Run the server: uvicorn in this process, workers below it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace

import uvicorn
import uvloop

from kgbuild.core import confinement
from kgbuild.core.errors import UsageError, inert
from kgbuild.server.app import make_app
from kgbuild.server.exchange.addresses import authority, read_public_url
from kgbuild.server.exchange.answers import CutOffError
from kgbuild.server.exchange.service import Service, Settings
from kgbuild.server.http import limits
from kgbuild.server.http.access_log import AccessLogMiddleware, open_log
from kgbuild.server.http.parser import Protocol, watch

SWITCH = 0.001
"""Seconds after which a thread lets others go on: the loop must not wait five milliseconds for each of them."""


def serve(settings: Settings, host: str, port: int, say: Callable[[str], None], access_log: str = "") -> None:
    """Serve until a signal ends it; raises KgError where the data, the port or the log cannot be had.

    `access_log` is a file, `-` for the standard output, or nothing for no log.
    """
    if os.geteuid() == 0:
        say("Warning: this server runs as root, which it does not need; run it as a user who can only read the data.")
    confinement.hide()  # from workers, which are of the same user
    settings = replace(settings, public_url=read_public_url(settings.public_url))
    if access_log:
        open_log(access_log)
    handler = logging.StreamHandler()
    handler.setFormatter(InertFormatter())
    logging.getLogger("kgbuild").addHandler(handler)
    listening = _listen(host, port)
    sys.setswitchinterval(SWITCH)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listening, say, logged=bool(access_log)))


class InertFormatter(logging.Formatter):
    """Writes what the server has to say: what it quotes of a query or a worker steers no terminal or log reader."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the message as one line, and the traceback, if there is one, below it."""
        traceback = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        return "\n".join(map(inert, [record.getMessage(), *traceback]))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=limits.backlog())
    except OSError as problem:
        raise UsageError(
            f"{authority(host, port)}: cannot listen there: {problem.strerror}. Choose another --host or --port."
        ) from problem


def _is_fault(record: logging.LogRecord) -> bool:
    """Tell faults from answers that were cut off on purpose: uvicorn is told to cut by an exception, and logs it."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutOffError))


async def _serve(settings: Settings, listening: socket.socket, say: Callable[[str], None], *, logged: bool) -> None:
    service = Service(settings, say)
    try:
        await service.start()
        gc.freeze()  # what is there now stays: a collection need not walk through it
        app = make_app(service)
        config = uvicorn.Config(
            AccessLogMiddleware(app) if logged else app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # a proxy in front is told by --public-url, not by what clients may send
            timeout_graceful_shutdown=1,
            timeout_keep_alive=limits.IDLE,
            backlog=limits.backlog(),
            ws="none",
            http=Protocol,
        )
        logging.getLogger("uvicorn.error").addFilter(_is_fault)
        host, port = listening.getsockname()[:2]
        say(f"Serving {service.release_id}, {service.data.quads:,} quads, at http://{authority(host, port)}/")
        server = uvicorn.Server(config)
        watching = asyncio.ensure_future(watch(server.server_state.connections))
        await server.serve(sockets=[listening])
        watching.cancel()
    finally:
        await service.stop()
