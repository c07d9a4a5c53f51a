"""What is written down about a container, and telling a process from a later one with its PID."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pogu.engine.runtime.bundle import (
    Bundle,
    Supervised,
    cgroup_of,
    find_conmon,
    identify,
    open_process,
    start_time,
    supervisors,
)
from pogu.linux.processes import spawn


def record() -> Supervised:
    return Supervised(
        conmon=(1, 2),
        init=(3, 4),
        runtime="crun",
        cgroup="/a/b",
        program="sh",
        persist_dir="/p",
        log_path="/l",
        stdin=True,
    )


def test_a_record_is_read_back_whole(tmp_path: Path) -> None:
    bundle = Bundle(tmp_path / "id")
    bundle.make(b'{"linux": {"cgroupsPath": "/a/b"}}')
    assert bundle.record() is None
    bundle.write_record(record())
    assert bundle.record() == record()
    assert cgroup_of(bundle.spec(), 0, False).path == "/a/b"
    assert bundle.path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        bundle.make(b"{}")
    bundle.remove()
    bundle.remove()
    assert (bundle.record(), bundle.spec()) == (None, {})


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[]", b'{"conmon": "x"}'])
def test_a_damaged_record_counts_as_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "supervised.json").write_bytes(data)
    assert Bundle(tmp_path).record() is None


async def test_a_process_is_known_by_its_start_too() -> None:
    process = spawn(["sleep", "60"])
    pid, started = identify(process.pid)
    fd = open_process((pid, started))
    assert fd is not None
    os.close(fd)
    assert open_process((pid, started + 1)) is None
    assert open_process((pid, 0)) is None
    assert open_process((0, 0)) is None
    process.send_signal(9)
    await process.wait()
    assert open_process((pid, started)) is None
    assert start_time(pid) == 0


async def test_names_with_brackets_and_blanks_do_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / ") S 1 1 ("
    program.symlink_to("/bin/sleep")
    process = spawn([program, "60"])
    while not Path(f"/proc/{process.pid}/comm").read_text().startswith(")"):
        pass
    assert 0 < start_time(os.getpid()) <= start_time(process.pid)
    process.send_signal(9)
    await process.wait()


async def test_a_conmon_is_found_by_its_bundle(tmp_path: Path) -> None:
    program = tmp_path / "conmon"
    program.symlink_to("/bin/sleep")
    started, bundle = tmp_path / "started", tmp_path / "bundle"
    started.mkdir()
    process = spawn([program, "60"], cwd=started)
    started.rename(bundle)  # as a spare's
    while not (found := find_conmon(bundle)):
        pass
    assert found == process.pid
    (tmp_path / "link").symlink_to(tmp_path)
    assert find_conmon(tmp_path / "link" / "bundle") == process.pid
    assert supervisors(tmp_path / "link") == {"bundle": process.pid}
    assert find_conmon(tmp_path / "another") is None
    process.send_signal(9)
    await process.wait()
    assert find_conmon(bundle) is None
