"""Archives that unpack, archives that try to get out, and archives that are none."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile


def _tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _file(name: str, data: bytes = b"fuzz\n", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return _file(name, b"", type=kind, linkname=target)


def _image(**changes: object) -> bytes:
    """A docker-archive of one layer; `changes` replace fields of its manifest entry."""
    layer = _tar(_file("made", b"x"))
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    entry = {"Config": "config.json", "RepoTags": ["spare:2"], "Layers": ["layer.tar"], **changes}
    manifest = json.dumps([entry]).encode()
    return _tar(_file("layer.tar", layer), _file("config.json", config), _file("manifest.json", manifest))


def archives() -> list[bytes]:
    """Return the archives."""
    good = _tar(_file("a"), _file("d", b"", type=tarfile.DIRTYPE), _file("d/b", b"x" * 3000))
    escapes = [
        _tar(_file("../../../../fuzzed"), _file("/etc/fuzzed")),
        _tar(_link("out", "/"), _file("out/etc/fuzzed")),
        _tar(_link("out", "../../../../../../.."), _file("out/etc/fuzzed"), _link("out/etc/x", "/etc/passwd")),
        _tar(_link("passwd", "/etc/passwd", tarfile.LNKTYPE), _file("passwd")),
        _tar(_link("passwd", "../../../../../etc/passwd", tarfile.LNKTYPE), _file("passwd")),
        _tar(_file("disk", b"", type=tarfile.BLKTYPE, devmajor=254), _file("fifo", b"", type=tarfile.FIFOTYPE)),
        _tar(_link("loop", "loop"), _file("loop/x"), _file(".wh.etc"), _file(".wh..wh..opq"), _file(".wh.../x")),
        _tar(_file("setuid", b"", mode=0o6755, uid=2**31, gid=-1 & 0xFFFFFFFF), form=tarfile.GNU_FORMAT),
        _tar(_file("a/" * 2000 + "x"), _file("n" * 300), _file("é\udcff", b"")),
        _tar(_file("pax", b"", pax_headers={"size": "9" * 11, "SCHILY.xattr.user.x": "y", "path": "../up"})),
        _tar(_file("dir", b"", type=tarfile.DIRTYPE), _file("dir"), _file("dir/x")),
    ]  # fmt: skip
    images = [
        _image(),
        _image(Config="../../../../etc/passwd"),
        _image(Layers=["../../../../etc/passwd"]),
        _image(Layers=[]),
        _image(Layers=7),
        _image(RepoTags=["UPPER:x", 3]),
        _image(RepoTags=None, Config=None),
        _tar(_file("manifest.json", b"[]")),
        _tar(_file("manifest.json", b"{")),
        _tar(_file("manifest.json", b"[" * 100_000)),
        _tar(
            _file("index.json", b'{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}'), _file("oci-layout", b"{}")
        ),
        _tar(_link("manifest.json", "/etc/passwd")),
    ]
    rng = random.Random(0)
    rubbish = [
        b"", b"\0" * 1024, b"\0" * 512, rng.randbytes(2000), good[:700], gzip.compress(good), gzip.compress(good)[:-20],
        gzip.compress(b"\0" * (32 << 20)), b"\x1f\x8b" + rng.randbytes(300), b"\xfd7zXZ\0" + rng.randbytes(300),
        b"BZh9" + rng.randbytes(300), b"\x28\xb5\x2f\xfd" + rng.randbytes(300), good.replace(b"ustar", b"ubsta"),
    ]  # fmt: skip
    return [good, good, *escapes, *images, *rubbish]
