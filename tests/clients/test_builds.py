"""Images are built as Docker builds them: hundreds of Dockerfiles by Pogu, beside what Debian's dockerd made of them.

The cases are in `builds/corpus`, what dockerd made in `builds/recordings`. The short form builds with Pogu alone, each
case by one of the two ways of the docker command; `--soak` builds all by both, with both daemons, so that the recording
is tested too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients.builds.case import cases
from tests.clients.builds.daemons import dockerd
from tests.clients.builds.judging import differing, missing_complaints
from tests.clients.builds.recording import read_recording
from tests.clients.builds.side import build_all, every_way
from tests.clients.differential.daemons import unpack_reference

_CASES = cases()
_RECORDED = [case for case in _CASES if not case.newer]

_builds = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900), pytest.mark.xdist_group("builds")]


def builds(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that builds."""
    for mark in _builds:
        test = mark(test)
    return test


@builds
def test_the_recording_is_what_dockerd_does(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--soak"):
        pytest.skip("dockerd takes minutes")
    if why := unpack_reference():
        pytest.skip(why)
    recording = read_recording()
    with dockerd() as (url, namespace):
        built = build_all(url, namespace, every_way(_RECORDED))
    found = {f"{b.way} {b.case.name}": differing(recording.outcomes[b.case.name, b.way], b.lines()) for b in built}
    assert not {name: differences for name, differences in found.items() if differences}


def test_the_recording_is_of_the_cases_as_they_are() -> None:
    recording = read_recording()
    assert recording.stale(_RECORDED) == []
    assert {name for name, _ in recording.outcomes} == {case.name for case in _RECORDED}


@pytest.mark.parametrize("way", ["classic", "buildkit"])
def test_dockerd_complains_of_what_the_cases_say(way: str) -> None:
    """A case that must fail says why; dockerd's own error holds that, and nothing else fails."""
    recording, wrong = read_recording(), {}
    for case in (c for c in _RECORDED if way in c.ways):
        lines = recording.outcomes[case.name, way]
        error = "\n".join(line.removeprefix("error ") for line in lines if line.startswith("error "))
        expected = "fails" if list(case.complaints(way)) else "ok"
        if expected not in lines or missing_complaints(case, way, way, error):
            wrong[case.name] = lines
    assert not wrong
