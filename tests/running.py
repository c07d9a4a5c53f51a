"""A Pogu daemon for a test: own directories, bridge, cgroup parent and socket, and nothing left when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from tests.conftest import REPOSITORY, base_image

POGU = REPOSITORY / ".venv" / "bin" / "pogu"


@cache
def docker_command() -> str:
    """Return the newest docker command of this machine (Debian's where there is none)."""
    done = subprocess.run([REPOSITORY / "scripts/docker_command.sh"], capture_output=True, check=True, text=True)
    return done.stdout.strip()


@cache
def docker_version() -> tuple[int, ...]:
    """Return the version of `docker_command()`, such as (28, 2, 2)."""
    shown = subprocess.run([docker_command(), "--version"], capture_output=True, check=True, text=True).stdout
    return tuple(int(part) for part in shown.split()[2].partition("+")[0].rstrip(",").split("."))


def docker_is_new() -> bool:
    """Say whether the docker command is one whose words and flags Pogu's own command has (28; 25 differs little)."""
    return docker_version() >= (25,)


class RunningDaemon:
    """One `pogu up` process. `docker()` and `pogu()` run those commands against it."""

    def __init__(self, *flags: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="pogu-test.", dir="/var/tmp"))
        tag = self.home.name.rpartition(".")[2].lower()
        self.bridge = f"pt{tag}"
        self.cgroup_parent = f"/pogu-test-{tag}"
        self.root, self.run_dir = self.home / "root", self.home / "run"
        self.socket = self.run_dir / "pogu.sock"
        self.url = f"unix://{self.socket}"
        self._flags = flags
        self.process: subprocess.Popen[bytes] | None = None

    def launcher(self) -> Sequence[str | Path]:
        """Return the words in front of the daemon's command: a program that prepares something and becomes it."""
        return ()

    def start(self) -> None:
        """Start the daemon and return when it has said that it is ready."""
        log = (self.home / "daemon.log").open("ab")
        self.process = subprocess.Popen(
            [*self.launcher(), POGU, "up", "--root", self.root, "--run", self.run_dir, "--host", self.url,
             "--bridge", self.bridge, "--cgroup-parent", self.cgroup_parent, *self._flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        log.close()
        assert self.process.stdout
        ready = self.process.stdout.readline()
        if not ready:
            self._reap()
            raise RuntimeError(f"the daemon did not start:\n{self.log()[-4000:]}")

    def kill(self) -> None:
        """End the daemon with SIGKILL, as a crash would."""
        assert self.process
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """End the daemon with SIGTERM; containers go on running. Returns its exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        assert self.process
        code = self.process.wait(60)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def log(self) -> str:
        return (self.home / "daemon.log").read_text(errors="replace")

    def environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "POGU_"))}
        return {**env, "DOCKER_HOST": self.url, "POGU_HOST": self.url, "DOCKER_CONFIG": str(self.home / "config")}

    def docker(
        self, *args: str | Path, check: bool = True, input: str | bytes | None = None, timeout: float = 120
    ) -> Ran:
        """Run the docker command; with `check` a non-zero exit fails the test with its output."""
        return self._ran([docker_command(), *args], check, input, timeout)

    def pogu(
        self, *args: str | Path, check: bool = True, input: str | bytes | None = None, timeout: float = 120
    ) -> Ran:
        """Run the pogu command the same way."""
        return self._ran([POGU, *args], check, input, timeout)

    def popen(self, *args: str, stdin: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Start a docker command in the background with its output on a pipe."""
        return subprocess.Popen(
            [docker_command(), *args],
            env=self.environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _ran(self, argv: Sequence[str | Path], check: bool, input: str | bytes | None, timeout: float) -> Ran:
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            argv, env=self.environment(), input=data, capture_output=True, timeout=timeout, check=False,
            stdin=None if data is not None else subprocess.DEVNULL,
        )  # fmt: skip
        ran = Ran(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        if check:
            assert ran.code == 0, f"{' '.join(map(str, argv))}: exit {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    def load_image(self, name: str) -> None:
        """Import a base image (`busybox`, `debian:bookworm`) made from Debian packages, once a daemon."""
        if self.docker("image", "inspect", name, check=False).code == 0:
            return
        program = "sh" if name == "busybox" else "bash"
        self.docker("import", "-c", f'CMD ["{program}"]', base_image(name), name, timeout=300)

    def close(self) -> None:
        """Remove every container and everything of the daemon, also where it has failed."""
        with contextlib.suppress(Exception):
            if self.process is None or self.process.poll() is not None:
                self.start()
            if ids := self.docker("ps", "-aq").out.split():
                self.docker("rm", "-f", "-v", *ids)
            if networks := self.docker("network", "ls", "-q", "--filter", "type=custom").out.split():
                self.docker("network", "rm", *networks)
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        if self.process:
            self.kill()
        self._sweep()

    def _sweep(self) -> None:
        for pid in _processes_naming(str(self.home)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for mount in reversed(mounts_under(self.home)):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)
        for table in _tables_naming(self.bridge):
            subprocess.run(["nft", "delete", "table", "inet", table], check=False, capture_output=True)
        # not shutil.rmtree, which gives up on trees that are a thousand folders deep
        subprocess.run(["rm", "-rf", self.home], check=False, capture_output=True)


@contextlib.contextmanager
def running_daemon(*flags: str) -> Iterator[RunningDaemon]:
    """Start a daemon with the `busybox` image; at the end remove it and everything of it."""
    daemon = RunningDaemon(*flags)
    try:
        daemon.start()
        daemon.load_image("busybox")
        yield daemon
    finally:
        daemon.close()


class Ran:
    """What a command did: its exit code, standard output (`out`, stripped text; `raw`, bytes) and error text."""

    def __init__(self, code: int, raw: bytes, err: str) -> None:
        self.code, self.raw, self.err = code, raw, err

    @property
    def out(self) -> str:
        return self.raw.decode(errors="replace").strip()


class Terminal:
    """A command under a pseudo-terminal, typed into and read as a person would."""

    def __init__(self, argv: Sequence[str], env: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(argv, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.seen = b""

    def type(self, text: str | bytes) -> None:
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def read_until(self, wanted: str, timeout: float = 30) -> str:
        """Return all that was shown so far once it contains `wanted`; fails after `timeout` seconds."""
        end = time.monotonic() + timeout
        while wanted.encode() not in self.seen:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(0, left))
            assert ready, f"waited for {wanted!r}, saw {self.seen!r}"
            try:
                data = os.read(self.master, 65536)
            except OSError:  # EIO: the other side has closed
                data = b""
            assert data, f"ended before {wanted!r}: {self.seen!r}"
            self.seen += data
        return self.seen.decode(errors="replace")

    def end(self, timeout: float = 30) -> int:
        """Wait for the command and return its exit code."""
        try:
            return self.process.wait(timeout)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.master)


def _processes_naming(text: str) -> Iterator[int]:
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text in cmdline.read_text(errors="replace") and int(cmdline.parent.name) != os.getpid():
                yield int(cmdline.parent.name)


def _tables_naming(bridge: str) -> set[str]:
    ruleset = json.loads(subprocess.check_output(["nft", "-j", "list", "ruleset"]))["nftables"]
    objects = [value for entry in ruleset for value in entry.values() if "table" in value]
    return {value["table"] for value in objects if bridge in json.dumps(value.get("elem", ""))}


def mounts_under(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(str(folder))]


def eventually(check: object, timeout: float = 20, step: float = 0.05) -> None:
    """Wait until the callable `check` is true; fails with its name after `timeout` seconds."""
    assert callable(check)
    end = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < end, f"not within {timeout} s: {check}"
        time.sleep(step)
