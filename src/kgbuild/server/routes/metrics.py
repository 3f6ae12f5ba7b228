"""Figures for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/): requests, queries, workers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from hmac import compare_digest
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgbuild import __version__
from kgbuild.core.errors import UsageError
from kgbuild.server.exchange.answers import document, send_response
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.negotiation import PROBLEM
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response, header

METRICS: Final = "/metrics"
SHORTEST: Final = 16
"""Characters of a token: a shorter one could be guessed."""
_TOKEN: Final = re.compile(r"[!-~]+")


def read_token(text: str, source: str) -> str:
    """Read the token that opens the figures; raises UsageError, which does not show it."""
    token = text.strip()
    if len(token) < SHORTEST or not _TOKEN.fullmatch(token):
        remedy = "Give one line of it, such as `openssl rand -hex 32` writes."
        raise UsageError(f"{source}: a token has {SHORTEST} or more printable ASCII characters, no spaces. {remedy}")
    return token


async def metrics(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give all figures to who has the token; without one, they are not on this port."""
    service: Service = scope["service"]
    settings = service.settings
    if settings.metrics_port is not None:
        raise problem("not-found", "Figures are given on a port of their own, the one of --metrics-port.")
    if not settings.metrics_token:
        detail = "Figures are not public. Start the server with --metrics-port or --metrics-token-file to have them."
        raise problem("not-found", detail)
    scheme, _, given = (header(scope, b"authorization") or "").partition(" ")
    is_known = compare_digest(given.strip().encode("latin-1"), settings.metrics_token.encode())
    if scheme.lower() != "bearer" or not is_known:
        challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        raise problem("unauthorized", "Figures are for who sends `Authorization: Bearer` with the token.", challenge)
    await send_figures(service, scope, send)


async def send_figures(service: Service, scope: Scope, send: Send) -> None:
    """Send all figures, as text for Prometheus or OpenMetrics; written in a thread, from what they are at this moment.

    The process itself is looked at in that thread as well.
    """
    registry = CollectorRegistry()
    registry.register(service.meter.registry)
    registry.register(_Collected(list(_state(service, service.meter.from_cache()))))
    ProcessCollector(registry=registry)
    write, media_type = choose_encoder(header(scope, b"accept") or "")
    written = await asyncio.to_thread(write, registry)
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
    await send_response(scope, document(media_type, written, headers), send)


def only_figures(service: Service) -> ASGIApp:
    """Make the application that gives figures and nothing else, for a port of their own."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
        if scope["type"] != "http":
            return
        send = without_cors(send)
        if scope["path"] == METRICS and scope["method"] in ("GET", "HEAD"):
            await send_figures(service, scope, send)
            return
        found = problem("not-found", f"There is nothing here but {METRICS}, for GET.")
        await send_response(scope, Response(404, [(b"content-type", PROBLEM.encode())], found.to_json()), send)

    return answer


def without_cors(send: Send) -> Send:
    """Leave out what lets scripts of other sites read an answer."""

    async def send_closed(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if not name.startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return send_closed


class _Collected(Collector):
    """Figures that were collected before: the loop goes on changing what they are of."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self.found = found

    def collect(self) -> Iterable[Metric]:
        return self.found


def _state(service: Service, hits: int) -> Iterator[Metric]:
    """Tell how things are at the moment of asking."""
    cache, budgets = service.cache, service.budgets
    yield CounterMetricFamily("kgbuild_cache_hits", "Requests answered with an answer that was kept.", value=hits)
    yield GaugeMetricFamily("kgbuild_cache_bytes", "Memory of the answers kept, in bytes.", value=cache.size)
    yield GaugeMetricFamily("kgbuild_cache_answers", "Answers kept.", value=len(cache))
    yield GaugeMetricFamily("kgbuild_clients", "Clients whose budgets are not whole.", value=len(budgets))
    about = "Seconds of processing that clients were charged."
    yield CounterMetricFamily("kgbuild_client_seconds", about, value=budgets.charged)
    refused = CounterMetricFamily("kgbuild_client_refusals", "Requests over a client's budget.", labels=("kind",))
    yield _with(refused, budgets.refused)
    ended = CounterMetricFamily("kgbuild_workers_ended", "Workers that ended, by reason.", labels=("reason",))
    yield _with(ended, dict(sorted(service.meter.ended.items())))
    yield from _queries(service)
    build = GaugeMetricFamily("kgbuild_build_info", "Version of the program.", labels=("version",))
    yield _with(build, {__version__: 1})
    release = GaugeMetricFamily("kgbuild_release_info", "Release that is served.", labels=("release",))
    yield _with(release, {service.release_id: 1})


def _queries(service: Service) -> Iterator[Metric]:
    yield GaugeMetricFamily("kgbuild_ready", "1 if a release is served.", value=int(service.is_ready))
    load = service.data.load()
    yield GaugeMetricFamily("kgbuild_quads", "Quads that are served.", value=service.data.quads)
    yield GaugeMetricFamily("kgbuild_queries_running", "Queries that a worker is at.", value=load.running)
    yield GaugeMetricFamily("kgbuild_queries_waiting", "Queries that wait for a worker.", value=load.waiting)
    workers = GaugeMetricFamily("kgbuild_workers", "Workers alive, by lane.", labels=("lane",))
    yield _with(workers, {"quick": load.quick, "slow": load.slow})


def _with(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float]) -> Metric:
    for label, value in values.items():
        family.add_metric((label,), value)
    return family
