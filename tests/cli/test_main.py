"""The command itself: global options, help without imports, exit codes."""

from __future__ import annotations

import os
import subprocess

import pytest

from pogu import __version__
from pogu.cli.main import run
from tests.running import POGU


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for args in ([], ["--help"], ["help"], ["-h"]):
        assert run(args) == 0
        assert "Usage:  pogu [OPTIONS] COMMAND" in capsys.readouterr().out
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"Pogu version {__version__}\n"
    assert run(["volume"]) == 0
    assert "Usage:  pogu volume COMMAND" in capsys.readouterr().err
    assert run(["volume", "--help"]) == 0
    assert "Usage:  pogu volume COMMAND" in capsys.readouterr().out
    assert run(["help", "ps"]) == 0
    assert "Usage:  pogu ps [OPTIONS]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["nope"], 1, "unknown command: pogu nope"),
        (["volume", "nope"], 1, "unknown command: pogu volume nope"),
        (["--nope", "ps"], 125, "unknown flag: --nope"),
        (["-H"], 125, "flag needs an argument: 'H' in -H"),
        (["-H", "ftp://x", "ps"], 1, "unable to parse the daemon's address"),
        (["-H", "unix:///nowhere.sock", "ps"], 1, "Cannot connect to the Pogu daemon at unix:///nowhere.sock."),
        (["--host=tcp://127.0.0.1:1", "ps"], 1, "Cannot connect to the Pogu daemon at tcp://127.0.0.1:1."),
        (["-Hunix:///nowhere.sock", "run", "x"], 125, "Start it with `pogu up`"),
    ],
)
def test_errors(args: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == code
    assert text in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(f"{POGU} run --help | head -1", shell=True, capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"})  # fmt: skip
    assert done.stdout == "Usage:  pogu run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
    assert done.stderr == ""
