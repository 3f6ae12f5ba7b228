"""Counts requests as they are answered, in the metrics of prometheus_client.

Labels are patterns of routes, never addresses: whoever invents addresses makes no new figures.
"""

from __future__ import annotations

from collections import Counter as Reasons
from collections.abc import Sequence
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper bounds of the classes of durations, in seconds."""
NO_ROUTE: Final = "none"
"""The route of requests for what is not there."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_PATHS: Final = 4096
"""Paths of kept answers whose counters are remembered."""
disable_created_metrics()  # type: ignore[no-untyped-call]  # when each label was first seen is no figure of ours


class Meter:
    """Counts what was answered since the server began."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kgbuild_http_requests",
            "Requests answered, by pattern of route.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.durations = Histogram(
            "kgbuild_http_request_duration_seconds",
            "Seconds from a request to the end of an answer that was not kept.",
            ("route",),
            buckets=BOUNDS,
            registry=self.registry,
        )
        self.hits = 0
        """Requests answered with an answer that was kept."""
        self.ended: Reasons[str] = Reasons()
        """Why workers ended -> how many did."""
        self.routes: Sequence[Route] = ()
        self._known: dict[tuple[str, str, int], Counter] = {}

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self.durations.labels(route).observe(seconds)

    def note_hit(self, path: str, method: str, status: int) -> None:
        """Count a request that was answered ahead of the routes; looking its counter up would cost as much again."""
        counter = self._known.get((path, method, status))
        if counter is None:
            if len(self._known) >= _PATHS:
                self._known.clear()
            route = next((route.path for route in self.routes if route.path_regex.match(path)), NO_ROUTE)
            counter = self._known[path, method, status] = self.requests.labels(route, method, str(status))
        counter.inc()
        self.hits += 1


class MetricsMiddleware:
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
