"""Processes in a running container."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.containers import ExecConfig, ExecSession
from pogu.errors import CommandNotFound, Conflict, InvalidArgument, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


def attached(*cmd: str, **options: object) -> ExecConfig:
    return ExecConfig(cmd=list(cmd), attach_stdout=True, attach_stderr=True, **options)  # type: ignore[arg-type]


async def feed(session: ExecSession, stdin: bytes | None) -> None:
    if stdin is not None:
        await session.write(stdin)
        await session.close_stdin()


async def run(
    bench: Bench, ref: str, config: ExecConfig, stdin: bytes | None = None
) -> tuple[int | None, bytes, bytes]:
    id_ = await bench.containers.exec_create(ref, config)
    session = await bench.containers.exec_start(id_, tty=config.tty)
    assert session
    writing = asyncio.create_task(feed(session, stdin))
    printed = {1: b"", 2: b""}
    async for stream, data in session.output:
        printed[stream] += data
    await writing
    await session.close()
    await bench.until(lambda: any(e.attributes.get("execID") == id_ and e.action == "exec_die" for e in bench.events))
    return bench.containers.exec_inspect(id_).exit_code, printed[1], printed[2]


async def test_output_and_exit_code(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    assert await run(bench, id_, attached("sh", "-c", "echo a; echo b >&2; exit 4")) == (4, b"a\n", b"b\n")
    assert bench.actions(id_)[2:] == [
        "exec_create: sh -c echo a; echo b >&2; exit 4", "exec_start: sh -c echo a; echo b >&2; exit 4", "exec_die",
    ]  # fmt: skip
    die = bench.events[-1].attributes
    assert die["exitCode"] == "4"
    assert len(die["execID"]) == 64


async def test_input(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    assert await run(bench, id_, attached("cat", attach_stdin=True), b"x" * 200_000) == (0, b"x" * 200_000, b"")


async def test_user_environment_directory(bench: Bench) -> None:
    id_ = await bench.start(*LONG, env=["A=1", "B=2"], working_dir="/tmp")
    code, out, _ = await run(bench, id_, attached("sh", "-c", "id -u; pwd; echo $A$B", user="7:8", env=["A=9"]))
    assert (code, out) == (0, b"7\n/tmp\n92\n")
    code, out, _ = await run(bench, id_, attached("pwd", working_dir="/etc"))
    assert out == b"/etc\n"


async def test_privileged(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    bounded = b"".join((await run(bench, id_, attached("grep", "CapBnd", "/proc/self/status")))[1:])
    full = b"".join((await run(bench, id_, attached("grep", "CapBnd", "/proc/self/status", privileged=True)))[1:])
    assert int(bounded.split()[1], 16) < int(full.split()[1], 16)


async def test_a_terminal(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    config = attached("sh", "-c", "sleep 0.2; stty size; tty", tty=True, attach_stdin=True, console_size=(20, 70))
    code, out, _ = await run(bench, id_, config)
    assert code == 0
    assert out.startswith(b"20 70\r\n/dev/pts/")


async def test_detached(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    exec_id = await bench.containers.exec_create(id_, ExecConfig(cmd=["sh", "-c", "seq 1 100000; echo x > /done"]))
    assert await bench.containers.exec_start(exec_id, detach=True) is None
    await bench.until(lambda: bench.containers.exec_inspect(exec_id).exit_code == 0)
    assert (await bench.text(id_, "cat", "/done")) == "x\n"


async def test_a_client_that_leaves_does_not_stop_the_process(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    exec_id = await bench.containers.exec_create(id_, attached("sh", "-c", "seq 1 100000; echo x > /done"))
    session = await bench.containers.exec_start(exec_id)
    assert session
    await anext(session.output)
    await session.close()
    await bench.until(lambda: bench.containers.exec_inspect(exec_id).exit_code == 0)


async def test_a_missing_program(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    exec_id = await bench.containers.exec_create(id_, attached("nosuch"))
    with pytest.raises(CommandNotFound, match="nosuch"):
        await bench.containers.exec_start(exec_id)
    assert bench.containers.exec_inspect(exec_id).exit_code == 127


async def test_refusals(bench: Bench) -> None:
    idle = await bench.create("true")
    with pytest.raises(Conflict, match=f"container {idle} is not running"):
        await bench.containers.exec_create(idle, attached("true"))
    id_ = await bench.start(*LONG)
    with pytest.raises(InvalidArgument, match="No exec command specified"):
        await bench.containers.exec_create(id_, attached())
    with pytest.raises(NotFound, match="No such exec instance: x"):
        bench.containers.exec_inspect("x")
    exec_id = await bench.containers.exec_create(id_, attached("true", user="nobodyhere"))
    with pytest.raises(InvalidArgument, match="unable to find user nobodyhere"):
        await bench.containers.exec_start(exec_id)
    await bench.containers.pause(id_)
    with pytest.raises(Conflict, match="is paused, unpause the container before exec"):
        await bench.containers.exec_create(id_, attached("true"))


async def test_only_once(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    exec_id = await bench.containers.exec_create(id_, ExecConfig(cmd=["sleep", "50"]))
    assert bench.containers.exec_ids(id_) == [exec_id]
    await bench.containers.exec_start(exec_id, detach=True)
    with pytest.raises(Conflict, match="is already running"):
        await bench.containers.exec_start(exec_id)
    process = bench.containers.exec_inspect(exec_id).process
    assert process
    process.kill()
    await bench.until(lambda: bench.containers.exec_inspect(exec_id).exit_code == 137)
    with pytest.raises(Conflict, match="has already run"):
        await bench.containers.exec_start(exec_id)


async def test_ten_at_once(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    done = await asyncio.gather(*(bench.text(id_, "echo", str(n)) for n in range(10)))
    assert done == [f"{n}\n" for n in range(10)]


async def test_a_child_in_the_background_does_not_hold_the_output_open(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    async with asyncio.timeout(20):
        assert await run(bench, id_, attached("sh", "-c", "sleep 77 & echo done")) == (0, b"done\n", b"")
