"""Orphans out of other PID namespaces are reaped; everybody else's children are left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.linux.orphans import OrphanReaper
from pogu.linux.processes import run


@pytest.fixture
async def reaper() -> AsyncIterator[OrphanReaper]:
    found = OrphanReaper()
    yield found
    found.close()


async def test_an_orphan_of_a_pid_namespace_is_reaped(reaper: OrphanReaper) -> None:
    # unshare forks the namespace's first process, tells its PID and is killed: the first process is an orphan
    script = "unshare --pid --fork sleep 60 & until pgrep -P $!; do :; done; kill -9 $!"
    pid = int((await run(["sh", "-c", script])).stdout)
    while stat_of(pid)[1] != str(os.getpid()):  # until the killed one has ended
        await asyncio.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while Path(f"/proc/{pid}").exists():
            await run(["true"])  # any child's end is the occasion
            await asyncio.sleep(0.1)


def stat_of(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: state, parent…"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


async def test_a_librarys_child_keeps_its_exit_code(reaper: OrphanReaper) -> None:
    with subprocess.Popen(["sh", "-c", "exit 7"]) as child:
        while stat_of(child.pid)[0] != "Z":
            await asyncio.sleep(0.01)
        await run(["true"])
        await asyncio.sleep(0.1)
        assert reaper.reap() == 0
        assert child.wait() == 7
