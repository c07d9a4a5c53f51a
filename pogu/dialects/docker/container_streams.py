"""Container operations that stream: attach, logs, stats and wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import msgspec

from pogu.dialects.docker.call import Call, close_iterator, json_response, stream_response
from pogu.dialects.docker.frames import MULTIPLEXED_STREAM, RAW_STREAM, frame
from pogu.dialects.docker.hijack import carry, carry_websocket, take_over
from pogu.dialects.docker.rendering.logs import attributes_of, render_line
from pogu.dialects.docker.routes import Answer, Route, flag, number, stream, text
from pogu.engine.containers import AttachOptions, WaitResult
from pogu.engine.engine import Engine
from pogu.engine.logs import LogLine, LogOptions
from pogu.errors import InvalidArgument
from pogu.http import Response

_CONDITIONS = ("not-running", "next-exit", "removed")
_STREAM_FLAGS = (
    text("detachKeys", "Keys that detach, such as ctrl-p,ctrl-q"),
    flag("logs", "Send what was printed so far"),
    flag("stream", "Send what is printed from now on"),
    flag("stdin", "Pass on standard input"),
    flag("stdout", "Send standard output"),
    flag("stderr", "Send standard error"),
)


class StreamRoutes:
    """Handlers of the container streams."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.containers

    async def attach(self, call: Call) -> None:
        container = self._containers.get(call.param("name"))
        options = AttachOptions(
            stdin=call.flag("stdin"),
            stdout=call.flag("stdout"),
            stderr=call.flag("stderr"),
            stream=call.flag("stream"),
            logs=call.flag("logs"),
            detach_keys=call.text("detachKeys"),
        )
        session = await self._containers.attach(container.id, options)
        multiplexed = not container.config.tty
        try:
            line = await take_over(call, multiplexed)
        except BaseException:
            await session.close()
            raise
        await carry(line, session, multiplexed=multiplexed, stdin=options.stdin and options.stream)

    async def attach_websocket(self, call: Call) -> None:
        chosen = call.version >= (1, 42)
        options = AttachOptions(
            stdin=call.flag("stdin") if chosen else True,
            stdout=call.flag("stdout") if chosen else True,
            stderr=call.flag("stderr") if chosen else True,
            stream=call.flag("stream"),
            logs=call.flag("logs"),
            detach_keys=call.text("detachKeys"),
        )
        session = await self._containers.attach(call.param("name"), options)
        try:
            socket = await call.request.websocket()
        except BaseException:
            await session.close()
            raise
        stdin = options.stdin and options.stream
        await carry_websocket(socket, session, binary=call.version >= (1, 28), stdin=stdin)

    async def logs(self, call: Call) -> Response:
        stdout, stderr = call.flag("stdout"), call.flag("stderr")
        if not stdout and not stderr:
            raise InvalidArgument("Bad parameters: you must choose at least one stream")
        container = self._containers.get(call.param("name"))
        options = LogOptions(
            stdout=stdout,
            stderr=stderr,
            follow=call.flag("follow"),
            tail=_tail(call.text("tail")),
            since=call.timestamp("since") or None,
            until=call.timestamp("until") or None,
            timestamps=call.flag("timestamps"),
            details=call.flag("details"),
        )
        batches = self._containers.logs(container.id, options)
        multiplexed = not container.config.tty
        attributes = attributes_of(container) if options.details else None
        kind = MULTIPLEXED_STREAM if multiplexed and call.version >= (1, 42) else RAW_STREAM
        return stream_response(_log_stream(batches, options.timestamps, attributes, multiplexed), kind)

    async def stats(self, call: Call) -> Response:
        stream = call.flag("stream", True)
        one_shot = call.flag("one-shot") and call.version >= (1, 41)
        if one_shot and stream:
            raise InvalidArgument("cannot have stream=true and one-shot=true")
        container = self._containers.get(call.param("name"))
        samples = self._containers.stats(container.id, stream=stream, one_shot=one_shot)
        if stream:
            return stream_response(_json_lines(samples))
        try:
            return json_response(await anext(samples))
        finally:
            await close_iterator(samples)

    async def wait(self, call: Call) -> Response:
        condition = (call.text("condition") or "not-running") if call.version >= (1, 30) else "not-running"
        if condition not in _CONDITIONS:
            raise InvalidArgument(f'invalid condition: "{condition}"')
        handle = self._containers.wait_handle(call.param("name"), condition)
        if call.version < (1, 30):
            return json_response(_wait_body(await handle))
        return stream_response(_wait_stream(handle))

    def routes(self) -> list[Route]:
        """Return the operations."""
        name = "/containers/{name:path}"
        upgrade = {101: Answer("The connection carries the streams now", None), 200: Answer("The same", RAW_STREAM)}
        return [
            Route(
                "POST",
                f"{name}/attach",
                self.attach,
                "ContainerAttach",
                "Connect to a container's streams",
                _STREAM_FLAGS,
                None,
                upgrade,
                (400, 404, 409, 500),
            ),
            Route(
                "GET",
                f"{name}/attach/ws",
                self.attach_websocket,
                "ContainerAttachWebsocket",
                "Connect to a container's streams by WebSocket",
                _STREAM_FLAGS,
                None,
                {101: Answer("A WebSocket", None)},
                (400, 404, 409, 500),
            ),
            Route(
                "GET",
                f"{name}/logs",
                self.logs,
                "ContainerLogs",
                "Show what a container printed",
                (
                    flag("follow", "Go on as it prints"),
                    flag("stdout", "Standard output"),
                    flag("stderr", "Standard error"),
                    number("since", "Only from this Unix time on"),
                    number("until", "Only before this Unix time"),
                    flag("timestamps", "Put the time before each line"),
                    flag("details", "Put labels and variables before each line"),
                    text("tail", "Number of last lines, or all"),
                ),
                None,
                {200: Answer("The lines", f"{MULTIPLEXED_STREAM}, {RAW_STREAM}")},
                (400, 404, 500),
                watched=True,
            ),
            Route(
                "GET",
                f"{name}/stats",
                self.stats,
                "ContainerStats",
                "Measure a container",
                (flag("stream", "Every second (the default)"), flag("one-shot", "One sample, without waiting")),
                None,
                stream("A sample, or one each second", "ContainerStats"),
                (400, 404, 500),
                watched=True,
            ),
            Route(
                "POST",
                f"{name}/wait",
                self.wait,
                "ContainerWait",
                "Wait until a container has ended",
                (text("condition", "not-running, next-exit or removed"),),
                None,
                stream("Its exit code", "ContainerExit"),
                (400, 404, 500),
                watched=True,
            ),
        ]


