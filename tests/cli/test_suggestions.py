"""What was probably meant."""

from __future__ import annotations

import pytest

from pogu.cli.suggestions import closest, did_you_mean

KNOWN = ("ps", "pause", "push", "volume", "--detach", "--detach-keys", "--name")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("pss", ["ps"]),
        ("p", ["ps", "push", "pause"]),
        ("volumes", ["volume"]),
        ("Volume", ["volume"]),
        ("vloume", ["volume"]),
        ("--detatch", ["--detach"]),
        ("--nope", []),
        ("", []),
        ("--", []),
        ("zzz", []),
    ],
)
def test_closest(given: str, meant: list[str]) -> None:
    assert closest(given, KNOWN) == meant


def test_the_words() -> None:
    assert did_you_mean("pss", KNOWN) == "Did you mean this?\n\tps\n"
    assert did_you_mean("zzz", KNOWN) == ""
