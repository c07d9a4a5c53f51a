"""The machine fails: a full disk, a disk that becomes read-only, no descriptors, no processes, a damaged database.

Each time the error is clear, nothing is damaged, and the service resumes when the machine does.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import base_image
from tests.faults.disk import DiskDaemon, image_archive, runs
from tests.faults.ground import COUNT, FaultDaemon, until

FULL = "no space left on device"


@pytest.fixture
def disk() -> Iterator[DiskDaemon]:
    daemon = DiskDaemon()
    try:
        daemon.mount(96)
        daemon.start()
        daemon.load_image("busybox")
        yield daemon
    finally:
        daemon.arm()
        daemon.close()


def test_a_full_disk(disk: DiskDaemon, tmp_path: Path) -> None:
    disk.docker("run", "-d", "--name", "on", "busybox", "sh", "-c", f"echo begun; {COUNT}")
    pid = disk.docker("inspect", "-f", "{{.State.Pid}}", "on").out
    disk.docker("create", "--name", "made", "busybox", "true")
    disk.docker("volume", "create", "old")
    disk.docker("save", "-o", str(tmp_path / "image.tar"), "busybox")
    disk.docker("tag", "busybox", "same:1")
    ballast = disk.fill()
    refused = {
        "load": disk.docker("load", "-i", str(image_archive(tmp_path)), check=False),
        "import": disk.docker("import", str(base_image("busybox")), "fresh:1", check=False),
        "commit": disk.docker("exec", "on", "sh", "-c", "dd if=/dev/zero of=/big bs=1M count=50", check=False),
        "create": disk.docker("create", "--name", "more", "busybox", "true", check=False),
        "start": disk.docker("start", "made", check=False),
    }
    told = {name: (ran.code, (ran.err + ran.out).lower()) for name, ran in refused.items()}
    assert {n: t for n, t in told.items() if t[0] == 0 or FULL not in t[1]} == {}
    assert disk.docker("ps", "-q").out  # it answers, and what runs goes on
    assert disk.docker("logs", "on").out.startswith("begun\n0\n1\n")
    # what makes room is possible
    disk.docker("rmi", "same:1")
    disk.docker("rm", "made")
    disk.docker("volume", "rm", "old")
    assert disk.verify()["Problems"] == []
    disk.kill()
    disk.start()
    assert disk.docker("inspect", "-f", "{{.State.Pid}} {{.State.Status}}", "on").out == f"{pid} running"
    ballast.unlink()
    disk.docker("import", str(base_image("busybox")), "fresh:1")
    disk.docker("run", "--rm", "fresh:1", "true")
    disk.docker("rm", "-f", "on")
    assert disk.verify("--deep")["Problems"] == []


def test_a_disk_that_becomes_read_only(disk: DiskDaemon) -> None:
    """The kernel does that to an ext4 file system with an error; after a repair and a new mount all is there."""
    trigger = Path("/sys/fs/ext4") / Path(disk.loop).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel cannot be told to find an error in a file system")
    disk.docker("run", "-d", "--name", "on", "-v", "/v", "busybox", "sleep", "1000")
    disk.docker("create", "--name", "made", "busybox", "true")
    trigger.write_text("a test says so")
    for command in (
        ("create", "busybox", "true"),
        ("start", "made"),
        ("volume", "create", "vol"),
        ("tag", "busybox", "b:1"),
    ):
        refused = disk.docker(*command, check=False)
        assert refused.code != 0, command
        told = refused.err.lower()
        assert any(words in told for words in ("read-only file system", "readonly database", "disk i/o error")), told
    assert disk.docker("inspect", "-f", "{{.State.Status}}", "on").out == "running"
    assert disk.docker("exec", "on", "echo", "hello").out == "hello"
    disk.kill()
    with pytest.raises(RuntimeError, match=r"(?i)read-?only"):
        disk.start()
    disk.repair()
    disk.start()
    assert disk.docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "on").out == "exited 255"
    disk.docker("start", "on", "made")
    disk.docker("rm", "-f", "-v", "on", "made")
    assert disk.verify("--deep")["Problems"] == []


def test_out_of_descriptors() -> None:
    """Clients that hold connections take all descriptors; when they go, everything works again."""
    daemon = LimitedDaemon("prlimit", "--nofile=160:160")
    try:
        daemon.start()
        daemon.load_image("busybox")
        daemon.docker("run", "-d", "--name", "on", "busybox", "sleep", "1000")
        held = _hold(daemon, 300)
        refused = daemon.docker("run", "--rm", "busybox", "true", check=False, timeout=60)
        assert refused.code != 0
        for connection in held:
            connection.close()
        until(lambda: daemon.docker("run", "--rm", "busybox", "echo", "again", check=False).out == "again")
        assert daemon.docker("inspect", "-f", "{{.State.Status}}", "on").out == "running"
        assert daemon.verify()["Problems"] == []
    finally:
        daemon.close()


def _hold(daemon: FaultDaemon, number: int) -> list[socket.socket]:
    held = []
    for _ in range(number):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(0.2)
        held.append(connection)
        try:
            connection.connect(str(daemon.socket))
            connection.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        except OSError:
            break
    return held


class LimitedDaemon(FaultDaemon):
    """A daemon started through a command that limits it."""

    def __init__(self, *before: str) -> None:
        super().__init__()
        self._before = before

    def launcher(self) -> Sequence[str | Path]:
        return (*super().launcher(), *self._before)


def test_out_of_processes() -> None:
    """No further process or thread may be made: starts are refused, and work again once there is room."""
    top = next(
        (p for p in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")) if (p / "cgroup.procs").exists()), None
    )
    if top is None:
        pytest.skip("no cgroup hierarchy that can limit processes")
    group = top / f"pogu-pids-{os.getpid()}"
    group.mkdir()
    if not (group / "pids.max").exists():
        group.rmdir()
        pytest.skip("no pids controller here")
    daemon = LimitedDaemon("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"')
    try:
        daemon.start()
        daemon.load_image("busybox")
        daemon.docker("run", "-d", "--name", "on", "busybox", "sleep", "1000")
        daemon.docker("create", "--name", "made", "busybox", "true")
        (group / "pids.max").write_text((group / "pids.current").read_text())
        refused = daemon.docker("start", "made", check=False)
        assert refused.code != 0
        assert "resource temporarily unavailable" in refused.err.lower(), refused.err
        assert daemon.docker("ps", "-q").out
        (group / "pids.max").write_text("max")
        daemon.docker("start", "made")
        assert daemon.docker("inspect", "-f", "{{.State.Status}}", "on").out == "running"
        assert daemon.verify()["Problems"] == []
    finally:
        (group / "pids.max").write_text("max")
        daemon.close()
        until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


RUBBISH = b"this is not what SQLite has written here" * 400


@pytest.fixture
def damaged() -> Iterator[FaultDaemon]:
    daemon = FaultDaemon()
    try:
        daemon.start()
        daemon.load_image("busybox")
        daemon.begin_writers(2)
        until((daemon.root / "state.journal").exists)
        yield daemon
    finally:
        daemon.close()


def _damage(daemon: FaultDaemon) -> None:
    for name in ("state.db", "state.db-wal"):
        if (daemon.root / name).exists():
            (daemon.root / name).write_bytes(RUBBISH)


def test_a_damaged_database_is_restored_whole(damaged: FaultDaemon) -> None:
    """Also what was recorded after the last copy comes back, from the journal."""
    damaged.docker("run", "-d", "--name", "late", "-v", "kept:/v", "busybox", "sleep", "1000")
    pid = damaged.docker("inspect", "-f", "{{.State.Pid}}", "late").out
    damaged.kill()
    _damage(damaged)
    damaged.start()
    damaged.check("a damaged database")
    assert damaged.docker("inspect", "-f", "{{.State.Pid}} {{.State.Status}}", "late").out == f"{pid} running"
    assert "restored from the copy" in damaged.log()
    warnings = json.loads(damaged.docker("info", "-f", "{{json .Warnings}}").out)
    assert any("nothing is lost" in w for w in warnings)
    damaged.check_lines()


def test_what_a_restored_database_does_not_know_is_told_and_not_deleted(damaged: FaultDaemon) -> None:
    """Only an older copy is left: a container that it does not know runs on until a person decides."""
    damaged.kill()
    (damaged.root / "state.journal").unlink()
    damaged.start()
    until((damaged.root / "state.journal").exists)  # there is a new copy, which knows the writers
    damaged.docker("run", "-d", "--name", "late", "busybox", "sh", "-c", COUNT)
    found = json.loads(damaged.docker("inspect", "late").out)[0]
    pid, id_ = found["State"]["Pid"], found["Id"]
    damaged.kill()
    _damage(damaged)
    (damaged.root / "state.journal").unlink()
    damaged.start()
    assert damaged.docker("inspect", "late", check=False).code == 1
    assert Path(f"/proc/{pid}").exists()
    report = damaged.verify()
    text = json.dumps(report["Problems"])
    assert id_ in text
    assert "may be lost" in text
    assert "may be lost" in damaged.docker("info").err
    damaged.kill()
    damaged.start()
    assert Path(f"/proc/{pid}").exists()  # not at the next start either
    assert (damaged.root / "containers" / id_ / "output.log").exists()
    assert damaged.verify("--repair")["Left"] == 0
    damaged.check("the repair")
    until(lambda: not runs(pid))
    damaged.check_lines()
