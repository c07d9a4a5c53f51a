"""Archives for tests, made with the standard library and not with our own writer."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from pogu.engine.archive import ExtractOptions, extract
from pogu.linux.paths import open_root, opened

MTIME = 1_600_000_000


@dataclass
class Member:
    """One entry; `name` ending in `/` is a directory, `link` with `=` in front a hard link, otherwise a symlink."""

    name: str
    content: bytes = b""
    link: str = ""
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    mtime: float = MTIME
    type: bytes | None = None
    device: tuple[int, int] = (0, 0)
    pax: dict[str, str] = field(default_factory=dict)

    def info(self) -> tarfile.TarInfo:
        info = tarfile.TarInfo(self.name.rstrip("/") if self.name != "/" else "/")
        info.type = self.type or self._type()
        info.mode = self.mode if self.mode is not None else (0o755 if info.type == tarfile.DIRTYPE else 0o644)
        info.size = len(self.content)
        info.linkname = self.link.removeprefix("=")
        info.uid, info.gid, info.mtime = self.uid, self.gid, self.mtime
        info.devmajor, info.devminor = self.device
        info.pax_headers = self.pax
        return info

    def _type(self) -> bytes:
        if self.link.startswith("="):
            return tarfile.LNKTYPE
        if self.link:
            return tarfile.SYMTYPE
        return tarfile.DIRTYPE if self.name.endswith("/") else tarfile.REGTYPE


def tar(*members: Member | str, format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an uncompressed archive; a member given as text is a directory, or a file with its name as content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for member in members:
            one = member if isinstance(member, Member) else _plain(member)
            archive.addfile(one.info(), io.BytesIO(one.content))
    return out.getvalue()


def _plain(name: str) -> Member:
    return Member(name, b"" if name.endswith("/") else name.encode())


def unpack(data: bytes, directory: Path, options: ExtractOptions | None = None) -> int:
    """Unpack an archive into a directory, made if missing."""
    directory.mkdir(exist_ok=True)
    with opened(open_root(directory)) as fd:
        return extract(io.BytesIO(data), fd, options)


def names(data: bytes) -> list[str]:
    """Return the members' names as another reader sees them, in order."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()
