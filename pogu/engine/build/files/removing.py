"""Removing trees that are to be counted."""

from __future__ import annotations

import shutil
from pathlib import Path


def remove_counted(path: Path) -> int:
    """Remove a directory and return the bytes of its files. Blocks. Raises OSError."""
    size = sum(p.lstat().st_size for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    shutil.rmtree(path)
    return size
