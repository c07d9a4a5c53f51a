"""Images as `docker save` gives them: the tree that the layers make, what each layer changes, the configuration."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

_TEXT_BYTES = 80  # a content as short as this is shown


@dataclass
class Node:
    """What is at a path. Hard links share one."""

    kind: int
    mode: int
    owner: tuple[int, int]
    time: int
    target: str = ""
    device: tuple[int, int] = (0, 0)
    content: bytes = b""
    attributes: dict[str, str] = field(default_factory=dict)

    def shown(self, began: int) -> str:
        """Return all of it in a line; `now` stands for a time that is not before `began`."""
        time = "now" if self.time >= began else f"@{self.time}"
        words = [stat.filemode(self.kind | self.mode), f"{self.owner[0]}:{self.owner[1]}", time]
        words += [f"{name}={value!r}" for name, value in sorted(self.attributes.items())]
        if stat.S_ISLNK(self.kind):
            words.append(f"-> {self.target}")
        elif stat.S_ISCHR(self.kind) or stat.S_ISBLK(self.kind):
            words.append(f"{self.device[0]}:{self.device[1]}")
        elif stat.S_ISREG(self.kind):
            words.append(_content(self.content))
        return " ".join(words)


def _content(data: bytes) -> str:
    if len(data) <= _TEXT_BYTES:
        return repr(data)[1:]
    return f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:12]}"


Tree = dict[str, Node]


@dataclass
class Image:
    config: dict[str, Any]
    layers: list[list[tarfile.TarInfo]]
    tree: Tree

    def stands_on(self, base: Image) -> bool:
        """Say whether the layers of `base` are the first ones of this image."""
        below = base.config["rootfs"]["diff_ids"]
        return bool(self.config["rootfs"].get("diff_ids", [])[: len(below)] == below)


class Archive:
    """An archive of `docker save`."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path)  # noqa: SIM115 - closed by `close`
        self._members = {member.name: member for member in self._tar.getmembers()}
        manifest = json.loads(self._read("manifest.json"))
        self._images = {tag: entry for entry in manifest for tag in entry["RepoTags"] or ()}
        self._opened = lru_cache(maxsize=None)(self._open_layer)

    def close(self) -> None:
        self._tar.close()

    def __contains__(self, tag: str) -> bool:
        return tag in self._images

    def image(self, tag: str) -> Image:
        entry = self._images[tag]
        layers, tree = [], dict[str, Node]()
        for name in entry["Layers"]:
            members, contents = self._opened(self._followed(name))
            tree = apply_layer(tree, members, contents)
            layers.append(members)
        return Image(json.loads(self._read(entry["Config"])), layers, tree)

    def _followed(self, name: str) -> str:
        """Follow a symbolic link, which dockerd writes for a layer that it has written already."""
        member = self._members[name]
        return self._followed(_joined(name, member.linkname)) if member.issym() else name

    def _read(self, name: str) -> bytes:
        file = self._tar.extractfile(self._members[name])
        assert file
        return file.read()

    def _open_layer(self, name: str) -> tuple[list[tarfile.TarInfo], dict[str, bytes]]:
        data = self._read(name)
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            members = tar.getmembers()
            files = ((m.name, tar.extractfile(m)) for m in members if m.isreg())
            return members, {name: file.read() for name, file in files if file}


def _joined(name: str, link: str) -> str:
    parts = name.split("/")[:-1]
    for part in link.split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def apply_layer(below: Tree, members: list[tarfile.TarInfo], contents: dict[str, bytes]) -> Tree:
    """Return the tree with a layer on it (OCI image specification, layers: whiteouts and opaque directories)."""
    tree = dict(below)
    for path in _gone(tree, members):
        tree.pop(path)
    for member in members:
        path = absolute(member.name)
        if path.rpartition("/")[2].startswith(".wh.") or path == "/":
            continue
        if path in tree and stat.S_ISDIR(tree[path].kind) and not member.isdir():
            for inside in [p for p in tree if p.startswith(f"{path}/")]:
                tree.pop(inside)
        tree[path] = tree[absolute(member.linkname)] if member.islnk() else _node(member, contents)
    return tree


def _gone(tree: Tree, members: list[tarfile.TarInfo]) -> Iterator[str]:
    for member in members:
        folder, _, name = absolute(member.name).rpartition("/")
        if name == ".wh..wh..opq":
            yield from [path for path in tree if path.startswith(f"{folder}/")]
        elif name.startswith(".wh."):
            gone = f"{folder}/{name[4:]}"
            yield from [path for path in tree if path == gone or path.startswith(f"{gone}/")]


_KINDS = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.FIFOTYPE: stat.S_IFIFO,
          tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}  # fmt: skip


def _node(member: tarfile.TarInfo, contents: dict[str, bytes]) -> Node:
    prefix = "SCHILY.xattr."
    return Node(
        _KINDS.get(member.type, stat.S_IFREG), member.mode, (member.uid, member.gid), int(member.mtime),
        member.linkname, (member.devmajor, member.devminor), contents.get(member.name, b""),
        {k.removeprefix(prefix): v for k, v in member.pax_headers.items() if k.startswith(prefix)},
    )  # fmt: skip


def absolute(name: str) -> str:
    """Return a member's name as a path from the root."""
    return "/" + "/".join(part for part in name.split("/") if part not in ("", "."))
