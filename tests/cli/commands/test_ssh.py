"""Daemons behind ssh. The `ssh` here runs the remote command on this machine, in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import POGU, Ran, RunningDaemon, Terminal, docker_command, docker_version, eventually

_SSH = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/arguments
until [ "$1" = -- ]; do shift; done
shift 2
exec /usr/bin/env -i PATH={folder}/remote DOCKER_HOST={url} DOCKER_CONFIG={folder} /bin/sh -c "$*"
"""
HOST = "ssh://me@far:2222"


class Far:
    """A host that has the programs it is given, and commands here that reach its daemon through ssh."""

    def __init__(self, daemon: RunningDaemon, folder: Path) -> None:
        self._daemon, self._folder = daemon, folder
        self._remote = folder / "remote"
        (folder / "bin").mkdir()
        self._remote.mkdir()
        self.install_ssh(_SSH.format(folder=folder, url=daemon.url))

    def install_ssh(self, script: str) -> None:
        path = self._folder / "bin" / "ssh"
        path.write_text(script)
        path.chmod(0o755)

    def has(self, **programs: str | Path) -> None:
        for name, program in programs.items():
            (self._remote / name).symlink_to(program)

    def environment(self, host: str = HOST) -> dict[str, str]:
        env = {**self._daemon.environment(), "DOCKER_HOST": host, "DOCKER_CONFIG": str(self._folder)}
        del env["POGU_HOST"]
        return {**env, "PATH": f"{self._folder / 'bin'}:{env['PATH']}"}

    def run(self, *argv: str | Path, host: str = HOST, data: bytes = b"", timeout: float = 60) -> Ran:
        done = subprocess.run(
            argv, env=self.environment(host), input=data, capture_output=True, timeout=timeout, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode())

    def pogu(self, *args: str, host: str = HOST, data: bytes = b"") -> Ran:
        return self.run(POGU, *args, host=host, data=data)

    def arguments(self) -> list[str]:
        return (self._folder / "arguments").read_text().splitlines()


@pytest.fixture
def far(daemon: RunningDaemon, tmp_path: Path) -> Far:
    return Far(daemon, tmp_path)


@pytest.fixture(params=["docker", "pogu"])
def either(request: pytest.FixtureRequest, far: Far) -> Far:
    """A host that has the one or the other command."""
    far.has(**{"docker": {"docker": docker_command()}, "pogu": {"pogu": POGU}}[request.param])
    return far


def test_input_and_output(either: Far, daemon: RunningDaemon, sleeper: str) -> None:
    assert either.pogu("ps", "-q", "--no-trunc", "--filter", f"name={sleeper}").out == (
        daemon.docker("inspect", "-f", "{{.Id}}", sleeper).out
    )
    data = os.urandom(1 << 20)
    ran = either.pogu("run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo end >&2; exit 3", data=data)
    assert (ran.code, ran.raw == data, ran.err) == (3, True, "end\n")
    assert either.pogu("exec", "-i", sleeper, "cat", data=b"typed").out == "typed"


def test_the_arguments_are_dockers(far: Far, daemon: RunningDaemon) -> None:
    far.has(docker=docker_command())
    assert far.pogu("ps").code == 0
    assert far.arguments() == [
        "-o ConnectTimeout=30", "-T", "-l", "me", "-p", "2222", "--", "far", "docker", "system", "dial-stdio",
    ]  # fmt: skip
    with_path = f"{HOST}{daemon.socket}"
    for host in (HOST, with_path):
        assert far.pogu("ps", host=host).code == 0
        ours = far.arguments()
        if docker_version() >= (28,):
            assert far.run(docker_command(), "ps", host=host).code == 0
            assert ours == far.arguments()


def test_where_only_pogu_is(far: Far, daemon: RunningDaemon) -> None:
    far.has(pogu=POGU)
    ran = far.pogu("version", "-f", "{{.Server.Version}}", host=f"ssh://far{daemon.socket}")
    assert (ran.code, ran.err) == (0, "")
    assert far.arguments()[-6:] == ["far", "pogu", "--host", daemon.url, "system", "dial-stdio"]


def test_where_docker_has_no_daemon(far: Far) -> None:
    far.has(docker="/bin/false", pogu=POGU)
    assert far.pogu("ps").code == 0


def test_a_terminal(either: Far) -> None:
    terminal = Terminal([str(POGU), "run", "--rm", "-it", "busybox", "sh"], either.environment())
    terminal.type("stty -echo; echo one$((1+1))\n")
    terminal.read_until("one2")
    terminal.type("exit 5\n")
    assert terminal.end() == 5


