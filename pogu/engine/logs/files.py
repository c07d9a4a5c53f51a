"""The files of one spool: `output.log`, which is written, and after rotations `output.log.1` (newer), `.2` (older)…

A file is known by its inode: names move while it is read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a spool: a byte of one file; without an inode the beginning of the oldest."""

    inode: int = 0
    offset: int = 0


def spool_files(path: Path) -> list[Path]:
    """Return the files there are, oldest first."""
    numbered = {int(n): file for file in path.parent.glob(f"{path.name}.*") if (n := file.suffix[1:]).isdigit()}
    if path.exists():
        numbered[0] = path
    return [numbered[n] for n in sorted(numbered, reverse=True)]


def is_current(path: Path, inode: int) -> bool:
    """Tell whether the file with this inode is the one being written."""
    try:
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False


def end_of(path: Path) -> Position:
    """Return where the next byte will be written."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return Position()
    return Position(status.st_ino, status.st_size)


def open_file(path: Path, inode: int) -> int:
    """Open the file of a spool that has this inode, the oldest where none has; -1 where there is no file at all."""
    fallback = -1
    for file in spool_files(path):
        try:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # rotated away just now
            continue
        if os.fstat(fd).st_ino == inode:
            if fallback >= 0:
                os.close(fallback)
            return fd
        if fallback < 0:
            fallback = fd
        else:
            os.close(fd)
    return fallback


def open_next(path: Path, inode: int) -> int:
    """Open the file that was begun after the one with this inode; -1 where that is the one being written.

    Where it has been deleted meanwhile, it is the oldest that is left.
    """
    opened: list[int] = []
    for file in spool_files(path):
        try:
            opened.append(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            continue
    inodes = [os.fstat(fd).st_ino for fd in opened]
    index = inodes.index(inode) + 1 if inode in inodes else 0
    chosen = opened[index] if index < len(opened) else -1
    for fd in opened:
        if fd != chosen:
            os.close(fd)
    return chosen
