"""`pogu cp`: files between a container and this machine, by docker's rules about directories and names."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pogu.cli.client import Client, segment
from pogu.cli.connect import connect
from pogu.cli.files import pieces
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, switch
from pogu.cli.streams import write_output
from pogu.cli.terminal import is_terminal
from pogu.cli.units import human_size

_GO_DIR, _GO_SYMLINK = 1 << 31, 1 << 27  # bits of Go's os.FileMode


@command(
    "cp",
    help="Copy files/folders between a container and the local filesystem",
    usage=("CONTAINER:SRC_PATH DEST_PATH|-", "SRC_PATH|- CONTAINER:DEST_PATH"),
)
@switch("-a", "--archive", help="Archive mode (copy all uid/gid information)")
@switch("-L", "--follow-link", "follow", help="Always follow symbol link in SRC_PATH")
@switch("-q", "--quiet", help="Suppress progress output during copy")
@argument("source", metavar="CONTAINER:SRC_PATH|SRC_PATH|-")
@argument("target", metavar="DEST_PATH|-|CONTAINER:DEST_PATH")
def cp(session: Session, /, source: str, target: str, **given: Any) -> None:
    """Copy."""
    from_container, from_path = _split(source)
    to_container, to_path = _split(target)
    client = connect(session)
    if from_container and to_container:
        raise Failed("copying between containers is not supported")
    if from_container:
        count = _copy_out(client, from_container, from_path, to_path, archive=given["archive"], follow=given["follow"])
    elif to_container:
        count = _copy_in(client, from_path, to_container, to_path, archive=given["archive"], follow=given["follow"])
    else:
        raise Failed("must specify at least one container source")
    quiet = given["quiet"] if "quiet" in session.given else not is_terminal(sys.stdout)
    if not quiet and "-" not in {source, target}:
        print(f"Successfully copied {human_size(count)} to {target}", file=sys.stderr)


class _Counted:
    """Bytes that pass, and how many have."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self._source = source
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._source:
            self.count += len(piece)
            yield piece


def _split(text: str) -> tuple[str, str]:
    """Return (container, path); a local path has no container, also when a colon follows a slash or a dot."""
    name, colon, path = text.partition(":")
    if not colon or text.startswith((".", "/")) or "/" in name:
        return "", text
    return name, path


def _stat(client: Client, container: str, path: str) -> dict[str, Any] | None:
    """Return Name, size, mode, mtime and linkTarget of a path in a container, None where there is nothing."""
    from pogu.cli.client import ApiError

    try:
        reply = client.request("HEAD", f"/containers/{segment(container)}/archive", query={"path": path})
    except ApiError as e:
        if e.status == 404 and container_exists(client, container):
            return None
        raise
    found: dict[str, Any] = json.loads(base64.b64decode(reply.headers["x-docker-container-path-stat"]))
    return found


def container_exists(client: Client, container: str) -> bool:
    """Return whether there is such a container; raises the daemon's own error where there is none."""
    client.get(f"/containers/{segment(container)}/json")
    return True


def _is_dir(found: dict[str, Any] | None) -> bool:
    return bool(found and found["mode"] & _GO_DIR)


def _wants_content(path: str) -> bool:
    return path.endswith("/.") or path == "."


# --- out of a container ---


def _copy_out(client: Client, container: str, path: str, target: str, *, archive: bool, follow: bool) -> int:
    """Copy and return the bytes of the archive."""
    found = _stat(client, container, path)
    if found and follow and found["mode"] & _GO_SYMLINK:
        path = os.path.normpath(os.path.join(os.path.dirname(path), found["linkTarget"]))  # noqa: PTH118, PTH120
        found = _stat(client, container, path)
    reply = client.request("GET", f"/containers/{segment(container)}/archive", query={"path": path})
    if target == "-":
        for data in reply:
            write_output(data)
        return 0
    assert found is not None
    directory, name = _place(target, path, found["name"], source_is_dir=_is_dir(found))
    counted = _Counted(reply)
    _unpack(counted, directory, name, archive=archive)
    return counted.count