def test_logs_are_followed_to_the_end(either: Far, daemon: RunningDaemon, name: str) -> None:
    daemon.docker("run", "-d", "-i", "--name", name, "busybox", "sh", "-c", "echo first; read x; echo last")
    with subprocess.Popen(
        [POGU, "logs", "-f", name], env=either.environment(), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as logs:
        assert logs.stdout
        assert logs.stdout.readline() == b"first\n"
        daemon.docker("attach", name, input="x\n")
        assert logs.stdout.read() == b"last\n"
        assert logs.wait(20) == 0
    daemon.docker("rm", "-f", name)


def test_a_context(far: Far) -> None:
    far.has(pogu=POGU)
    environment = far.environment("")

    def pogu(*args: str) -> str:
        return subprocess.run([POGU, *args], env=environment, capture_output=True, text=True, check=True).stdout

    pogu("context", "create", "far", "--docker", f"host={HOST}")
    assert HOST in pogu("context", "ls")
    assert pogu("-c", "far", "ps", "-q", "--filter", "name=nosuch") == ""
    assert far.arguments()[-4:] == ["far", "pogu", "system", "dial-stdio"]


def test_no_way(far: Far) -> None:
    nothing = far.pogu("ps")
    assert nothing.code == 1
    for program in ("docker", "pogu"):
        command = f"command [ssh -o ConnectTimeout=30 -T -l me -p 2222 -- far {program} system dial-stdio]"
        assert f"{command} has exited with exit status 127: " in nothing.err
    far.install_ssh("#!/bin/sh\necho no such host >&2\nexit 255\n")
    broken = far.pogu("ps")
    command = "command [ssh -o ConnectTimeout=30 -T -l me -p 2222 -- far docker system dial-stdio]"
    said = f"{command} has exited with exit status 255: no such host"
    assert (broken.code, broken.err) == (1, f"Cannot connect to the Pogu daemon at {HOST}: {said}\n")
    reason = "ssh host connection is not valid: invalid SSH URL: plain-text password is not supported"
    assert far.pogu("ps", host="ssh://a:b@c").err == f"Failed to initialize: {reason}\n"


# --- `dial-stdio` itself ---


def test_docker_reaches_a_host_that_has_pogu(far: Far, sleeper: str) -> None:
    far.has(docker=POGU)
    docker = docker_command()
    assert far.run(docker, "exec", "-i", sleeper, "sh", "-c", "cat; echo end", data=b"typed\n").out == "typed\nend"
    assert far.run(docker, "exec", sleeper, "sh", "-c", "exit 7").code == 7


@pytest.fixture
def dialled(daemon: RunningDaemon) -> Callable[[bytes], subprocess.Popen[bytes]]:
    def start(said: bytes) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [POGU, "system", "dial-stdio"], env=daemon.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin
        process.stdin.write(said)
        process.stdin.flush()
        return process

    return start


def test_answers_come_after_the_end_of_input(dialled: Callable[[bytes], subprocess.Popen[bytes]]) -> None:
    process = dialled(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
    out, _ = process.communicate(timeout=20)  # closes its input
    assert (out.startswith(b"HTTP/1.1 200 OK\r\n"), out.endswith(b"\r\n\r\nOK"), process.returncode) == (True, True, 0)


def test_the_daemons_end_is_its_end(dialled: Callable[[bytes], subprocess.Popen[bytes]]) -> None:
    with dialled(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as process:
        assert process.wait(20) == 0  # though its input is open


def test_it_ends_when_nobody_reads(dialled: Callable[[bytes], subprocess.Popen[bytes]]) -> None:
    with dialled(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as process:
        assert process.stdout
        assert process.stdout.readline() == b"HTTP/1.1 200 OK\r\n"
        process.stdout.close()
        assert process.wait(20) == 0


def test_it_is_in_no_list(daemon: RunningDaemon) -> None:
    assert "dial-stdio" not in daemon.pogu("system", "--help").out
    assert daemon.pogu("system", "dial-stdio", "--help").out.startswith("Usage:  pogu system dial-stdio\n\nProxy the")
    assert daemon.pogu("system", "dial-stdio", "x", check=False).err.startswith(
        "pogu: 'pogu system dial-stdio' accepts no arguments\n"
    )
    gone = daemon.pogu("-H", "unix:///nosuch", "system", "dial-stdio", check=False)
    assert (gone.code, gone.err.startswith("failed to open the raw stream connection: ")) == (1, True)


def test_ssh_ends_with_the_command(far: Far, daemon: RunningDaemon, name: str) -> None:
    far.has(pogu=POGU)
    daemon.docker("run", "-d", "--name", name, "busybox", "sleep", "1000")
    with subprocess.Popen(
        [POGU, "logs", "-f", name], env=far.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as logs:
        eventually(lambda: _remote_processes(daemon) > 0)
        logs.send_signal(signal.SIGINT)
        assert logs.wait(20) == 130
    eventually(lambda: _remote_processes(daemon) == 0)
    daemon.docker("rm", "-f", name)


def _remote_processes(daemon: RunningDaemon) -> int:
    """Count the `dial-stdio` of this daemon."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            found += b"dial-stdio" in words and daemon.url.encode() in (process / "environ").read_bytes()
        except OSError:
            continue
    return found
