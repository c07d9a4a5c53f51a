"""Children are spawned with exactly what they are given, and reaped whether anybody waits or not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from pogu.errors import DeadlineExceeded
from pogu.linux.processes import is_ending, run, spawn

PYTHON = sys.executable


async def test_run_returns_code_and_output() -> None:
    done = await run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in", b"err\n")


async def test_input_is_empty_by_default_and_may_be_large() -> None:
    assert (await run(["cat"])).stdout == b""
    data = os.urandom(3_000_000)
    assert (await run(["cat"], input=data)).stdout == data


async def test_a_background_process_does_not_keep_run_waiting() -> None:
    async with asyncio.timeout(5):
        done = await run(["sh", "-c", "sleep 30 & echo $!"])
    os.kill(int(done.stdout), signal.SIGKILL)


async def test_a_signal_is_a_negative_code() -> None:
    assert (await run(["sh", "-c", "kill -9 $$"])).returncode == -9


async def test_environment_directory_and_session() -> None:
    done = await run(["sh", "-c", "pwd; echo $A-$HOME"], env={"A": "1"}, cwd="/usr")
    assert done.stdout == b"/usr\n1-\n"
    process = spawn(["sleep", "30"], setsid=True)
    assert os.getsid(process.pid) == process.pid
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == -signal.SIGTERM


@pytest.mark.parametrize(
    "argv, cwd, named", [(["/nope"], None, "/nope"), (["nope-nope"], None, "nope-nope"), (["ls"], "/no", "/no")]
)
async def test_what_is_missing_is_named(argv: list[str], cwd: str | None, named: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        await run(argv, cwd=cwd)
    assert caught.value.filename == named


async def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(PermissionError):
        await run([tmp_path / "data"])


async def test_nul_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="null byte"):
        await run(["echo", "a\0b"])


async def test_too_slow_is_killed() -> None:
    with pytest.raises(DeadlineExceeded, match="sleep did not finish"):
        await run(["sleep", "30"], timeout=0.05)


async def test_a_cancelled_run_kills(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    task = asyncio.create_task(run(["sh", "-c", f"echo $$ >{mark}; exec sleep 30"]))
    while not (mark.exists() and mark.read_text()):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = int(mark.read_text())
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it still runs")


async def test_children_are_reaped_though_nobody_waits() -> None:
    process = spawn(["true"])
    while Path(f"/proc/{process.pid}").exists():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    assert process.returncode == 0
    assert await process.wait() == 0
    process.send_signal(signal.SIGKILL)


async def test_waits_can_be_cancelled_and_shared() -> None:
    process = spawn(["sleep", "30"])
    waits = [asyncio.create_task(process.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waits[0].cancel()
    process.send_signal(signal.SIGTERM)  # not SIGINT, which a shell's background jobs ignore
    assert await asyncio.gather(*waits[1:]) == [-15, -15]


async def test_a_child_gets_the_descriptors_named_and_no_other() -> None:
    loose, other = os.pipe()
    os.set_inheritable(loose, True)  # what a careless library leaves behind
    swapped = [os.memfd_create("a"), os.memfd_create("b")]
    for fd, text in zip(swapped, (b"first", b"second"), strict=True):
        os.write(fd, text)
    out = os.memfd_create("out")
    script = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))), os.pread(3, 9, 0), os.pread(7, 9, 0))"
    process = spawn([PYTHON, "-c", script], fds={1: out, 3: swapped[1], 7: swapped[0]})
    assert await process.wait() == 0
    assert os.pread(out, 999, 0) == b"[0, 1, 2, 3, 4, 7] b'second' b'first'\n"  # 4 is the listing's
    for fd in (loose, other, out, *swapped):
        os.close(fd)


async def test_descriptors_may_cross() -> None:
    """Child 3 from our 4 and child 4 from our 3, at the numbers that a plain sequence of dup2 would overwrite."""
    pairs = [os.memfd_create(n) for n in "xy"]
    low = sorted(pairs)
    for fd, text in zip(low, (b"low", b"high"), strict=True):
        os.write(fd, text)
    process = spawn(
        ["sh", "-c", f"head -c9 /proc/self/fd/{low[0]}; head -c9 /proc/self/fd/{low[1]}"],
        fds={1: (out := os.memfd_create("out")), low[0]: low[1], low[1]: low[0]},
    )
    await process.wait()
    assert os.pread(out, 99, 0) == b"highlow"
    for fd in (*pairs, out):
        os.close(fd)


async def test_ignored_signals_are_not_inherited() -> None:
    """Python ignores SIGPIPE; a child that does would not end when its reader goes."""
    done = await run(["sh", "-c", "grep -E 'SigIgn|SigBlk' /proc/self/status"])
    _, blocked, _, ignored = done.stdout.split()
    assert int(blocked, 16) == 0
    assert int(ignored, 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


def test_who_has_ended_is_ending_reaped_or_not() -> None:
    assert not is_ending(os.getpid())
    zombie = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
    assert is_ending(zombie)
    os.waitpid(zombie, 0)
    assert is_ending(zombie)
