"""Figures of a registry in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pogu.http import Request, Response
from pogu.registry.access import Identity
from pogu.registry.api import Site
from pogu.registry.collection import Collector
from pogu.registry.targets import Target
from pogu.registry.webhooks import Webhooks


class Metrics:
    """Counts answers as a witness of the front, and shows them with what the parts of the registry know."""

    def __init__(self, site: Site, collector: Collector, webhooks: Webhooks | None) -> None:
        self._site = site
        self._collector = collector
        self._webhooks = webhooks
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._sent: Counter[str] = Counter()
        self._quotas: list[tuple[str, int, int]] = []

    def __call__(self, request: Request, target: Target | None, identity: Identity, response: Response) -> None:
        """Count an answer."""
        kind = target.kind if target else "other"
        method = request.method if request.method in _METHODS else "other"
        self._answers[kind, method, response.status] += 1
        if method == "GET" and response.status in (200, 206) and kind in ("blob", "manifest"):
            self._sent[kind] += _length(response)

    async def page(self) -> Response:
        """The answer to `GET /metrics`."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415

        if self._site.quotas is not None:
            self._quotas = await self._site.quotas.usage()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return Response(200, [("Content-Type", CONTENT_TYPE_LATEST)], generate_latest(registry))

    def collect(self) -> Iterator[Any]:
        """What prometheus_client asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        answers = CounterMetricFamily(
            "pogu_registry_requests", "Requests answered", labels=["endpoint", "method", "status"]
        )
        for (kind, method, status), count in sorted(self._answers.items()):
            answers.add_metric([kind, method, str(status)], count)
        yield answers
        sent = CounterMetricFamily("pogu_registry_sent_bytes", "Content in answers that were begun", labels=["kind"])
        for kind, count in sorted(self._sent.items()):
            sent.add_metric([kind], count)
        yield sent
        yield GaugeMetricFamily("pogu_registry_uploads", "Uploads under way", value=len(self._site.uploads))
        yield CounterMetricFamily("pogu_registry_collections", "Garbage collections", value=self._collector.runs)
        yield CounterMetricFamily(
            "pogu_registry_collected_bytes", "Freed by garbage collections", value=self._collector.freed
        )
        if self._webhooks is not None:
            yield GaugeMetricFamily(
                "pogu_registry_events_waiting", "Events not delivered yet", value=self._webhooks.waiting
            )
        used = GaugeMetricFamily("pogu_registry_quota_used_bytes", "What a quota's repositories hold", labels=["quota"])
        most = GaugeMetricFamily("pogu_registry_quota_bytes", "What they may hold", labels=["quota"])
        for pattern, now, limit in self._quotas:
            used.add_metric([pattern], now)
            most.add_metric([pattern], limit)
        yield used
        yield most


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


def _length(response: Response) -> int:
    if isinstance(response.body, bytes):
        return len(response.body)
    return next((int(value) for name, value in response.headers if name == "Content-Length"), 0)
