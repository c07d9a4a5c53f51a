"""Volumes."""

from __future__ import annotations

from collections.abc import Sequence

from pogu.dialects.docker.absent import NOT_A_MANAGER
from pogu.dialects.docker.call import Call, empty_response, json_response
from pogu.dialects.docker.rendering.volumes import render_volume
from pogu.dialects.docker.requests import VolumeCreateRequest
from pogu.dialects.docker.routes import Route, done, filters, flag, found
from pogu.engine.engine import Engine
from pogu.engine.volumes import LIST_FILTERS, PRUNE_FILTERS
from pogu.errors import NotFound, Unavailable
from pogu.http import Response


class VolumeRoutes:
    """Handlers of `/volumes`."""

    def __init__(self, engine: Engine) -> None:
        self._volumes = engine.volumes

    async def list(self, call: Call) -> Response:
        chosen = [render_volume(v) for v in self._volumes.list(call.filters())]
        return json_response({"Volumes": chosen, "Warnings": None})

    async def inspect(self, call: Call) -> Response:
        return json_response(render_volume(self._volumes.get(call.param("name"))))

    async def create(self, call: Call) -> Response:
        wanted = await call.body(VolumeCreateRequest)
        if wanted.cluster_volume_spec is not None and call.version >= (1, 42):
            raise Unavailable(NOT_A_MANAGER)
        volume = await self._volumes.create(
            wanted.name or None, wanted.driver or "local", wanted.driver_opts or {}, wanted.labels or {}
        )
        return json_response(render_volume(volume), 201)

    async def update(self, call: Call) -> Response:
        raise Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")

    async def remove(self, call: Call) -> Response:
        force = call.flag("force")
        try:
            await self._volumes.remove(call.param("name"), force=force)
        except NotFound:
            if not force:
                raise
        return empty_response()

    async def prune(self, call: Call) -> Response:
        names, reclaimed = await self._volumes.prune(call.filters(), all=call.version < (1, 42))
        return json_response({"VolumesDeleted": names or None, "SpaceReclaimed": reclaimed})

    def routes(self) -> Sequence[Route]:
        """Return the operations."""
        return [
            Route(
                "GET",
                "/volumes",
                self.list,
                "VolumeList",
                "List volumes",
                (filters(LIST_FILTERS),),
                None,
                found("The volumes", "VolumeList"),
                (400, 500),
            ),
            Route(
                "POST",
                "/volumes/create",
                self.create,
                "VolumeCreate",
                "Make a volume",
                (),
                VolumeCreateRequest,
                found("The volume", "VolumeInspect", 201),
                (400, 404, 409, 500, 503),
            ),
            Route(
                "GET",
                "/volumes/{name}",
                self.inspect,
                "VolumeInspect",
                "Show a volume",
                (),
                None,
                found("The volume", "VolumeInspect"),
                (404, 500),
            ),
            Route(
                "PUT",
                "/volumes/{name}",
                self.update,
                "VolumeUpdate",
                "Change a cluster volume",
                (),
                None,
                {},
                (400, 404, 500, 503),
                since=(1, 42),
            ),
            Route(
                "DELETE",
                "/volumes/{name}",
                self.remove,
                "VolumeDelete",
                "Remove a volume",
                (flag("force", "No error where it does not exist"),),
                None,
                done("Removed"),
                (404, 409, 500),
            ),
            Route(
                "POST",
                "/volumes/prune",
                self.prune,
                "VolumePrune",
                "Remove unused volumes",
                (filters(PRUNE_FILTERS),),
                None,
                found("What was removed", "VolumePruned"),
                (400, 500),
                since=(1, 25),
            ),
        ]
