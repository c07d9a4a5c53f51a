"""Pogu as packages install it: the units of `packaging/`, the group, and the command at /usr/bin/pogu."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.running import POGU, Ran

INSIDE = Path("/proc/cmdline").read_text().find("pogu.tests=") >= 0

UNITS = Path("/etc/systemd/system")
DROP_INS = UNITS / "pogu.service.d"
CGROUPS = Path("/sys/fs/cgroup")
_PACKAGING = REPOSITORY / "packaging"
_FILES = {
    "systemd/pogu.service": UNITS / "pogu.service",
    "systemd/pogu.socket": UNITS / "pogu.socket",
    "systemd/sysusers.conf": Path("/usr/lib/sysusers.d/pogu.conf"),
    "default/pogu": Path("/etc/default/pogu"),
}


class Service:
    """The installed service, driven with `systemctl` and `pogu` as an administrator would."""

    def install(self) -> None:
        """Put the files in place and start listening; the daemon itself starts when it is first asked something."""
        for source, target in _FILES.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_PACKAGING / source, target)
        Path("/usr/bin/pogu").unlink(missing_ok=True)
        Path("/usr/bin/pogu").symlink_to(POGU)
        subprocess.run(["systemd-sysusers"], check=True)
        self.systemctl("daemon-reload")
        self.systemctl("start", "pogu.socket")

    def remove(self) -> None:
        """Remove the containers and the files again."""
        with contextlib.suppress(Exception):
            if ids := self.pogu("ps", "-aq").out.split():
                self.pogu("rm", "-f", "-v", *ids)
        self.systemctl("stop", "pogu.socket", "pogu.service", check=False)
        shutil.rmtree(DROP_INS, ignore_errors=True)
        for target in _FILES.values():
            target.unlink(missing_ok=True)
        self.systemctl("daemon-reload")

    def pogu(self, *args: str, check: bool = True, timeout: float = 300) -> Ran:
        """Run the pogu command against the service's own socket."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "POGU_"))}
        return _ran(["/usr/bin/pogu", *args], check, timeout, env)

    def systemctl(self, *args: str, check: bool = True) -> str:
        """Run systemctl and return what it says, unshortened."""
        return _ran(["systemctl", "--no-pager", "--full", *args], check, 300, {**os.environ, "SYSTEMD_COLORS": "0"}).out

    def property(self, name: str, unit: str = "pogu.service") -> str:
        """Return one property of a unit."""
        return self.systemctl("show", "-P", name, unit)

    def configure(self, name: str, text: str) -> None:
        """Write a drop-in and restart the service with it: `systemctl edit` without the editor."""
        DROP_INS.mkdir(exist_ok=True)
        (DROP_INS / name).write_text(text)
        self.systemctl("daemon-reload")
        self.systemctl("restart", "pogu")

    def journal(self) -> str:
        """Return all that the service has logged."""
        return _ran(["journalctl", "-u", "pogu", "-o", "cat", "--no-pager"], True, 300, dict(os.environ)).out

    def inspect(self, name: str, field: str) -> str:
        """Return one field of a container, as a Go template names it."""
        return self.pogu("inspect", "-f", "{{%s}}" % field, name).out  # noqa: UP031 # braces

    def cgroup(self, name: str) -> Path:
        """Return the directory of a running container's cgroup, as the kernel says it."""
        membership = Path(f"/proc/{self.inspect(name, '.State.Pid')}/cgroup").read_text()
        return CGROUPS / membership.strip().removeprefix("0::/")


def _ran(argv: list[str], check: bool, timeout: float, env: dict[str, str]) -> Ran:
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    ran = Ran(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
    if check:
        assert ran.code == 0, f"{' '.join(argv)}: exit {ran.code}\n{ran.out}\n{ran.err}"
    return ran
