"""Reading ahead: a source is read in a thread of its own while what it gave before is worked on.

Decompressing a layer and writing it take about as long as each other; this has two processors share them.
"""

from __future__ import annotations

import contextlib
import queue
import threading

from pogu.engine.archive.streams import CHUNK, Readable

_DEPTH = 32  # pieces that may wait


class ReadAhead:
    """A `Readable` over another one, which its thread reads to the end; errors come where they happened.

    Close it: then the thread ends, as soon as the source's present `read` returns.
    """

    def __init__(self, source: Readable, name: str) -> None:
        self._source = source
        self._pieces: queue.Queue[bytes | BaseException] = queue.Queue(_DEPTH)
        self._closed = False
        self._rest = b""
        self._ended: BaseException | bool = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._closed:
                piece = self._source.read(CHUNK)
                self._pieces.put(piece)
                if not piece:
                    return
        except BaseException as e:  # it is raised where the bytes would have been read
            self._pieces.put(e)

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, all for -1; raises what the source raised."""
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        if not self._rest and not self._ended:
            self._next()
        if not self._rest and isinstance(self._ended, BaseException):
            raise self._ended
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _next(self) -> None:
        piece = self._pieces.get()
        if isinstance(piece, BaseException):
            self._ended = piece
        elif piece:
            self._rest = piece
        else:
            self._ended = True

    def close(self) -> None:
        """Let the thread end, and wait for that. Whoever reads must have stopped."""
        self._closed = True
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._pieces.get_nowait()  # it may wait for room
            self._thread.join(0.01)
