"""The calling side of gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import TypeVar

from pogu.dialects.buildkit.grpc.connection import Connection
from pogu.dialects.buildkit.grpc.framing import MOST, Bytes, Splitter, frame
from pogu.dialects.buildkit.grpc.statuses import error_of
from pogu.dialects.buildkit.grpc.stream import Headers, PeerEnded, Stream
from pogu.dialects.buildkit.protobuf import Message, decode, encode
from pogu.errors import Cancelled, DeadlineExceeded, PoguError, Unavailable

M = TypeVar("M", bound=Message)


class Channel:
    """Calls the services of the other side of a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def call(self, path: str, metadata: Headers | None = None, timeout: float | None = None) -> Call:
        """Begin a call of `/package.Service/Method`; use it as a context manager, so that it never stays open.

        `timeout` (seconds) is told to the other side; who waits here must look at the clock itself. Raises Unavailable.
        """
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "grpc-python-pogu"),
        ]
        if timeout is not None:
            headers.append(("grpc-timeout", f"{max(1, round(timeout * 1000))}m"))
        return Call(await self.connection.open(headers + (metadata or [])))

    async def unary(
        self, path: str, request: Message, answer: type[M], *, timeout: float = 60, metadata: Headers | None = None
    ) -> M:
        """Call once and return the answer. Raises the error of the call, DeadlineExceeded after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                async with await self.call(path, metadata, timeout) as call:
                    await call.send([encode(request)], end=True)
                    messages = await call.receive_rest()
        except TimeoutError:
            raise DeadlineExceeded(f"{path}: no answer within {timeout:g} seconds") from None
        if len(messages) != 1:
            raise PoguError(f"{path}: {len(messages)} answers came where one was expected")
        return decode(answer, messages[0])


class Call:
    """One call. Leaving it as a context manager gives it up if it has not ended."""

    def __init__(self, stream: Stream, most: int = MOST) -> None:
        self._stream = stream
        self._splitter = Splitter(most)

    async def __aenter__(self) -> Call:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.give_up()

    async def send(self, messages: Iterable[bytes], end: bool = False) -> None:
        """Send messages, the last of the call with `end`. Raises the call's error when it has ended already."""
        try:
            await self._stream.send(b"".join(map(frame, messages)), end)
        except PeerEnded:
            while await self._stream.receive():
                pass
            self._finish()
            raise Cancelled("the other side has ended the call") from None

    async def receive(self) -> list[Bytes]:
        """Return the messages that have come, one at least; none at the end. Raises the error that ended the call."""
        while data := await self._stream.receive():
            if messages := self._splitter.feed(data):
                return messages
        self._finish()
        return []

    async def receive_rest(self) -> list[Bytes]:
        """Return all messages to the end of the call, which are few. Raises as `receive`."""
        rest: list[Bytes] = []
        while messages := await self.receive():
            rest += messages
        return rest

    def _finish(self) -> None:
        ending = self._stream.trailers if self._stream.trailers is not None else self._stream.answer
        if ending is None:
            raise Unavailable("the stream ended without an answer")
        if error := error_of(ending):
            raise error
        self._splitter.finish()
