"""The daemon as the command shows it: info, version, events, the debug dump."""

from __future__ import annotations

import io
import json
import select
import subprocess
import tarfile
from pathlib import Path

from pogu import __version__
from tests.running import POGU, RunningDaemon


def test_info_and_version(daemon: RunningDaemon) -> None:
    shown = daemon.pogu("info").out
    for line in (f"Server Version: {__version__}", "Storage Driver: overlay2", f"Docker Root Dir: {daemon.root}"):
        assert f" {line}\n" in shown
    assert daemon.pogu("info", "-f", "{{.OSType}}").out == "linux"
    shown = daemon.pogu("version").out
    assert shown.startswith(f"Client:\n Version:           {__version__}")
    assert "Server: Pogu" in shown
    assert json.loads(daemon.pogu("version", "-f", "json").out)["Server"]["Version"] == __version__


def test_version_without_a_daemon() -> None:
    done = subprocess.run([POGU, "-H", "unix:///nowhere", "version"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"Version:           {__version__}" in done.stdout
    assert "Cannot connect to the Pogu daemon" in done.stderr


def test_events_are_followed(daemon: RunningDaemon, name: str) -> None:
    with subprocess.Popen(
        [POGU, "events", "--filter", f"container={name}", "--format", "{{.Action}}"],
        env=daemon.environment(), stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            while not select.select([process.stdout], [], [], 0.5)[0]:  # until the subscription is there
                daemon.pogu("create", "--name", name, "busybox", "true")
                daemon.pogu("rm", name)
            assert process.stdout.readline().strip() in {b"create", b"destroy"}
        finally:
            process.kill()


def test_the_debug_dump(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    daemon.pogu("run", "--rm", "busybox", "true")
    secret = f"{sleeper}-hunter2"
    daemon.pogu("create", "--name", f"{sleeper}-s", "-e", f"PASSWORD={secret}", "-l", f"k={secret}", "busybox")
    path = tmp_path / "dump.tgz"
    assert daemon.pogu("debug", "dump", "-o", path).out == str(path)
    daemon.pogu("rm", f"{sleeper}-s")
    data = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        texts = {Path(m.name).name: archive.extractfile(m).read().decode() for m in archive}  # type: ignore[union-attr]
    assert set(texts) == {
        "version.json", "info.json", "containers.json", "images.json", "networks.json", "volumes.json",
        "host-check.json", "tasks.txt", "log.txt", "mounts.txt", "daemon.json",
    }  # fmt: skip
    assert not any(secret in text for text in texts.values())
    assert "PASSWORD=xxxxx" in texts["containers.json"]
    assert "_Daemon.run at" in texts["tasks.txt"]
    assert str(daemon.run_dir) in texts["mounts.txt"]
    assert json.loads(texts["daemon.json"])["listeners"] == [daemon.url]
