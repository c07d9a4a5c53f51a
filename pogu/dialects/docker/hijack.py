"""Taking a connection over for a container's streams, and carrying bytes both ways until either side is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from pogu.dialects.docker.call import Call
from pogu.dialects.docker.frames import MULTIPLEXED_STREAM, RAW_STREAM, STDOUT, frame
from pogu.errors import Cancelled
from pogu.http import RawStream, WebSocket

_GONE = (OSError, Cancelled)

# Some clients (docker-py) read the header through a buffer and then the bare socket: what comes right behind the header
# is lost on them. dockerd needs some time before the first output, and they live on that; so do we give it to them.
HEADER_LEAD = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that was taken over, and when (the loop's clock) its header went out."""

    raw: RawStream
    since: float

    async def settle(self) -> None:
        """Wait until output may follow the header."""
        left = self.since + HEADER_LEAD - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)


class Session(Protocol):
    """An attached container or exec process, as the engine gives it."""

    @property
    def output(self) -> AsyncIterator[tuple[int, bytes]]: ...

    async def write(self, data: bytes) -> None: ...

    async def close_stdin(self) -> None: ...

    async def close(self) -> None: ...


async def take_over(call: Call, multiplexed: bool) -> Line:
    """Answer `101 UPGRADED`, or `200 OK` to clients that did not ask for an upgrade, and return the bare stream.

    Before 1.42 every stream is called raw, whatever its format.
    """
    if call.request.headers.get("Upgrade") is None:
        raw = await call.request.take_over(200, [("Content-Type", RAW_STREAM)])
    else:
        kind = MULTIPLEXED_STREAM if multiplexed and call.version >= (1, 42) else RAW_STREAM
        headers = [("Content-Type", kind), ("Connection", "Upgrade"), ("Upgrade", "tcp")]
        raw = await call.request.take_over(101, headers)
    return Line(raw, asyncio.get_running_loop().time())


async def carry(line: Line, session: Session, *, multiplexed: bool, stdin: bool) -> None:
    """Carry bytes between the client and the session until the session's output ends or the client is gone.

    A client that closes only its sending half has ended standard input and still gets all output. Both ends are
    closed in the end, whatever happens.
    """
    raw = line.raw
    send = asyncio.create_task(_send_output(line, session, multiplexed))
    receive = asyncio.create_task(_receive_input(raw, session, stdin))
    gone = asyncio.create_task(raw.closed.wait())
    try:
        await asyncio.wait((send, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (send, receive, gone):
            task.cancel()
        await asyncio.gather(send, receive, gone, return_exceptions=True)
        await session.close()
        await _close(raw)


async def _send_output(line: Line, session: Session, multiplexed: bool) -> None:
    settled = False
    try:
        async for stream, data in session.output:
            if not settled:
                await line.settle()
                settled = True
            await line.raw.write(frame(stream, data) if multiplexed else data)
    except _GONE:
        pass


async def _receive_input(raw: RawStream, session: Session, stdin: bool) -> None:
    """Read what the client sends even where it is not wanted: its end must be seen."""
    try:
        while data := await raw.read():
            if stdin:
                await session.write(data)
        if stdin:
            await session.close_stdin()
    except _GONE:  # the process no longer reads; its output goes on
        while await _discard(raw):
            pass


async def _discard(raw: RawStream) -> bool:
    try:
        return bool(await raw.read())
    except _GONE:
        return False


async def _close(raw: RawStream) -> None:
    try:
        await raw.write_eof()
    except _GONE:
        pass
    await raw.close()


async def report_failure(line: Line, message: str, multiplexed: bool) -> None:
    """Tell a client that has its stream already why nothing will come on it."""
    text = f"{message}\r\n".encode()
    try:
        await line.settle()
        await line.raw.write(frame(STDOUT, text) if multiplexed else text)
    except _GONE:
        pass
    await _close(line.raw)


async def carry_websocket(socket: WebSocket, session: Session, *, binary: bool, stdin: bool) -> None:
    """Carry a session over a WebSocket: no frames of ours, output in binary messages (text before 1.28)."""
    send = asyncio.create_task(_send_messages(socket, session, binary))
    receive = asyncio.create_task(_receive_messages(socket, session, stdin))
    try:
        await asyncio.wait((send, receive), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (send, receive):
            task.cancel()
        await asyncio.gather(send, receive, return_exceptions=True)
        await session.close()
        try:
            await socket.close(1000)
        except _GONE:
            pass


async def _send_messages(socket: WebSocket, session: Session, binary: bool) -> None:
    try:
        async for _, data in session.output:
            await socket.send(data if binary else data.decode(errors="replace"))
    except _GONE:
        pass


async def _receive_messages(socket: WebSocket, session: Session, stdin: bool) -> None:
    while (message := await socket.recv()) is not None:
        if not stdin:
            continue
        try:
            await session.write(message.encode() if isinstance(message, str) else message)
        except _GONE:
            stdin = False
