"""The terminal is given back whole, and detach keys are found wherever reads split them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

from pogu.cli.terminal import DetachScanner, parse_detach_keys
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "keys"),
    [("ctrl-p,ctrl-q", b"\x10\x11"), ("a,b", b"ab"), ("ctrl-\\", b"\x1c"), ("ctrl-@,x", b"\x00x"), ("ctrl-A", b"\x01")],
)
def test_keys(text: str, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-1", "abc", "a,,b"])
def test_no_keys(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Unknown character"):
        parse_detach_keys(text)


def test_the_scanner() -> None:
    scanner = DetachScanner(b"\x10\x11")
    assert not scanner.saw(b"abc\x10")
    assert scanner.saw(b"\x11")
    scanner = DetachScanner(b"\x10\x11")
    assert not scanner.saw(b"\x10x\x11")
    assert scanner.saw(b"\x10\x10\x11")
    assert not DetachScanner(b"").saw(b"\x10\x11")


_CODE = "import sys, time; from pogu.cli.terminal import raw_input\nwith raw_input():\n print('raw', flush=True)\n {}"


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(3)", "1 / 0", "time.sleep(60)"])
def test_the_terminal_is_restored_on_any_exit(end: str) -> None:
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE.format(end)], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout
        process.stdout.readline()
        if "sleep" in end:
            assert termios.tcgetattr(slave) != before
            process.send_signal(signal.SIGTERM)
        code = process.wait(20)
        process.stdout.close()
        assert code == {"pass": 0, "raise SystemExit(3)": 3, "1 / 0": 1}.get(end, -signal.SIGTERM)
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)
