"""What every Supervisor promises: subclasses name the runtime, or bring another `ground`."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from pogu.engine.runtime import STDERR, STDOUT, Namespaces
from pogu.errors import CommandNotExecutable, CommandNotFound, Conflict, InvalidArgument, NotFound
from tests.engine.runtime.ground import Ground, output, parse_log, read_all, until


class SupervisorContract:
    runtime_name: str

    # create, start, wait

    @pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$; sleep 5", 0)])
    async def test_wait_tells_the_exit_code(self, ground: Ground, script: str, code: int) -> None:
        # the first process of a PID namespace does not get a TERM that it does not handle (pid_namespaces(7))
        spec = await ground.start("sh", "-c", f"trap 'exit 0' TERM; {script}")
        assert (await ground.supervisor.wait(spec.id)).code == code

    async def test_a_killed_container_has_code_137(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        await ground.supervisor.kill(spec.id, signal.SIGKILL)
        end = await ground.supervisor.wait(spec.id)
        assert (end.code, end.oom) == (137, False)

    async def test_nothing_runs_before_start(self, ground: Ground) -> None:
        spec = ground.launch("sh", "-c", "echo ran")
        pid = await ground.supervisor.create(spec)
        assert Path(f"/proc/{pid}").exists()
        await asyncio.sleep(0.1)
        assert not spec.log_path.exists() or output(spec) == ""
        await ground.supervisor.start(spec.id)
        await ground.supervisor.wait(spec.id)
        assert output(spec) == "ran\n"

    async def test_output_is_in_the_log_by_stream(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "echo one; echo two >&2; printf end")
        await ground.supervisor.wait(spec.id)
        assert output(spec, "stdout") == "one\nend"
        assert output(spec, "stderr") == "two\n"

    async def test_many_can_wait_and_give_up(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        waits = [asyncio.create_task(ground.supervisor.wait(spec.id)) for _ in range(3)]
        await asyncio.sleep(0.02)
        waits[0].cancel()
        await ground.supervisor.kill(spec.id, signal.SIGKILL)
        assert [w.code for w in await asyncio.gather(*waits[1:])] == [137, 137]
        assert (await ground.supervisor.wait(spec.id)).code == 137

    @pytest.mark.parametrize("program", ["nope", "/bin/nope"])
    async def test_a_missing_program_is_command_not_found(self, ground: Ground, program: str) -> None:
        spec = ground.launch(program)
        with pytest.raises(CommandNotFound, match=f'exec: "{program}"') as caught:
            await ground.supervisor.create(spec)
            await ground.supervisor.start(spec.id)
        assert "OCI runtime create failed" in caught.value.message
        words = "executable file not found in $PATH" if program == "nope" else "no such file or directory"
        assert words in caught.value.message

    @pytest.mark.parametrize("program", ["/etc/not-a-program", "/etc"])
    async def test_what_cannot_be_executed_is_told_apart(self, ground: Ground, program: str) -> None:
        spec = ground.launch(program)
        with pytest.raises(CommandNotExecutable, match="permission denied"):
            await ground.supervisor.create(spec)
            await ground.supervisor.start(spec.id)

    async def test_a_failed_create_leaves_nothing(self, ground: Ground) -> None:
        spec = ground.launch("nope")
        with pytest.raises(CommandNotFound):
            await ground.supervisor.create(spec)
        assert ground.supervisor.listing() == []
        assert not ground.cgroup(spec).exists()
        assert await ground.run("true", id=spec.id) == (0, "")

    async def test_an_id_is_used_once_at_a_time(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        with pytest.raises(Conflict):
            await ground.supervisor.create(ground.launch("true", id=spec.id))

    async def test_unknown_containers_are_not_found(self, ground: Ground) -> None:
        for call in (
            ground.supervisor.start,
            ground.supervisor.pause,
            ground.supervisor.wait,
            ground.supervisor.attach,
        ):
            with pytest.raises(NotFound):
                await call("f" * 64)

    # kill, pause, delete

    async def test_kill_reaches_the_first_process_alone(self, ground: Ground) -> None:
        script = (
            "trap 'echo first' USR1; sh -c \"trap 'echo second' USR1; echo ready; while :; do sleep 0.05; done\" & wait"
        )
        spec = await ground.start("sh", "-c", script + "; sleep 0.3")
        await until(lambda: "ready" in output(spec), "the second process")
        await ground.supervisor.kill(spec.id, signal.SIGUSR1)
        await ground.supervisor.wait(spec.id)
        assert output(spec) == "ready\nfirst\n"

    async def test_kill_reaches_all_on_request(self, ground: Ground) -> None:
        second = "trap 'echo second; exit' USR1; echo ready; while :; do sleep 0.05; done"
        spec = await ground.start("sh", "-c", f"trap 'echo first' USR1; sh -c \"{second}\" & wait; wait; sleep 0.3")
        await until(lambda: "ready" in output(spec), "the second process")
        await ground.supervisor.kill(spec.id, signal.SIGUSR1, all=True)
        await ground.supervisor.wait(spec.id)
        assert {"first", "second"} <= set(output(spec).split())

    async def test_killing_one_that_has_ended_is_no_error(self, ground: Ground) -> None:
        spec = await ground.start("true")
        await ground.supervisor.wait(spec.id)
        await ground.supervisor.kill(spec.id, signal.SIGTERM)
        await ground.supervisor.kill(spec.id, signal.SIGKILL, all=True)

    async def test_pause_stops_and_resume_goes_on(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "while :; do echo x; sleep 0.01; done")
        await until(lambda: len(output(spec)) > 4, "output")
        await ground.supervisor.pause(spec.id)
        await asyncio.sleep(0.1)
        size = len(output(spec))
        await asyncio.sleep(0.2)
        assert len(output(spec)) == size
        await ground.supervisor.resume(spec.id)
        await until(lambda: len(output(spec)) > size, "more output")

    async def test_delete_ends_what_runs(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "trap '' TERM; sleep 60 & sleep 60; true")
        await until(lambda: len(ground.supervisor.pids(spec.id)) == 3, "three processes")
        pids = ground.supervisor.pids(spec.id)
        waiting = asyncio.create_task(ground.supervisor.wait(spec.id))
        await asyncio.sleep(0)
        await ground.supervisor.delete(spec.id)
        assert (await waiting).code == 137
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        assert not ground.cgroup(spec).exists()
        assert ground.supervisor.listing() == []

    async def test_delete_ends_a_paused_and_a_created_one(self, ground: Ground) -> None:
        paused = await ground.start("sleep", "60")
        await ground.supervisor.pause(paused.id)
        await ground.supervisor.delete(paused.id)
        created = ground.launch("true")
        await ground.supervisor.create(created)
        await ground.supervisor.delete(created.id)
        assert ground.supervisor.listing() == []

    async def test_delete_is_idempotent_and_keeps_the_log(self, ground: Ground) -> None:
        spec = await ground.start("echo", "kept")
        await ground.supervisor.wait(spec.id)
        for _ in range(2):
            await ground.supervisor.delete(spec.id)
        assert output(spec) == "kept\n"
        with pytest.raises(NotFound):
            await ground.supervisor.wait(spec.id)

    async def test_processes_that_share_the_hosts_pids_end_with_the_first(self, ground: Ground) -> None:
        spec = await ground.start(
            "sh", "-c", "sleep 60 & sleep 0.3; true", namespaces=Namespaces(pid="host"), pid_mode="host"
        )
        await until(lambda: len(ground.supervisor.pids(spec.id)) == 3, "three processes")
        pids = ground.supervisor.pids(spec.id)
        await ground.supervisor.wait(spec.id)
        await until(lambda: not any(_runs(pid) for pid in pids), "the end of all processes")

    # standard input and terminals

    async def test_standard_input_ends_when_it_is_closed(self, ground: Ground) -> None:
        spec = ground.launch("md5sum", stdin=True, stdin_once=True)
        await ground.supervisor.create(spec)
        stream = await ground.supervisor.attach(spec.id)
        await ground.supervisor.start(spec.id)
        for _ in range(40):
            await stream.write(b"0123456789abcdef" * 4096)
        await stream.close_stdin()
        await ground.supervisor.wait(spec.id)
        stream.close()
        assert output(spec) == f"{_md5(b'0123456789abcdef' * 4096 * 40)}  -\n"

    async def test_without_stdin_once_input_stays_open_for_the_next(self, ground: Ground) -> None:
        spec = ground.launch("sh", "-c", "read a; read b; echo $a $b", stdin=True)
        await ground.supervisor.create(spec)
        await ground.supervisor.start(spec.id)
        for line in (b"one\n", b"two\n"):
            stream = await ground.supervisor.attach(spec.id)
            await stream.write(line)
            await stream.close_stdin()
            stream.close()
        await ground.supervisor.wait(spec.id)
        assert output(spec) == "one two\n"

    async def test_writing_to_one_that_has_ended_is_a_broken_pipe(self, ground: Ground) -> None:
        spec = ground.launch("true", stdin=True)
        await ground.supervisor.create(spec)
        stream = await ground.supervisor.attach(spec.id)
        await ground.supervisor.start(spec.id)
        await ground.supervisor.wait(spec.id)
        assert await stream.read() == b""
        with pytest.raises(BrokenPipeError):
            await stream.write(b"x")
        stream.close()

    async def test_one_without_input_cannot_be_attached(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        with pytest.raises(Conflict):
            await ground.supervisor.attach(spec.id)

    async def test_a_terminal_echoes_and_has_the_size_asked_for(self, ground: Ground) -> None:
        script = "stty size; read x; echo got $x; while read x; do stty size; done"
        spec = ground.launch("sh", "-c", script, terminal=True, size=[20, 70])
        spec.stdin = True
        await ground.supervisor.create(spec)
        stream = await ground.supervisor.attach(spec.id)
        await ground.supervisor.resize(spec.id, 20, 70)
        await ground.supervisor.start(spec.id)
        assert await _read_until(stream, b"20 70\r\n") == b"20 70\r\n"
        await stream.write(b"word\n")
        assert await _read_until(stream, b"got word\r\n") == b"word\r\ngot word\r\n"
        await ground.supervisor.resize(spec.id, 33, 99)
        await ground.supervisor.resize(spec.id, 41, 101)
        seen = b""
        async with asyncio.timeout(20):
            while b"41 101\r\n" not in seen:  # the size and the input go different ways
                await stream.write(b"\n")
                seen += await stream.read()
                await asyncio.sleep(0.02)
        await stream.write(b"\x04")  # the end of input, in a terminal
        assert (await ground.supervisor.wait(spec.id)).code == 0
        stream.close()

    async def test_a_terminal_that_nobody_reads_does_not_stall(self, ground: Ground) -> None:
        spec = ground.launch("sh", "-c", "yes 0123456789 | head -c 1500000", terminal=True)
        await ground.supervisor.create(spec)
        stream = await ground.supervisor.attach(spec.id)
        await ground.supervisor.start(spec.id)
        async with asyncio.timeout(100):
            await ground.supervisor.wait(spec.id)
        kept = await stream.read()
        assert 500_000 < len(kept) <= 1 << 20
        stream.close()

    async def test_letting_go_of_a_terminal_leaves_it_open(self, ground: Ground) -> None:
        spec = ground.launch("sh", "-c", "read x; echo got $x", terminal=True, stdin=True, stdin_once=True)
        await ground.supervisor.create(spec)
        await ground.supervisor.start(spec.id)
        (await ground.supervisor.attach(spec.id)).close()
        await asyncio.sleep(0.05)
        stream = await ground.supervisor.attach(spec.id)
        await stream.write(b"later\n")
        await ground.supervisor.wait(spec.id)
        assert "got later" in output(spec)
        stream.close()

    async def test_rotation_loses_no_line(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done")
        parts = []
        for number in range(3):
            await asyncio.sleep(0.01)
            part = spec.log_path.with_suffix(f".{number}")
            spec.log_path.rename(part)
            parts.append(part)
            try:
                await ground.supervisor.rotate(spec.id)
            except Conflict:  # it was quicker
                break
        await ground.supervisor.wait(spec.id)
        files = [*parts, *([spec.log_path] if spec.log_path.exists() else [])]
        text = parse_log("".join(file.read_text() for file in files))
        assert text.split() == [str(n) for n in range(20000)]

    # exec

    async def test_exec_has_streams_and_an_exit_code_of_its_own(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(spec, "sh", "-c", "echo out; echo err >&2; exit 5")
        assert await read_all(process) == {STDOUT: b"out\n", STDERR: b"err\n"}
        assert await process.wait() == 5
        process.close()
        assert output(spec) == ""

    async def test_exec_input_can_be_half_closed(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(spec, "md5sum", stdin=True)
        data = os.urandom(500_000)
        await process.write(data)
        await process.close_stdin()
        assert (await read_all(process))[STDOUT].decode() == f"{_md5(data)}  -\n"
        with pytest.raises(BrokenPipeError):
            await process.write(b"x")
        process.close()

    async def test_exec_without_input_reads_nothing(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(spec, "cat")
        assert await process.wait() == 0
        process.close()

    async def test_exec_that_is_killed_has_128_and_the_signal(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(spec, "sleep", "60")
        assert process.pid in ground.supervisor.pids(spec.id)
        process.kill(signal.SIGTERM)
        assert await process.wait() == 143
        process.kill()
        process.close()

    async def test_exec_in_a_terminal(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        sized = 'until [ "$(stty size 2>/dev/null)" ]; do sleep 0.02; done'  # the size may come a moment after it
        script = f"tty >&2; {sized}; stty size; read x; echo got $x; stty size"
        process = await ground.exec(spec, "sh", "-c", script, terminal=True, console_size=[20, 70])
        seen = b""
        while b"20 70\r\n" not in seen:
            seen += await _piece(process)
        await process.resize(41, 101)
        await asyncio.sleep(0.1)  # runc passes the size on by a signal to itself
        await process.write(b"word\n")
        while b"41 101\r\n" not in seen:
            seen += await _piece(process)
        assert seen == b"/dev/pts/0\r\n20 70\r\nword\r\ngot word\r\n41 101\r\n"
        assert await process.wait() == 0
        process.close()

    @pytest.mark.parametrize(
        "program, kind, words",
        [
            ("nope", CommandNotFound, "executable file not found in $PATH"),
            ("/bin/nope", CommandNotFound, "no such file or directory"),
            ("/etc/not-a-program", CommandNotExecutable, "permission denied"),
        ],
    )
    @pytest.mark.parametrize("terminal", [False, True])
    async def test_exec_of_what_does_not_exist(
        self, ground: Ground, program: str, kind: type[Exception], words: str, terminal: bool
    ) -> None:
        spec = await ground.start("sleep", "60")
        with pytest.raises(kind) as caught:
            await ground.exec(spec, program, terminal=terminal)
        assert str(caught.value).startswith("OCI runtime exec failed: exec failed: unable to start container process:")
        assert f'exec: "{program}"' in str(caught.value)
        assert words in str(caught.value)

    async def test_exec_as_another_user_with_its_environment(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(
            spec, "sh", "-c", "id -u; id -G; echo $HOME $WORD; pwd", user="ann", env=["WORD=x"], cwd="/tmp"
        )
        out = (await read_all(process))[STDOUT].decode()
        assert out == "1000\n1000 10 44\n/home/ann x\n/tmp\n"
        await process.wait()
        process.close()

    async def test_exec_where_nothing_runs_is_a_conflict(self, ground: Ground) -> None:
        spec = await ground.start("true")
        await ground.supervisor.wait(spec.id)
        with pytest.raises(Conflict):
            await ground.exec(spec, "true")

    async def test_exec_while_the_container_ends_is_a_conflict_or_a_process(self, ground: Ground) -> None:
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02):
            spec = await ground.start("sleep", "60")
            trying = [asyncio.create_task(ground.exec(spec, "true")) for _ in range(3)]
            await asyncio.sleep(delay)
            await ground.supervisor.kill(spec.id, signal.SIGKILL)
            for outcome in await asyncio.gather(*trying, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    assert isinstance(outcome, Conflict), outcome
                else:
                    await outcome.wait()
                    outcome.close()

    async def test_exec_in_a_paused_container_is_a_conflict(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        await ground.supervisor.pause(spec.id)
        with pytest.raises(Conflict, match="paused"):
            await ground.exec(spec, "true")

    async def test_exec_processes_end_with_the_container(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(spec, "sleep", "60")
        await ground.supervisor.kill(spec.id, signal.SIGKILL)
        assert await process.wait() == 137
        process.close()

    async def test_cancelled_reads_lose_nothing(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60")
        process = await ground.exec(spec, "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.03; done")
        seen = b""
        while True:
            try:
                async with asyncio.timeout(0.005):
                    piece = await process.read()
            except TimeoutError:
                continue
            if piece is None:
                break
            seen += piece[1]
        assert seen == b"1\n2\n3\n4\n5\n"
        process.close()

    # limits and counters

    async def test_limits_can_be_changed(self, ground: Ground) -> None:
        spec = await ground.start("sleep", "60", memory=64 << 20, memory_swap=128 << 20)
        await ground.supervisor.update(
            spec.id,
            {
                "memory": {"limit": 256 << 20, "swap": 512 << 20},
                "pids": {"limit": 33},
                "cpu": {"shares": 512, "quota": 50_000, "period": 100_000, "cpus": "0"},
            },
        )
        assert ground.supervisor.counters(spec.id).memory_limit == 256 << 20
        assert ground.supervisor.counters(spec.id).pids_limit == 33
        await ground.supervisor.update(
            spec.id, {"memory": {"limit": 32 << 20, "swap": 64 << 20}, "pids": {"limit": -1}}
        )
        assert ground.supervisor.counters(spec.id).memory_limit == 32 << 20
        assert ground.supervisor.counters(spec.id).pids_limit is None

    async def test_running_out_of_memory_is_told(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "tail /dev/zero", memory=16 << 20, memory_swap=16 << 20)
        end = await ground.supervisor.wait(spec.id)
        assert (end.code, end.oom) == (137, True)

    async def test_counters_grow(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 60")
        await until(lambda: ground.supervisor.counters(spec.id).cpu_total > 10_000_000, "10 ms of work")
        found = ground.supervisor.counters(spec.id)
        assert found.memory_usage > 0
        assert "inactive_file" in found.memory_stats
        assert found.pids >= 1

    async def test_top_shows_the_containers_processes_alone(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "sleep 61 & sleep 62 & wait")
        await until(lambda: len(ground.supervisor.pids(spec.id)) == 3, "three processes")
        found = await ground.supervisor.top(spec.id)
        assert found.titles[:2] == ["UID", "PID"]
        assert sorted(int(r[1]) for r in found.rows) == ground.supervisor.pids(spec.id)
        assert {r[-1] for r in found.rows} >= {"sleep 61", "sleep 62"}
        found = await ground.supervisor.top(spec.id, ["-o", "pid,comm"])
        assert sorted(r[1] for r in found.rows) == ["sh", "sleep", "sleep"]
        with pytest.raises(InvalidArgument):
            await ground.supervisor.top(spec.id, ["-o", "comm"])
        with pytest.raises(InvalidArgument):
            await ground.supervisor.top(spec.id, ["--nonsense"])

    # adoption

    async def test_a_later_daemon_takes_up_what_runs(self, ground: Ground) -> None:
        spec = ground.launch("sh", "-c", "read x; echo $x; exit 9", stdin=True)
        pid = await ground.supervisor.create(spec)
        await ground.supervisor.start(spec.id)
        await ground.restart_daemon()
        assert await ground.supervisor.adopt(spec.id, spec.persist_dir) == pid
        process = await ground.exec(spec, "true")
        assert await process.wait() == 0
        process.close()
        waiting = asyncio.create_task(ground.supervisor.wait(spec.id))
        stream = await ground.supervisor.attach(spec.id)
        await stream.write(b"still here\n")
        assert (await waiting).code == 9
        stream.close()
        assert output(spec) == "still here\n"
        await ground.supervisor.delete(spec.id)
        assert not ground.cgroup(spec).exists()

    async def test_an_exit_while_no_daemon_ran_is_known(self, ground: Ground) -> None:
        spec = await ground.start("sh", "-c", "exit 11")
        await ground.supervisor.wait(spec.id)
        await ground.restart_daemon()
        assert await ground.supervisor.adopt(spec.id, spec.persist_dir) is None
        assert (await ground.supervisor.wait(spec.id)).code == 11
        await ground.supervisor.delete(spec.id)
        assert ground.supervisor.listing() == []

    async def test_what_was_never_started_is_removed(self, ground: Ground) -> None:
        spec = ground.launch("true")
        pid = await ground.supervisor.create(spec)
        await ground.restart_daemon()
        assert await ground.supervisor.adopt(spec.id, spec.persist_dir) is None
        await until(lambda: not _runs(pid), "its end")
        assert not ground.cgroup(spec).exists()
        assert ground.supervisor.listing() == []

    async def test_after_a_reboot_the_exit_file_is_all_there_is(self, ground: Ground) -> None:
        spec = ground.launch("true")
        assert await ground.supervisor.adopt(spec.id, spec.persist_dir) is None
        assert (await ground.supervisor.wait(spec.id)).code is None
        await ground.supervisor.delete(spec.id)
        spec.persist_dir.mkdir(parents=True)
        (spec.persist_dir / "exit").write_text("3")
        assert await ground.supervisor.adopt(spec.id, spec.persist_dir) is None
        assert (await ground.supervisor.wait(spec.id)).code == 3


def _md5(data: bytes) -> str:
    import hashlib

    return hashlib.md5(data).hexdigest()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


async def _read_until(stream: object, end: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(10):
        while not seen.endswith(end):
            piece = await stream.read()  # type: ignore[attr-defined]
            assert piece, f"it ended after {seen!r}"
            seen += piece
    return seen


async def _piece(process: object) -> bytes:
    async with asyncio.timeout(10):
        found = await process.read()  # type: ignore[attr-defined]
    assert found, "it ended early"
    return bytes(found[1])
