"""The scripts in the shells they are for, against a real daemon; shells that are not here are left out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.running import POGU, RunningDaemon, running_daemon

pytestmark = pytest.mark.xdist_group("cli-commands")

_BASH = """
source <("$POGU" completion bash)
try() {
    COMP_LINE=$1; COMP_POINT=${#1}; read -ra COMP_WORDS <<< "$1"; [[ $1 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _pogu
    echo "${COMPREPLY[*]}"
}
"""
_FISH = '%s completion fish | source; complete -C "%s" | string split -f1 \\t'
_ZSH = """
source <("$POGU" completion zsh) 2>/dev/null
compdef() { : }
_describe() { print -rl -- ${${(P)2}%%%%:*} }
_files() { print files }
words=(%s); CURRENT=$#words
_pogu
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with running_daemon() as daemon:
        daemon.pogu("create", "--name", "harbour", "busybox")
        daemon.pogu("volume", "create", "cargo")
        daemon.pogu("tag", "busybox", "registry:5000/app:two")
        yield daemon


def _run(shell: str, code: str, daemon: RunningDaemon) -> list[str]:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    path = f"{POGU.parent}:{daemon.environment()['PATH']}"
    env = {**daemon.environment(), "POGU": str(POGU), "PATH": path}
    done = subprocess.run([shell, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pogu volu", ["volume"]),
        ("pogu rm har", ["harbour"]),
        ("pogu volume rm ", ["cargo"]),
        ("pogu run --restart=unl", ["unless-stopped"]),  # bash replaces what stands after the sign
        ("pogu run registry:5000/a", ["5000/app:two"]),
        ("pogu run --rm registry:5000/app:t", ["two"]),
        ("pogu network ls --no-t", ["--no-trunc"]),
    ],
)
def test_bash(line: str, words: list[str], daemon: RunningDaemon) -> None:
    assert _run("bash", f"{_BASH} try '{line}'", daemon) == words


def test_bash_has_it_declared_for_the_command(daemon: RunningDaemon) -> None:
    assert _run("bash", f"{_BASH} complete -p pogu", daemon) == ["complete", "-F", "_pogu", "pogu"]


@pytest.mark.parametrize(
    ("line", "words"), [("pogu volu", ["volume"]), ("pogu rm har", ["harbour"]), ("pogu volume rm ", ["cargo"])]
)
def test_fish(line: str, words: list[str], daemon: RunningDaemon) -> None:
    assert _run("fish", _FISH % (POGU, line), daemon) == words


@pytest.mark.parametrize(
    ("line", "words"), [("pogu volu", ["volume"]), ("pogu rm har", ["harbour"]), ("pogu volume rm ''", ["cargo"])]
)
def test_zsh(line: str, words: list[str], daemon: RunningDaemon) -> None:
    assert _run("zsh", _ZSH % line, daemon) == words


def test_what_there_is_no_script_for(daemon: RunningDaemon) -> None:
    ran = daemon.pogu("completion", "tcsh", check=False)
    assert (ran.code, ran.err) == (1, "there is no completion for tcsh: use one of bash, zsh, fish\n")
