"""Containers: everything but create, streams and archives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pogu.dialects.docker.call import Call, empty_response, json_response
from pogu.dialects.docker.filters import check_keys
from pogu.dialects.docker.rendering.containers import render_inspect, render_summary
from pogu.dialects.docker.requests import UpdateRequest
from pogu.dialects.docker.routes import Answer, Route, done, filters, flag, found, listing, number, text
from pogu.engine.containers.times import was_started
from pogu.engine.engine import Engine
from pogu.engine.model import Container, RestartPolicy
from pogu.errors import InvalidArgument, NotFound, PoguError
from pogu.http import Response

_LIST_FILTERS = frozenset(
    "ancestor before exited id isolation label name status health since volume network is-task publish expose".split()
)
_PRUNE_FILTERS = ("label", "label!", "until")
_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
_HEALTH = ("none", "starting", "healthy", "unhealthy")


class ContainerRoutes:
    """Handlers of `/containers`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._containers = engine.containers

    async def list(self, call: Call) -> Response:
        filters = call.filters()
        check_keys(filters, _LIST_FILTERS)
        _check_values(filters.get("status", ()), _STATES, "status", "state")
        _check_values(filters.get("health", ()), _HEALTH, "health", "health")
        every = call.flag("all") or "status" in filters
        chosen = self._containers.list(all=every, limit=call.integer("limit") or 0, filters=filters)
        sizes = [await self._containers.size(c.id) for c in chosen] if call.flag("size") else [None] * len(chosen)
        return json_response(self._summaries(call, chosen, sizes))

    def _summaries(
        self, call: Call, chosen: Sequence[Container], sizes: Sequence[tuple[int, int] | None]
    ) -> Sequence[dict[str, Any]]:
        now = time.time_ns()
        names: dict[tuple[str, str], str] = {}
        return [
            render_summary(
                c,
                call.version,
                now,
                image=self._image_name(c, names),
                sizes=size,
            )
            for c, size in zip(chosen, sizes, strict=True)
        ]

    def _image_name(self, container: Container, known: dict[tuple[str, str], str]) -> str:
        """Return the name a container's image was given by, or its ID once the name is another image's."""
        name = container.config.image or container.image_id
        key = (name, container.image_id)
        if key not in known:
            try:
                same = self._engine.images.resolve(name).id == container.image_id
            except (NotFound, InvalidArgument):
                same = False
            known[key] = name if same else container.image_id
        return known[key]

    async def inspect(self, call: Call) -> Response:
        container = self._containers.get(call.param("name"))
        sizes = await self._containers.size(container.id) if call.flag("size") else None
        value = render_inspect(
            container,
            call.version,
            directory=self._files_of(container),
            sandbox=self._containers.sandbox(container),
            exec_ids=self._containers.exec_ids(container.id),
            sizes=sizes,
            graph_data=self._containers.graph_data(container),
        )
        return json_response(value)

    def _files_of(self, container: Container) -> str:
        """Return the directory of hosts, hostname and resolv.conf, the donor's where it has one."""
        state = container.state
        if not was_started(state.started_at) and not state.exit_code:
            return ""
        kind, _, donor = (container.host_config.network_mode or "").partition(":")
        return str(self._engine.config.root / "containers" / (donor if kind == "container" else container.id))

    async def start(self, call: Call) -> Response:
        if call.has_body() and len((await call.request.read_body(1 << 16)).strip()) > 7:
            raise InvalidArgument(
                "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"
            )
        await self._containers.start(call.param("name"))
        return empty_response()

    async def stop(self, call: Call) -> Response:
        await self._containers.stop(call.param("name"), signal=_signal(call), timeout=call.integer("t"))
        return empty_response()

    async def restart(self, call: Call) -> Response:
        await self._containers.restart(call.param("name"), signal=_signal(call), timeout=call.integer("t"))
        return empty_response()

    async def kill(self, call: Call) -> Response:
        name = call.param("name")
        try:
            await self._containers.kill(name, call.text("signal") or "SIGKILL")
        except PoguError as e:
            raise type(e)(f"cannot kill container: {name}: {e.message}") from None
        return empty_response()

    async def pause(self, call: Call) -> Response:
        await self._containers.pause(call.param("name"))
        return empty_response()

    async def unpause(self, call: Call) -> Response:
        await self._containers.unpause(call.param("name"))
        return empty_response()

    async def rename(self, call: Call) -> Response:
        if not call.text("name"):
            raise InvalidArgument("Neither old nor new names may be empty")
        await self._containers.rename(call.param("name"), call.text("name"))
        return empty_response()

    async def remove(self, call: Call) -> Response:
        await self._containers.remove(
            call.param("name"), force=call.flag("force"), volumes=call.flag("v"), link=call.flag("link")
        )
        return empty_response()

    async def resize(self, call: Call) -> Response:
        height, width = call.size("h", "height"), call.size("w", "width")
        await self._containers.resize(call.param("name"), height, width)
        return empty_response(200)

    async def update(self, call: Call) -> Response:
        wanted = await call.body(UpdateRequest)
        if call.version < (1, 40):
            wanted.pids_limit = None
        if wanted.pids_limit is not None and wanted.pids_limit <= 0:
            wanted.pids_limit = 0
        resources = {
            name: value
            for name in wanted.__struct_fields__
            if name != "restart_policy" and (value := getattr(wanted, name)) is not None
        }
        policy = wanted.restart_policy
        warnings = await self._containers.update(call.param("name"), resources, _given(policy))
        return json_response({"Warnings": warnings or None})

    async def top(self, call: Call) -> Response:
        titles, rows = await self._containers.top(call.param("name"), call.text("ps_args") or "-ef")
        return json_response({"Titles": titles, "Processes": rows})

    async def changes(self, call: Call) -> Response:
        changes = await self._containers.changes(call.param("name"))
        return json_response([{"Path": c.path, "Kind": int(c.kind)} for c in changes] or None)

    async def prune(self, call: Call) -> Response:
        filters = call.filters()
        check_keys(filters, _PRUNE_FILTERS)
        deleted, reclaimed = await self._containers.prune(filters)
        return json_response({"ContainersDeleted": deleted or None, "SpaceReclaimed": reclaimed})

    def routes(self) -> Sequence[Route]:
        """Return the operations, for the router and the description."""
        stopping = (text("signal", "Signal to send first"), number("t", "Seconds to wait before killing it"))
        return [
            Route(
                "GET",
                "/containers/json",
                self.list,
                "ContainerList",
                "List containers",
                (
                    flag("all", "Show stopped containers too"),
                    number("limit", "Only the newest so many"),
                    flag("size", "Give sizes"),
                    filters(_LIST_FILTERS),
                ),
                None,
                listing("The containers", "ContainerSummary"),
                (400, 500),
            ),
            Route(
                "GET",
                "/containers/{name:path}/json",
                self.inspect,
                "ContainerInspect",
                "Show a container",
                (flag("size", "Give sizes"),),
                None,
                found("The container", "ContainerInspect"),
                (404, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/start",
                self.start,
                "ContainerStart",
                "Start a container",
                (text("detachKeys", "Keys that detach"),),
                None,
                {**done("Started"), 304: Answer("Already started", None)},
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/stop",
                self.stop,
                "ContainerStop",
                "Stop a container",
                stopping,
                None,
                {**done("Stopped"), 304: Answer("Already stopped", None)},
                (400, 404, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/restart",
                self.restart,
                "ContainerRestart",
                "Stop and start a container",
                stopping,
                None,
                done("Restarted"),
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/kill",
                self.kill,
                "ContainerKill",
                "Send a signal",
                (text("signal", "Name or number of the signal"),),
                None,
                done("Sent"),
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/pause",
                self.pause,
                "ContainerPause",
                "Freeze all processes",
                (),
                None,
                done("Paused"),
                (400, 404, 409, 500, 501),
            ),
            Route(
                "POST",
                "/containers/{name:path}/unpause",
                self.unpause,
                "ContainerUnpause",
                "Thaw all processes",
                (),
                None,
                done("Unpaused"),
                (400, 404, 409, 500, 501),
            ),
            Route(
                "POST",
                "/containers/{name:path}/rename",
                self.rename,
                "ContainerRename",
                "Give a new name",
                (text("name", "The new name", True),),
                None,
                done("Renamed"),
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/resize",
                self.resize,
                "ContainerResize",
                "Resize the terminal",
                (number("h", "Rows", True), number("w", "Columns", True)),
                None,
                done("Resized", 200),
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/containers/{name:path}/update",
                self.update,
                "ContainerUpdate",
                "Change limits and the restart policy",
                (),
                UpdateRequest,
                found("Warnings", "ContainerUpdated"),
                (400, 404, 409, 500),
            ),
            Route(
                "GET",
                "/containers/{name:path}/top",
                self.top,
                "ContainerTop",
                "List processes",
                (text("ps_args", "Arguments of ps"),),
                None,
                found("The processes", "ContainerTop"),
                (400, 404, 409, 500),
            ),
            Route(
                "GET",
                "/containers/{name:path}/changes",
                self.changes,
                "ContainerChanges",
                "List changed files",
                (),
                None,
                found("The changes", "ContainerChanges"),
                (404, 500),
            ),
            Route(
                "POST",
                "/containers/prune",
                self.prune,
                "ContainerPrune",
                "Remove stopped containers",
                (filters(_PRUNE_FILTERS),),
                None,
                found("What was removed", "ContainerPruned"),
                (400, 409, 500),
                since=(1, 25),
            ),
            Route(
                "DELETE",
                "/containers/{name:path}",
                self.remove,
                "ContainerDelete",
                "Remove a container",
                (
                    flag("v", "Remove its anonymous volumes"),
                    flag("force", "Kill it first"),
                    flag("link", "Remove a link instead"),
                ),
                None,
                done("Removed"),
                (400, 404, 409, 500),
            ),
        ]


def _signal(call: Call) -> str | None:
    return (call.text("signal") or None) if call.version >= (1, 42) else None


def _given(policy: RestartPolicy | None) -> RestartPolicy | None:
    """The docker command sends an empty policy where it was given none."""
    return policy if policy is not None and policy.name else None


def _check_values(values: Any, allowed: tuple[str, ...], key: str, what: str) -> None:
    for value in values:
        if value not in allowed:
            raise InvalidArgument(
                f"invalid filter '{key}={value}': invalid value for {what} ({value}): "
                f"must be one of {', '.join(allowed)}"
            )
