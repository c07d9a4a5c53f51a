"""Section 컨테이너 예제: the first containers, and nginx in the background."""

from __future__ import annotations

import platform
import re
import select
import urllib.request

import pytest

from tests.running import RunningDaemon, Terminal, docker_command, eventually


@pytest.fixture
def nginx(with_nginx: RunningDaemon, port: int) -> int:
    """The chapter's nginx container with its port published; returns the host's port."""
    with_nginx.docker("run", "--hostname", "nginx", "--name", "nginx", "-p", f"{port}:80", "-d", "nginx")
    eventually(lambda: _fetch(port))
    return port


def _fetch(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_docker_images_shows_two_names_of_one_image(harbour: RunningDaemon) -> None:
    lines = harbour.docker("images").out.splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    ids = {line.split()[2] for line in lines[1:] if line.startswith("debian ")}
    assert len(ids) == 1


def test_hello_world(harbour: RunningDaemon) -> None:
    assert harbour.docker("run", "debian", "/bin/echo", "Hello World").raw == b"Hello World\n"


def test_a_shell_in_a_terminal(harbour: RunningDaemon) -> None:
    argv = [docker_command(), "run", "--hostname", "debian", "-it", "debian", "/bin/bash"]
    shell = Terminal(argv, harbour.environment())
    shell.read_until("root@debian:/#")
    shell.type("ls; uname -r; hostname; echo pid $$\n")
    shown = shell.read_until("pid 1\r\n")
    assert {"bin", "dev", "etc", "home", "root", "usr", "var"} <= set(shown.split())
    assert platform.release() in shown
    assert "\r\ndebian\r\n" in shown
    shell.type("exit\n")
    assert shell.end() == 0


def test_processes_outside_are_not_seen(harbour: RunningDaemon) -> None:
    shown = harbour.docker("run", "--rm", "debian", "sh", "-c", "echo /proc/[0-9]*").out
    assert shown == "/proc/1"


def test_nginx_in_the_background(with_nginx: RunningDaemon, port: int) -> None:
    ran = with_nginx.docker("run", "--hostname", "nginx", "--name", "nginx", "-p", f"{port}:80", "-d", "nginx")
    assert re.fullmatch("[0-9a-f]{64}", ran.out)


def test_ps_shows_image_command_status_and_ports(with_nginx: RunningDaemon, nginx: int) -> None:
    shown = with_nginx.docker("ps", "--format", "{{.Image}}|{{.Command}}|{{.Status}}|{{.Ports}}").out
    image, command, status, ports = shown.split("|")
    assert image == "nginx"
    assert command.startswith("\"nginx -g 'daemon of")
    assert status.startswith("Up ")
    assert f"0.0.0.0:{nginx}->80/tcp" in ports


def test_curl(nginx: int) -> None:
    assert "Welcome to nginx!" in _fetch(nginx)


def test_logs_show_the_request(with_nginx: RunningDaemon, nginx: int) -> None:
    _fetch(nginx)
    eventually(lambda: re.search(r'"GET / HTTP/1\.1" 200', with_nginx.docker("logs", "nginx").out))


def test_logs_follow(with_nginx: RunningDaemon, nginx: int) -> None:
    follower = with_nginx.popen("logs", "-f", "--tail", "0", "nginx")
    try:
        assert follower.stdout
        eventually(lambda: _fetch(nginx) and select.select([follower.stdout], [], [], 0.1)[0])
        assert b"GET /" in follower.stdout.readline()
    finally:
        follower.kill()
        follower.communicate()


def test_exec_a_shell_and_install_ps(with_nginx: RunningDaemon, nginx: int) -> None:
    shell = Terminal([docker_command(), "exec", "-ti", "nginx", "bash"], with_nginx.environment())
    shell.read_until("root@nginx:/#")
    shell.type("apt-get update >/dev/null && apt-get -y install procps >/dev/null; ps ax; echo end''ed\n")
    shown = shell.read_until("ended", timeout=110)
    assert re.search(r"\b1 \?\s+S[<N]?s\s+\d+:\d+ nginx: master process", shown)
    assert re.search(r"pts/0\s+Ss\s+\d+:\d+ bash", shown)
    shell.type("exit\n")
    shell.end()
    assert with_nginx.docker("inspect", "-f", "{{.State.Running}}", "nginx").out == "true"


def test_the_shell_ends_with_pid_1(with_nginx: RunningDaemon, nginx: int) -> None:
    shell = Terminal([docker_command(), "exec", "-ti", "nginx", "bash"], with_nginx.environment())
    shell.read_until("root@nginx:/#")
    with_nginx.docker("stop", "nginx")
    assert shell.end() != 0


def test_stop_and_start(with_nginx: RunningDaemon, nginx: int) -> None:
    assert with_nginx.docker("stop", "nginx").out == "nginx"
    assert with_nginx.docker("ps", "-q").out == ""
    assert with_nginx.docker("start", "nginx").out == "nginx"
    eventually(lambda: _fetch(nginx))
    assert "nginx" in with_nginx.docker("ps").out


def test_stopped_containers_stay(with_nginx: RunningDaemon, nginx: int) -> None:
    with_nginx.docker("stop", "nginx")
    assert "Exited (0)" in with_nginx.docker("ps", "-a", "--format", "{{.Status}}").out


def test_stop_and_rm(with_nginx: RunningDaemon, nginx: int) -> None:
    assert with_nginx.docker("stop", "nginx").out == "nginx"
    assert with_nginx.docker("rm", "nginx").out == "nginx"
    assert with_nginx.docker("ps", "-aq").out == ""


@pytest.mark.parametrize("detached", [(), ("-d",)])
def test_run_rm(harbour: RunningDaemon, detached: tuple[str, ...]) -> None:
    """The chapter's `-run` is `--rm`; since its writing it works with -d too."""
    harbour.docker("run", "--rm", *detached, "debian", "true")
    eventually(lambda: harbour.docker("ps", "-aq").out == "")
