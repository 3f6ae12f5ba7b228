"""Run the server: uvicorn in this process, workers below it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import uvicorn
import uvloop
from starlette.types import ASGIApp

from kgbuild.core import confinement
from kgbuild.core.errors import UsageError, inert
from kgbuild.server.app import make_app
from kgbuild.server.exchange.addresses import authority, read_public_url
from kgbuild.server.exchange.answers import CutOffError
from kgbuild.server.exchange.service import Service, Settings
from kgbuild.server.http import limits
from kgbuild.server.http.access_log import AccessLogMiddleware, open_log
from kgbuild.server.http.parser import Protocol, watch
from kgbuild.server.routes.metrics import only_figures

SWITCH = 0.001
"""Seconds after which a thread lets others go on: the loop must not wait five milliseconds for each of them."""

COLLECTION: Final = (5000, 20, 20)
"""New objects from which the garbage collector looks for circles: a page makes tens of thousands and lets them go."""


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
    listening = [_listen(host, port, "--port")]
    if settings.metrics_port is not None:
        listening.append(_listen(host, settings.metrics_port, "--metrics-port"))
    if settings.public_url and not settings.client_header and (settings.client_budget or settings.client_errors):
        say("Clients behind the proxy have no budgets: name the header that it sets by --client-header.")
    sys.setswitchinterval(SWITCH)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listening, say, logged=bool(access_log)))


class InertFormatter(logging.Formatter):
    """Writes what the server has to say: what it quotes of a query or a worker steers no terminal or log reader."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the message as one line, and the traceback, if there is one, below it."""
        traceback = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        return "\n".join(map(inert, [record.getMessage(), *traceback]))


def _listen(host: str, port: int, option: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=limits.backlog())
    except OSError as problem:
        raise UsageError(
            f"{authority(host, port)}: cannot listen there: {problem.strerror}. Choose another --host or {option}."
        ) from problem


def _is_fault(record: logging.LogRecord) -> bool:
    """Tell faults from answers that were cut off on purpose: uvicorn is told to cut by an exception, and logs it."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutOffError))


async def _serve(
    settings: Settings, listening: list[socket.socket], say: Callable[[str], None], *, logged: bool
) -> None:
    service = Service(settings, say)
    try:
        await service.start()
        gc.freeze()  # what is there now stays: a collection need not walk through it
        gc.set_threshold(*COLLECTION)
        app = make_app(service)
        logging.getLogger("uvicorn.error").addFilter(_is_fault)
        host, port = listening[0].getsockname()[:2]
        say(f"Serving {service.release_id}, {service.data.quads:,} quads, at http://{authority(host, port)}/")
        server = uvicorn.Server(_config(AccessLogMiddleware(app) if logged else app))
        await asyncio.gather(
            _answer(server, listening[0]),
            *(_answer(_Beside(server, _config(only_figures(service))), each) for each in listening[1:]),
        )
    finally:
        await service.stop()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a proxy in front is told by --public-url and --client-header
        timeout_graceful_shutdown=1,
        timeout_keep_alive=limits.IDLE,
        backlog=limits.backlog(),
        ws="none",
        http=Protocol,
    )


async def _answer(server: uvicorn.Server, listening: socket.socket) -> None:
    watching = asyncio.ensure_future(watch(server.server_state.connections))
    try:
        await server.serve(sockets=[listening])
    finally:
        watching.cancel()


class _Beside(uvicorn.Server):
    """A server that ends with another one, which handles the signals."""

    def __init__(self, main: uvicorn.Server, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.main = main

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the other one."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it is time to end."""
        return await super().on_tick(counter) or self.main.should_exit
