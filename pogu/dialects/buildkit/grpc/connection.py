"""HTTP/2 over a byte stream, both roles: the streams of a connection, their windows, its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from pogu.dialects.buildkit.grpc.frames import Data, FrameCutter, end_of_stream, window_update
from pogu.dialects.buildkit.grpc.framing import Bytes
from pogu.dialects.buildkit.grpc.stream import WINDOW, Headers, Stream
from pogu.errors import Cancelled, PoguError, Unavailable

log = logging.getLogger(__name__)

_READ = 1 << 20
_CONNECTION_WINDOW = 64 << 20  # the streams' own windows hold a peer back; this one only must not be in the way
_FRAME = 256 << 10  # bytes of one frame that a peer may send
_STREAMS = 250  # that a peer may have open at once
_STREAMS_AT_FIRST = 100  # to open before the other side has said how many it allows (RFC 9113, 6.5.2)
_HEADERS = 256 << 10  # bytes of one list of headers
_BACKLOG = 1 << 20  # bytes that wait for the peer before more is read or made
_CODES = h2.settings.SettingCodes
_GONE = (OSError, Cancelled)


class Wire(Protocol):
    """A connection that was taken over, as `pogu.http.RawStream` is one."""

    async def read(self, n: int = ..., /) -> bytes:
        """Return what came, b"" at the end."""

    async def write(self, data: bytes, /) -> None:
        """Send; wait while the other side reads too slowly."""

    def abort(self) -> None:
        """Break the connection."""


class Connection:
    """Streams over a wire. `run` carries them; without it nothing moves.

    `accept` is called with each stream that the other side opens (only where that is the calling side).
    """

    def __init__(self, wire: Wire, *, client_side: bool, accept: Callable[[Stream], None] | None = None) -> None:
        self.client_side = client_side
        self._wire = wire
        self._accept = accept
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client_side, header_encoding=None))
        self._streams: dict[int, Stream] = {}
        self._pending = asyncio.Event()  # there is something to write
        self._drained = asyncio.Event()
        self._drained.set()
        self._slots = asyncio.Event()  # a stream has ended, or the peer allows another number of them
        self.introduced = asyncio.Event()
        """Set once the other side has said what it allows: it is there, and reads."""
        self._backlog = self._answers = 0  # bytes that wait to be written: all, and those that only answer
        self._cutter = FrameCutter(_FRAME, preface=not client_side)
        self._ours: list[bytes] = []  # frames that h2 does not know of; they may stand between any others
        self.closed = asyncio.Event()
        self._failure: PoguError | None = None
        self._start()

    def _start(self) -> None:
        self._h2.local_settings = h2.settings.Settings(
            client=self.client_side,
            initial_values={
                _CODES.ENABLE_PUSH: 0,
                _CODES.INITIAL_WINDOW_SIZE: WINDOW,
                _CODES.MAX_FRAME_SIZE: _FRAME,
                _CODES.MAX_CONCURRENT_STREAMS: _STREAMS,
                _CODES.MAX_HEADER_LIST_SIZE: _HEADERS,
            },
        )
        self._h2.max_inbound_frame_size = _FRAME
        self._h2.decoder.max_header_list_size = _HEADERS
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW - 65535)

    # --- the connection as a whole ---

    async def run(self) -> None:
        """Carry until either side has ended the connection; every stream then fails with Unavailable."""
        writer = asyncio.create_task(self._write())
        self._pending.set()
        try:
            while data := await self._wire.read(_READ):
                self._receive(data)
                if (
                    self._answers >= _BACKLOG
                ):  # only these: two sides that wait for their data to be read would be stuck
                    await self._drained.wait()
            self._lose(Unavailable("the connection was closed by the other side"))
        except _GONE:
            self._lose(Unavailable("the connection was lost"))
        except h2.exceptions.ProtocolError as e:
            self._lose(Unavailable(f"the other side does not speak HTTP/2 as it should: {e}"))
            await self._say_goodbye()
        finally:
            self._lose(Unavailable("the connection was closed"))
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._wire.abort()

    def close(self) -> None:
        """End it: streams fail, `run` returns."""
        self._lose(Unavailable("the connection was closed"))
        self._wire.abort()

    async def _write(self) -> None:
        try:
            while True:
                await self._pending.wait()
                self._pending.clear()
                self._backlog = self._answers = 0
                data = self._h2.data_to_send() + b"".join(self._ours)
                self._ours.clear()
                if data:
                    await self._wire.write(data)
                self._drained.set()
        except _GONE:
            self._lose(Unavailable("the connection was lost"))
            self._wire.abort()

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._wire.write(self._h2.data_to_send())
        except (TimeoutError, *_GONE):
            pass

    def _lose(self, error: PoguError) -> None:
        if self._failure is None:
            self._failure = error
        self.closed.set()
        self._drained.set()
        self._slots.set()
        for stream in list(self._streams.values()):
            stream.fail(self._failure)
        self._streams.clear()

    def _queued(self, size: int) -> None:
        self._backlog += size
        if self._backlog >= _BACKLOG:
            self._drained.clear()
        self._pending.set()

    def _answered(self, size: int) -> None:
        """Something may go out that only answers what came: about so many bytes."""
        self._answers += size
        if self._answers >= _BACKLOG:
            self._drained.clear()
        self._pending.set()

    async def drain(self) -> None:
        """Wait while much waits for the other side to be read."""
        if not self._drained.is_set() and not self.closed.is_set():
            await self._drained.wait()

    # --- what comes ---

    def _receive(self, data: bytes) -> None:
        credit = 0
        for piece in self._cutter.feed(data):
            if isinstance(piece, Data):
                credit += len(piece.payload)
                self._take_data(piece)
            else:
                self._give_to_h2(piece)
        if credit:
            self._ours.append(window_update(0, credit))
            self._answered(16)

    def _give_to_h2(self, data: Bytes) -> None:
        for event in self._h2.receive_data(bytes(data)):
            self._take(event)
        self._answered(64)

    def _take_data(self, data: Data) -> None:
        stream = self._streams.get(data.stream)
        if stream is None or stream.ended:
            self._give_to_h2(data.raw)  # it knows what to say
            return
        if self.client_side and stream.answer is None:
            raise h2.exceptions.ProtocolError("data came before the headers of the answer")
        if data.payload and not stream.feed(data.payload):
            raise h2.exceptions.FlowControlError("more came on a stream than was allowed")
        if data.ended:
            self._give_to_h2(end_of_stream(data.stream))

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._open_inbound(event.stream_id, _decoded(event.headers))
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._lose(Unavailable("the other side is closing the connection"))
        elif isinstance(event, h2.events.WindowUpdated) and event.stream_id:
            if event.stream_id in self._streams:
                self._streams[event.stream_id].wake()
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            if isinstance(event, h2.events.RemoteSettingsChanged):
                self.introduced.set()
            self._slots.set()
            for stream in self._streams.values():
                stream.wake()
        else:
            self._take_for_stream(event)

    def _take_for_stream(self, event: h2.events.Event) -> None:
        stream = self._streams.get(getattr(event, "stream_id", 0) or 0)
        if stream is None:
            return
        if isinstance(event, h2.events.DataReceived):
            if event.data and not stream.feed(event.data):  # it came with padding
                raise h2.exceptions.FlowControlError("more came on a stream than was allowed")
            self._h2.acknowledge_received_data(event.flow_controlled_length, stream.id)
        elif isinstance(event, h2.events.ResponseReceived):
            stream.answer = dict(_decoded(event.headers))
            stream.wake()
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(_decoded(event.headers))
        elif isinstance(event, h2.events.StreamEnded):
            stream.end()
            self.forget(stream)
        elif isinstance(event, h2.events.StreamReset):
            self._streams.pop(stream.id, None)
            self._slots.set()
            if not stream.ended:  # whoever has said all it had to says so to a side that still wants to send
                stream.fail(_reset_error(event))
            stream.wake()

    def _open_inbound(self, identifier: int, headers: Headers) -> None:
        if self._accept is None:
            self.reset(identifier)
            return
        self._streams[identifier] = stream = Stream(self, identifier, headers)
        self._accept(stream)

    # --- what streams call ---

    async def open(self, headers: Headers) -> Stream:
        """Open a stream; waits while the other side allows no more. Raises Unavailable."""
        while not self.closed.is_set() and self._h2.open_outbound_streams >= self._allowed():
            self._slots.clear()
            await self._slots.wait()
        if self._failure is not None:
            raise Unavailable(self._failure.message)
        identifier = self._h2.get_next_available_stream_id()
        self._streams[identifier] = stream = Stream(self, identifier, headers)
        self.send_headers(identifier, headers, end=False)
        return stream

    def _allowed(self) -> int:
        return self._h2.remote_settings.max_concurrent_streams if self.introduced.is_set() else _STREAMS_AT_FIRST

    def room(self, identifier: int) -> int:
        """Return how many bytes may go out on a stream now in one piece."""
        try:
            return min(self._h2.local_flow_control_window(identifier), self._h2.max_outbound_frame_size)
        except h2.exceptions.ProtocolError:
            return 1  # it is over; sending finds out how

    def send_headers(self, identifier: int, headers: Headers, end: bool) -> None:
        """Send headers on a stream. Raises Unavailable."""
        raw = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
        self._attempt(lambda: self._h2.send_headers(identifier, raw, end_stream=end), 256)

    def send_data(self, identifier: int, data: bytes, end: bool) -> None:
        """Send a piece that `room` allows. Raises Unavailable."""
        self._attempt(lambda: self._h2.send_data(identifier, data, end_stream=end), len(data))

    def give_credit(self, identifier: int, size: int) -> None:
        """Let the other side send so many bytes more on a stream that it has not ended."""
        self._ours.append(window_update(identifier, size))
        self._answered(16)

    def reset(self, identifier: int) -> None:
        """Break a stream off."""
        try:
            self._h2.reset_stream(identifier, h2.errors.ErrorCodes.CANCEL)
            self._queued(16)
        except h2.exceptions.ProtocolError:
            pass  # it is over

    def forget(self, stream: Stream) -> None:
        """Drop a stream that is over in both directions, or was given up."""
        if (stream.ended and stream.sent_end) or stream.failed:
            self._streams.pop(stream.id, None)
            self._slots.set()

    def _attempt(self, act: Callable[[], None], size: int) -> None:
        if self._failure is not None:
            raise Unavailable(self._failure.message)
        try:
            act()
        except h2.exceptions.ProtocolError as e:
            raise Unavailable(f"the stream is over: {e}") from None
        self._queued(size)


def _decoded(headers: object) -> Headers:
    return [
        (bytes(name).decode("latin-1"), bytes(value).decode("utf-8", "replace"))
        for name, value in headers  # type: ignore[attr-defined]
    ]


def _reset_error(event: h2.events.StreamReset) -> PoguError:
    """Return what a broken-off stream means (gRPC over HTTP2, "Errors")."""
    if event.error_code == h2.errors.ErrorCodes.CANCEL:
        return Cancelled("the other side gave the call up")
    return Unavailable(f"the other side broke the call off (HTTP/2 error {event.error_code})")
