"""The context as an archive, packed while it is sent: what `.dockerignore` leaves out is not in it."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from pogu.cli.building.selection import chosen
from pogu.cli.invoke import Failed
from pogu.engine.archive.header import Entry
from pogu.engine.archive.writer import TarWriter
from pogu.engine.build.ignore import Ignore, parse_ignore
from pogu.linux.paths import open_root, opened


def ignore_patterns(directory: Path, dockerfile: str) -> list[str]:
    """Return the patterns in force: those of `<dockerfile>.dockerignore`, else of `.dockerignore`.

    Raises:
        Failed: the file cannot be read.
    """
    for name in (f"{dockerfile}.dockerignore", ".dockerignore") if dockerfile else (".dockerignore",):
        try:
            return parse_ignore((directory / name).read_bytes())
        except FileNotFoundError:
            continue
        except OSError as e:
            raise Failed(
                f"error reading .dockerignore: open {directory / name}: {(e.strerror or str(e)).lower()}"
            ) from e
    return []


def pack_context(
    directory: Path | None, patterns: Collection[str], keep: Collection[str], extra: Mapping[str, bytes]
) -> Iterator[bytes]:
    """Yield an archive of `directory` (of nothing, where it is None).

    `patterns` are of `.dockerignore`; paths in `keep` are in the archive whatever they say. `extra` are files that are
    added, or take the place of those of their name.

    Raises:
        PoguError, OSError: something cannot be read.
    """
    pieces: list[bytes] = []
    writer = TarWriter(pieces.append)
    for name, content in extra.items():
        writer.add(Entry(name, mode=0o600, size=len(content), mtime_ns=int(time.time()) * 10**9), content)
    if directory is not None:
        with opened(open_root(directory)) as root:
            for found in chosen(root, Ignore(patterns), keep=keep):
                if found.path not in extra:
                    writer.add_path(found.parent, found.name, found.path)
                yield from pieces
                pieces.clear()
    writer.finish()
    yield from pieces


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces as one gzip stream."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        if data := packer.compress(piece):
            yield data
    yield packer.flush()


def pieces_of(begun: bytes, descriptor: int, size: int = 1 << 16) -> Iterator[bytes]:
    """Yield what was read already, then what comes from a descriptor."""
    if begun:
        yield begun
    while data := os.read(descriptor, size):
        yield data
