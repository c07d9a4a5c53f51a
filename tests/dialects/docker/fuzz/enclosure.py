"""A daemon that may be asked anything: what it could break is its own, and what it touches outside is seen."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.running import RunningDaemon

# What container engines keep outside their own directories on purpose.
ALLOWED = re.compile(
    r"/run(/crun(/.*)?|/runc(/.*)?|/lock(/.*)?|/xtables\.lock)?"
    r"|/tmp(/pogu-tty-.*)?"  # sockets of terminals, whose addresses must be short
    r"|/fuzz(/.*)?"  # what made-up bind mounts may name
)


class EnclosedDaemon(RunningDaemon):
    """A daemon with its own network, IPC and host name, over a copy-on-write view of the machine's files."""

    def launcher(self) -> Sequence[str | Path]:
        return ("unshare", "-m", "-n", "-i", "-u", "sh", Path(__file__).with_name("enclose.sh"), self.home)

    def start(self) -> None:
        super().start()
        self._host_settings = self.host_settings()

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def escaped(self) -> list[str]:
        """Return the paths outside the daemon's home that were written, made or removed, save the usual ones."""
        upper = Path(f"/proc/{self.pid}/root{self.home}/outside/upper")
        found = (f"/{path.relative_to(upper)}" for path in _walk(upper))
        return sorted(p for p in found if not ALLOWED.fullmatch(p) and not str(self.home).startswith(p))

    def host_settings(self) -> dict[str, str]:
        """Return settings of the daemon's own kernel namespaces that a container must never change."""
        settings = {}
        for name in ("kernel/hostname", "kernel/domainname", "kernel/msgmax", "kernel/shmmax", "kernel/sem"):
            argv = ["nsenter", "-t", str(self.pid), "-i", "-u", "cat", f"/proc/sys/{name}"]
            settings[name] = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
        return settings

    def changed_settings(self) -> dict[str, str]:
        """Return the settings that are no longer what they were when the daemon started."""
        return {k: v for k, v in self.host_settings().items() if self._host_settings[k] != v}

    def memory(self) -> int:
        """Return the daemon's resident memory in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> list[str]:
        """Return what the daemon has open."""
        targets = []
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                targets.append(str(entry.readlink()))
        return sorted(targets)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        yield entry
        if stat.S_ISDIR(entry.lstat().st_mode):
            yield from _walk(entry)
