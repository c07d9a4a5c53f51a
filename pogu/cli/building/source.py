"""Where a build's context and Dockerfile come from: `PATH | URL | -` and `-f`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pogu.cli.invoke import Failed

_PEEK = 512  # bytes: the first block of an archive
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of `directory`, `remote` and `archive` is given, or only a Dockerfile."""

    directory: Path | None = None
    remote: str = ""
    archive: BinaryIO | None = None
    begun: bytes = b""
    """What has been read of the archive already."""
    dockerfile: str = ""
    """Path of the Dockerfile in the context; empty for what is usual."""
    text: bytes | None = None
    """The Dockerfile where it is not in the context."""
    path: Path | None = None
    """Where the Dockerfile is on this side."""

    def read_dockerfile(self) -> bytes | None:
        """Return the Dockerfile where this side can read it."""
        if self.text is not None or self.path is None:
            return self.text
        try:
            return self.path.read_bytes()
        except OSError:
            return None


def find_source(path: str, file: str | None) -> Source:
    """Return what the arguments of the command name.

    Raises:
        Failed: there is no such thing, in docker's words.
    """
    if path == "-":
        return _standard_input(file)
    if Path(path).is_dir():
        return _directory(path, file)
    if is_remote(path):
        if file == "-":
            return Source(remote=path, text=sys.stdin.buffer.read())
        return Source(remote=path, dockerfile=file or "")
    if Path(path).exists():
        raise Failed(f"unable to prepare context: context must be a directory: {os.path.abspath(path)}")  # noqa: PTH100
    raise Failed(f'unable to prepare context: path "{path}" not found')


def is_remote(text: str) -> bool:
    """Tell whether a context is one that the daemon fetches."""
    return text.startswith(("http://", "https://", "git://", "git@", "ssh://", "github.com/"))


def _standard_input(file: str | None) -> Source:
    if file == "-":
        raise Failed("invalid argument: can't use stdin for both build context and dockerfile")
    stream = sys.stdin.buffer
    begun = _peek(stream)
    if _is_archive(begun):
        return Source(archive=stream, begun=begun, dockerfile=file or "")
    if file:
        raise Failed(
            "unable to prepare context: ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles"
        )
    return Source(text=begun + stream.read())


def _peek(stream: BinaryIO) -> bytes:
    found = b""
    while len(found) < _PEEK and (piece := stream.read(_PEEK - len(found))):
        found += piece
    return found


def _is_archive(begun: bytes) -> bool:
    """Tell whether bytes begin an archive: a compressed one, or a tar header whose sum is right."""
    if begun.startswith(_COMPRESSED):
        return True
    if len(begun) < _PEEK:
        return False
    try:
        told = int(begun[148:156].strip(b" \0") or b"-", 8)
    except ValueError:
        return False
    return told == sum(begun[:148]) + 8 * 0x20 + sum(begun[156:])


def _directory(path: str, file: str | None) -> Source:
    root = Path(path).resolve()
    if file == "-":
        return Source(directory=root, text=sys.stdin.buffer.read())
    found = Path.cwd() / file if file else _usual(root)
    try:
        real = found.resolve(strict=True)
    except OSError as e:
        named = os.path.abspath(found)  # noqa: PTH100 # as docker names it
        raise Failed(
            f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat {named}: "
            f"{(e.strerror or str(e)).lower()}"
        ) from None
    try:
        return Source(directory=root, dockerfile=str(real.relative_to(root)), path=real)
    except ValueError:
        pass
    try:
        return Source(directory=root, text=real.read_bytes(), path=real)
    except OSError as e:
        raise Failed(f"unable to open Dockerfile: open {file}: {(e.strerror or str(e)).lower()}") from None


def _usual(root: Path) -> Path:
    upper, lower = root / "Dockerfile", root / "dockerfile"
    return lower if not os.path.lexists(upper) and os.path.lexists(lower) else upper
