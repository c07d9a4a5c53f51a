"""Files that are whole or not there: written to a temporary name, synced, renamed, and the directory synced."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pogu import failpoints
from pogu.linux.paths import sync_directory

TEMPORARY = "."
"""What names of unfinished files begin with; no digest, tag or name of a repository does."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file durably and atomically, with its directories. Raises OSError; the old file is there then."""
    make_directories(path.parent)
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            failpoints.step("registry.record.written")
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def make_directories(path: Path) -> None:
    """Make a directory and those above it, durably."""
    if path.is_dir():
        return
    make_directories(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    sync_directory(path.parent)
