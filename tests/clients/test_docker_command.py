"""The docker command, driven as a person does; what it shows is what Docker shows."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDaemon, Terminal, docker_command, docker_version, eventually


@pytest.fixture
def name(daemon: RunningDaemon) -> Iterator[str]:
    """A container name of the test's own; the container is removed at the end."""
    unique = f"c{uuid.uuid4().hex[:10]}"
    yield unique
    daemon.docker("rm", "-f", "-v", unique, check=False)


@pytest.fixture
def sleeper(daemon: RunningDaemon, name: str) -> str:
    """A container that runs until it is told to stop."""
    daemon.docker("run", "-d", "--name", name, "busybox", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done")
    return name


def test_run_rm(daemon: RunningDaemon) -> None:
    ran = daemon.docker("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (ran.code, ran.raw, ran.err) == (7, b"out\n", "err\n")


def test_run_reads_standard_input(daemon: RunningDaemon) -> None:
    data = bytes(range(256)) * 4000
    assert daemon.docker("run", "--rm", "-i", "busybox", "cat", input=data).raw == data


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("no-such-program",), 127, "executable file not found in $PATH"),
        (("/etc",), 126, "permission denied"),
        (("sh", "-c", "exit 42"), 42, ""),
    ],
)
def test_exit_codes(daemon: RunningDaemon, argv: tuple[str, ...], code: int, message: str) -> None:
    ran = daemon.docker("run", "--rm", "busybox", *argv, check=False)
    assert ran.code == code
    assert message in ran.err


def test_exit_code_125_for_what_the_daemon_refuses(daemon: RunningDaemon) -> None:
    ran = daemon.docker("run", "--rm", "--memory", "1k", "busybox", "true", check=False)
    assert ran.code == 125
    assert "Minimum memory limit allowed is 6MB" in ran.err


def test_a_missing_image(daemon: RunningDaemon) -> None:
    ran = daemon.docker("run", "--rm", "--pull", "never", "no-such-image", check=False)
    assert ran.code == 125
    assert "No such image: no-such-image:latest" in ran.err


def test_run_in_a_terminal(daemon: RunningDaemon) -> None:
    shell = Terminal([docker_command(), "run", "--rm", "-it", "busybox", "sh"], daemon.environment())
    shell.read_until("/ #")
    shell.type("tty; stty size; exit 5\n")
    shell.read_until("/dev/pts/0")
    assert shell.end() == 5


def test_detach_and_attach_again(daemon: RunningDaemon, name: str) -> None:
    shell = Terminal([docker_command(), "run", "-it", "--name", name, "busybox", "sh"], daemon.environment())
    shell.read_until("/ #")
    shell.type("x=kept\n")
    shell.type(b"\x10\x11")  # Ctrl-P Ctrl-Q
    assert shell.end() == 0
    assert daemon.docker("inspect", "-f", "{{.State.Running}}", name).out == "true"
    again = Terminal([docker_command(), "attach", name], daemon.environment())
    again.type("echo $x-$x\n")
    again.read_until("kept-kept")
    again.type("exit 4\n")
    assert again.end() == 4


def test_published_port(daemon: RunningDaemon, name: str) -> None:
    serve = "echo -e 'HTTP/1.0 200 OK\\r\\n\\r\\nhello' >/r; while :; do nc -l -p 80 </r; done"
    daemon.docker("run", "-d", "--name", name, "-p", "127.0.0.1::80", "busybox", "sh", "-c", serve)
    host, _, port = daemon.docker("port", name, "80").out.rpartition(":")

    def answered() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 2) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"hello" in connection.recv(1000)
        return False

    eventually(answered)


def test_a_port_that_is_taken(daemon: RunningDaemon) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = daemon.docker("run", "--rm", "-p", f"{port}:80", "busybox", "true", check=False)
    assert ran.code == 125
    assert (
        f"Bind for 0.0.0.0:{port} failed: port is already allocated" in ran.err or "address already in use" in ran.err
    )


def test_exec(daemon: RunningDaemon, sleeper: str) -> None:
    assert daemon.docker("exec", "-e", "A=b", "-w", "/tmp", sleeper, "sh", "-c", "echo $A $PWD").out == "b /tmp"
    assert daemon.docker("exec", "-i", sleeper, "cat", input=b"in").raw == b"in"
    assert daemon.docker("exec", sleeper, "sh", "-c", "exit 9", check=False).code == 9
    assert daemon.docker("exec", sleeper, "nope", check=False).code == 127


def test_exec_in_a_terminal(daemon: RunningDaemon, sleeper: str) -> None:
    shell = Terminal([docker_command(), "exec", "-it", sleeper, "sh"], daemon.environment())
    shell.read_until("/ #")
    shell.type("tty; exit 6\n")
    shell.read_until("/dev/pts/")
    assert shell.end() == 6


