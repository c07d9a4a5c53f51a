"""The daemon itself: ping, version, info, events and disk usage."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from pogu.dialects.docker.call import Call, close_iterator, json_response, stream_response
from pogu.dialects.docker.filters import check_keys
from pogu.dialects.docker.info import SWARM_INACTIVE, render_info, render_version
from pogu.dialects.docker.rendering.build_cache import render_cache_usage
from pogu.dialects.docker.rendering.containers import render_summary
from pogu.dialects.docker.rendering.events import render_event
from pogu.dialects.docker.rendering.images import render_image_summary
from pogu.dialects.docker.rendering.volumes import render_volume
from pogu.dialects.docker.routes import TEXT, Answer, Parameter, Route, filters, found, stream, text
from pogu.dialects.docker.version import ApiVersion
from pogu.engine.engine import Engine
from pogu.engine.events import EventFilter
from pogu.errors import InvalidArgument
from pogu.http import Response

_USAGE_TYPES = ("container", "image", "volume", "build-cache")
_EVENT_FILTERS = frozenset(
    "config container daemon event image label network node plugin scope secret service type volume".split()
)


class SystemRoutes:
    """Handlers of what is not about one object."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ping(self, call: Call) -> Response:
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Cache-Control", "no-cache, no-store, must-revalidate"),
            ("Pragma", "no-cache"),
            ("Builder-Version", "1"),  # the classic builder: the command must not look for BuildKit
            ("Swarm", str(SWARM_INACTIVE["LocalNodeState"])),
        ]
        return Response(200, headers, b"OK" if call.request.method == "GET" else b"")

    async def version(self, call: Call) -> Response:
        return json_response(await render_version(self._engine))

    async def info(self, call: Call) -> Response:
        return json_response(await render_info(self._engine, call.version))

    async def events(self, call: Call) -> Response:
        since, until = call.timestamp("since"), call.timestamp("until")
        if since is not None and until is not None and until < since:
            raise InvalidArgument(
                f"`since` time ({call.text('since')}) cannot be after `until` time ({call.text('until')})"
            )
        filters = call.filters()
        check_keys(filters, _EVENT_FILTERS)
        events = self._events(EventFilter(filters), since, until, call.version)
        return stream_response(events)

    async def _events(
        self, terms: EventFilter, since: int | None, until: int | None, version: ApiVersion
    ) -> AsyncIterator[bytes]:
        stream = self._engine.events.subscribe_batches(terms, since, until)
        try:
            async for batch in stream:
                wanted = [e for e in batch if version >= (1, 46) or (e.type, e.action) != ("image", "create")]
                yield b"".join([msgspec.json.encode(render_event(event)) + b"\n" for event in wanted])
        finally:
            await close_iterator(stream)

    async def disk_usage(self, call: Call) -> Response:
        types = call.texts("type") if call.version >= (1, 42) else []
        for kind in types:
            if kind not in _USAGE_TYPES:
                raise InvalidArgument(f"unknown object type: {kind}")
        wanted = set(types or _USAGE_TYPES)
        usage: dict[str, Any] = {}
        if "image" in wanted:
            usage |= self._image_usage(call.version)
        if "container" in wanted:
            usage["Containers"] = await self._container_usage(call.version)
        if "volume" in wanted:
            usage["Volumes"] = await self._volume_usage()
        if "build-cache" in wanted:
            usage |= self._cache_usage(call.version)
        return json_response(usage)

    def _image_usage(self, version: ApiVersion) -> dict[str, Any]:
        usage = self._engine.images.df()
        return {
            "LayersSize": usage.layers_size,
            "Images": [render_image_summary(i, version) for i in usage.images],
        }

    async def _container_usage(self, version: ApiVersion) -> list[dict[str, Any]]:
        containers, now = self._engine.containers, time.time_ns()
        return [
            render_summary(
                c,
                version,
                now,
                image=c.config.image or c.image_id,
                sizes=await containers.size(c.id),
            )
            for c in containers.list(all=True)
        ]

    def _cache_usage(self, version: ApiVersion) -> dict[str, Any]:
        found = self._engine.builder.usage()
        old = {} if version >= (1, 42) else {"BuilderSize": sum(each.size for each in found if not each.shared)}
        return {"BuildCache": [render_cache_usage(each) for each in found], **old}

    async def _volume_usage(self) -> list[dict[str, Any]]:
        volumes = self._engine.volumes
        plain_ones = [v for v in volumes.list() if not v.options]  # others may be anywhere, as dockerd has it
        return [render_volume(v, (await volumes.size(v.name), len(volumes.in_use(v.name)))) for v in plain_ones]

    def routes(self) -> list[Route]:
        """Return the operations."""
        ok = {200: Answer("OK", TEXT)}
        return [
            Route("GET", "/_ping", self.ping, "SystemPing", "Ask whether it is there", answers=ok),
            Route("HEAD", "/_ping", self.ping, "SystemPingHead", "Ask whether it is there", answers=ok),
            Route(
                "GET", "/version", self.version, "SystemVersion", "Show versions", answers=found("Versions", "Version")
            ),
            Route(
                "GET", "/info", self.info, "SystemInfo", "Show the engine and its host", answers=found("Facts", "Info")
            ),
            Route(
                "GET",
                "/events",
                self.events,
                "SystemEvents",
                "Stream what happens",
                (
                    text("since", "From this Unix time on"),
                    text("until", "Until this Unix time"),
                    filters(_EVENT_FILTERS),
                ),
                None,
                stream("What happens, as it happens", "Event"),
                watched=True,
            ),
            Route(
                "GET",
                "/system/df",
                self.disk_usage,
                "SystemDataUsage",
                "Show what uses the disk",
                (Parameter("type", "Only these kinds", repeated=True, values=_USAGE_TYPES),),
                None,
                found("Usage", "DiskUsage"),
            ),
        ]
