import io
import threading

import pytest

from pogu.engine.archive import CHUNK, ReadAhead
from pogu.errors import InvalidArgument


def test_the_same_bytes_in_any_sizes() -> None:
    data = bytes(range(256)) * 20_000
    ahead = ReadAhead(io.BytesIO(data), "test")
    assert ahead.read(10) == data[:10]
    assert ahead.read(1 << 30) == data[10:CHUNK]
    assert ahead.read() == data[CHUNK:]
    assert ahead.read(1) == b""
    assert ahead.read() == b""
    ahead.close()


class _Fails:
    def __init__(self) -> None:
        self.left = 2

    def read(self, size: int = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise InvalidArgument("damaged")
        return b"x" * 10


def test_an_error_comes_after_what_was_read_before_it() -> None:
    ahead = ReadAhead(_Fails(), "test")
    assert ahead.read(100) + ahead.read(100) == b"x" * 20
    for _ in range(2):
        with pytest.raises(InvalidArgument, match="damaged"):
            ahead.read(100)
    ahead.close()


class _Endless:
    def read(self, size: int = -1, /) -> bytes:
        return bytes(size)


def test_closing_ends_the_thread_also_where_nobody_reads() -> None:
    before = set(threading.enumerate())
    ahead = ReadAhead(_Endless(), "test")
    ahead.read(1)
    ahead.close()
    assert set(threading.enumerate()) <= before