def _tail(value: str) -> int | None:
    """A number of lines; everything else, negative numbers too, means all (as moby reads it)."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


async def _log_stream(
    batches: AsyncIterator[list[LogLine]], timestamps: bool, attributes: bytes | None, multiplexed: bool
) -> AsyncIterator[bytes]:
    try:
        async for batch in batches:
            pieces = [(line.stream, render_line(line, timestamps, attributes)) for line in batch]
            yield b"".join([frame(stream, data) if multiplexed else data for stream, data in pieces])
    finally:
        await close_iterator(batches)


async def _json_lines(samples: AsyncIterator[object]) -> AsyncIterator[bytes]:
    try:
        async for sample in samples:
            yield msgspec.json.encode(sample) + b"\n"
    finally:
        await close_iterator(samples)


def _wait_body(result: WaitResult) -> dict[str, object]:
    body: dict[str, object] = {"StatusCode": result.code}
    if result.error:
        body["Error"] = {"Message": result.error}
    return body


async def _wait_stream(handle: Awaitable[WaitResult]) -> AsyncIterator[bytes]:
    """The headers go out at once, so that the client may start the container; the answer comes when it is there."""
    task = asyncio.ensure_future(handle)
    try:
        yield msgspec.json.encode(_wait_body(await task)) + b"\n"
    finally:
        task.cancel()
