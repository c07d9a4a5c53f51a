"""`/metrics` in Prometheus' text format (exposition format 0.0.4)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pogu.daemon.hosts import TcpHost, parse_host
from pogu.daemon.settings import Settings
from pogu.daemon.traffic import BUCKETS, Traffic
from pogu.errors import Conflict
from pogu.http import Request, Response, Server

if TYPE_CHECKING:
    from pogu.engine.engine import Engine

log = logging.getLogger(__name__)


async def serve_metrics(settings: Settings, engine: Engine, traffic: Traffic) -> Server | None:
    """Serve `/metrics` where `metrics-addr` says; None when it says nothing.

    Raises:
        InvalidArgument: the address makes no sense.
        Conflict: it is taken.
    """
    address = settings.get("metrics-addr")
    if not address:
        return None
    host = parse_host(f"tcp://{address}", default_socket=settings.socket, tls=False)
    assert isinstance(host, TcpHost)
    if not host.local:
        log.warning("metrics are readable on %s by everyone who can reach it: they have no TLS, as with dockerd", host)
    server = Server(MetricsPage(engine, traffic))
    try:
        await server.listen_tcp(host.address, host.port)
    except OSError as e:
        raise Conflict(f"cannot serve metrics on {host}: {e.strerror or e}") from e
    return server


class MetricsPage:
    """The handler of the metrics listener."""

    def __init__(self, engine: Engine, traffic: Traffic) -> None:
        from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_EngineCollector(engine, traffic))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    async def __call__(self, request: Request) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        if request.path != "/metrics":
            return Response(404, [("Content-Type", "text/plain")], b"not found: metrics are at /metrics\n")
        return Response(200, [("Content-Type", CONTENT_TYPE_LATEST)], generate_latest(self._registry))


class _EngineCollector:
    """Reads the engine's records at each scrape: nothing is kept twice."""

    def __init__(self, engine: Engine, traffic: Traffic) -> None:
        self._engine = engine
        self._traffic = traffic

    def collect(self) -> Iterator[Any]:
        yield from self._objects()
        yield from self._api()

    def _objects(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        from pogu import __version__

        info = InfoMetricFamily("pogu_engine", "This daemon")
        info.add_metric([], {"version": __version__, "storage_driver": self._engine.config.storage_driver})
        yield info
        states = Counter(container.state.status for container in self._engine.containers.list(all=True))
        containers = GaugeMetricFamily("pogu_containers", "Containers by state", labels=["state"])
        for state in sorted({"created", "running", "paused", "restarting", "exited", "dead", *states}):
            containers.add_metric([state], states[state])
        yield containers
        yield GaugeMetricFamily("pogu_images", "Images", value=len(self._engine.images.list()))
        yield GaugeMetricFamily("pogu_networks", "Networks", value=len(self._engine.networks.list()))
        yield GaugeMetricFamily("pogu_volumes", "Volumes", value=len(self._engine.volumes.list()))

    def _api(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        labels = ["class", "method"]
        requests = CounterMetricFamily("pogu_api_requests", "Requests answered", labels=[*labels, "status"])
        for (noun, method, status), count in sorted(self._traffic.requests.items()):
            requests.add_metric([noun, method, str(status)], count)
        yield requests
        latency = HistogramMetricFamily("pogu_api_request_seconds", "Time to the answer", labels=labels)
        for key, counts in sorted(self._traffic.latencies.items()):
            latency.add_metric(list(key), _cumulative(counts), self._traffic.seconds[key])
        yield latency
        yield GaugeMetricFamily(
            "pogu_api_in_flight", "Requests whose answer has not begun", value=self._traffic.in_flight
        )


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
