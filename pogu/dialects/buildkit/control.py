"""`moby.buildkit.v1.Control`: builds, their progress, and the cache, for clients that speak BuildKit's own protocol."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pogu
from pogu.dialects.buildkit.frontend import check_frontend, client_directories, options_of
from pogu.dialects.buildkit.gateway import Gateway
from pogu.dialects.buildkit.grpc import Handler, Incoming, Services
from pogu.dialects.buildkit.jobs import Job, Jobs
from pogu.dialects.buildkit.located import located
from pogu.dialects.buildkit.messages import control as messages
from pogu.dialects.buildkit.messages.control import timestamp
from pogu.dialects.buildkit.messages.ops import Platform
from pogu.dialects.buildkit.outputs import output_of
from pogu.dialects.buildkit.session_client import SessionClient
from pogu.dialects.buildkit.sessions import Sessions
from pogu.dialects.buildkit.trace import Trace
from pogu.engine.build.building import Builder
from pogu.engine.build.contexts.inputs import Inputs
from pogu.engine.build.options import BuildOptions, Output
from pogu.engine.build.progress import Report
from pogu.engine.images import host_platform
from pogu.engine.moments import recorded_ns
from pogu.errors import Cancelled, InvalidArgument, PoguError, Unavailable, Unsupported

_SERVICE = "/moby.buildkit.v1.Control"
_UPLOADED = "http://buildkit-session/"
"""What the address of a context begins with that the client gives out over its session."""
_VERSION = messages.BuildkitVersion(package="pogu", version=pogu.__version__)


class Control:
    """Answers the calls of one engine's clients; `services` is what to serve on each of their connections."""

    def __init__(self, builder: Builder, sessions: Sessions) -> None:
        self._builder = builder
        self._sessions = sessions
        self._jobs = Jobs()
        self.services = Services({**self.methods(), **Gateway(self._jobs, worker).methods()})

    def methods(self) -> Mapping[str, Handler]:
        """Return what can be called."""
        return {
            f"{_SERVICE}/Solve": self.solve,
            f"{_SERVICE}/Status": self.status,
            f"{_SERVICE}/ListWorkers": self.list_workers,
            f"{_SERVICE}/Info": self.info,
            f"{_SERVICE}/DiskUsage": self.disk_usage,
            f"{_SERVICE}/Prune": self.prune,
        }

    # --- builds ---

    async def solve(self, call: Incoming) -> None:
        request = await call.request(messages.SolveRequest)
        with self._jobs.running(request.ref) as job:
            attributes = await _attributes(request, job)
            trace = Trace(job.tell)
            response: dict[str, str] = {}
            if attributes is not None:
                async with trace.running():
                    response = await self._build(request, attributes, trace.take)
            job.finish()
            await call.send([messages.SolveResponse(exporter_response=response)])

    async def _build(
        self, request: messages.SolveRequest, attributes: Mapping[str, str], report: Report
    ) -> dict[str, str]:
        client = SessionClient(await self._sessions.get(request.session))
        outputs = _outputs(request)
        options = replace(_with_cache(options_of(attributes), request.cache), outputs=outputs)
        dockerfile = b""
        try:
            async with self._inputs(client, options, attributes, report) as inputs:
                dockerfile = inputs.dockerfile
                return await self._make(inputs, options, client, report)
        except (Cancelled, Unavailable):
            raise
        except PoguError as e:
            raise located(e, dockerfile, options.dockerfile) from None

    async def _make(
        self, inputs: Inputs, options: BuildOptions, client: SessionClient, report: Report
    ) -> dict[str, str]:
        if not options.outputs:
            async with self._builder.building(inputs, options, client, report) as building:
                await building.solver.solve([building.plan.target.step])
            return {}
        image = await self._builder.build(inputs, options, client, report)
        if not image:
            return {}
        names = ",".join(options.outputs[0].names)
        named = {"image.name": names} if names else {}
        return {"containerimage.digest": image, "containerimage.config.digest": image, **named}

    def _inputs(
        self, client: SessionClient, options: BuildOptions, attributes: Mapping[str, str], report: Report
    ) -> AbstractAsyncContextManager[Inputs]:
        receiver, context = self._builder.receiver, attributes.get("context", "")
        if not context:
            return receiver.session(client, options.dockerfile, client_directories(attributes), report)
        if context.startswith(_UPLOADED):
            return receiver.archive(client.upload(context), options.dockerfile)
        return receiver.remote(context, options.dockerfile, report)

    async def status(self, call: Incoming) -> None:
        request = await call.request(messages.StatusRequest)
        job = await self._jobs.get(request.ref)
        async for parcels in job.follow():
            await call.send(parcels)

    # --- the builder ---

    async def list_workers(self, call: Incoming) -> None:
        await call.request(messages.ListWorkersRequest)
        await call.send([messages.ListWorkersResponse(record=[worker()])])

    async def info(self, call: Incoming) -> None:
        await call.request(messages.InfoRequest)
        await call.send([messages.InfoResponse(version=_VERSION)])

    async def disk_usage(self, call: Incoming) -> None:
        await call.request(messages.DiskUsageRequest)
        await call.send([messages.DiskUsageResponse(record=self._usage())])

    async def prune(self, call: Incoming) -> None:
        request = await call.request(messages.PruneRequest)
        before = {record.id: record for record in self._usage()}
        unused = [f"{request.keep_duration // 10**9}s"] if request.keep_duration else []
        filters = {"unused-for": unused} if unused else {}
        gone, _ = await self._builder.prune(filters, every=request.all, keep=request.reserved_space)
        await call.send([before[identifier] for identifier in gone if identifier in before])

    def _usage(self) -> list[messages.UsageRecord]:
        return [
            messages.UsageRecord(
                id=usage.id,
                in_use=usage.in_use,
                size=usage.size,
                created_at=timestamp(recorded_ns(usage.created)),
                last_used_at=timestamp(recorded_ns(usage.last_used)),
                usage_count=usage.uses,
                description=usage.description,
                record_type="regular",
                shared=usage.shared,
            )
            for usage in self._builder.usage()
        ]


