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
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar

from tests.conftest import base_image

REPOSITORY = Path(__file__).parent.parent
UNPACKED = REPOSITORY / "build" / "peers"


P = TypeVar("P", bound="Peer")


class Peer(ABC):
    """One daemon that answers Docker's API on `socket`; `ready_seconds` is what its start took."""

    name: str

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / f"{self.name}.sock"
        self.ready_seconds = 0.0
        self.idle_mib = 0.0  # before it had anything to do
        self._namespace = f"bench-{self.name}-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def run_dir(self) -> Path:
        """What must not outlive a start of the machine: a tmpfs, as /run is."""
        return self.home / f"{self.name}-run"

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
        self.run_dir.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.run_dir], check=True)
        subprocess.run(["ip", "netns", "add", self._namespace], check=True)
        enter = self.enter()
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

    def enter(self) -> list[str]:
        """Return the words in front of a command that is to run in the daemon's network namespace."""
        return ["nsenter", f"--net=/run/netns/{self._namespace}", "--"]

    def stop(self) -> None:
        if self._process:
            with contextlib.suppress(subprocess.CalledProcessError):
                if ids := self.docker("ps", "-aq").split():
                    self.docker("rm", "-f", "-v", *ids)
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
        subprocess.run(["ip", "netns", "delete", self._namespace], check=False)

    def processes(self) -> list[int]:
        """Return the processes of the daemon and its supervisors, those inside containers left out."""
        assert self._process
        own = Path("/proc/self/ns/pid").readlink()
        named = _processes_naming(str(self.home / self.name))
        return [pid for pid in {*_descendants(self._process.pid), *named} if _pid_namespace(pid) == own]

    def memory_mib(self) -> float:
        """Return the proportional set size of `processes` in MiB."""
        return sum(_pss_kib(pid) for pid in self.processes()) / 1024

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
            "--root", str(self.home / "pogu"), "--run", str(self.run_dir),
            "--host", f"unix://{self.socket}", "--bridge", "pogubench0",
            "--cgroup-parent", f"/pogu-bench-{os.getpid()}",
        ]  # fmt: skip


class Dockerd(Peer):
    name = "docker"

    def command(self) -> list[str]:
        return [
            str(UNPACKED / "usr/sbin/dockerd"), "--data-root", str(self.home / "docker"),
            "--exec-root", str(self.run_dir), "--pidfile", str(self.home / "docker.pid"),
            "--host", f"unix://{self.socket}",
        ]  # fmt: skip


@cache
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


def _pid_namespace(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:  # it has ended
        return None


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _processes_naming(text: str) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if os.fsencode(text) in path.read_bytes():
                yield int(path.parent.name)


class Podman:
    """podman from its packages, without installing them: in mount and network namespaces that hold what it needs.

    Every call is `nsenter`, which costs a millisecond, and podman.
    """

    PROGRAM = "podman"
    _PACKAGES = (
        "netavark", "aardvark-dns", "golang-github-containers-common", "golang-github-containers-image",
        "libsubid4", "libgpgme11", "libassuan0",
    )  # fmt: skip

    def __init__(self, home: Path) -> None:
        self.home = home / self.PROGRAM
        self._holder: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        fetch(self.PROGRAM, *self._PACKAGES)
        for name in ("upper", "work", "run"):
            (self.home / name).mkdir(parents=True)
        (self.home / "containers.conf").write_text(
            f'[engine]\nhelper_binaries_dir=["{UNPACKED}/usr/lib/podman"]\nruntime="crun"\n'
            'cgroup_manager="cgroupfs"\nevents_logger="file"\n[network]\nnetwork_backend="netavark"\n'
        )
        libraries = "usr/lib/x86_64-linux-gnu"
        script = (
            "ip link set lo up && "
            f"mount -t overlay overlay -o lowerdir={UNPACKED}/{libraries}:/{libraries} /{libraries} && "
            f"mount -t overlay overlay -o lowerdir={UNPACKED}/etc:/etc,upperdir={self.home}/upper,"
            f"workdir={self.home}/work /etc && mount -t tmpfs tmpfs {self.home}/run && "
            "echo ready && exec sleep infinity"
        )
        self._holder = subprocess.Popen(["unshare", "-m", "-n", "sh", "-c", script], stdout=subprocess.PIPE)
        assert self._holder.stdout
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError("podman's namespaces cannot be made")
        self.give("busybox", base_image("busybox"))

    def give(self, name: str, tar: Path) -> None:
        """Make an image of the files in an archive."""
        self.run("import", "-c", "CMD=sh", str(tar), f"localhost/{name}")

    def enter(self) -> list[str]:
        """Return the words in front of a command that is to run in the namespaces."""
        assert self._holder
        return ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "--"]

    def run(self, *args: str) -> None:
        """Run a command of the program's."""
        argv = [*self.enter(), str(UNPACKED / "usr/bin" / self.PROGRAM)]
        argv += ["--root", str(self.home / "root"), "--runroot", str(self.home / "run"), *args]
        env = {**os.environ, "CONTAINERS_CONF": str(self.home / "containers.conf"), "HOME": str(self.home)}
        subprocess.run(argv, env=env, check=True, capture_output=True, timeout=120)

    def stop(self) -> None:
        if self._holder:
            self._holder.kill()
            self._holder.wait()


class Buildah(Podman):
    """buildah, in the same way."""

    PROGRAM = "buildah"

    def give(self, name: str, tar: Path) -> None:
        context = self.home / "given"
        context.mkdir()
        shutil.copy(tar, context / "files.tar")
        (context / "Dockerfile").write_text('FROM scratch\nADD files.tar /\nCMD ["sh"]\n')
        self.build(f"localhost/{name}", context, ())
        shutil.rmtree(context)

    def build(self, tag: str, context: Path, flags: Sequence[str]) -> None:
        """Build a directory, with the layers that it has of earlier builds. RUN is not given a network of its own."""
        own = [] if "--network=host" in flags else ["--network=none"]
        self.run("bud", "-q", "--layers", "--isolation", "oci", *own, *flags, "-t", tag, str(context))


class Scene:
    """What the cases work with. The peers start when they are first asked for."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._started: list[Peer | Podman] = []

    @cached_property
    def pogu(self) -> Pogu:
        return self._start(Pogu(self.home))

    @cached_property
    def docker(self) -> Dockerd:
        fetch("docker.io", "containerd", "tini", "iptables")
        return self._start(Dockerd(self.home))

    @cached_property
    def podman(self) -> Podman:
        podman = Podman(self.home)
        self._started.append(podman)
        podman.start()
        return podman

    @cached_property
    def buildah(self) -> Buildah:
        buildah = Buildah(self.home)
        self._started.append(buildah)
        buildah.start()
        return buildah

    def _start(self, peer: P) -> P:
        self._started.append(peer)
        peer.start()
        peer.idle_mib = peer.memory_mib()
        _give_busybox(peer)
        return peer

    def stop(self) -> None:
        for peer in reversed(self._started):
            peer.stop()


def fetch(*packages: str) -> None:
    """Unpack Debian packages for the peers."""
    subprocess.run([REPOSITORY / "scripts/fetch_package.sh", UNPACKED, *packages], check=True)


@contextlib.contextmanager
def scene() -> Iterator[Scene]:
    """Yield a scene; stop all peers and remove everything at the end."""
    home = Path(tempfile.mkdtemp(prefix="pogu-bench.", dir="/var/tmp"))
    found = Scene(home)
    try:
        yield found
    finally:
        found.stop()
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
