"""Counting the API's requests, for `/metrics` and the debug log: how many, how long, with what result."""

from __future__ import annotations

import bisect
import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from pogu.http import Request, Response

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response | None]]

# Seconds; a start takes tens of milliseconds, a pull minutes.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_VERSION = re.compile(r"^/v\d+\.\d+(?=/)")
_CLASSES = frozenset(
    "_ping auth build commit configs containers distribution events exec images info networks nodes plugins secrets "
    "services session swarm system tasks version volumes _pogu".split()
)


def route_class(path: str) -> str:
    """Return the noun of a path without its version: `/v1.50/containers/x/json` is `containers`; `other` if unknown."""
    noun = _VERSION.sub("", path).split("/", 2)[1:2]
    return noun[0] if noun and noun[0] in _CLASSES else "other"


class Traffic:
    """Wraps a handler and keeps counts by (class, method, status) and a latency histogram by (class, method).

    Requests that take the connection over or follow something (attach, logs, events) count when they end, but not
    into the latencies: their time is the client's choice.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.latencies: dict[tuple[str, str], list[int]] = {}
        self.seconds: Counter[tuple[str, str]] = Counter()
        self.in_flight = 0

    async def __call__(self, request: Request) -> Response | None:
        started = time.perf_counter()
        status = 500
        self.in_flight += 1
        try:
            response = await self._handler(request)
            status = 101 if response is None else response.status
        finally:
            self.in_flight -= 1
            self._count(request, status, time.perf_counter() - started)
        if response is not None and isinstance(response.body, bytes):
            self._observe(request, time.perf_counter() - started)
        return response

    def _count(self, request: Request, status: int, seconds: float) -> None:
        self.requests[route_class(request.path), request.method, status] += 1
        if log.isEnabledFor(logging.DEBUG):
            # without the query, which may hold secrets (build arguments)
            log.debug("%s %s: %d in %.1f ms", request.method, request.path, status, seconds * 1000)

    def _observe(self, request: Request, seconds: float) -> None:
        key = (route_class(request.path), request.method)
        counts = self.latencies.setdefault(key, [0] * (len(BUCKETS) + 1))
        counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.seconds[key] += seconds  # type: ignore[assignment] # a Counter adds floats as well
