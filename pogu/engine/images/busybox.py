"""The file system of a busybox image, from the one static program of Debian's busybox-static."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pogu.engine.archive import DIRECTORY, SYMLINK, Entry, TarWriter
from pogu.errors import Unsupported
from pogu.linux.processes import run

_PROGRAMS = ("/bin/busybox", "/usr/bin/busybox")
_DIRECTORIES = (
    "bin dev etc home lib proc root run sbin sys tmp usr usr/bin usr/lib usr/sbin "
    "var var/cache var/lib var/log var/opt var/spool var/spool/mail var/tmp var/www"
).split()
_MODES = {"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700}

# name, uid, gid, home, shell
_USERS = [
    ("root", 0, 0, "/root", "/bin/sh"),
    ("daemon", 1, 1, "/usr/sbin", "/bin/false"),
    ("bin", 2, 2, "/bin", "/bin/false"),
    ("sys", 3, 3, "/dev", "/bin/false"),
    ("sync", 4, 100, "/bin", "/bin/sync"),
    ("mail", 8, 8, "/var/spool/mail", "/bin/false"),
    ("www-data", 33, 33, "/var/www", "/bin/false"),
    ("operator", 37, 37, "/var", "/bin/false"),
    ("nobody", 65534, 65534, "/home", "/bin/false"),
]
_GROUPS = {
    "root": 0,
    "daemon": 1,
    "bin": 2,
    "sys": 3,
    "adm": 4,
    "tty": 5,
    "disk": 6,
    "lp": 7,
    "mail": 8,
    "kmem": 9,
    "wheel": 10,
    "cdrom": 11,
    "dialout": 18,
    "floppy": 19,
    "video": 28,
    "audio": 29,
    "tape": 32,
    "www-data": 33,
    "operator": 37,
    "utmp": 43,
    "plugdev": 46,
    "staff": 50,
    "lock": 54,
    "netdev": 82,
    "users": 100,
    "nobody": 65534,
}


async def write_busybox(target: Path) -> None:
    """Write the archive of the root file system to the file `target`.

    Raises:
        Unsupported: busybox is not installed, or is linked dynamically; the message says what to install.
    """
    program = next((p for p in map(Path, _PROGRAMS) if p.is_file()), None)
    if program is None:
        raise Unsupported("busybox is not installed on this machine: apt-get install busybox-static")
    binary = program.read_bytes()
    if b"/lib64/ld-linux" in binary[:4096] or b"/lib/ld-linux" in binary[:4096]:
        raise Unsupported(f"{program} needs shared libraries: apt-get install busybox-static")
    applets = await run([program, "--list"])
    await asyncio.to_thread(_write, target, binary, applets.stdout.decode().split())


def _write(target: Path, binary: bytes, applets: Sequence[str]) -> None:
    with target.open("wb") as file:

        def emit(data: bytes) -> None:
            file.write(data)

        _add_all(TarWriter(emit), binary, applets)


def _add_all(tar: TarWriter, binary: bytes, applets: Sequence[str]) -> None:
    for name in _DIRECTORIES:
        owner = 65534 if name == "home" else 0
        tar.add(Entry(f"{name}/", type=DIRECTORY, mode=_MODES.get(name, 0o755), uid=owner, gid=owner))
    _file(tar, "bin/busybox", binary, 0o755)
    for applet in sorted(set(applets) - {"busybox"}):
        tar.add(Entry(f"bin/{applet}", type=SYMLINK, mode=0o777, link="busybox"))
    tar.add(Entry("usr/bin/env", type=SYMLINK, mode=0o777, link="../../bin/env"))
    for path, text in _files().items():
        _file(tar, path, text.encode(), 0o600 if path == "etc/shadow" else 0o644)
    tar.finish()


def _files() -> dict[str, str]:
    return {
        "etc/passwd": "".join(f"{n}:x:{uid}:{gid}:{n}:{home}:{shell}\n" for n, uid, gid, home, shell in _USERS),
        "etc/shadow": "".join(f"{n}:*::0:::::\n" for n, *_ in _USERS),
        "etc/group": "".join(f"{name}:x:{gid}:\n" for name, gid in _GROUPS.items()),
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
        "etc/hostname": "",
        "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
        "etc/resolv.conf": "",
        "etc/profile": "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
    }


def _file(tar: TarWriter, name: str, content: bytes, mode: int) -> None:
    tar.add(Entry(name, mode=mode, size=len(content), stored=len(content)), content)
