"""The daemons that are compared, each in directories and a network namespace of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import base_image

REPOSITORY = Path(__file__).parent.parent
UNPACKED = REPOSITORY / "build" / "peers"


class Peer(ABC):
    """One daemon that answers Docker's API on `socket`; `ready_seconds` is what its start took."""

    name: str

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / f"{self.name}.sock"
        self.ready_seconds = 0.0
        self._namespace = f"bench-{self.name}-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the daemon's command line."""

    def docker(self, *args: str, check: bool = True) -> str:
        """Run the docker command against this daemon and return its output."""
        done = subprocess.run([docker_command(), *args], env=self.environment(), capture_output=True, check=check)
        return done.stdout.decode().strip()

    def environment(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}

    def start(self) -> None:
        subprocess.run(["ip", "netns", "add", self._namespace], check=True)
        enter = ["nsenter", f"--net=/run/netns/{self._namespace}", "--"]
        subprocess.run([*enter, "ip", "link", "set", "lo", "up"], check=True)
        paths = f"{UNPACKED}/usr/bin:{UNPACKED}/usr/sbin:{os.environ['PATH']}"
        began = time.monotonic()
        with (self.home / f"{self.name}.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*enter, *self.command()], env={**os.environ, "PATH": paths}, stdout=log, stderr=log
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - began > 30:
                raise RuntimeError((self.home / f"{self.name}.log").read_text()[-2000:])
            time.sleep(0.01)
        self.ready_seconds = time.monotonic() - began

    def stop(self) -> None:
        if self._process:
            with contextlib.suppress(subprocess.CalledProcessError):
                if ids := self.docker("ps", "-aq").split():
                    self.docker("rm", "-f", "-v", *ids)
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
        subprocess.run(["ip", "netns", "delete", self._namespace], check=False)

    def processes(self) -> list[int]:
        """Return the daemon's process and its descendants."""
        assert self._process
        return _descendants(self._process.pid)

    def _answers(self) -> bool:
        done = subprocess.run(
            ["curl", "-fs", "-o", "/dev/null", "--unix-socket", str(self.socket), "http://d/_ping"], check=False
        )
        return done.returncode == 0


class Pogu(Peer):
    name = "pogu"

    def command(self) -> list[str]:
        return [
            str(REPOSITORY / ".venv/bin/pogu"), "up",
            "--root", str(self.home / "pogu"), "--run", str(self.home / "pogu-run"),
            "--host", f"unix://{self.socket}", "--bridge", "pogubench0",
            "--cgroup-parent", f"/pogu-bench-{os.getpid()}",
        ]  # fmt: skip


class Dockerd(Peer):
    name = "docker"

    def command(self) -> list[str]:
        return [
            str(UNPACKED / "usr/sbin/dockerd"), "--data-root", str(self.home / "docker"),
            "--exec-root", str(self.home / "docker-exec"), "--pidfile", str(self.home / "docker.pid"),
            "--host", f"unix://{self.socket}",
        ]  # fmt: skip


def docker_command() -> str:
    """Return the docker command that drives both daemons."""
    done = subprocess.run([REPOSITORY / "scripts/docker_command.sh"], capture_output=True, check=True)
    return done.stdout.decode().strip()


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


@contextlib.contextmanager
def started() -> Iterator[tuple[Pogu, Dockerd]]:
    """Start both daemons with a `busybox` image each; stop them and remove everything at the end."""
    subprocess.run([REPOSITORY / "scripts/fetch_package.sh", UNPACKED, "docker.io", "containerd", "tini"], check=True)
    home = Path(tempfile.mkdtemp(prefix="pogu-bench.", dir="/var/tmp"))
    peers = (Pogu(home), Dockerd(home))
    try:
        for peer in peers:
            peer.start()
            _give_busybox(peer)
        yield peers
    finally:
        for peer in peers:
            peer.stop()
        for mount in _mounts_under(home):  # dockerd leaves its network namespace mounted
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def _mounts_under(folder: Path) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if point.startswith(f"{folder}/")]


def _give_busybox(peer: Peer) -> None:
    with base_image("busybox").open("rb") as tar:
        subprocess.run(
            [docker_command(), "import", "-c", 'CMD ["sh"]', "-", "busybox:latest"],
            stdin=tar, env=peer.environment(), check=True, capture_output=True,
        )  # fmt: skip
