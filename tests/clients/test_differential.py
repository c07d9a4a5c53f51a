"""The docker command shows what Docker shows: every line of many scripts against Pogu and Debian's dockerd.

Scripts are in `differential/scripts`, the differences that are accepted with their reasons in `docs/differences.md`.
The short form leaves out what is slow; `--soak` runs every script whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from tests.clients.differential.compare import (
    Accepted,
    Comparison,
    accepted_differences,
    compare,
    shown_unexplained,
    shown_unseen,
)
from tests.clients.differential.daemons import both, unpack_reference
from tests.clients.differential.script import Script, Shown, run, scripts
from tests.running import docker_is_new

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(600), pytest.mark.xdist_group("differential")]

_AT_ONCE = 3  # scripts that share a daemon; most of the time is dockerd's
_ALL = scripts()


@pytest.fixture(scope="module")
def accepted() -> list[Accepted]:
    return accepted_differences()


@pytest.fixture(scope="module")
def compared(request: pytest.FixtureRequest) -> Iterator[dict[str, list[Comparison]]]:
    """Run every script on both daemons, and give the comparisons by script."""
    if not docker_is_new():
        pytest.skip("the differences were noted with a newer docker command, which has other words of its own")
    if why := unpack_reference():
        print(why)
        pytest.skip(why)
    whole = bool(request.config.getoption("--soak"))
    chosen = [s.whole() for s in _ALL] if whole else [s.core() for s in _ALL if not s.long]
    with both() as (reference, pogu):
        began = time.monotonic()
        with ThreadPoolExecutor(2) as sides:
            docker, ours = sides.map(lambda url: _run_all(chosen, url), (reference.url, pogu.url))
        print(f"{sum(len(s.lines) for s in chosen)} command lines on two daemons in {time.monotonic() - began:.0f} s")
        normalisers = reference.normaliser(), pogu.normaliser()
        yield {
            s.name: [compare(a, b, *normalisers) for a, b in zip(docker[s.name], ours[s.name], strict=True)]
            for s in chosen
        }


def _run_all(chosen: list[Script], url: str) -> dict[str, list[Shown]]:
    """Run scripts on one daemon: those that want to be alone first, the others side by side."""
    shown = {s.name: list(run(s, url)) for s in chosen if s.alone}
    rest = [s for s in chosen if not s.alone]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        shown |= dict(zip([s.name for s in rest], pool.map(lambda s: list(run(s, url)), rest), strict=True))
    return shown


@pytest.mark.parametrize("name", [s.name for s in _ALL])
def test_shows_what_docker_shows(
    name: str, compared: dict[str, list[Comparison]], accepted: list[Accepted], evidence: Callable[..., None]
) -> None:
    if name not in compared:
        pytest.skip("a script of the long form")
    evidence(command_lines=len(compared[name]), lines_compared=sum(c.compared for c in compared[name]))
    left = shown_unexplained(compared[name], accepted)
    assert not left, left


def test_every_accepted_difference_is_seen(
    compared: dict[str, list[Comparison]], request: pytest.FixtureRequest
) -> None:
    """What is no longer different must not stay on the list."""
    if not request.config.getoption("--soak"):
        pytest.skip("the short form does not see all")
    unseen = shown_unseen(chain.from_iterable(compared.values()), accepted_differences())
    assert not unseen, unseen
