"""Archives that try to get out of where they are unpacked. `aim` is a folder of the host; MARK names what they make."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable
from typing import Any

from tests.security.ground import MARK

Member = tuple[tarfile.TarInfo, bytes]
UP = "../" * 40


def entry(name: str, data: bytes = b"escaped\n", kind: bytes = tarfile.REGTYPE, link: str = "", **more: Any) -> Member:
    """One member; a size in `more` is claimed, whatever the data."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    info.mode = 0o777
    for field, value in more.items():
        setattr(info, field, value)
    return info, data if kind == tarfile.REGTYPE else b""


def folder(name: str, **more: Any) -> Member:
    return entry(name, kind=tarfile.DIRTYPE, **more)


def symlink(name: str, to: str) -> Member:
    return entry(name, kind=tarfile.SYMTYPE, link=to)


def hard_link(name: str, to: str) -> Member:
    return entry(name, kind=tarfile.LNKTYPE, link=to)


def device(name: str, kind: bytes, major: int, minor: int) -> Member:
    return entry(name, kind=kind, devmajor=major, devminor=minor)


def tar(members: Iterable[Member], *, end: bool = True, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an archive, without its end where `end` is false."""
    out = bytearray()
    for info, data in members:
        out += info.tobuf(form, errors="surrogateescape") + data + bytes(-len(data) % 512)
    return bytes(out) + (bytes(1024) if end else b"")


def raw_header(name: bytes, *, size: bytes = b"0", kind: bytes = b"0", link: bytes = b"") -> bytes:
    """A header with any bytes in its fields and a right checksum."""
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:108], block[108:116], block[116:124] = b"0000777\0", b"0000000\0", b"0000000\0"
    block[124 : 124 + len(size)], block[136:148], block[156:157] = size, b"00000000000\0", kind
    block[157 : 157 + len(link)], block[257:265] = link, b"ustar\x0000"
    block[148:156] = b"        "
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def pax(records: bytes, kind: bytes = b"x") -> bytes:
    return raw_header(b"pax", size=f"{len(records):o}".encode(), kind=kind) + records + bytes(-len(records) % 512)


def pax_record(key: str, value: bytes) -> bytes:
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def escapes(aim: str) -> dict[str, bytes]:
    """Return archives that aim at the host by name."""
    deep = f"a/b/c/{UP}{aim[1:]}"
    cases: dict[str, list[Member]] = {
        "absolute": [entry(f"{aim}/{MARK}"), entry(f"{aim}/secret"), folder(aim, mode=0)],
        "absolute with slashes": [entry(f"//{aim}//{MARK}"), entry(f"/.//{aim}/secret")],
        "dots": [entry(f"{UP}{aim[1:]}/{MARK}"), entry(f"{UP}{MARK}"), entry(f"../{MARK}"), entry(f"../../{MARK}")],
        "dots behind folders": [folder("a"), folder("a/b"), entry(f"{deep}/{MARK}"), entry(f"a/b/../../../{MARK}")],
        "only dots": [entry(".."), entry("../"), folder("..", mode=0), folder("../..", mode=0), folder("/..", mode=0)],
        "symlink": [symlink("link", aim), entry(f"link/{MARK}"), entry("link/secret"), folder("link", mode=0)],
        "symlink up": [symlink("link", UP), entry(f"link{aim}/{MARK}"), entry(f"link/{MARK}"), folder("link/", mode=0)],
        "symlink to a file": [symlink("link", f"{aim}/secret"), entry("link"), entry("link", mode=0o7777)],
        "symlink of symlinks": [
            symlink("x", "y/z"), symlink("y", "."), symlink("z", UP + aim[1:]), entry(f"x/{MARK}"),
            symlink("w", "x/sub"), entry(f"w/{MARK}"), entry("w/file"),
        ],
        "symlink in the way of a folder": [folder("d"), entry("d/f"), symlink("d", aim), entry(f"d/{MARK}")],
        "symlinks through themselves": [symlink("a", "b"), symlink("b", "a"), entry(f"a/{MARK}"), folder("b/c")],
        "symlink into /proc": [symlink("p", "/proc/self/root"), entry(f"p{aim}/{MARK}"), symlink("q", "/proc/1/cwd"),
                               entry(f"q{aim}/{MARK}"), symlink("f", "/proc/self/fd/3"), entry(f"f/{MARK}")],
        "hard link": [hard_link("hard", f"{aim}/secret"), entry("hard")],
        "hard link up": [hard_link("hard", f"{UP}{aim[1:]}/secret"), entry("hard"), entry("hard", mode=0o7777)],
        "hard link through a symlink": [symlink("link", aim), hard_link("hard", "link/secret"), entry("hard")],
        "hard link to a symlink": [symlink("link", f"{aim}/secret"), hard_link("hard", "link"), entry("hard")],
        "hard link into the outside": [entry("own"), symlink("link", aim), hard_link(f"link/{MARK}", "own")],
        "hard link to a folder": [folder("d"), hard_link("h", "d"), hard_link("f", ".."), hard_link("g", aim)],
        "whiteouts": [entry(f"{UP}{aim[1:]}/.wh.secret"), entry(f"{aim}/.wh..wh..opq"), entry(".wh..."),
                      entry(".wh.."), entry(".wh."), entry(f"../.wh.{MARK}"), entry(".wh..wh..opq")],
        "whiteouts through a symlink": [symlink("link", aim), entry("link/.wh.secret"), entry("link/.wh..wh..opq"),
                                        entry("link/sub/.wh.file"), entry("link/.wh.sub")],
        "whiteouts of parents": [folder("a"), entry("a/.wh..."), entry("a/.wh.."), entry("a/.wh.../../x")],
        "attributes through a symlink": [symlink("link", f"{aim}/secret"), entry("link/", kind=tarfile.DIRTYPE, mode=0),
                                         entry("link", pax_headers={"SCHILY.xattr.user.x": "y"})],
        "overlay's own attributes": [
            entry("a", pax_headers={"SCHILY.xattr.trusted.overlay.redirect": f"{UP}{aim[1:]}"}),
            folder("b", pax_headers={"SCHILY.xattr.trusted.overlay.redirect": aim}),
            entry("c", pax_headers={"SCHILY.xattr.trusted.overlay.metacopy": ""}), device("w", tarfile.CHRTYPE, 0, 0),
        ],
        "devices": [device("disk", tarfile.BLKTYPE, 254, 0), device("mem", tarfile.CHRTYPE, 1, 1),
                    device("odd", tarfile.CHRTYPE, 2**20, 2**20), entry("pipe", kind=tarfile.FIFOTYPE),
                    symlink("link", aim), device(f"link/{MARK}", tarfile.CHRTYPE, 1, 3)],
        "files for other users": [entry("suid", mode=0o6755, uid=0), entry("big", uid=2**31, gid=2**32 - 2),
                                  entry("bigger", uid=2**40, gid=2**40), entry("negative", uid=-1, gid=-2)],
        "names": [entry("line\nfeed"), entry("tab\t"), entry("\udcff\udcfe"), entry(" "), entry("-rf"), entry("*"),
                  entry("\x1b[2J"), entry("x" * 300), entry("x/" * 3000 + "y")],
        "own folder": [entry("."), entry("./"), folder(".", mode=0o755), symlink(".", aim), hard_link(".", ".")],
        "empty": [entry(""), folder(""), symlink("", aim), symlink("nowhere", ""), hard_link("nothing", "")],
    }  # fmt: skip
    found = {name: tar(members, form=tarfile.GNU_FORMAT if "users" in name else tarfile.PAX_FORMAT)
             for name, members in cases.items()}  # fmt: skip
    return found | malformed(aim)


def malformed(aim: str) -> dict[str, bytes]:
    """Return archives whose headers lie."""
    end = bytes(1024)
    nul = pax(pax_record("path", f"ok\0{UP}{aim[1:]}/{MARK}".encode()))
    return {
        "a huge size": raw_header(b"huge", size=b"77777777777") + b"little",
        "a huger size": raw_header(b"huge", size=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7) + b"little",
        "a negative size": raw_header(b"negative", size=b"\xff" * 12) + end,
        "a size that is none": raw_header(b"none", size=b"zzz") + end,
        "a huge extended header": raw_header(b"pax", size=b"77777777777", kind=b"x") + b"9 a=b\n",
        "a huge long name": raw_header(b"long", size=b"77777777777", kind=b"L") + b"name",
        "a huge sparse map": raw_header(b"sparse", size=b"1000", kind=b"S") + bytes(512),
        "extended sizes": pax(pax_record("size", b"9" * 30)) + raw_header(b"x") + end,
        "negative extended size": pax(pax_record("size", b"-1")) + raw_header(b"x") + end,
        "extended times": pax(pax_record("mtime", b"9" * 300)) + raw_header(b"x") + end,
        "extended time that is none": pax(pax_record("mtime", b"nan")) + raw_header(b"x") + end,
        "extended owner": pax(pax_record("uid", b"9" * 30)) + raw_header(b"x") + end,
        "a broken record": pax(b"99999999 path=x\n") + raw_header(b"x") + end,
        "a record without end": pax(b"5 a=b") + raw_header(b"x") + end,
        "a null byte": nul + raw_header(b"x") + end,
        "a null byte in a link": pax(pax_record("linkpath", f"{aim}\0/x".encode())) + raw_header(b"x", kind=b"2") + end,
        "global path": pax(pax_record("path", f"{UP}{aim[1:]}/{MARK}".encode()), b"g") + raw_header(b"x") + end,
        "unknown kinds": b"".join(raw_header(b"k" + k, kind=k) for k in (b"Z", b"s", b"D", b"M", b"N", b"V", b"\xff")),
        "a bad checksum": raw_header(b"x")[:148] + b"0000000\0" + raw_header(b"x")[156:] + end,
        "a cut header": raw_header(b"x")[:300],
        "extended headers without end": pax(pax_record("a", b"b")) * 3000,
        "10,000 folders deep": tar([entry("d/" * 10_000 + "x")]),
        "10,000 folders one by one": tar([folder("e/" * n) for n in range(1, 10_000, 500)]),
        "many symlinks deep": tar([symlink("l" * n, "l" * (n + 1)) for n in range(1, 90)] + [entry("l/" + MARK)]),
    }


def image(
    layer: bytes, *, name: str = "", facts: dict[str, Any] | None = None, raw: bytes = b"", **manifest: Any
) -> bytes:
    """A docker-archive of one layer. `facts` replace fields of the image's configuration, `raw` all of it."""
    usual = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
             "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}  # fmt: skip
    config = raw or json.dumps({**usual, **(facts or {})}).encode()
    wanted = {"Config": "config.json", "RepoTags": [name] if name else None, "Layers": ["layer.tar"], **manifest}
    return tar([entry("layer.tar", layer), entry("config.json", config),
                entry("manifest.json", json.dumps([wanted]).encode())])  # fmt: skip
