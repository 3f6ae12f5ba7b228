"""Counts requests as they are answered, in the metrics of prometheus_client.

Labels are patterns of routes, never addresses: whoever invents addresses makes no new figures.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper bounds of the classes of durations, in seconds."""
NO_ROUTE: Final = "none"
"""The route of requests for what is not there."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
LAGS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper bounds of the classes of what the loop is late, in seconds."""
TICK: Final = 0.05
"""Seconds between two looks at whether the loop is late."""
_PATHS: Final = 256
"""Paths of kept answers that are counted each by itself, until they are added up by their routes, all at once."""
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
        self.lag = Histogram(
            "kgbuild_loop_lag_seconds",
            "Seconds that this process kept its event loop from a timer that was due.",
            buckets=LAGS,
            registry=self.registry,
        )
        self.hits: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        """(path, method, status) -> requests answered ahead of the routes, with an answer that was kept.

        Counted by whoever answers, with one addition: the counters of the library would take a tenth of the request.
        """
        self._folded = 0
        self.ended: Tally[str] = Tally()
        """Why workers ended -> how many did."""
        self.routes: Sequence[Route] = ()
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def watch_loop(self) -> None:
        """Look again and again how late a timer comes, until cancelled.

        What comes late because other programs have the processors is not counted: neither the time for which the loop
        stood in the kernel's queue, nor more than this process has used of the processors itself.
        """
        while True:
            began, used, queued = perf_counter(), process_time(), _queued()
            await asyncio.sleep(TICK)
            late = perf_counter() - began - TICK - (_queued() - queued)
            self.lag.observe(max(0.0, min(late, process_time() - used)))

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = method if method in _METHODS else "other"
        found = self._children.get((route, method, status))
        if found is None:  # finding them by their labels costs more than counting
            found = self.requests.labels(route, method, str(status)), self.durations.labels(route)
            self._children[route, method, status] = found
        requests, durations = found
        requests.inc()
        durations.observe(seconds)

    def from_cache(self) -> int:
        """Add up by their routes the requests that kept answers have answered; gives how many there are in all."""
        for (path, method, status), count in self.hits.items():
            route = next((route.path for route in self.routes if route.path_regex.match(path)), NO_ROUTE)
            self.requests.labels(route, method, str(status)).inc(count)
            self._folded += count
        self.hits.clear()
        return self._folded

    def note_hit(self, path: str, method: str, status: int) -> None:
        """Count a request that was answered ahead of the routes."""
        self.hits[path, method, status] += 1
        if len(self.hits) > _PATHS:
            self.from_cache()


def _queued() -> float:
    """Give for how many seconds this thread has waited for a processor, as far as the kernel tells."""
    with suppress(OSError):
        return int(Path("/proc/thread-self/schedstat").read_bytes().split()[1]) / 1e9
    return 0.0


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
