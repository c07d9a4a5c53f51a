"""What files are, for the cache: a digest of everything that copying them brings into an image.

Times do not count (Dockerfile reference, "Build cache invalidation").
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

import msgspec

from pogu.engine.build.files.copying import Excluded
from pogu.linux.paths import attribute_path, open_directory, open_in_root, opened
from pogu.linux.trees import walk

_REMEMBERED = 200_000  # files
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK = 1 << 20

Identity = tuple[int, int, int, int, int]


class FileDigests:
    """The digests of files' contents, remembered while a file is the same (device, inode, size, times)."""

    def __init__(self) -> None:
        self._known: OrderedDict[Identity, bytes] = OrderedDict()
        self._lock = Lock()

    def of(self, parent: int, name: str, status: os.stat_result) -> bytes:
        """Return the SHA-256 of a regular file's content. Raises OSError."""
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        digest = _content(parent, name)
        with self._lock:
            self._known[key] = digest
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return digest


def _content(parent: int, name: str) -> bytes:
    path = name if name else attribute_path(parent)
    with opened(os.open(path, _READ if name else _READ & ~os.O_NOFOLLOW, dir_fd=parent if name else None)) as fd:
        digest = hashlib.sha256()
        while data := os.read(fd, _CHUNK):
            digest.update(data)
        return digest.digest()


class Checksum:
    """One digest over sources of one root. `owners` says whether the files' own owners matter."""

    def __init__(self, root: int, files: FileDigests, *, owners: bool, excluded: Excluded | None = None) -> None:
        self._root = root
        self._files = files
        self._owners = owners
        self._excluded = excluded or (lambda path: False)

    def of(self, paths: Iterable[str]) -> str:
        """Return `sha256:<hex>` of these paths (files, or directories with all below them). Raises OSError."""
        whole = hashlib.sha256()
        for path in paths:
            with opened(open_in_root(self._root, path or "/", os.O_PATH)) as fd:
                status = os.fstat(fd)
                whole.update(self._entry("", fd, "", status))
                if stat.S_ISDIR(status.st_mode):
                    with opened(open_directory(fd, ".")) as tree:
                        self._below(tree, path, whole)
        return f"sha256:{whole.hexdigest()}"

    def _below(self, tree: int, path: str, whole: hashlib._Hash) -> None:
        for found in walk(tree):
            if not self._excluded(f"{path}/{found.path}".lstrip("/")):
                whole.update(self._entry(found.path, found.parent, found.name, found.status))

    def _entry(self, path: str, parent: int, name: str, status: os.stat_result) -> bytes:
        mode, content = status.st_mode, b""
        if stat.S_ISREG(mode):
            content = self._files.of(parent, name, status)
        elif stat.S_ISLNK(mode):
            content = os.fsencode(os.readlink(name, dir_fd=parent))
        elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            content = str(status.st_rdev).encode()
        owner = (status.st_uid, status.st_gid) if self._owners else (0, 0)
        return msgspec.msgpack.encode((path.encode(errors="surrogateescape"), mode, owner, content))
