"""Builds: `POST /build` in its classic form, and the build cache."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import msgspec

from pogu.dialects.buildkit.sessions import Sessions
from pogu.dialects.docker.buildkit_builds import BuildKitBuilds
from pogu.dialects.docker.call import Call, json_response, primed, stream_response
from pogu.dialects.docker.image_create import progress_stream
from pogu.dialects.docker.rendering.classic_build import ClassicBuild, Events, told_failure
from pogu.dialects.docker.routes import TAR, Answer, Parameter, Route, filters, flag, found, number, stream, text
from pogu.engine.build.cache import PRUNE_FILTERS
from pogu.engine.build.client import Login, SilentClient
from pogu.engine.build.contexts.inputs import Inputs
from pogu.engine.build.options import BuildOptions
from pogu.engine.build.steps import RunLimits
from pogu.engine.engine import Engine
from pogu.engine.images import Progress, parse_reference
from pogu.engine.images.digests import short_id
from pogu.engine.registries.credentials import Credentials, decode_header
from pogu.errors import InvalidArgument
from pogu.http import Response

T = TypeVar("T")


class BuildRoutes:
    """Handlers of `/build` and `/build/prune`."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._builder = engine.builder
        self._images = engine.images
        self._buildkit = BuildKitBuilds(engine.builder, sessions)

    async def build(self, call: Call) -> Response:
        if call.text("version") == "2":
            return await self._buildkit.build(call, build_options(call, classic=False), logins(call))
        options = build_options(call)
        client = SilentClient(logins(call))
        quiet = call.flag("q")

        async def work(report: Progress) -> None:
            say: Progress = (lambda message: None) if quiet else report
            events = Events()
            async with (
                self._inputs(call, options, events) as inputs,
                self._builder.building(inputs, options, client, events.take) as building,
            ):
                identifier = await ClassicBuild(building, self._images, events, say).run()
                if options.squash:
                    identifier = await self._builder.squash(building, identifier)
                await self._finish(identifier, building.plan.unused_arguments, options, report, quiet=quiet)

        return stream_response(await primed(progress_stream(work, late=False, failure=told_failure)))

    def _inputs(self, call: Call, options: BuildOptions, events: Events) -> AbstractAsyncContextManager[Inputs]:
        remote = call.text("remote")
        if remote:
            return self._builder.receiver.remote(remote, options.dockerfile, events.take)
        return self._builder.receiver.archive(call.request.stream_body(), options.dockerfile)

    async def _finish(
        self, identifier: str, unused: list[str], options: BuildOptions, report: Progress, *, quiet: bool
    ) -> None:
        report({"aux": {"ID": identifier}})
        if quiet:
            report({"stream": f"{identifier}\n"})
        else:
            if unused:
                names = " ".join(unused)
                report({"stream": f"[Warning] One or more build-args [{names}] were not consumed\n"})
            report({"stream": f"Successfully built {short_id(identifier)}\n"})
        for tag in options.tags:
            reference = parse_reference(tag).tagged()
            await self._images.tag(identifier, reference.familiar_name, reference.tag)
            if not quiet:
                report({"stream": f"Successfully tagged {reference.familiar}\n"})

    async def cancel(self, call: Call) -> Response:
        self._buildkit.jobs.cancel(call.text("id"))
        return Response(200)

    async def prune(self, call: Call) -> Response:
        wanted = {name: list(values) for name, values in call.filters().items()}
        keep = call.integer("keep-storage") or 0
        removed, freed = await self._builder.prune(wanted, every=call.flag("all"), keep=keep)
        return json_response({"CachesDeleted": removed or None, "SpaceReclaimed": freed})

    def routes(self) -> list[Route]:
        """Return the operations."""
        return [
            Route(
                "POST",
                "/build",
                self.build,
                "ImageBuild",
                "Build an image from a Dockerfile",
                _PARAMETERS,
                TAR,
                stream("What happens, as it happens", "Progress"),
                (400, 401, 403, 404, 500, 501, 503),
                watched=True,
            ),
            Route(
                "POST",
                "/build/cancel",
                self.cancel,
                "BuildCancel",
                "Cancel a build that was begun with an ID",
                (text("id", "The build's ID", required=True),),
                None,
                {200: Answer("Cancelled, or not running", None)},
                (500,),
                (1, 39),
            ),
            Route(
                "POST",
                "/build/prune",
                self.prune,
                "BuildPrune",
                "Empty the build cache",
                (
                    flag("all", "What images share as well"),
                    number("keep-storage", "Bytes that may stay"),
                    filters(PRUNE_FILTERS),
                ),
                None,
                found("What is gone", "CachePruned"),
                (400, 500),
                (1, 31),
            ),
        ]