def test_logs_follow_ends_with_the_container(daemon: RunningDaemon, name: str) -> None:
    daemon.docker("run", "-d", "--name", name, "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
    assert daemon.docker("logs", "-f", name).out.split() == ["1", "2", "3", "4", "5"]
    assert daemon.docker("logs", "--tail", "2", name).out.split() == ["4", "5"]
    stamped = daemon.docker("logs", "-t", "--tail", "1", name).out
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z 5", stamped)


def test_cp_both_ways(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "file").write_text("there")
    daemon.docker("cp", tmp_path / "tree", f"{sleeper}:/tmp/")
    assert daemon.docker("exec", sleeper, "cat", "/tmp/tree/sub/file").out == "there"
    daemon.docker("cp", f"{sleeper}:/tmp/tree", tmp_path / "back")
    assert (tmp_path / "back" / "sub" / "file").read_text() == "there"
    streamed = daemon.docker("cp", f"{sleeper}:/tmp/tree/sub/file", "-").raw
    with tarfile.open(fileobj=io.BytesIO(streamed)) as tar:
        assert tar.getnames() == ["file"]


def test_cp_says_what_is_missing(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    ran = daemon.docker("cp", f"{sleeper}:/nope", tmp_path, check=False)
    assert ran.code == 1
    old = f"No such container:path: {sleeper}:/nope"  # until docker 23 the command had words of its own for this
    assert (old if docker_version() < (23,) else f"Could not find the file /nope in container {sleeper}") in ran.err


def test_cp_through_links_stays_inside(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    daemon.docker("exec", sleeper, "ln", "-s", "/../../../../etc", "/escape")
    daemon.docker("exec", sleeper, "ln", "-s", "/etc/hostname", "/tmp/link")
    (tmp_path / "mark").write_text("x")
    daemon.docker("cp", tmp_path / "mark", f"{sleeper}:/escape/mark")
    assert daemon.docker("exec", sleeper, "cat", "/etc/mark").out == "x"
    assert not Path("/etc/mark").exists()
    daemon.docker("cp", "-L", f"{sleeper}:/tmp/link", tmp_path / "hostname")
    assert (tmp_path / "hostname").read_text() != Path("/etc/hostname").read_text()


def test_stats(daemon: RunningDaemon, sleeper: str) -> None:
    shown = json.loads(daemon.docker("stats", "--no-stream", "--format", "{{json .}}", sleeper).out)
    assert shown["Name"] == sleeper
    assert re.fullmatch(r"\d+\.\d\d%", shown["CPUPerc"])
    assert int(shown["PIDs"]) >= 1
    assert not shown["MemUsage"].startswith("0B")


def test_events(daemon: RunningDaemon, name: str) -> None:
    since = str(int(time.time()))
    watch = daemon.popen("events", "--since", since, "--filter", f"container={name}", "--format", "{{.Status}}")
    seen: list[str] = []
    assert watch.stdout
    reader = threading.Thread(target=lambda: seen.extend(line.decode().strip() for line in watch.stdout or []))
    reader.start()
    try:
        daemon.docker("create", "--name", name, "busybox", "true")
        daemon.docker("start", name)
        daemon.docker("wait", name)
        daemon.docker("rm", name)
        eventually(lambda: "destroy" in seen)
    finally:
        watch.kill()
        watch.wait()
        reader.join()
        watch.stdout.close()
    assert seen == ["create", "start", "die", "destroy"]


def test_top(daemon: RunningDaemon, sleeper: str) -> None:
    lines = daemon.docker("top", sleeper).out.splitlines()
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert any("sleep" in line for line in lines[1:])
    assert daemon.docker("top", sleeper, "-o", "pid,comm").out.splitlines()[0].split() == ["PID", "COMMAND"]


def test_diff(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.docker("exec", sleeper, "sh", "-c", "echo x >/tmp/new; rm /bin/true; echo y >>/etc/passwd")
    assert daemon.docker("diff", sleeper).out.splitlines() == [
        "C /bin", "D /bin/true", "C /etc", "C /etc/passwd", "C /tmp", "A /tmp/new",
    ]  # fmt: skip


def test_commit(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.docker("exec", sleeper, "sh", "-c", "echo made >/made")
    image = f"made-{sleeper}"
    daemon.docker("commit", "-a", "me", "-m", "why", "-c", 'CMD ["cat", "/made"]', "-c", "ENV A=b", sleeper, image)
    assert daemon.docker("run", "--rm", image).out == "made"
    shown = json.loads(daemon.docker("image", "inspect", image).out)[0]
    assert (shown["Author"], shown["Comment"]) == ("me", "why")
    assert "A=b" in shown["Config"]["Env"]
    daemon.docker("rmi", image)


def test_export_and_import(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.docker("exec", sleeper, "sh", "-c", "echo kept >/kept")
    exported = daemon.docker("export", sleeper).raw
    image = f"flat-{sleeper}"
    daemon.docker("import", "-", image, input=exported)
    assert daemon.docker("run", "--rm", image, "cat", "/kept").out == "kept"
    assert daemon.docker("history", "-q", image).out.count("\n") == 0
    daemon.docker("rmi", image)


def test_save_and_load(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    image = f"saved-{sleeper}:1"
    daemon.docker("exec", sleeper, "sh", "-c", "echo layer >/layer")
    daemon.docker("commit", sleeper, image)
    before = daemon.docker("image", "inspect", "-f", "{{.Id}}", image).out
    daemon.docker("save", "-o", tmp_path / "image.tar", image)
    with tarfile.open(tmp_path / "image.tar") as tar:
        assert {"manifest.json", "index.json", "oci-layout"} <= set(tar.getnames())
    daemon.docker("rmi", image)
    assert f"Loaded image: {image}" in daemon.docker("load", "-i", tmp_path / "image.tar").out
    assert daemon.docker("image", "inspect", "-f", "{{.Id}}", image).out == before
    assert daemon.docker("run", "--rm", image, "cat", "/layer").out == "layer"
    daemon.docker("rmi", image)


def test_update(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.docker("update", "--memory", "64m", "--memory-swap", "64m", "--restart", "on-failure:3", sleeper)
    shown = json.loads(daemon.docker("inspect", "-f", "{{json .HostConfig}}", sleeper).out)
    assert shown["Memory"] == 64 << 20
    assert shown["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    limit = json.loads(daemon.docker("stats", "--no-stream", "--format", "{{json .}}", sleeper).out)["MemUsage"]
    assert limit.endswith("/ 64MiB")


def test_rename(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.docker("rename", sleeper, f"{sleeper}x")
    assert daemon.docker("inspect", "-f", "{{.Name}}", f"{sleeper}x").out == f"/{sleeper}x"
    assert daemon.docker("inspect", sleeper, check=False).code == 1
    daemon.docker("rename", f"{sleeper}x", sleeper)


def test_pause(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.docker("pause", sleeper)
    assert "(Paused)" in daemon.docker("ps", "--filter", f"name={sleeper}", "--format", "{{.Status}}").out
    assert "is paused" in daemon.docker("exec", sleeper, "true", check=False).err
    daemon.docker("unpause", sleeper)
    assert daemon.docker("exec", sleeper, "echo", "again").out == "again"


def test_wait_and_stop(daemon: RunningDaemon, sleeper: str) -> None:
    waiting = daemon.popen("wait", sleeper)
    daemon.docker("stop", sleeper)
    out, _ = waiting.communicate(timeout=30)
    assert out.strip() == b"3"
    status = daemon.docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}", sleeper).out
    assert status == "exited 3 0"


def test_ps_filters(daemon: RunningDaemon, name: str) -> None:
    daemon.docker("create", "--name", name, "--label", f"who={name}", "busybox", "true")

    def names(*filters: str) -> list[str]:
        flags = [part for f in filters for part in ("--filter", f)]
        return daemon.docker("ps", "-a", "--format", "{{.Names}}", *flags).out.split()

    assert names(f"label=who={name}") == [name]
    assert names(f"label=who={name}", "status=running") == []
    assert names(f"label=who={name}", "status=created", "ancestor=busybox") == [name]
    assert names(f"name=^{name}$") == [name]
    daemon.docker("start", name)
    daemon.docker("wait", name)
    assert names(f"label=who={name}", "exited=0") == [name]
    assert names(f"label=who={name}", "exited=1") == []
    assert daemon.docker("ps", "--filter", "nope=1", check=False).code == 1


def test_inspect_templates(daemon: RunningDaemon, sleeper: str) -> None:
    shown = daemon.docker("inspect", "-f", "{{.Name}} {{.Config.Image}} {{.HostConfig.NetworkMode}}", sleeper).out
    assert shown == f"/{sleeper} busybox bridge"


def test_system_df(daemon: RunningDaemon, sleeper: str) -> None:
    rows = [json.loads(line) for line in daemon.docker("system", "df", "--format", "{{json .}}").out.splitlines()]
    assert [r["Type"] for r in rows] == ["Images", "Containers", "Local Volumes", "Build Cache"]
    assert sleeper in daemon.docker("system", "df", "-v").out


def test_health(daemon: RunningDaemon, name: str) -> None:
    daemon.docker(
        "run", "-d", "--name", name, "--health-cmd", "test -e /ok", "--health-interval", "200ms",
        "--health-retries", "1", "busybox", "sleep", "100",
    )  # fmt: skip
    status = ("inspect", "-f", "{{.State.Health.Status}}", name)
    eventually(lambda: daemon.docker(*status).out == "unhealthy")
    daemon.docker("exec", name, "touch", "/ok")
    eventually(lambda: daemon.docker(*status).out == "healthy")


def test_restart_policy(daemon: RunningDaemon, name: str) -> None:
    daemon.docker("run", "-d", "--name", name, "--restart", "on-failure:2", "busybox", "sh", "-c", "exit 1")
    eventually(lambda: daemon.docker("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", name).out == "2 exited")


def test_oom_is_reported(daemon: RunningDaemon, name: str) -> None:
    eat = "x=x; while :; do x=$x$x; done"
    daemon.docker("run", "--name", name, "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c", eat, check=False)
    assert daemon.docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", name).out == "true 137"


def test_system_prune(daemon: RunningDaemon, name: str) -> None:
    daemon.docker("run", "--name", name, "--label", name, "busybox", "true")
    shown = daemon.docker("system", "prune", "-f", "--filter", f"label={name}").out
    assert "Deleted Containers:" in shown
    assert daemon.docker("inspect", name, check=False).code == 1
