"""The storage drivers by name."""

from __future__ import annotations

from pathlib import Path

from pogu.engine.storage.driver import StorageDriver
from pogu.engine.storage.overlay import OverlayDriver
from pogu.engine.storage.vfs import VfsDriver
from pogu.errors import Unsupported


def open_driver(name: str, root: Path) -> StorageDriver:
    """Return the driver `name` ("overlay", Docker's "overlay2", or "vfs"), not started, with its own part of `root`.

    Raises:
        Unsupported: no such driver.
    """
    if name in ("", "overlay", "overlay2"):
        return OverlayDriver(root / "overlay")
    if name == "vfs":
        return VfsDriver(root / "vfs")
    raise Unsupported(f"unknown storage driver {name!r}: choose overlay or vfs")