def _place(target: str, source: str, name: str, *, source_is_dir: bool) -> tuple[Path, str]:
    """Return the local directory to unpack into and what the top of the archive is called there ("" for nothing)."""
    there = Path(target)
    if there.is_dir():
        return there, "" if source_is_dir and _wants_content(source) else name
    if not there.parent.is_dir():
        raise Failed(f'invalid output path: directory "{there.parent.absolute()}" does not exist')
    if there.exists() and source_is_dir:
        raise Failed("cannot copy directory")
    if target.endswith("/") and not source_is_dir:
        raise Failed("no such directory")
    return there.parent, there.name


def _unpack(reply: Iterable[bytes], directory: Path, name: str, *, archive: bool) -> None:
    """Unpack confined to `directory`; the first part of each name becomes `name`. Owners are kept with `archive`."""
    from pogu.engine.archive import ExtractOptions, Extractor, TarReader
    from pogu.linux.paths import open_root, opened

    owner = None if archive else (os.geteuid(), os.getegid())
    reader = TarReader(_Reader(iter(reply)))
    with opened(open_root(directory)) as root, Extractor(root, ExtractOptions(owner=owner, keep_kind=True)) as out:
        for entry in reader:
            renamed = _renamed(entry.name, name)
            if not renamed:
                continue
            entry.name = renamed
            if entry.type == b"1":  # a hard link names another member
                entry.link = _renamed(entry.link, name)
            out.add(entry, reader)
        out.finish()


def _renamed(member: str, name: str) -> str:
    _, _, rest = member.lstrip("/").partition("/")
    return "/".join(part for part in (name, rest) if part)


class _Reader:
    """A file to read from, of pieces."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._buffer = b""

    def read(self, size: int = -1, /) -> bytes:
        while size < 0 or len(self._buffer) < size:
            piece = next(self._source, b"")
            if not piece:
                break
            self._buffer += piece
        end = len(self._buffer) if size < 0 else size
        data, self._buffer = self._buffer[:end], self._buffer[end:]
        return data


# --- into a container ---


def _copy_in(client: Client, source: str, container: str, path: str, *, archive: bool, follow: bool) -> int:
    """Copy and return the bytes of the archive."""
    found = _stat(client, container, path)
    if found and found["mode"] & _GO_SYMLINK:
        path = os.path.normpath(os.path.join(os.path.dirname(path), found["linkTarget"]))  # noqa: PTH118, PTH120
        found = _stat(client, container, path)
    if source == "-":
        if not _is_dir(found):
            raise Failed(f'destination "{container}:{path}" must be a directory')
        content: Iterator[bytes] = pieces(sys.stdin.buffer)
        directory = path
    else:
        directory, name = _place_inside(source, path, found)
        content = _packed(source, name, follow=follow)
    query = {"path": directory, "noOverwriteDirNonDir": True, "copyUIDGID": archive or None}
    counted = _Counted(content)
    client.request("PUT", f"/containers/{segment(container)}/archive", query=query, body=counted).read()
    return counted.count


def _place_inside(source: str, path: str, found: dict[str, Any] | None) -> tuple[str, str]:
    """Return the directory in the container to unpack into, and the name of the top of the archive."""
    try:
        mode = os.stat(source).st_mode if source.endswith("/") else os.lstat(source).st_mode  # noqa: PTH116
    except OSError as e:
        raise Failed(f"lstat {Path(source).absolute()}: {(e.strerror or '').lower()}") from e
    name = Path(source).absolute().name
    is_dir = stat.S_ISDIR(mode)
    if _is_dir(found):
        return path, "" if is_dir and _wants_content(source) else name
    parent, _, last = path.rstrip("/").rpartition("/")
    if found and is_dir:
        raise Failed("cannot copy directory")
    if not found and path.endswith("/") and not is_dir:
        raise Failed("no such directory")
    return parent or "/", last


def _packed(source: str, name: str, *, follow: bool) -> Iterator[bytes]:
    from pogu.cli.async_bytes import iterate
    from pogu.engine.archive import pack

    place = Path(source).resolve() if follow else Path(source).parent.resolve() / Path(source).name
    if name == "":
        return iterate(pack(Path(source).resolve(), "/", ""))
    return iterate(pack(place.parent, f"/{place.name}", name))