def worker() -> messages.WorkerRecord:
    """Return what there is to say of where builds run: one place, this machine."""
    here = host_platform()
    platform = Platform(architecture=here.architecture, os=here.os, variant=here.variant)
    labels = {"org.mobyproject.buildkit.worker.executor": "pogu"}
    return messages.WorkerRecord(id="pogu", labels=labels, platforms=[platform], version=_VERSION)


async def _attributes(request: messages.SolveRequest, job: Job) -> Mapping[str, str] | None:
    """Return the attributes of the front end whose result is wanted; None where the client wants none.

    A request without a front end is one whose client directs the build itself: wait until it has said what it wants.
    """
    if request.definition is not None and request.definition.definition:
        raise Unsupported("builds of low-level definitions are not available; only Dockerfiles are built")
    if request.frontend:
        check_frontend(request.frontend, request.frontend_attrs)
        return request.frontend_attrs
    reference = await job.returned
    if not reference:
        return None
    if reference not in job.results:
        raise InvalidArgument(f"the result {reference} is none of this build")
    return job.results[reference]


def _outputs(request: messages.SolveRequest) -> tuple[Output, ...]:
    exporters = request.exporters
    if not exporters and request.exporter_deprecated:
        exporters = [messages.Exporter(type=request.exporter_deprecated, attrs=request.exporter_attrs_deprecated)]
    if len(exporters) > 1:
        raise Unsupported("multiple outputs not supported")
    return tuple(output_of(exporter.type, exporter.attrs) for exporter in exporters)


def _with_cache(options: BuildOptions, cache: messages.CacheOptions | None) -> BuildOptions:
    if cache is None:
        return options
    imports = [entry.attrs["ref"] for entry in cache.imports if entry.type == "registry" and "ref" in entry.attrs]
    exports = [entry.attrs["ref"] for entry in cache.exports if entry.type == "registry" and "ref" in entry.attrs]
    return replace(
        options,
        cache_from=tuple(dict.fromkeys([*options.cache_from, *imports])),
        cache_to=tuple(exports),
        inline_cache=options.inline_cache or any(entry.type == "inline" for entry in cache.exports),
    )
