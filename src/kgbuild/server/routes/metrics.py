"""Figures for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/): requests, queries, workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import Scope

from kgbuild import __version__
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.responses import Response, header, header_lines


def metrics(scope: Scope) -> Response:
    """Give all figures, as text for Prometheus or OpenMetrics."""
    service: Service = scope["service"]
    hits = service.meter.from_cache()
    registry = CollectorRegistry()
    registry.register(service.meter.registry)
    registry.register(_State(service, hits))
    ProcessCollector(registry=registry)
    write, media_type = choose_encoder(header(scope, b"accept") or "")
    headers = {
        "Content-Type": media_type,
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, header_lines(headers), write(registry))


class _State(Collector):
    """How things are at the moment of asking."""

    def __init__(self, service: Service, hits: int) -> None:
        self.service, self.hits = service, hits

    def collect(self) -> Iterable[Metric]:
        cache, hits = self.service.cache, self.hits
        yield CounterMetricFamily("kgbuild_cache_hits", "Requests answered with an answer that was kept.", value=hits)
        yield GaugeMetricFamily("kgbuild_cache_bytes", "Memory of the answers kept, in bytes.", value=cache.size)
        yield GaugeMetricFamily("kgbuild_cache_answers", "Answers kept.", value=len(cache))
        ended = CounterMetricFamily("kgbuild_workers_ended", "Workers that ended, by reason.", labels=("reason",))
        for reason, count in sorted(self.service.meter.ended.items()):
            ended.add_metric((reason,), count)
        yield ended
        yield from _queries(self.service)
        yield _info("kgbuild_build", "Version of the program.", "version", __version__)
        yield _info("kgbuild_release", "Release that is served.", "release", self.service.release_id)


def _queries(service: Service) -> Iterator[Metric]:
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
