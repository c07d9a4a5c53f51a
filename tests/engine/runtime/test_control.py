"""Lines to conmon's control FIFO: one at a time, and errors when nobody reads."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pogu.engine.runtime import control
from pogu.errors import Conflict, PoguError
from pogu.linux import inotify


async def test_a_line_is_written_when_the_one_before_was_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ctl")
    reader = os.open(tmp_path / "ctl", os.O_RDONLY | os.O_NONBLOCK)
    sends = [asyncio.create_task(control.send(tmp_path, f"1 {n} {n}\n")) for n in range(1, 3)]
    seen = []
    while len(seen) < 2:
        await asyncio.sleep(0.02)
        seen.append(os.read(reader, 999))
    await asyncio.gather(*sends)
    assert sorted(seen) == [b"1 1 1\n", b"1 2 2\n"]
    os.close(reader)


async def test_a_size_is_waited_for_until_it_is_read_further_on(tmp_path: Path) -> None:
    for name in ("ctl", "winsz"):
        os.mkfifo(tmp_path / name)
    ctl, winsz = (os.open(tmp_path / name, os.O_RDWR | os.O_NONBLOCK) for name in ("ctl", "winsz"))
    events = inotify.Inotify()
    resizing = asyncio.create_task(control.resize(tmp_path, 20, 70, events))
    await asyncio.sleep(0.02)
    assert os.read(ctl, 999) == b"1 20 70\n"
    os.write(winsz, b"20 70\n")
    await asyncio.sleep(0.05)
    assert not resizing.done()
    os.read(winsz, 999)
    await resizing
    events.close()
    os.close(ctl)
    os.close(winsz)


async def test_without_a_reader_it_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        await control.send(tmp_path, "2 0 0\n")
    os.mkfifo(tmp_path / "ctl")
    with pytest.raises(Conflict):
        await control.send(tmp_path, "2 0 0\n")


async def test_a_file_that_does_not_appear_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_WITHIN", 0.05)
    with pytest.raises(PoguError, match="was not reopened"):
        await control.appears(tmp_path / "log")
    (tmp_path / "log").touch()
    await control.appears(tmp_path / "log")
