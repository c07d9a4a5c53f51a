"""Watches tell of what appears, each to its own callback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.linux import inotify


@pytest.fixture
async def watcher() -> AsyncIterator[inotify.Inotify]:
    instance = inotify.Inotify()
    yield instance
    instance.close()
    instance.close()


async def settle() -> None:
    await asyncio.sleep(0.05)


async def test_a_directory_tells_names(watcher: inotify.Inotify, tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []
    watcher.watch(tmp_path, inotify.CREATE | inotify.MOVED_TO | inotify.DELETE, lambda m, n: seen.append((m, n)))
    (tmp_path / "a").touch()
    (tmp_path / "a").rename(tmp_path / "Größe b")
    (tmp_path / "Größe b").unlink()
    await settle()
    assert seen == [(inotify.CREATE, "a"), (inotify.MOVED_TO, "Größe b"), (inotify.DELETE, "Größe b")]


async def test_watches_are_apart_and_end(watcher: inotify.Inotify, tmp_path: Path) -> None:
    seen: list[str] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = watcher.watch(tmp_path / "one", inotify.CREATE, lambda _, n: seen.append(f"one/{n}"))
    watcher.watch(tmp_path / "two", inotify.CREATE, lambda _, n: seen.append(f"two/{n}"))
    (tmp_path / "one" / "x").touch()
    (tmp_path / "two" / "y").touch()
    await settle()
    watcher.unwatch(first)
    watcher.unwatch(first)
    (tmp_path / "one" / "z").touch()
    await settle()
    assert sorted(seen) == ["one/x", "two/y"]


async def test_a_file_tells_of_writes_and_its_end(watcher: inotify.Inotify, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.touch()
    masks: list[int] = []
    descriptor = watcher.watch(file, inotify.MODIFY | inotify.DELETE_SELF, lambda m, _: masks.append(m))
    with file.open("a") as out:
        out.write("x")
    await settle()
    file.unlink()
    await settle()
    assert masks == [inotify.MODIFY, inotify.DELETE_SELF]
    watcher.unwatch(descriptor)


async def test_what_does_not_exist_cannot_be_watched(watcher: inotify.Inotify, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        watcher.watch(tmp_path / "no", inotify.CREATE, lambda m, n: None)
    assert caught.value.filename == str(tmp_path / "no")
