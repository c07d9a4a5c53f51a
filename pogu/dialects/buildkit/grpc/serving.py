"""The answering side of gRPC."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from pogu.dialects.buildkit.grpc.connection import Connection, Wire
from pogu.dialects.buildkit.grpc.framing import MOST, Bytes, Splitter, frame
from pogu.dialects.buildkit.grpc.statuses import trailers_of
from pogu.dialects.buildkit.grpc.stream import PeerEnded, Stream
from pogu.dialects.buildkit.protobuf import Message, decode, encode
from pogu.errors import Cancelled, DeadlineExceeded, InvalidArgument, PoguError, Unavailable, Unsupported

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class Incoming:
    """One call that the other side makes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._splitter = Splitter(MOST)
        self._answered = False
        headers = dict(stream.headers)
        self.path = headers.get(":path", "")
        """`/package.Service/Method`."""
        self.metadata: Mapping[str, str] = headers
        """Headers by name; of a name given twice the last one."""
        self.headers = stream.headers
        self.timeout = _timeout(headers.get("grpc-timeout", ""))
        """Seconds, None without limit."""

    def values(self, name: str) -> list[str]:
        """Return all that a header says that may be given many times."""
        return [value for each, value in self.headers if each == name]

    async def send_raw(self, messages: Iterable[bytes]) -> None:
        """Answer with messages that are encoded already."""
        if not self._answered:
            self._answered = True
            self._stream.send_headers([(":status", "200"), ("content-type", "application/grpc")])
        await self._stream.send(b"".join(map(frame, messages)))

    async def receive(self) -> list[Bytes]:
        """Return the messages that have come, one at least; none when the caller has sent its last."""
        while data := await self._stream.receive():
            if messages := self._splitter.feed(data):
                return messages
        self._splitter.finish()
        return []

    async def request(self, kind: type[M]) -> M:
        """Return the one message of a call that has one."""
        messages: list[Bytes] = []
        while more := await self.receive():
            messages += more
        if len(messages) != 1:
            raise InvalidArgument(f"{self.path} takes one message, not {len(messages)}")
        return decode(kind, messages[0])

    async def send(self, messages: Iterable[Message]) -> None:
        """Answer with messages; any number of times."""
        await self.send_raw(map(encode, messages))

    def finish(self, error: PoguError | None) -> None:
        """End the call."""
        head = [] if self._answered else [(":status", "200"), ("content-type", "application/grpc")]
        try:
            self._stream.send_headers([*head, *trailers_of(error)], end=True)
        except (PeerEnded, Unavailable, Cancelled):
            pass
        if not self._stream.ended:
            self._stream.give_up()


Handler = Callable[[Incoming], Awaitable[None]]
"""Answers one call through it; what it raises ends the call with an error."""


class Services:
    """What can be called, by `/package.Service/Method`."""

    def __init__(self, methods: Mapping[str, Handler]) -> None:
        self._methods = methods

    async def serve(self, wire: Wire) -> None:
        """Answer the calls of a connection until it ends; calls that are still going on are cancelled then."""
        tasks: set[asyncio.Task[None]] = set()

        def accept(stream: Stream) -> None:
            task = asyncio.create_task(self._answer(stream))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            stream.on_reset = task.cancel

        try:
            await Connection(wire, client_side=False, accept=accept).run()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, stream: Stream) -> None:
        call = Incoming(stream)
        error: PoguError | None = None
        try:
            async with asyncio.timeout(call.timeout):
                await self._handler(call.path)(call)
        except TimeoutError:
            error = DeadlineExceeded("the call's deadline has passed")
        except PoguError as e:
            error = e
        except PeerEnded:
            error = Cancelled("the call was given up")
        except Exception:
            log.exception("%s failed", call.path)
            error = PoguError("internal error; the daemon's log says more")
        stream.on_reset = None
        call.finish(error)

    def _handler(self, path: str) -> Handler:
        handler = self._methods.get(path)
        if handler is None:
            service, _, method = path.removeprefix("/").rpartition("/")
            raise Unsupported(f"unknown method {method} for service {service}")
        return handler


def _timeout(text: str) -> float | None:
    match = re.fullmatch(r"([0-9]{1,8})([HMSmun])", text)
    return int(match[1]) * _UNITS[match[2]] if match else None
