"""Signals by name and number."""

from __future__ import annotations

import signal

import pytest

from pogu.engine.containers.signals import parse_signal
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("KILL", 9),
        ("SIGKILL", 9),
        ("sigterm", 15),
        ("9", 9),
        ("USR1", signal.SIGUSR1),
        ("RTMIN+3", 37),
        ("SIGRTMAX-1", 63),
    ],
)
def test_known(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "SIG", "NO", "-1", "9.5", "RTMIN+31", "RTMAX-31", "9" * 20, "SIG_IGN"])
def test_unknown(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid signal"):
        parse_signal(text)


def test_beyond_linux() -> None:
    with pytest.raises(InvalidArgument, match="the linux daemon does not support signal 65"):
        parse_signal("65")
