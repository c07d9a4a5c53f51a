"""Terminals and pipes on the event loop: read when asked, nothing lost, ends told."""

from __future__ import annotations

import array
import asyncio
import os
import socket
from pathlib import Path

import pytest

from pogu.linux import ptys
from pogu.linux.ptys import ConsoleSocket, Stream


async def test_a_pipe_is_read_to_its_end() -> None:
    read_end, write_end = os.pipe()
    stream = Stream(read_end)
    waiting = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    os.write(write_end, b"x")
    assert await waiting == b"x"
    os.close(write_end)
    assert await stream.read() == b""
    stream.close()


async def test_a_cancelled_read_loses_nothing() -> None:
    read_end, write_end = os.pipe()
    stream = Stream(read_end)
    waiting = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    waiting.cancel()
    os.write(write_end, b"kept")
    assert await stream.read() == b"kept"
    os.close(write_end)
    stream.close()


async def test_writing_waits_for_room_and_tells_when_nobody_reads() -> None:
    read_end, write_end = os.pipe()
    writer, reader = Stream(write_end), Stream(read_end)
    writing = asyncio.create_task(writer.write(b"x" * 1_000_000))
    size = 0
    while size < 1_000_000:
        size += len(await reader.read())
    await writing
    reader.close()
    with pytest.raises(BrokenPipeError):
        await writer.write(b"x")
    writer.close()
    with pytest.raises(BrokenPipeError):
        await writer.write(b"x")


async def test_closing_wakes_who_waits() -> None:
    read_end, write_end = os.pipe()
    stream = Stream(read_end)
    waiting = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    stream.close()
    stream.close()
    assert await waiting == b""
    assert (stream.closed, stream.fileno()) == (True, -1)
    os.close(write_end)


async def test_a_terminals_hang_up_is_an_end() -> None:
    master, slave = os.openpty()
    stream = Stream(master)
    ptys.set_raw(slave)
    os.write(slave, b"last\n")
    os.close(slave)
    assert await stream.read() == b"last\n"
    assert await stream.read() == b""
    stream.close()


def test_size_and_raw_mode() -> None:
    master, slave = os.openpty()
    ptys.set_size(master, 41, 101)
    assert ptys.get_size(slave) == (41, 101)
    ptys.set_size(master, 2**32 - 1, 65536)
    assert ptys.get_size(slave) == (65535, 65535)
    ptys.set_raw(slave)
    os.write(master, b"\x03\r")
    assert os.read(slave, 9) == b"\x03\r"
    os.close(master)
    os.close(slave)


async def test_a_console_socket_receives_a_terminal(tmp_path: Path) -> None:
    console = ConsoleSocket(tmp_path / "s")
    receiving = asyncio.create_task(console.receive())
    read_end, write_end = os.pipe()
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(str(tmp_path / "s"))
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [write_end]))]
        sender.sendmsg([b"/dev/ptmx"], ancillary)
    received = await receiving
    os.close(write_end)
    os.write(received, b"same")
    assert os.read(read_end, 9) == b"same"
    for fd in (received, read_end):
        os.close(fd)
    console.close()


async def test_a_console_socket_without_a_terminal_is_an_error(tmp_path: Path) -> None:
    console = ConsoleSocket(tmp_path / "s")
    receiving = asyncio.create_task(console.receive())
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(str(tmp_path / "s"))
    with pytest.raises(OSError, match="no terminal"):
        await receiving
    console.close()
