"""What has been read lately, kept in memory up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict

_OVERHEAD = 200  # bytes that an entry costs beside its content, roughly


class Recent:
    """Contents by key; None stands for what is known not to be there. The least recently used goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._entries: OrderedDict[str, bytes | None] = OrderedDict()
        self._size = 0

    def knows(self, key: str) -> bool:
        """Whether `get` has an answer."""
        return key in self._entries

    def get(self, key: str) -> bytes | None:
        """What was kept for a key that is known."""
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: str, data: bytes | None) -> None:
        """Keep something in place of what was kept before."""
        self.forget(key)
        self._entries[key] = data
        self._size += len(data or b"") + _OVERHEAD
        while self._size > self._most and self._entries:
            oldest = next(iter(self._entries))
            self.forget(oldest)

    def forget(self, key: str) -> None:
        """Know nothing of a key any more."""
        if key in self._entries:
            self._size -= len(self._entries.pop(key) or b"") + _OVERHEAD
