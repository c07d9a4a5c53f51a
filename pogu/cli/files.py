"""Bytes between files of this machine and the daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pogu.cli.invoke import Failed
from pogu.cli.streams import write_output

_PIECE = 1 << 18


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield a file's content; `read1` so that a pipe's bytes are passed on when they come."""
    read = getattr(stream, "read1", stream.read)
    while data := read(_PIECE):
        yield data


def check_output(path: str | None, what: str) -> None:
    """Raise Failed, in docker's words, where no file can be made at `path`."""
    if path is None:
        return
    folder = Path(path).parent
    if not folder.is_dir():
        raise Failed(f"{what}: invalid output path: stat {folder}: no such file or directory")
    if Path(path).is_dir():
        raise Failed(f'{what}: invalid output path: "{path}" must be a regular file')


def write_to(path: str | None, content: Iterable[bytes]) -> None:
    """Write to standard output, or to a file that appears only when it is whole."""
    if path is None:
        sys.stdout.flush()
        for data in content:
            write_output(data)
        return
    target = Path(path)
    if target.exists() and not target.is_file():  # a pipe or a device
        with target.open("wb") as out:
            out.writelines(content)
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as out:
            out.writelines(content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
