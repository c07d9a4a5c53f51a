"""`alias docker=pogu` goes unnoticed: both commands print the same, line by line, against one daemon.

Scripts are in `two_commands/scripts`; the differences that are accepted, with their reasons, in `docs/command.md`. The
long form runs the scripts of `differential/scripts` as well, which were written to compare two daemons.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

import pytest

from tests.clients.differential.compare import (
    Accepted,
    Comparison,
    accepted_differences,
    shown_unexplained,
    shown_unseen,
)
from tests.clients.differential.script import Script, scripts
from tests.clients.two_commands.both import DIFFERENCES, SCRIPTS, Commands
from tests.running import docker_version, running_daemon

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900), pytest.mark.xdist_group("two-commands")]

_AT_ONCE = 3  # scripts that share the daemon
_OWN = scripts(SCRIPTS)
_RAW_API = "api "  # lines that no command prints
_ALL = [*_OWN, *(replace(s.whole(), name=f"daemons-{s.name}") for s in scripts())]
_LIKE = 28  # the docker command whose words are followed


@pytest.fixture(scope="module")
def accepted() -> list[Accepted]:
    return accepted_differences(DIFFERENCES)


@pytest.fixture(scope="module")
def compared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[Comparison]]]:
    """Run every script with both commands, and give the comparisons by script."""
    if docker_version()[0] < _LIKE:
        pytest.skip(f"the docker command here, {docker_version()}, has other words than docker {_LIKE}")
    whole = bool(request.config.getoption("--soak"))
    with running_daemon() as daemon:
        commands = Commands(daemon, tmp_path_factory.mktemp("command"))
        chosen = [s.whole() if whole else s.core() for s in _OWN]
        began = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip([s.name for s in chosen], pool.map(commands.compared, chosen), strict=True))
        for script in _ALL[len(_OWN) :] if whole else []:
            found[script.name] = commands.apart(_without_api(script))
        lines = sum(len(comparisons) for comparisons in found.values())
        print(f"{lines} command lines with two commands in {time.monotonic() - began:.0f} s")
        yield found


def _without_api(script: Script) -> Script:
    return replace(script, lines=[line for line in script.lines if not line.startswith(_RAW_API)])


@pytest.mark.parametrize("name", [s.name for s in _ALL])
def test_shows_what_the_docker_command_shows(
    name: str, compared: dict[str, list[Comparison]], accepted: list[Accepted]
) -> None:
    if name not in compared:
        pytest.skip("a script of the long form")
    left = shown_unexplained(compared[name], accepted)
    assert not left, left


def test_the_scripts_are_many() -> None:
    assert sum(len(s.core().lines) for s in _OWN) >= 250


def test_every_accepted_difference_is_seen(
    compared: dict[str, list[Comparison]], request: pytest.FixtureRequest, evidence: Callable[..., None]
) -> None:
    """What is no longer different must not stay on the list."""
    if not request.config.getoption("--soak"):
        pytest.skip("the short form does not see all")
    rules = accepted_differences(DIFFERENCES)
    unseen = shown_unseen(chain.from_iterable(compared.values()), rules)
    every = [c for comparisons in compared.values() for c in comparisons]
    evidence(
        docker_command=".".join(map(str, docker_version())),
        command_lines=len(every),
        lines_compared=sum(c.compared for c in every),
        command_lines_alike=sum(not c.differences for c in every),
        accepted_differences=len(rules),
        unexplained_differences=sum(bool(shown_unexplained([c], rules)) for c in every),
        command_lines_of_scripts={name: len(comparisons) for name, comparisons in compared.items()},
    )
    assert not unseen, unseen
