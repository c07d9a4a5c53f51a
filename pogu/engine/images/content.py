"""The content store: blobs named by their digest, in the directory form of an OCI image layout.

A blob appears under its name only when it is whole and has that digest; it is on the disk when `settle` has returned.
What a crash leaves behind is in `ingest/`, which the next start empties: what had come of a download goes to
`partial/`, where the next download of that blob finds it. Everything here blocks, so it is for threads, except where
it says otherwise.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from pogu.engine.images.digests import check_digest, sha256, sha256_of
from pogu.errors import InvalidArgument, NotFound
from pogu.failpoints import step
from pogu.linux.mounts import syncfs
from pogu.linux.paths import open_root, opened

CHUNK = 1 << 20  # bytes
_DOWNLOAD = re.compile(r"([0-9a-f]{64})\.[0-9a-f]+")  # in ingest/: the file of a download, and the digest it is to have
_PARTIAL_SECONDS = 7 * 86400  # after which nobody is expected to pull again what broke off


class ContentStore:
    """Blobs below one directory: `blobs/sha256/<hex>`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._blobs = root / "blobs" / "sha256"
        self._ingest = root / "ingest"
        self._partial = root / "partial"
        self._unsettled: set[str] = set()
        self.keeps_downloads = False  # the process is about to end: the next start finds what had come

    def start(self) -> None:
        """Make the directories and remove what was being written when the last process ended, but for downloads."""
        for directory in (self._blobs, self._ingest, self._partial):
            directory.mkdir(parents=True, exist_ok=True)
        self._put_downloads_aside()
        shutil.rmtree(self._ingest, ignore_errors=True)
        self._ingest.mkdir(exist_ok=True)
        layout = self._root / "oci-layout"
        if not layout.exists():
            layout.write_text('{"imageLayoutVersion":"1.0.0"}')

    def path(self, digest: str) -> Path:
        """Return where the blob is or would be; InvalidArgument if `digest` is not a sha256 digest."""
        if not check_digest(digest).startswith("sha256:"):
            raise InvalidArgument(f"unsupported digest algorithm: {digest}")
        return self._blobs / digest.removeprefix("sha256:")

    def has(self, digest: str) -> bool:
        """Say whether the blob is stored. Quick enough for the event loop."""
        return self.path(digest).is_file()

    def open(self, digest: str) -> BufferedReader:
        """Open a blob for reading; a blob that is removed meanwhile stays readable. NotFound if there is none."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise NotFound(f"content {digest} not found") from None

    def read(self, digest: str) -> bytes:
        """Return a small blob, whole; NotFound if there is none."""
        with self.open(digest) as blob:
            return blob.read()

    def writer(self, *, hashing: bool = True) -> BlobWriter:
        """Return a new blob to be written; `commit` or `abort` it. Without `hashing`, `commit_as` is for it."""
        return BlobWriter(self, hashing)

    def put(self, data: bytes) -> str:
        """Store `data` and return its digest."""
        digest = sha256(data)
        if not self.has(digest):
            with self.writer() as blob:
                blob.write(data)
                blob.commit()
        return digest

    def adopt(self, path: Path, digest: str) -> None:
        """Keep the file at `path` as the blob `digest`, which the caller has computed of it.

        The file must be on the same file system; it stays where it is, as a link to the blob.
        """
        path.chmod(0o600)
        self._unsettled.add(digest)
        with suppress(FileExistsError):
            self.path(digest).hardlink_to(path)

    def unsettled(self, digests: Iterable[str]) -> list[str]:
        """Return those of the blobs that the disk may not have yet. For the event loop."""
        return sorted(self._unsettled.intersection(digests))

    def settle(self) -> None:
        """Wait until all that was stored before is on the disk."""
        before = set(self._unsettled)
        with opened(open_root(self._root)) as fd:
            syncfs(fd)
        self._unsettled -= before

    def is_whole(self, digest: str) -> bool:
        """Read a blob, and say whether it is there and what its name says."""
        try:
            with self.open(digest) as blob:
                return sha256_of(blob) == digest
        except NotFound:
            return False

    def remove(self, digest: str) -> None:
        """Remove a blob; nothing happens if there is none."""
        self.path(digest).unlink(missing_ok=True)
        self._unsettled.discard(digest)

    def digests(self) -> Iterator[str]:
        """Yield the digest of every stored blob."""
        with os.scandir(self._blobs) as entries:
            yield from [f"sha256:{entry.name}" for entry in entries]

    def unfinished(self) -> list[str]:
        """Return the names of blobs that are being written, or were when a write broke off."""
        with os.scandir(self._ingest) as entries:
            return [entry.name for entry in entries]

    def forget_unfinished(self, name: str) -> None:
        """Delete one of them."""
        (self._ingest / name).unlink(missing_ok=True)

    def _put_downloads_aside(self) -> None:
        for path in self._ingest.iterdir():
            if (named := _DOWNLOAD.fullmatch(path.name)) and path.is_file() and path.stat().st_size:
                path.replace(self._partial / named[1])
        oldest = time.time() - _PARTIAL_SECONDS
        for path in self._partial.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink()

    def partial(self) -> list[str]:
        """Return the digests of blobs of which something has come in downloads that broke off."""
        return [f"sha256:{path.name}" for path in self._partial.iterdir()]

    def forget_partial(self, digests: Iterable[str]) -> int:
        """Delete what has come of these; return its bytes."""
        freed = 0
        for path in [self._partial / self.path(digest).name for digest in digests]:
            with suppress(FileNotFoundError):  # a download has just taken it
                status = path.stat()
                path.unlink()
                freed += status.st_size if status.st_nlink == 1 else 0
        return freed

    def download_file(self, digest: str) -> Path:
        """Return a file for a blob that is fetched, in the directory for unfinished blobs.

        It is not empty where a process was killed while it fetched that blob: then it begins with what had come, as far
        as the disk has it. Whoever asks first gets that.
        """
        path = self._ingest / f"{self.path(digest).name}.{os.urandom(16).hex()}"
        try:
            (self._partial / self.path(digest).name).rename(path)
            if path.stat().st_nlink == 1:
                return path
            path.unlink()  # a blob is in that file, which must not change
        except FileNotFoundError:
            pass
        return self._created(path)

    def ingest_file(self) -> Path:
        """Return a new empty file in the directory for unfinished blobs."""
        return self._created(self._ingest / os.urandom(16).hex())

    def _created(self, path: Path) -> Path:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        return path


class BlobWriter:
    """A blob that is being written; as a context manager it is aborted unless it was committed."""

    def __init__(self, store: ContentStore, hashing: bool) -> None:
        self._store = store
        self._path = store.ingest_file()
        self._file = self._path.open("wb", buffering=0)
        self._hash = hashlib.sha256() if hashing else None
        self.size = 0

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.abort()

    def write(self, data: bytes) -> None:
        """Append; OSError if the disk is full."""
        if self._hash is not None:
            self._hash.update(data)
        self.size += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def commit(self, expected: str | None = None) -> str:
        """Make the blob visible under its digest and return that.

        Raises:
            InvalidArgument: its digest is not `expected`; nothing is stored.
        """
        assert self._hash is not None, "a blob that was not hashed"
        digest = "sha256:" + self._hash.hexdigest()
        if expected is not None and digest != expected:
            self.abort()
            raise InvalidArgument(f"content has digest {digest}, expected {expected}")
        return self.commit_as(digest)

    def commit_as(self, digest: str) -> str:
        """Make the blob visible under a digest that the caller has computed of what was written; return it."""
        self._file.close()
        step("image.blob.written")
        self._store.adopt(self._path, digest)
        step("image.blob.named")
        self._path.unlink()
        return digest

    def abort(self) -> None:
        """Throw away what was written; nothing happens after a commit."""
        self._file.close()
        self._path.unlink(missing_ok=True)
