"""The daemons: Debian's dockerd and Pogu, each in a network namespace of its own with the `busybox` image."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.clients.builds.case import WAYS, Case
from tests.clients.builds.side import DOCKER, Built, build_all
from tests.clients.differential.daemons import Pogu, Reference, unpack_reference
from tests.conftest import base_image
from tests.running import mounts_under


class Experimental(Reference):
    """dockerd with `--squash`."""

    def command(self) -> list[str]:
        return [*super().command(), "--experimental"]


@contextlib.contextmanager
def dockerd() -> Iterator[tuple[str, str]]:
    """Run Debian's dockerd; gives its URL and its network namespace. RuntimeError if it cannot be had."""
    if why := unpack_reference():
        raise RuntimeError(why)
    home = Path(tempfile.mkdtemp(prefix="pogu-reference.", dir="/var/tmp"))
    reference = Experimental(home)
    try:
        reference.start()
        _give_busybox(reference.url)
        yield reference.url, reference.namespace
    finally:
        reference.stop()
        for mount in reversed(mounts_under(home)):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def pogu() -> Iterator[tuple[str, str]]:
    """Run Pogu; gives its URL and its network namespace."""
    running = Pogu("--experimental")
    try:
        running.start()
        _give_busybox(running.url)
        yield running.url, running.namespace
    finally:
        running.close()


def build_with_pogu(work: Sequence[tuple[Case, str]]) -> list[Built]:
    """Build with Pogu, each way with a daemon of its own: both would take steps from the one cache."""
    built = []
    for way in WAYS:
        if mine := [(case, each) for case, each in work if each == way]:
            with pogu() as (url, namespace):
                built += build_all(url, namespace, mine)
    return built


def _give_busybox(url: str) -> None:
    argv = [DOCKER / "docker", "-H", url, "import", "-c", 'CMD ["sh"]', base_image("busybox"), "busybox:latest"]
    subprocess.run(argv, check=True, capture_output=True)
