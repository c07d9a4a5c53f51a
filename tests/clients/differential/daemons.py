"""The two daemons that are compared, each in a network namespace of its own, so that both have the same addresses."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.peers import UNPACKED, Dockerd
from tests.clients.differential.normalise import Normaliser
from tests.conftest import REPOSITORY, base_image
from tests.running import RunningDaemon, docker_command, mounts_under


class Reference(Dockerd):
    """Debian's dockerd."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._namespace = self.namespace = f"pogu-{home.name.rpartition('.')[2].lower()}"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def normaliser(self) -> Normaliser:
        return Normaliser({str(self.run_dir): "<run>", str(self.home / "docker"): "<root>"})


class Pogu(RunningDaemon):
    """Pogu in a network namespace."""

    def __init__(self, *flags: str) -> None:
        super().__init__(*flags)
        self.namespace = f"pogu-{self.bridge}"

    def launcher(self) -> Sequence[str | Path]:
        return ("nsenter", f"--net=/run/netns/{self.namespace}", "--")

    def start(self) -> None:
        if not Path(f"/run/netns/{self.namespace}").exists():
            subprocess.run(["ip", "netns", "add", self.namespace], check=True)
            subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)
        super().start()

    def close(self) -> None:
        super().close()
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False, capture_output=True)

    def normaliser(self) -> Normaliser:
        return Normaliser({str(self.root): "<root>", str(self.run_dir): "<run>", self.bridge: "docker0"})


def unpack_reference() -> str:
    """Unpack Debian's docker.io for the reference; return why that is not possible, "" if it was."""
    fetch = REPOSITORY / "scripts" / "fetch_package.sh"
    done = subprocess.run([fetch, UNPACKED, "docker.io", "containerd", "tini"], capture_output=True, check=False)
    return "" if done.returncode == 0 else f"docker.io cannot be unpacked: {done.stderr.decode()[-300:]}"


@contextlib.contextmanager
def both() -> Iterator[tuple[Reference, Pogu]]:
    """Start both with a `busybox` image; remove everything at the end."""
    home = Path(tempfile.mkdtemp(prefix="pogu-reference.", dir="/var/tmp"))
    reference, pogu = Reference(home), Pogu()
    try:
        reference.start()
        pogu.start()
        for url in (reference.url, pogu.url):
            subprocess.run(
                [docker_command(), "-H", url, "import", "-c", 'CMD ["sh"]', base_image("busybox"), "busybox:latest"],
                check=True, capture_output=True,
            )  # fmt: skip
        yield reference, pogu
    finally:
        pogu.close()
        reference.stop()
        for mount in reversed(mounts_under(home)):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
