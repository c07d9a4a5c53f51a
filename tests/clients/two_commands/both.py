"""Running a script with both commands on one daemon, one after the other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.clients.differential.compare import Comparison, compare
from tests.clients.differential.normalise import Normaliser
from tests.clients.differential.script import Script, run
from tests.conftest import REPOSITORY
from tests.running import POGU, RunningDaemon, docker_command

DIFFERENCES = REPOSITORY / "docs" / "command.md"
SCRIPTS = Path(__file__).parent / "scripts"

_NAMES = {"/run/pogu/pogu.sock": "/var/run/docker.sock", "pogu": "docker", "Pogu": "Docker"}


class Commands:
    """Both commands, to be run against one daemon; `folder` is for a `docker` that is `pogu`."""

    def __init__(self, daemon: RunningDaemon, folder: Path) -> None:
        self._daemon = daemon
        self._pogu = folder / "docker"
        self._pogu.symlink_to(POGU)
        common = {str(daemon.root): "<root>", str(daemon.run_dir): "<run>", daemon.bridge: "<bridge>"}
        self._normalisers = Normaliser({**common, "Pogu": "Docker", "pogu": "docker"}), Normaliser({**common, **_NAMES})

    def compared(self, script: Script) -> list[Comparison]:
        """Run a script with the one and the other, and compare it line by line."""
        return self._compared(script, lambda: None)

    def apart(self, script: Script) -> list[Comparison]:
        """Do the same with a script that leaves things behind; nothing else may run meanwhile."""
        self.sweep()
        return self._compared(script, self.sweep)

    def _compared(self, script: Script, between: Callable[[], None]) -> list[Comparison]:
        docker = list(run(script, self._daemon.url, environment={}))
        between()
        ours = list(run(script, self._daemon.url, command=self._pogu, environment={}))
        return [compare(a, b, *self._normalisers) for a, b in zip(docker, ours, strict=True)]

    def sweep(self) -> None:
        """Remove what a script that does not clean up has left; nothing else may run meanwhile."""
        docker = [docker_command(), "-H", self._daemon.url]

        def words(*args: str) -> list[str]:
            return subprocess.run([*docker, *args], capture_output=True, text=True, check=True).stdout.split()

        for listing, removal in (
            (("ps", "-aq"), ("rm", "-fv")),
            (("network", "ls", "-q", "--filter", "type=custom"), ("network", "rm")),
            (("volume", "ls", "-q"), ("volume", "rm")),
        ):
            if found := words(*listing):
                subprocess.run([*docker, *removal, *found], capture_output=True, check=True)
        names = words("images", "--format", "{{.Repository}}:{{.Tag}}")
        untagged = words("images", "-q", "--filter", "dangling=true")
        for name in (*names, *untagged):
            if name not in {"busybox:latest", "<none>:<none>"}:
                subprocess.run([*docker, "rmi", "-f", name], capture_output=True, check=False)
