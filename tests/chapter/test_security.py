"""Sections 데몬으로의 접근 권한, 권한 없는 사용자로 프로세스 실행, 읽기 전용 루트 파일 시스템 사용 and 자격 제한."""

from __future__ import annotations

from tests.running import RunningDaemon, Terminal, docker_command


def _effective(harbour: RunningDaemon, *flags: str) -> int:
    shown = harbour.docker("run", "--rm", *flags, "debian:bookworm", "grep", "CapEff", "/proc/self/status").out
    return int(shown.split()[1], 16)


def test_the_hosts_root_can_be_mounted(harbour: RunningDaemon) -> None:
    """The chapter's warning: who may talk to the daemon is root on the host."""
    argv = [docker_command(), "run", "--rm", "-v", "/:/host", "-t", "-i", "debian", "bash"]
    shell = Terminal(argv, harbour.environment())
    shell.read_until(":/#")
    shell.type("cd /host && ls -d proc root var; echo in''side\n")
    shown = shell.read_until("inside")
    assert "proc" in shown
    shell.type("exit\n")
    assert shell.end() == 0


def test_an_unprivileged_user(harbour: RunningDaemon) -> None:
    shown = harbour.docker("run", "--rm", "--user", "daemon", "debian", "sh", "-c", "id -un; touch /x", check=False)
    assert shown.out == "daemon"
    assert "Permission denied" in shown.err


def test_a_read_only_root(harbour: RunningDaemon) -> None:
    shown = harbour.docker("run", "--rm", "--read-only", "debian", "touch", "/x", check=False)
    assert "Read-only file system" in shown.err


def test_cap_drop(harbour: RunningDaemon) -> None:
    setgid, setuid = 1 << 6, 1 << 7
    assert _effective(harbour) & (setgid | setuid) == setgid | setuid
    assert _effective(harbour, "--cap-drop", "SETUID", "--cap-drop", "SETGID") & (setgid | setuid) == 0


def test_cap_drop_all_add_one(harbour: RunningDaemon) -> None:
    assert _effective(harbour, "--cap-drop", "ALL", "--cap-add", "NET_RAW") == 1 << 13


def test_the_socket_is_for_a_group(harbour: RunningDaemon) -> None:
    assert harbour.socket.stat().st_mode & 0o777 == 0o660
