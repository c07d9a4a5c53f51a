"""Images that come in: pull, import and load."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from pogu.dialects.docker.call import Call, json_response, primed, stream_response
from pogu.dialects.docker.download import check_source, download
from pogu.dialects.docker.errors import failure_text
from pogu.dialects.docker.platforms import decode_platform, one_platform, parse_platform
from pogu.dialects.docker.routes import TAR, Parameter, Route, flag, stream, text
from pogu.engine.engine import Engine
from pogu.engine.images import Progress, parse_reference
from pogu.engine.images.digests import check_digest
from pogu.engine.registries import decode_credentials
from pogu.errors import Forbidden, PoguError, Unauthenticated
from pogu.http import Response

log = logging.getLogger(__name__)

Message = dict[str, Any]


class ImageCreateRoutes:
    """Handlers of `/images/create` and `/images/load`."""

    def __init__(self, engine: Engine) -> None:
        self._images = engine.images

    async def create(self, call: Call) -> Response:
        platform = parse_platform(call.text("platform")) if call.version >= (1, 32) else ""
        if call.text("fromImage"):
            return await self._pull(call, platform)
        return await self._import(call, platform)

    async def _pull(self, call: Call, platform: str) -> Response:
        name = call.text("fromImage").removesuffix(":")
        tag = call.text("tag")
        reference = parse_reference(name)
        if tag:
            reference = replace(reference, digest=check_digest(tag)) if ":" in tag else reference.with_tag(tag)
        if reference.familiar_name == "scratch":
            raise Forbidden("'scratch' is a reserved name")
        credentials = decode_credentials(call.request.headers.get("X-Registry-Auth") or "")
        every = not (reference.tag or reference.digest)

        async def work(report: Progress) -> None:
            await self._images.pull(str(reference), platform, credentials, every, report)

        return stream_response(await primed(progress_stream(work, late=False)))

    async def _import(self, call: Call, platform: str) -> Response:
        source = call.text("fromSrc")
        import_ = partial(
            self._images.import_,
            repo=call.text("repo"),
            tag=call.text("tag"),
            message=call.text("message") or f"Imported from {source}",
            changes=call.texts("changes"),
            platform=platform,
        )
        if source == "-":
            return json_response({"status": await import_(call.request.stream_body())})
        url = check_source(source)

        async def work(report: Progress) -> None:
            report({"status": f"Downloading from {url}"})
            await import_(download(url), progress=report)

        return stream_response(progress_stream(work))

    async def load(self, call: Call) -> Response:
        quiet = call.flag("quiet", True)
        platform = decode_platform(one_platform(call.texts("platform"))) if call.version >= (1, 48) else ""

        async def work(report: Progress) -> None:
            await self._images.load(call.request.stream_body(), report, quiet, platform)

        return stream_response(progress_stream(work))

    def routes(self) -> list[Route]:
        """Return the operations."""
        return [
            Route(
                "POST",
                "/images/create",
                self.create,
                "ImageCreate",
                "Pull or import an image",
                (
                    text("fromImage", "Image to pull"),
                    text("fromSrc", "- to import the body, or a URL"),
                    text("repo", "Repository of the import"),
                    text("tag", "Tag"),
                    text("message", "Commit message"),
                    text("platform", "os[/arch[/variant]]"),
                    Parameter("changes", "Dockerfile instructions", repeated=True),
                ),
                TAR,
                stream("What happens, as it happens", "Progress"),
                (400, 401, 403, 404, 500, 501, 503),
            ),
            Route(
                "POST",
                "/images/load",
                self.load,
                "ImageLoad",
                "Load saved images",
                (flag("quiet", "Without progress (the default)"),),
                TAR,
                stream("What happens, as it happens", "Progress"),
                (400, 500),
            ),
        ]


def told_failure(error: Exception) -> Message:
    """Return the last message of a stream that ends with a failure."""
    message = failure_text(error)
    return {"errorDetail": {"message": message}, "error": message}


async def progress_stream(
    work: Callable[[Progress], Awaitable[None]],
    late: bool = True,
    failure: Callable[[Exception], Message] = told_failure,
) -> AsyncIterator[bytes]:
    """Yield the messages that `work` reports as it goes, and its failure as the last one.

    Unless `late`, a failure before any message is raised: the answer can still have its status. A client that leaves
    cancels the work.
    """
    messages: asyncio.Queue[Message | None] = asyncio.Queue()
    task = asyncio.ensure_future(work(messages.put_nowait))
    task.add_done_callback(lambda _: messages.put_nowait(None))
    try:
        while (message := await messages.get()) is not None:
            late = True
            yield msgspec.json.encode(message) + b"\r\n"
        try:
            await task
        except (PoguError, OSError) as e:
            if not late and isinstance(e, Unauthenticated):
                raise PoguError(e.message) from None  # a 401 would have the docker command ask for a password
            if not late:
                raise
            if not isinstance(e, PoguError):
                log.error("an image could not be made", exc_info=e)
            yield msgspec.json.encode(failure(e)) + b"\r\n"
    finally:
        task.cancel()
