"""Files written as text: what a context holds, what is served, what is in an archive.

One line a file: its path, what it is, and after ` = ` its content with Python's escapes.

    a = hello\\n                  a file; what is above it is made
    bin/su 4755 7:8 @86400 = x   its mode, its owner and group, its time of modification in seconds
    d/ 0700                      a directory
    l -> ../a                    a symbolic link
    h => a                       a hard link to what stands before it
    pipe fifo                    a named pipe
    null char:1:3                a device
    big zeros:1000000            a file of so many zeros
    a user.note:yes = hello      an extended attribute
    x.tar.gz archive             a tar archive, compressed as its name says; its files follow, two spaces further in

Modes are 0644 and 0755, owners 0:0 and times `TIME` where they are not given.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

TIME = 1_000_000_000  # September 2001


@dataclass
class File:
    path: str
    kind: str = "file"  # or dir, link, hard, fifo, char, zeros, archive
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    time: int = TIME
    content: bytes = b""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    attributes: dict[str, str] = field(default_factory=dict)


def read_tree(text: str) -> list[File]:
    """Return the files of a text in its order; ValueError for a line that is none."""
    return list(_read(text.splitlines()))


def _read(lines: Iterable[str]) -> Iterator[File]:
    pending: tuple[File, list[str]] | None = None
    for line in [*(line for line in lines if line.strip()), ""]:
        if pending and line.startswith("  "):
            pending[1].append(line[2:])
            continue
        if pending:
            pending[0].content = _compressed(pending[0].path, _archive(_read(pending[1])))
            yield pending[0]
            pending = None
        if line:
            found = _file(line)
            if found.kind == "archive":
                pending = found, []
            else:
                yield found


def _file(line: str) -> File:
    head, _, content = line.partition(" = ") if " = " in line else (line.removesuffix(" ="), "", "")
    found = File("", content=content.encode().decode("unicode_escape").encode("latin-1"))
    for arrow, kind in ((" -> ", "link"), (" => ", "hard")):
        if arrow in head:
            head, _, found.target = head.partition(arrow)
            found.kind = kind
    found.path, *words = head.replace("\\ ", "\0").split()
    found.path = found.path.replace("\0", " ")
    if found.path.endswith("/"):
        found.path, found.kind, found.mode = found.path.rstrip("/"), "dir", 0o755
    for word in words:
        _apply(found, word)
    return found


def _apply(found: File, word: str) -> None:
    name, colon, value = word.partition(":")
    if re.fullmatch(r"[0-7]{4}", word):
        found.mode = int(word, 8)
    elif re.fullmatch(r"\d+:\d+", word):
        found.owner = (int(name), int(value))
    elif word.startswith("@"):
        found.time = int(word[1:])
    elif word in ("fifo", "archive"):
        found.kind = word
    elif name == "char":
        major, _, minor = value.partition(":")
        found.kind, found.device = "char", (int(major), int(minor))
    elif name == "zeros":
        found.content = bytes(int(value))
    elif colon and "." in name:
        found.attributes[name] = value
    else:
        raise ValueError(f"what is {word!r} of {found.path}?")


def write_tree(files: Iterable[File], folder: Path) -> None:
    """Make the files below a folder; directories get their times last."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [(_make(found, folder / found.path), found) for found in files]
    for path, found in reversed(made):
        if found.kind != "hard":
            os.utime(path, (found.time, found.time), follow_symlinks=False)
    above = {parent for path, _ in made for parent in path.parents if parent.is_relative_to(folder)}
    for parent in above - {path for path, _ in made}:
        os.utime(parent, (TIME, TIME))


def _make(found: File, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    match found.kind:
        case "dir":
            path.mkdir(exist_ok=True)
        case "link":
            path.symlink_to(found.target)
        case "hard":
            path.hardlink_to(path.parent.joinpath(*[".."] * found.path.count("/"), found.target))
        case "fifo":
            os.mkfifo(path)
        case "char":
            os.mknod(path, 0o020000, os.makedev(*found.device))
        case _:
            path.write_bytes(found.content)
    os.lchown(path, *found.owner)
    for name, value in found.attributes.items():
        os.setxattr(path, name, value.encode())
    if found.kind not in ("link", "hard"):
        path.chmod(found.mode)
    return path


_TYPES = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE,
          "char": tarfile.CHRTYPE}  # fmt: skip


def _archive(files: Iterable[File]) -> bytes:
    out, before = io.BytesIO(), dict[str, File]()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for found in files:
            before[found.path] = found
            info = tarfile.TarInfo(found.path)
            info.type, info.linkname = _TYPES.get(found.kind, tarfile.REGTYPE), found.target
            found = before.get(found.target, found) if found.kind == "hard" else found  # noqa: PLW2901 - it is the same
            info.mode, info.mtime = found.mode, found.time
            info.uid, info.gid = found.owner
            info.devmajor, info.devminor = found.device
            info.size = len(found.content) if info.isreg() else 0
            info.pax_headers = {f"SCHILY.xattr.{name}": value for name, value in found.attributes.items()}
            tar.addfile(info, io.BytesIO(found.content))
    return out.getvalue()


def _compressed(name: str, data: bytes) -> bytes:
    match name.rpartition(".")[2]:
        case "gz" | "tgz":
            return gzip.compress(data, mtime=0)
        case "bz2":
            return bz2.compress(data)
        case "xz":
            return lzma.compress(data)
        case "zst":
            return zstandard.compress(data)
        case _:
            return data
