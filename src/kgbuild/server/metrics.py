"""Figures for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/): requests, queries, workers.

A request costs a look-up and a few additions here; the figures are put into form only when they are asked for.  Labels
are patterns of routes, never addresses: whoever invents addresses makes no new figures.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgbuild import __version__
from kgbuild.server.responses import Response, header, header_lines

if TYPE_CHECKING:
    from kgbuild.server.service import Service

BOUNDS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper bounds of the classes of durations, in seconds."""
NO_ROUTE: Final = "none"
"""The route of requests for what is not there."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_PATHS: Final = 4096
"""Paths of kept answers that are counted each by itself, until they are added up by their routes."""


@dataclass(slots=True)
class _Durations:
    """How long the requests to a route took."""

    classes: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


class Meter:
    """Counts what was answered since the server began."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        """(route, method, status) -> requests."""
        self.durations: dict[str, _Durations] = {}
        self.hits: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        """(path, method, status) -> requests answered ahead of the routes, with an answer that was kept.

        Counted by whoever answers, with one addition: there a microsecond is a fiftieth of the request.
        """
        self._folded: Counter[tuple[str, str, int]] = Counter()
        self.ended: Counter[str] = Counter()
        """Why workers ended -> how many did."""
        self.routes: Sequence[Route] = ()

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests[route, method if method in _METHODS else "other", status] += 1
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = _Durations()
        durations.classes[bisect_left(BOUNDS, seconds)] += 1
        durations.seconds += seconds

    def from_cache(self) -> Counter[tuple[str, str, int]]:
        """Count by (route, method, status) what kept answers have answered."""
        for (path, method, status), count in self.hits.items():
            self._folded[self._route_of(path), method, status] += count
        self.hits.clear()
        return self._folded

    def _route_of(self, path: str) -> str:
        return next((route.path for route in self.routes if route.path_regex.match(path)), NO_ROUTE)


class Measured:
    """Counts the requests that pass through."""

    def __init__(self, app: ASGIApp, meter: Meter, routes: Sequence[Route]) -> None:
        self.app, self.meter, meter.routes = app, meter, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            if status:  # none where the client has gone before it
                route = scope["route"].path if "route" in scope else NO_ROUTE
                self.meter.note(route, scope["method"], status, perf_counter() - began)
            if len(self.meter.hits) > _PATHS:
                self.meter.from_cache()


def metrics(scope: Scope) -> Response:
    """Give all figures, as text for Prometheus or OpenMetrics."""
    service: Service = scope["service"]
    registry = CollectorRegistry()
    registry.register(_Figures(service))
    ProcessCollector(registry=registry)
    write, media_type = choose_encoder(header(scope, b"accept") or "")
    headers = {
        "Content-Type": media_type,
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, header_lines(headers), write(registry))


class _Figures(Collector):
    def __init__(self, service: Service) -> None:
        self.service = service

    def collect(self) -> Iterable[Metric]:
        yield from _requests(self.service.meter)
        yield from _cache(self.service)
        yield from _queries(self.service)
        yield _info("kgbuild_build", "Version of the program.", "version", __version__)
        yield _info("kgbuild_release", "Release that is served.", "release", self.service.release_id)


def _requests(meter: Meter) -> Iterator[Metric]:
    counted = CounterMetricFamily(
        "kgbuild_http_requests", "Requests answered, by pattern of route.", labels=("route", "method", "status")
    )
    for (route, method, status), count in sorted((meter.requests + meter.from_cache()).items()):
        counted.add_metric((route, method, str(status)), count)
    yield counted
    took = HistogramMetricFamily(
        "kgbuild_http_request_duration_seconds",
        "Seconds from a request to the end of an answer that was not kept.",
        labels=("route",),
    )
    for route, durations in sorted(meter.durations.items()):
        took.add_metric((route,), _cumulated(durations.classes), durations.seconds)
    yield took


def _cumulated(classes: list[int]) -> list[tuple[str, float]]:
    """Write classes as a histogram has them: each counts all that is not above its bound."""
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    return [(bound, float(sum(classes[: i + 1]))) for i, bound in enumerate(bounds)]


def _cache(service: Service) -> Iterator[Metric]:
    hits = CounterMetricFamily("kgbuild_cache_hits", "Requests answered with an answer that was kept, unread.")
    hits.add_metric((), service.meter.from_cache().total())
    yield hits
    yield GaugeMetricFamily("kgbuild_cache_bytes", "Memory of the answers kept, in bytes.", value=service.cache.size)
    yield GaugeMetricFamily("kgbuild_cache_answers", "Answers kept.", value=len(service.cache))


def _queries(service: Service) -> Iterator[Metric]:
    ended = CounterMetricFamily("kgbuild_workers_ended", "Workers that ended, by reason.", labels=("reason",))
    for reason, count in sorted(service.meter.ended.items()):
        ended.add_metric((reason,), count)
    yield ended
    yield GaugeMetricFamily("kgbuild_ready", "1 if queries are answered.", value=int(service.is_ready))
    if not service.is_ready:
        return
    load = service.data.load()
    yield GaugeMetricFamily("kgbuild_quads", "Quads that are served.", value=service.data.quads)
    yield GaugeMetricFamily("kgbuild_queries_running", "Queries that a worker is at.", value=load.running)
    yield GaugeMetricFamily("kgbuild_queries_waiting", "Queries that wait for a worker.", value=load.waiting)
    workers = GaugeMetricFamily("kgbuild_workers", "Workers alive, by lane.", labels=("lane",))
    workers.add_metric(("quick",), load.quick)
    workers.add_metric(("slow",), load.slow)
    yield workers


def _info(name: str, about: str, label: str, value: str) -> Metric:
    info = GaugeMetricFamily(f"{name}_info", about, labels=(label,))
    info.add_metric((value,), 1)
    return info
