"""What a command may load. It decides how long it takes to start: less than 60 ms of CPU for `--help`, `ps` and `run`.

A module that is not on a list here costs every user that time at every command: load it where it is needed.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.running import RunningDaemon

LINES = {"help": ["--help"], "ps": ["ps"], "run": ["run", "--rm", "busybox", "true"]}

_ALWAYS = """
__future__ warnings pogu pogu.cli pogu.cli.catalog pogu.cli.main
collections.abc collections _collections itertools keyword operator _operator reprlib
typing _typing typing.io typing.re functools _functools types contextlib enum copyreg
re re._casefix re._compiler re._constants re._parser _sre
"""
_REQUEST = """
importlib importlib._bootstrap importlib._bootstrap_external
pogu.errors pogu.cli.invoke pogu.cli.pflag pogu.cli.configuration pogu.cli.connect pogu.cli.client pogu.cli.target
json json.decoder json.encoder json.scanner _json socket _socket selectors select math array
pathlib fnmatch ntpath urllib urllib.parse ipaddress errno
"""
_MAY_LOAD = {
    "help": _ALWAYS,
    "ps": f"""{_ALWAYS} {_REQUEST}
        pogu.cli.commands pogu.cli.commands.ps pogu.cli.filters pogu.cli.output pogu.cli.portlist pogu.cli.units
        pogu.cli.wrong pogu.engine pogu.engine.spans""",
    "run": f"""{_ALWAYS} {_REQUEST}
        pogu.cli.commands pogu.cli.commands.run pogu.cli.flags pogu.cli.flags.body pogu.cli.flags.declare
        pogu.cli.flags.mounts pogu.cli.flags.networks pogu.cli.flags.pairs pogu.cli.flags.ports pogu.cli.foreground
        pogu.cli.streams pogu.cli.terminal pogu.cli.units pogu.cli.wrong pogu.engine pogu.engine.spans
        signal struct _struct termios threading _weakrefset tty""",
}


@pytest.mark.parametrize("name", LINES)
def test_loads_nothing_else(name: str, daemon: RunningDaemon) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from pogu.cli.main import run\n"
        f"code = run({LINES[name]!r})\n"
        "print(code, *sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=daemon.environment(), capture_output=True, text=True, check=True
    )
    exit_code, *loaded = done.stderr.split()
    assert exit_code == "0"
    assert set(loaded) - set(_MAY_LOAD[name].split()) == set()
