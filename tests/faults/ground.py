"""A daemon that a test lets fail at a named step, what it must keep meanwhile, and how a step is armed."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import docker
import requests
import urllib3

from tests.conftest import REPOSITORY
from tests.running import RunningDaemon, eventually

# a numbered line every 20 ms, without a process for each pause: `read` waits on a FIFO that nobody writes to
COUNT = "mkfifo /never; exec 3<>/never; i=0; while :; do echo $i; i=$((i+1)); read -t 0.02 x <&3; done"
_STEP = re.compile(r'\bstep\("([a-z.-]+)"\)')
LOST = (
    requests.exceptions.RequestException,
    docker.errors.DockerException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
)


def all_steps() -> set[str]:
    """Return every step that the source names."""
    return {name for path in (REPOSITORY / "pogu").rglob("*.py") for name in _STEP.findall(path.read_text())}


class FaultDaemon(RunningDaemon):
    """A daemon whose failures are armed by a file, with containers that write numbered lines all along."""

    def __init__(self, *flags: str) -> None:
        super().__init__(*flags)
        self._arming = self.home / "armed"
        self.writers: dict[str, int] = {}
        self.invariants: Counter[str] = Counter()
        self.starts = 0

    def launcher(self) -> Sequence[str | Path]:
        return ("env", f"POGU_FAILPOINTS=@{self._arming}")

    def start(self) -> None:
        self.starts += 1
        super().start()

    def arm(self, text: str = "") -> None:
        """Arm what the running daemon and later ones are to do, in place of what was armed before."""
        part = self._arming.with_suffix(".part")
        part.write_text(text)
        part.rename(self._arming)

    @contextlib.contextmanager
    def api(self) -> Iterator[docker.DockerClient]:
        """Yield a client; its connections end with the block."""
        client = docker.DockerClient(base_url=self.url, timeout=60, version="1.45")
        try:
            yield client
        finally:
            client.close()

    def begin_writers(self, number: int) -> None:
        """Start containers that write a numbered line every 20 ms."""
        with self.api() as api:
            for index in range(number):
                made = api.containers.run("busybox", ["sh", "-c", COUNT], name=f"writer{index}", detach=True)
                self.writers[f"writer{index}"] = api.api.inspect_container(made.id)["State"]["Pid"]

    def groups(self) -> list[Path]:
        """Return the control groups of its containers, in every hierarchy."""
        root = Path("/sys/fs/cgroup")
        parents = [top / self.cgroup_parent.lstrip("/") for top in (root, *root.iterdir())]
        return [group for parent in parents if parent.is_dir() for group in parent.iterdir() if group.is_dir()]

    def story(self) -> str:
        """Return what the daemons have said lately."""
        lines = [line for line in self.log().splitlines() if "fail points are armed" not in line]
        return "\n".join(lines[-20:])

    def has_died(self, seconds: float = 20) -> bool:
        """Wait for the end of the daemon; False if it goes on."""
        assert self.process
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._reap()
        return True

    def check(self, what: str) -> None:
        """The invariants after every failure: the records agree with everything, and the writers never stopped."""
        report = self.verify()
        assert report["Problems"] == [], f"after {what}: {json.dumps(report['Problems'], indent=1)}\n{self.story()}"
        self.invariants["no orphan"] += 1
        with self.api() as api:
            for name, pid in self.writers.items():
                state = api.api.inspect_container(name)["State"]
                assert (state["Status"], state["Pid"]) == ("running", pid), f"after {what}: {name} is {state}"
                assert Path(f"/proc/{pid}").exists()
                self.invariants["still running"] += 1

    def verify(self, *flags: str) -> dict[str, Any]:
        """Return what `pogu system verify` says."""
        ran = self.pogu("system", "verify", "--format", "json", *flags, check=False)
        report: dict[str, Any] = json.loads(ran.raw)
        assert ran.code == (1 if report["Left"] else 0)
        return report

    def check_lines(self) -> int:
        """End the writers; no line of theirs is missing. Returns how many there were."""
        total = 0
        with self.api() as api:
            for name in self.writers:
                container = api.containers.get(name)
                container.kill()
                lines = [int(line) for line in container.logs().split()]
                assert lines == list(range(len(lines))), f"{name} has lost a line"
                assert lines
                total += len(lines)
        return total


def until(condition: Any, seconds: float = 20) -> None:
    eventually(condition, timeout=seconds, step=0.02)


def trace(daemon: FaultDaemon, file: Path) -> Counter[str]:
    """Return how often each step was noted in `file`, once nothing more comes."""
    size = -1
    while not file.exists() or file.stat().st_size != size:
        size = file.stat().st_size if file.exists() else -1
        time.sleep(0.25)
    return Counter(file.read_text().split())
