"""`POST /build` in BuildKit's form: the client answers over its session, and is told of it in BuildKit's messages."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import msgspec

from pogu.dialects.buildkit.messages.control import StatusResponse
from pogu.dialects.buildkit.outputs import output_of
from pogu.dialects.buildkit.protobuf import encode
from pogu.dialects.buildkit.session_client import SessionClient
from pogu.dialects.buildkit.sessions import Sessions
from pogu.dialects.buildkit.trace import Trace
from pogu.dialects.docker.build_jobs import UPLOAD, BuildJobs
from pogu.dialects.docker.call import Call, empty_response, primed, stream_response
from pogu.dialects.docker.errors import failure_text
from pogu.dialects.docker.image_create import progress_stream
from pogu.engine.build.building import Builder
from pogu.engine.build.client import BuildClient, Login, SilentClient
from pogu.engine.build.contexts.inputs import Inputs
from pogu.engine.build.options import BuildOptions, Output, asks_for_inline_cache
from pogu.engine.build.progress import Report
from pogu.engine.images import Progress
from pogu.errors import InvalidArgument
from pogu.http import Response

SESSION = "client-session"
"""What `remote` says where the context is in the session."""


class BuildKitBuilds:
    """Builds for the docker command that speaks BuildKit without a plugin (`DOCKER_BUILDKIT=1`, before version 23)."""

    def __init__(self, builder: Builder, sessions: Sessions) -> None:
        self._builder = builder
        self._sessions = sessions
        self.jobs = BuildJobs()

    async def build(self, call: Call, options: BuildOptions, logins: Mapping[str, Login]) -> Response:
        """Answer a build, or bring another one its context."""
        identifier = call.text("buildid")
        if identifier.startswith(f"{UPLOAD}:"):
            await self.jobs.upload(identifier.removeprefix(f"{UPLOAD}:"), call.request.stream_body())
            return empty_response(200)
        client = await self._client(call, logins)
        options = replace(
            options,
            outputs=_outputs(call, options.tags),
            inline_cache=asks_for_inline_cache(options.args),
        )

        async def work(report: Progress) -> None:
            trace = Trace(lambda parcel: report(_message(parcel)))
            async with trace.running():
                image = await self.jobs.run(identifier, self._build(call, options, client, trace.take))
            if image:
                report({"id": "moby.image.id", "aux": {"ID": image}})
            if image and call.flag("q"):
                report({"stream": f"{image}\n"})

        return stream_response(await primed(progress_stream(work, late=False, failure=_told_failure)))

    async def _client(self, call: Call, logins: Mapping[str, Login]) -> BuildClient:
        """Return whom to ask. Before anything is refused: a command whose session is not there yet would hang."""
        session = call.text("session")
        return SessionClient(await self._sessions.get(session)) if session else SilentClient(logins)

    async def _build(self, call: Call, options: BuildOptions, client: BuildClient, report: Report) -> str:
        async with self._inputs(call, client, options, report) as inputs:
            return await self._builder.build(inputs, options, client, report)

    def _inputs(
        self, call: Call, client: BuildClient, options: BuildOptions, report: Report
    ) -> AbstractAsyncContextManager[Inputs]:
        receiver, remote = self._builder.receiver, call.text("remote")
        if remote == SESSION:
            return receiver.session(client, options.dockerfile, _directories(options.contexts), report)
        if remote == UPLOAD:
            return receiver.archive(self.jobs.uploaded(call.text("buildid")), options.dockerfile)
        if remote:
            return receiver.remote(remote, options.dockerfile, report)
        return receiver.archive(call.request.stream_body(), options.dockerfile)


def _directories(contexts: Mapping[str, str]) -> dict[str, str]:
    """Return the named contexts that are directories of the client, by what it calls them."""
    local = {name: value.removeprefix("local:") for name, value in contexts.items() if value.startswith("local:")}
    for name, value in contexts.items():
        if name not in local and not value.startswith("docker-image://"):
            raise InvalidArgument(f"context {name}: {value} is neither a directory of the client nor docker-image://")
    return local


class _Wanted(msgspec.Struct, rename="pascal"):
    type: str = ""
    attrs: dict[str, str] | None = None


def _outputs(call: Call, tags: tuple[str, ...]) -> tuple[Output, ...]:
    """Return the form in which the result is wanted; none: an image with the tags."""
    try:
        wanted = msgspec.json.decode(call.text("outputs") or "[]", type=list[_Wanted] | None) or []
    except msgspec.MsgspecError as e:
        raise InvalidArgument(f"error reading outputs: {e}") from None
    if len(wanted) > 1:
        raise InvalidArgument("multiple outputs not supported")
    return tuple(output_of(each.type, each.attrs or {}, tags) for each in wanted)


def _message(parcel: StatusResponse) -> dict[str, Any]:
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(encode(parcel)).decode()}


def _told_failure(error: Exception) -> dict[str, Any]:
    message = f"failed to solve: {failure_text(error)}"
    return {"errorDetail": {"message": message}, "error": message}
