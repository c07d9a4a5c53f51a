"""Scripts of command lines, and running one against a daemon.

A script is a text file: one shell command line a line, `#` starts a comment, `~` a line of the long form alone. A first
line `# alone` says that nothing else may happen on the daemon meanwhile, because the script shows all that is there;
`long` in it, that the short form goes without the script.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tests.running import docker_command

SCRIPTS = Path(__file__).parent / "scripts"
LONG_FORM = "~ "
API_VERSION = "1.41"  # what Debian's dockerd speaks

# `api METHOD PATH [CURL-FLAG…]` shows the raw body, the status and the content type; `tty COMMAND…` gives a terminal;
# `moment` prints the time; `eventually COMMAND` tries until it succeeds.
_PRELUDE = r"""
api() {
  method=$1; path=$2; shift 2
  [ "$method" != HEAD ] || set -- -I "$@"
  curl -s -g -X "$method" --unix-socket "${DOCKER_HOST#unix://}" -w '\n%{http_code} %{content_type}\n' \
    -H 'Content-Type: application/json' "http://docker/v$DOCKER_API_VERSION$path" "$@"
}
tty() { "$PYTHON" "$TERMINAL" "$@"; }
moment() { date +%s.%N; }
eventually() { n=0; until "$@" >/dev/null 2>&1; do n=$((n+1)); [ $n -lt 200 ] || return 1; sleep 0.05; done; }
"""


@dataclass(frozen=True)
class Script:
    name: str
    alone: bool
    long: bool  # for the long form only
    lines: list[str]  # what is left out of the short form is marked

    def whole(self) -> Script:
        """Return the script with all its lines."""
        return replace(self, lines=[line.removeprefix(LONG_FORM) for line in self.lines])

    def core(self) -> Script:
        """Return the script without the lines of the long form."""
        return replace(self, lines=[line for line in self.lines if not line.startswith(LONG_FORM)])


@dataclass(frozen=True)
class Shown:
    """What a command line did."""

    line: str
    code: int
    out: str
    err: str


def scripts(folder: Path = SCRIPTS) -> list[Script]:
    """Return all scripts of a folder, sorted by name."""
    return [read_script(path) for path in sorted(folder.glob("*.txt"))]


def read_script(path: Path) -> Script:
    text = path.read_text().splitlines()
    lines = [line for line in text if line.strip() and not line.startswith("#")]
    marks = re.split(r"[ ,]+", text[0].partition(":")[0])
    return Script(path.stem, "alone" in marks, "long" in marks, lines)


def run(
    script: Script,
    url: str,
    *,
    command: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({"DOCKER_API_VERSION": API_VERSION}),
    timeout: float = 60,
) -> Iterator[Shown]:
    """Run a script's lines one after the other in a folder of their own, against the daemon at `url`.

    `command` is a file named `docker`: the docker command where it is not given.
    """
    with tempfile.TemporaryDirectory(prefix="pogu-differential.", dir="/var/tmp") as folder:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "POGU_", "PYTHONDONT"))}
        env = clean | {
            "DOCKER_HOST": url, "DOCKER_CONFIG": f"{folder}/.docker", "HOME": folder, "LC_ALL": "C", "TZ": "UTC",
            "PATH": f"{(command or Path(docker_command())).parent}:{clean['PATH']}",
            "PYTHON": sys.executable, "TERMINAL": str(Path(__file__).parent / "terminal.py"), **environment,
        }  # fmt: skip
        for line in script.lines:
            yield _run_line(line, env, folder, timeout)


def _run_line(line: str, env: dict[str, str], folder: str, timeout: float) -> Shown:
    try:
        done = subprocess.run(
            ["sh", "-c", _PRELUDE + line], env=env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=timeout, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        return Shown(line, -1, (e.stdout or b"").decode(errors="replace"), f"not ended within {timeout} s")
    return Shown(line, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
