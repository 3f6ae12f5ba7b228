"""Figures for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/): requests, queries, workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import Receive, Scope, Send

from kgbuild import __version__
from kgbuild.server.exchange.answers import document, send_response
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.responses import header


async def metrics(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give all figures, as text for Prometheus or OpenMetrics."""
    service: Service = scope["service"]
    hits = service.meter.from_cache()
    registry = CollectorRegistry()
    registry.register(service.meter.registry)
    registry.register(_State(service, hits))
    ProcessCollector(registry=registry)
    write, media_type = choose_encoder(header(scope, b"accept") or "")
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
    await send_response(scope, document(media_type, write(registry), headers), send)


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
        yield _with(ended, dict(sorted(self.service.meter.ended.items())))
        yield from _queries(self.service)
        build = GaugeMetricFamily("kgbuild_build_info", "Version of the program.", labels=("version",))
        yield _with(build, {__version__: 1})
        release = GaugeMetricFamily("kgbuild_release_info", "Release that is served.", labels=("release",))
        yield _with(release, {self.service.release_id: 1})


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
