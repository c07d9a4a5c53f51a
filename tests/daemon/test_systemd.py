"""sd_notify(3) and sd_listen_fds(3), spoken over real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pogu.daemon import systemd


def test_notify_sends_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notifier = systemd.Notifier()
        assert "NOTIFY_SOCKET" not in os.environ  # a container's runtime would wait for the container's own word
        assert notifier.notify("READY=1", "STATUS=fine")
        assert listener.recv(1000) == b"READY=1\nSTATUS=fine"


def test_notify_to_an_abstract_address(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"pogu-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert systemd.Notifier().notify("STOPPING=1")
        assert listener.recv(1000) == b"STOPPING=1"


def test_notify_without_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.Notifier().notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not systemd.Notifier().notify("READY=1")


def test_the_watchdog_is_told_twice_as_often_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert systemd.Notifier().watchdog_seconds == 30
    assert systemd.Notifier().watchdog_seconds is None  # it has been taken
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert systemd.Notifier().watchdog_seconds is None


_CHILD = """
import os
from pogu.daemon.systemd import inherited_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
found = inherited_sockets()
print(found, [os.get_inheritable(fd) for _, fd in found], "LISTEN_FDS" in os.environ, inherited_sockets())
"""


def test_inherited_sockets_are_found_by_name_and_kept_from_children() -> None:
    """In a process of its own, since descriptor 3 has to be the socket's."""
    with socket.socket() as one:
        start = f"import os; os.dup2({one.fileno()}, 3); os.execv({sys.executable!r}, ['python', '-c', {_CHILD!r}])"
        done = subprocess.run(
            [sys.executable, "-c", start],
            pass_fds=[one.fileno()],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "api"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip() == "[('api', 3)] [False] False []"


def test_sockets_of_another_process_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert systemd.inherited_sockets() == []
