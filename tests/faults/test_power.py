"""The power fails: what no sync has brought to the disk is gone, and the machine starts anew.

The disk is a file. A copy of it holds what has reached the disk by then, and nothing that is in memory alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.disk import DiskDaemon, image_archive, sh
from tests.faults.ground import until

NOT_THERE = "was not on the disk when the machine went down"
NEVER_SYNCED = "image.settle.begun=EIO"


class PoweredDaemon(DiskDaemon):
    """A daemon on a machine that can be cut off."""

    def __init__(self) -> None:
        super().__init__()
        self._boot = self.home / "boot-id"

    def launcher(self) -> Sequence[str | Path]:
        if not self._boot.exists():
            return super().launcher()
        see = f'mount --bind {self._boot} /proc/sys/kernel/random/boot_id; exec "$0" "$@"'
        return ("unshare", "--mount", "sh", "-ec", see, *super().launcher())

    def lose_power(self) -> None:
        """Go down and come up again with what the disk has at this moment, as another start of the machine."""
        left = self.home / "left.img"
        sh("cp", "--sparse=always", self.image, left)
        self.kill()
        self.detach()
        left.replace(self.image)
        self.attach()
        shutil.rmtree(self.run_dir)
        for group in self.groups():
            group.rmdir()
        self._boot.write_text(f"{uuid.uuid4()}\n")

    def owed(self) -> int:
        """Return how many images the disk may lack something of."""
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/state.db?mode=ro", uri=True)) as db:
            count: int = db.execute("SELECT count(*) FROM records WHERE kind = 'image-owed'").fetchone()[0]
        return count

    def payload(self) -> bytes:
        """Return the file of the image `larger:1`."""
        self.docker("create", "--name", "held", "larger:1", "true")
        target = self.home / "payload"
        self.docker("cp", "held:/payload", str(target))
        self.docker("rm", "held")
        return target.read_bytes()


@pytest.fixture
def machine() -> Iterator[PoweredDaemon]:
    daemon = PoweredDaemon()
    try:
        daemon.mount(96)
        daemon.start()
        daemon.load_image("busybox")
        until(lambda: not daemon.owed())
        yield daemon
    finally:
        daemon.arm()
        daemon.close()


def test_a_loaded_image_is_on_the_disk_soon(machine: PoweredDaemon, tmp_path: Path) -> None:
    archive = image_archive(tmp_path)
    machine.docker("load", "-i", str(archive))
    until(lambda: not machine.owed())
    machine.lose_power()
    machine.start()
    assert machine.payload() == (tmp_path / "payload").read_bytes()
    assert NOT_THERE not in machine.log()
    assert machine.verify("--deep")["Problems"] == []


def test_a_loaded_image_that_the_disk_does_not_have_is_missed_and_can_be_loaded_again(
    machine: PoweredDaemon, tmp_path: Path
) -> None:
    archive = image_archive(tmp_path)
    machine.arm(NEVER_SYNCED)
    machine.docker("load", "-i", str(archive))
    assert machine.docker("image", "inspect", "-f", "{{.RepoTags}}", "larger:1").out == "[larger:1]"
    assert machine.owed() == 1
    machine.lose_power()
    machine.start()
    assert NOT_THERE in machine.log()
    assert machine.docker("create", "larger:1", check=False).code == 1
    assert "load the image again" in str(machine.verify()["Problems"])
    machine.docker("load", "-i", str(archive))
    assert machine.payload() == (tmp_path / "payload").read_bytes()
    assert machine.verify("--deep")["Problems"] == []


def test_a_committed_image_is_whole_or_missed_and_can_be_made_again(machine: PoweredDaemon) -> None:
    # it runs all along: an unmount would sync the disk
    write = "head -c 3000000 /dev/urandom >/payload; sha256sum /payload; sleep 1000"
    machine.docker("run", "-d", "--name", "made", "busybox", "sh", "-c", write)
    until(lambda: machine.docker("logs", "made").out)
    wanted = machine.docker("logs", "made").out.split()[0]
    sh("sync", "-f", machine.root)
    machine.arm(NEVER_SYNCED)
    machine.docker("commit", "made", "larger:1")
    machine.lose_power()
    machine.start()
    machine.docker("run", "--rm", "busybox", "true")  # what was there before is there
    if NOT_THERE in machine.log():
        machine.docker("rmi", "larger:1")
        machine.docker("commit", "made", "larger:1")
    assert hashlib.sha256(machine.payload()).hexdigest() == wanted
    machine.docker("rm", "made")
    assert machine.verify("--deep")["Problems"] == []


def test_a_layer_that_is_half_on_the_disk_is_unpacked_again(machine: PoweredDaemon, tmp_path: Path) -> None:
    machine.arm(NEVER_SYNCED)
    machine.docker("load", "-i", str(image_archive(tmp_path)))
    sh("sync", "-f", machine.root)
    machine.lose_power()
    (found,) = machine.root.glob("*/layers/*/fs/payload")
    found.write_bytes(b"")  # its name had come to the disk, its content not
    machine.start()
    assert machine.payload() == (tmp_path / "payload").read_bytes()
    assert NOT_THERE not in machine.log()
    assert machine.verify("--deep")["Problems"] == []


def test_a_half_layer_of_an_image_whose_configuration_is_lost_is_not_trusted(
    machine: PoweredDaemon, tmp_path: Path
) -> None:
    archive = image_archive(tmp_path)
    machine.arm(NEVER_SYNCED)
    machine.docker("load", "-i", str(archive))
    identifier = machine.docker("image", "inspect", "-f", "{{.Id}}", "larger:1").out
    sh("sync", "-f", machine.root)
    machine.lose_power()
    (found,) = machine.root.glob("*/layers/*/fs/payload")
    for lost in (found, machine.root / "content/blobs/sha256" / identifier.removeprefix("sha256:")):
        lost.write_bytes(b"")
    machine.start()
    assert NOT_THERE in machine.log()
    machine.docker("load", "-i", str(archive))
    assert machine.payload() == (tmp_path / "payload").read_bytes()
    assert machine.verify("--deep")["Problems"] == []


def test_a_daemon_that_is_killed_loses_no_image(machine: PoweredDaemon, tmp_path: Path) -> None:
    machine.arm("image.settle.begun=kill")
    machine.docker("load", "-i", str(image_archive(tmp_path)), check=False)
    assert machine.has_died()
    machine.arm()
    machine.start()
    until(lambda: not machine.owed())
    assert machine.payload() == (tmp_path / "payload").read_bytes()
    assert machine.verify("--deep")["Problems"] == []
