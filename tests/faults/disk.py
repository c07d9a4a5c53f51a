"""A daemon whose root directory is a small file system of its own, in a file: it can be filled, damaged, cut off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.ground import FaultDaemon, until
from tests.running import mounts_under


def sh(*argv: str | Path) -> str:
    """Run a command and return its output."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


class DiskDaemon(FaultDaemon):
    """A daemon whose root directory is a small file system of its own."""

    def __init__(self, *flags: str) -> None:
        super().__init__(*flags)
        self.image = self.home / "disk.img"
        self.loop = ""

    def mount(self, megabytes: int) -> None:
        """Make an ext4 file system for the root directory; it becomes read-only at its first error, as most do."""
        self.root.mkdir()
        with self.image.open("wb") as file:
            file.truncate(megabytes << 20)
        try:
            sh("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
            self.attach()
        except (subprocess.CalledProcessError, FileNotFoundError) as e:
            pytest.skip(f"this machine has no loop devices or no mkfs.ext4: {e}")

    def attach(self) -> None:
        """Mount what is in the file."""
        self.loop = sh("losetup", "--find", "--show", self.image).strip()
        sh("mount", "-o", "errors=remount-ro", self.loop, self.root)

    def detach(self) -> None:
        """End all that uses the file system, and unmount it."""
        self._end_all(self._processes())
        for mount in reversed(mounts_under(self.home)):
            sh("umount", mount)
        sh("losetup", "-d", self.loop)
        self.loop = ""

    def repair(self) -> None:
        """Do what a person does after an error: end all that uses the file system, check it and mount it again."""
        self.detach()
        assert subprocess.run(["e2fsck", "-fy", self.image], check=False, capture_output=True).returncode in (0, 1)
        self.attach()

    def fill(self) -> Path:
        """Write until nothing more fits, and return the file to delete."""
        ballast = self.root / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        os.sync()
        return ballast

    def _processes(self) -> list[int]:
        records = [json.loads(p.read_text()) for p in self.run_dir.glob("runtime/*/supervised.json")]
        return [pid for record in records for pid, _ in (record["conmon"], record["init"])]

    def _end_all(self, pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            until(lambda p=pid: not runs(p))

    def close(self) -> None:
        try:
            self._end_all(self._processes())  # a daemon that cannot start any more would leave them
            super().close()
        finally:
            if self.loop:
                subprocess.run(["losetup", "-d", self.loop], check=False, capture_output=True)


def runs(pid: int) -> bool:
    """Tell whether a process is there, and not only its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def image_archive(directory: Path) -> Path:
    """Make an archive, for `docker load`, of an image `larger:1` that nothing else has: 3 MiB in the file `payload`."""
    layer, archive = directory / "layer.tar", directory / "docker-archive.tar"
    (directory / "payload").write_bytes(os.urandom(3 << 20))
    sh("tar", "-C", directory, "-cf", layer, "payload")
    digest = sh("sha256sum", layer).split()[0]
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}
    (directory / "config.json").write_text(json.dumps(config))
    manifest = {"Config": "config.json", "RepoTags": ["larger:1"], "Layers": ["layer.tar"]}
    (directory / "manifest.json").write_text(json.dumps([manifest]))
    sh("tar", "-C", directory, "-cf", archive, "manifest.json", "config.json", "layer.tar")
    return archive
