"""The programs and libraries the engine calls, with the Debian packages they come from."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator

from pogu.daemon.hostcheck.finding import Finding, found

_REQUIRED = {"conmon": "keeps containers running while the daemon restarts"}
_OPTIONAL = {
    "catatonit": ("catatonit", "no init in containers (--init)"),
    "mmdebstrap": ("mmdebstrap", "`pogu image bootstrap debian:…` cannot make images"),
}


def check() -> Iterator[Finding]:
    """Yield what is found."""
    yield from _runtimes()
    for name, purpose in _REQUIRED.items():
        path = _which(name)
        if path:
            yield found(name, path)
        else:
            yield Finding(name, "missing", f"not found: it {purpose}", f"apt install {name}")
    yield _nftables()
    for name, (package, effect) in _OPTIONAL.items():
        path = _which(name)
        if path:
            yield found(name, path)
        else:
            yield Finding(name, "warning", f"not found: {effect}", f"apt install {package}")
    if not _which("busybox"):
        yield Finding(
            "busybox", "note", "not found: `pogu image bootstrap busybox` needs it", "apt install busybox-static"
        )


def _runtimes() -> Iterator[Finding]:
    paths = {name: _which(name) for name in ("crun", "runc")}
    for name, path in paths.items():
        if path:
            yield found(name, path)
    if not any(paths.values()):
        yield Finding("OCI runtime", "missing", "neither crun nor runc was found", "apt install crun")
    elif not paths["crun"]:
        yield Finding("crun", "warning", "not found: containers start slower with runc", "apt install crun")


def _nftables() -> Finding:
    try:
        ctypes.CDLL("libnftables.so.1")
    except OSError:
        return Finding(
            "libnftables", "missing", "not found: it makes the rules of networks and ports", "apt install libnftables1"
        )
    return found("libnftables", "libnftables.so.1")


def _which(name: str) -> str | None:
    """Return where a program is; the administrator's directories count although users may not have them in PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
