"""What a tree holds, so that two can be compared; and one that has everything a tree can have."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def listing(root: Path, *, owners: bool = True) -> dict[str, tuple[object, ...]]:
    """Return type, mode, owner, time, content, links and attributes of all below `root`."""
    found: dict[str, tuple[object, ...]] = {}
    first: dict[int, str] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(root))
        content: object = None
        if stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(status.st_mode):
            content = str(path.readlink())
        link = first.setdefault(status.st_ino, name) if stat.S_ISREG(status.st_mode) else None
        attributes = {key: os.getxattr(path, key, follow_symlinks=False)
                      for key in os.listxattr(path, follow_symlinks=False)}  # fmt: skip
        owner = (status.st_uid, status.st_gid) if owners else ()
        found[name] = (oct(status.st_mode), owner, status.st_mtime_ns, status.st_rdev, content, link, attributes)
    return found


def make_everything(root: Path) -> None:
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "sub" / "deep" / "file").write_bytes(os.urandom(70_000))
    (root / "sub.d").mkdir(mode=0o1777)
    (root / "sub.d").chmod(0o1777)
    (root / "empty").touch()
    (root / "empty-dir").mkdir(mode=0o700)
    (root / "ünïcode – ☃").write_text("snow")
    (root / os.fsdecode(b"not-utf8-\xff")).write_text("bytes")
    (root / "suid").write_text("#!/bin/sh\n")
    (root / "suid").chmod(0o6755)
    (root / "none").write_text("unreadable")
    (root / "none").chmod(0)
    (root / "link").symlink_to("sub/deep/file")
    (root / "dangling").symlink_to("/nowhere/../at-all")
    (root / "hard").hardlink_to(root / "sub" / "deep" / "file")
    os.setxattr(root / "suid", "user.colour", b"blue")
    os.mkfifo(root / "pipe", 0o640)
    sparse = root / "sparse"
    with sparse.open("wb") as file:
        file.truncate(3 << 20)
    os.chown(root / "sub" / "deep", 1234, 5678)
    os.chown(root / "dangling", 12, 34, follow_symlinks=False)
    for path in [*root.rglob("*"), root]:
        os.utime(path, ns=(10**18, 10**18 + path.lstat().st_ino), follow_symlinks=False)