_PARAMETERS = (
    text("dockerfile", "Path of the Dockerfile in the context"),
    Parameter("t", "Name and tag", repeated=True),
    text("remote", "URL of a git repository, an archive or a Dockerfile"),
    flag("q", "Only the image's ID"),
    flag("nocache", "Without the cache"),
    text("cachefrom", "JSON array of images"),
    text("pull", "Pull the base images in any case"),
    flag("rm", "Remove containers between steps (they always go)"),
    flag("forcerm", "Remove them after a failure as well"),
    number("memory", "Bytes"),
    number("memswap", "Bytes of memory and swap"),
    number("cpushares", "Weight"),
    text("cpusetcpus", "CPUs"),
    text("cpusetmems", "Memory nodes"),
    number("cpuperiod", "Microseconds"),
    number("cpuquota", "Microseconds"),
    text("buildargs", "JSON object of build arguments"),
    number("shmsize", "Bytes"),
    flag("squash", "One layer for all the steps"),
    text("labels", "JSON object of labels"),
    text("networkmode", "Network of RUN"),
    text("platform", "os[/arch[/variant]]"),
    text("target", "Stage to build"),
    text("extrahosts", "name:address"),
    text("ulimits", "JSON array of limits"),
    text("cgroupparent", "Control group of RUN"),
    text("version", "1: the classic form; 2: as BuildKit tells of it, with a session"),
    text("session", "ID of the session to ask for what is needed"),
    text("buildid", "ID to cancel the build by, or after `upload-request:` the build that this context is for"),
    text("outputs", "JSON array of one output: its Type and Attrs"),
    text("contexts", "JSON object of named contexts: docker-image://IMAGE, or local:DIRECTORY of the session"),
    text("nocachefilter", "JSON array of stages that are not taken from the cache"),
    text("cacheto", "JSON array of images that are pushed to serve as caches"),
)


def build_options(call: Call, *, classic: bool = True) -> BuildOptions:
    """Return the options of a build in a query. Raises InvalidArgument."""
    if call.text("securityopt"):
        raise InvalidArgument("The daemon on this platform does not support setting security options on build")
    return BuildOptions(
        tags=tuple(tag for tag in call.texts("t") if tag),
        dockerfile=call.text("dockerfile") or "Dockerfile",
        target=call.text("target"),
        args=_json(call, "buildargs", dict[str, str | None], {}),
        labels=_json(call, "labels", dict[str, str], {}),
        platform=call.text("platform"),
        network="" if call.text("networkmode") == "default" else call.text("networkmode"),
        no_cache=call.flag("nocache"),
        pull=call.flag("pull"),
        squash=call.flag("squash"),
        cache_from=tuple(_json(call, "cachefrom", list[str], [])),
        cache_to=tuple(_json(call, "cacheto", list[str], [])),
        no_cache_filter=tuple(_json(call, "nocachefilter", list[str], [])),
        contexts=_json(call, "contexts", dict[str, str], {}),
        limits=_limits(call),
        classic=classic,
    )


class _Limit(msgspec.Struct, rename="pascal"):
    name: str
    soft: int
    hard: int


def _limits(call: Call) -> RunLimits:
    ulimits: list[_Limit] = _json(call, "ulimits", list[_Limit], [])
    hosts = [host for value in call.texts("extrahosts") for host in _hosts(value)]
    return RunLimits(
        memory=call.integer("memory") or 0,
        memory_swap=call.integer("memswap") or 0,
        cpu_shares=call.integer("cpushares") or 0,
        cpu_period=call.integer("cpuperiod") or 0,
        cpu_quota=call.integer("cpuquota") or 0,
        cpuset_cpus=call.text("cpusetcpus"),
        cpuset_mems=call.text("cpusetmems"),
        shm_size=call.integer("shmsize") or 0,
        ulimits=tuple((limit.name, limit.soft, limit.hard) for limit in ulimits),
        cgroup_parent=call.text("cgroupparent"),
        extra_hosts=tuple(hosts),
    )


def _hosts(value: str) -> list[str]:
    """Hosts come one by one, or as a JSON object or array, from different clients."""
    if value[:1] not in ("{", "["):
        return [value] if value else []
    try:
        decoded: dict[str, str] | list[str] = msgspec.json.decode(value, type=dict[str, str] | list[str])
    except msgspec.MsgspecError as e:
        raise InvalidArgument(f"invalid extrahosts: {e}") from None
    return [f"{name}:{address}" for name, address in decoded.items()] if isinstance(decoded, dict) else decoded


def _json(call: Call, name: str, type_: Any, default: T) -> T:
    value = call.text(name)
    if not value:
        return default
    try:
        decoded: T | None = msgspec.json.decode(value, type=type_ | None)
    except msgspec.MsgspecError as e:
        raise InvalidArgument(f"error reading {name}: {e}") from None
    return default if decoded is None else decoded


def logins(call: Call) -> Mapping[str, Login]:
    """Return the logins that a client sends along, by registry (`X-Registry-Config`)."""
    header = call.request.headers.get("X-Registry-Config") or ""
    if not header:
        return {}
    try:
        decoded = msgspec.json.decode(decode_header(header), type=dict[str, Credentials])
    except (msgspec.MsgspecError, ValueError):
        return {}
    found: dict[str, Login] = {}
    for host, credentials in decoded.items():
        name = host.removeprefix("https://").removeprefix("http://").partition("/")[0]
        name = "docker.io" if name == "index.docker.io" else name
        pair = credentials.pair()
        if credentials.identitytoken:
            found[name] = Login("<token>", credentials.identitytoken)
        elif pair is not None:
            found[name] = Login(*pair)
    return found
