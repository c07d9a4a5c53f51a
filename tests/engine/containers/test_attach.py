"""Attaching to a container's streams."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.containers import AttachOptions
from pogu.errors import Conflict, InvalidArgument
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = AttachOptions(stdin=True, stdout=True, stderr=True, stream=True)


async def test_nothing_is_lost_from_before_the_start(bench: Bench) -> None:
    done = await bench.run("seq", "1", "20000")
    assert done.stdout == b"".join(b"%d\n" % n for n in range(1, 20001))


async def test_binary_output_passes_unchanged(bench: Bench) -> None:
    blob = bytes(range(256)) * 400
    done = await bench.run("cat", stdin=blob)
    assert done.stdout == blob


async def test_input_ends_with_the_client(bench: Bench) -> None:
    done = await bench.run("sh", "-c", "cat; echo end", stdin=b"hello")
    assert done.stdout == b"helloend\n"


async def test_input_written_before_the_start_arrives(bench: Bench) -> None:
    id_ = await bench.create("head", "-n1", open_stdin=True, stdin_once=True)
    session = await bench.containers.attach(id_, BOTH)
    writing = asyncio.create_task(session.write(b"early\n"))
    await asyncio.sleep(0.02)
    await bench.containers.start(id_)
    await writing
    assert [piece async for piece in session.output] == [(1, b"early\n")]
    await session.close()


async def test_logs_give_what_was_printed_before(bench: Bench) -> None:
    id_ = await bench.start("sh", "-c", "echo one; cat; sleep 100", open_stdin=True)
    await bench.until(lambda: b"one" in bench.spool(id_))
    old = await bench.containers.attach(id_, AttachOptions(stdout=True, logs=True))
    assert [piece async for piece in old.output] == [(1, b"one\n")]
    session = await bench.containers.attach(id_, AttachOptions(stdin=True, stdout=True, stream=True, logs=True))
    assert await anext(session.output) == (1, b"one\n")
    await session.write(b"two\n")
    assert await anext(session.output) == (1, b"two\n")
    await session.close()


async def test_input_stays_open_without_stdin_once(bench: Bench) -> None:
    id_ = await bench.start("cat", open_stdin=True)
    for word in (b"one\n", b"two\n"):
        session = await bench.containers.attach(id_, BOTH)
        await session.write(word)
        assert await anext(session.output) == (1, word)
        await session.close_stdin()
        await session.close()
    assert bench.containers.get(id_).state.running


async def test_a_terminal(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "read x; stty size; echo got $x", tty=True, open_stdin=True, stdin_once=True)
    session = await bench.containers.attach(id_, BOTH)
    await bench.containers.start(id_)
    await bench.containers.resize(id_, 33, 99)
    await session.write(b"abc\n")
    out = b"".join([data async for _, data in session.output])
    assert b"33 99\r\n" in out
    assert out.endswith(b"got abc\r\n")
    await session.close()


async def test_detach_keys_leave_the_container_running(bench: Bench) -> None:
    id_ = await bench.start("cat", tty=True, open_stdin=True, stdin_once=True)
    session = await bench.containers.attach(id_, BOTH)
    await session.write(b"abc\x10")
    assert (await anext(session.output))[1] == b"abc"
    await session.write(b"\x11def")
    assert session.detached.is_set()
    assert [piece async for piece in session.output] == []
    await session.close()
    assert bench.containers.get(id_).state.running
    await bench.until(lambda: "detach" in bench.actions(id_))


async def test_own_detach_keys(bench: Bench) -> None:
    id_ = await bench.start("cat", tty=True, open_stdin=True)
    session = await bench.containers.attach(
        id_, AttachOptions(stdin=True, stdout=True, stream=True, detach_keys="ctrl-x,x")
    )
    await session.write(b"\x18x")
    assert session.detached.is_set()
    await session.close()
    with pytest.raises(InvalidArgument, match=r"Invalid detach keys \(ctrl-xy\) provided"):
        await bench.containers.attach(id_, AttachOptions(detach_keys="ctrl-xy"))


async def test_three_clients_see_the_same(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "for i in 1 2 3; do echo $i; done")
    sessions = [await bench.containers.attach(id_, BOTH) for _ in range(3)]
    await bench.containers.start(id_)
    for session in sessions:
        assert b"".join([data async for _, data in session.output]) == b"1\n2\n3\n"
        await session.close()


async def test_a_client_that_reads_nothing_holds_nobody_up(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "seq 1 200000 >&2")
    idle = await bench.containers.attach(id_, BOTH)
    await bench.containers.start(id_)
    assert (await bench.exit_of(id_)).code == 0
    await idle.close()


async def test_a_paused_container_is_refused(bench: Bench) -> None:
    id_ = await bench.start(*LONG, name="frozen")
    await bench.containers.pause(id_)
    with pytest.raises(Conflict, match="container frozen is paused, unpause the container before attach"):
        await bench.containers.attach("frozen", BOTH)


async def test_writing_to_an_ended_container(bench: Bench) -> None:
    id_ = await bench.start("true", open_stdin=True)
    session = await bench.containers.attach(id_, BOTH)
    await bench.exit_of(id_)
    with pytest.raises(BrokenPipeError):
        await session.write(b"x")
    await session.close()
