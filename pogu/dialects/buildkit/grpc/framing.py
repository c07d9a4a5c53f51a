"""Messages in a stream of bytes: a flag, four bytes of length, the message.

Source: "gRPC over HTTP2", Length-Prefixed-Message.
"""

from __future__ import annotations

from pogu.errors import InvalidArgument, TooLarge, Unsupported

Bytes = bytes | memoryview
"""What is only read and passed on: a view saves a copy."""

MOST = 16 << 20  # bytes of one message, as containerd's and BuildKit's own limit
_HEAD = 5


def frame(message: bytes) -> bytes:
    """Return a message as it stands in the stream."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Splitter:
    """Takes bytes as they come and gives whole messages."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._rest = b""

    def feed(self, data: bytes) -> list[Bytes]:
        """Return the messages that are whole by now.

        Raises:
            TooLarge: a message is larger than the limit.
            Unsupported: it is compressed, which was never offered.
        """
        if self._rest:
            data = self._rest + data
        messages: list[Bytes] = []
        view = memoryview(data)
        position, end = 0, len(data)
        while position + _HEAD <= end:
            if data[position]:
                raise Unsupported("a message is compressed, which this side does not read")
            size = int.from_bytes(data[position + 1 : position + _HEAD], "big")
            if size > self._most:
                raise TooLarge(f"received message larger than max ({size} vs. {self._most})")
            if position + _HEAD + size > end:
                break
            position += _HEAD
            messages.append(view[position : position + size])
            position += size
        self._rest = data[position:]
        return messages

    def finish(self) -> None:
        """Check that nothing is cut off. Raises InvalidArgument."""
        if self._rest:
            raise InvalidArgument("the stream ends in the middle of a message")
