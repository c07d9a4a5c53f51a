"""Which part of a registry answers a request: the API, the token server, or the page for people."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from pogu.errors import PoguError
from pogu.http import Request, Response
from pogu.registry.api.front import Front
from pogu.registry.refusals import Refused, refusal, render

log = logging.getLogger(__name__)

Door = Callable[[Request], Awaitable[Response]]


class Doors:
    """The handler that a registry's listeners serve."""

    def __init__(self, front: Front, tokens: Door | None = None, page: Door | None = None) -> None:
        self._front = front
        self._tokens = tokens
        self._page = page

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        path = request.route_path
        if path.startswith("/v2/") or path == "/v2":
            return await self._front(request)
        try:
            if path == "/token" and self._tokens is not None:
                return await self._tokens(request)
            if path == "/healthz":
                return Response(200, [("Content-Type", "text/plain")], b"ok\n")
            if self._page is not None:
                return await self._page(request)
        except PoguError as error:
            return render(refusal(error))
        except OSError as error:
            log.error("%s %s failed: %s", request.method, request.path, error)
            return render(Refused("UNSUPPORTED", "the storage fails", status=503))
        return await self._front(request)


class MetricsDoor:
    """The handler of the metrics listener."""

    def __init__(self, page: Callable[[], Awaitable[Response]]) -> None:
        self._page = page

    async def __call__(self, request: Request) -> Response:
        """`/metrics`, and nothing else."""
        if request.path != "/metrics":
            return Response(404, [("Content-Type", "text/plain")], b"not found: metrics are at /metrics\n")
        return await self._page()
