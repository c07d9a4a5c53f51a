"""Standard input and output carried to a connection and back, for whoever speaks to the daemon through this process."""

from __future__ import annotations

import contextlib
import os
import select
import socket

from pogu.cli.client import Channel, pending, take

_CHUNK = 65536
_PIPE_BUF = select.PIPE_BUF  # this much can be written at once wherever poll says that writing is possible
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL  # of a pipe, of a socket, of what is closed


def relay(connection: Channel, source: int, sink: int) -> None:
    """Carry bytes from the descriptor `source` to the connection and from there to `sink`, until the daemon ends it.

    The end of `source` ends the connection's sending half and no more: answers still come. It is over as well when
    whoever reads `sink` has gone. Neither direction waits for the other.
    """
    way_in, way_out = _Inwards(connection, source), _Outwards(connection, sink)
    while not way_out.over:
        poll = select.poll()
        poll.register(sink, select.POLLOUT if way_out.data else 0)  # 0: only tells when the reader goes
        events = (select.POLLIN if way_out.wants else 0) | (select.POLLOUT if way_in.data else 0)
        poll.register(connection.fileno(), events)
        if way_in.wants:
            poll.register(source, select.POLLIN)
        waits = way_out.wants and pending(connection)
        ready = dict(poll.poll(0 if waits else None))
        found = ready.get(connection.fileno(), 0)
        if ready.get(sink, 0) & _GONE:
            return
        if ready.get(sink, 0) & select.POLLOUT:
            way_out.write()
        if way_in.data and found & ~select.POLLIN:
            way_in.write()
        if way_out.wants and (waits or found & ~select.POLLOUT):
            way_out.read()
        if way_in.wants and source in ready:
            way_in.read()


class _Inwards:
    """From `source` to the connection."""

    def __init__(self, connection: Channel, source: int) -> None:
        self._connection, self._source = connection, source
        self._ended = False
        self.data = b""

    @property
    def wants(self) -> bool:
        return not self._ended and not self.data

    def read(self) -> None:
        self.data = os.read(self._source, _CHUNK)
        if not self.data:
            self._ended = True
            with contextlib.suppress(OSError):  # the daemon may have gone meanwhile
                self._connection.shutdown(socket.SHUT_WR)

    def write(self) -> None:
        try:
            self._connection.sendall(self.data[:_PIPE_BUF])
            self.data = self.data[_PIPE_BUF:]
        except (BrokenPipeError, ConnectionResetError):  # what it has said before it went can still be read
            self.data, self._ended = b"", True


class _Outwards:
    """From the connection to `sink`."""

    def __init__(self, connection: Channel, sink: int) -> None:
        self._connection, self._sink = connection, sink
        self._ended = False
        self.data = b""

    @property
    def wants(self) -> bool:
        return not self._ended and not self.data

    @property
    def over(self) -> bool:
        return self._ended and not self.data

    def read(self) -> None:
        try:
            found = take(self._connection, _CHUNK)
        except ConnectionResetError:
            found = b""
        self.data = found or b""
        self._ended = found == b""

    def write(self) -> None:
        try:
            self.data = self.data[os.write(self._sink, self.data[:_PIPE_BUF]) :]
        except BrokenPipeError:
            self.data, self._ended = b"", True
