"""What a command may load, and the CPU time that it may take: 60 ms for `--help`, `ps` and `run`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import POGU, RunningDaemon

BUDGET = 0.06  # seconds of CPU, user and system
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


@pytest.mark.parametrize("name", LINES)
def test_cpu_time(name: str, daemon: RunningDaemon, tmp_path: Path) -> None:
    """The best of several, which does not depend on what else the machine does; compiling the source is not counted."""
    env = {k: v for k, v in daemon.environment().items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    times = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([POGU, *LINES[name]], env=env, capture_output=True, check=True, stdin=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < BUDGET, f"{name}: {[f'{t * 1000:.0f} ms' for t in times]} (process {os.getpid()})"
