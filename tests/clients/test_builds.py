"""Images are built as Docker builds them: hundreds of Dockerfiles by Pogu, beside what Debian's dockerd made of them.

The cases are in `builds/corpus`, what dockerd made in `builds/recordings`. The short form builds with Pogu alone, each
case by one of the two ways of the docker command; `--soak` builds all by both, with both daemons, so that the recording
is tested too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from tests.clients.builds.case import Case, cases
from tests.clients.builds.daemons import build_with_pogu, dockerd
from tests.clients.builds.judging import Judge, differing, missing_complaints
from tests.clients.builds.recording import read_recording
from tests.clients.builds.side import Built, build_all, every_way
from tests.clients.differential.daemons import unpack_reference

_CASES = cases()
_RECORDED = [case for case in _CASES if not case.newer]
_SUBJECTS = sorted({case.subject for case in _CASES})

_builds = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900), pytest.mark.xdist_group("builds")]


def builds(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that builds."""
    for mark in _builds:
        test = mark(test)
    return test


@dataclass
class Judged:
    """What Pogu built, and what is wrong with it."""

    judge: Judge
    built: Sequence[Built]
    wrong: dict[str, list[str]]

    def shown(self, subject: str) -> str:
        """Return, for a failing test to show, what is wrong with the cases of a file."""
        names = {f"{b.way} {b.case.name}" for b in self.built if b.case.subject == subject}
        found = {name: differences for name, differences in self.wrong.items() if name in names}
        return "\n".join(f"{name}\n    " + "\n    ".join(differences) for name, differences in found.items())


@pytest.fixture(scope="module")
def judged(request: pytest.FixtureRequest) -> Iterator[Judged]:
    """Build the cases with Pogu."""
    if why := unpack_reference():  # Debian's docker command is needed: newer ones build by BuildKit's way with a plugin
        pytest.skip(why)
    work = every_way(_CASES) if request.config.getoption("--soak") else one_way(_CASES)
    began, judge = time.monotonic(), Judge()
    built = build_with_pogu(work)
    print(f"{len(built)} builds in {time.monotonic() - began:.0f} s")
    yield Judged(judge, built, {f"{b.way} {b.case.name}": found for b in built if (found := judge.differences(b))})


def one_way(chosen: Sequence[Case]) -> list[tuple[Case, str]]:
    """Return each case with one of its ways, in turn."""
    return [(case, case.ways[number % len(case.ways)]) for number, case in enumerate(chosen)]


@builds
@pytest.mark.parametrize("subject", _SUBJECTS)
def test_builds_as_docker_does(subject: str, judged: Judged, evidence: Callable[..., None]) -> None:
    of_subject = [b for b in judged.built if b.case.subject == subject]
    evidence(builds=len(of_subject), lines_compared=sum(len(b.lines()) for b in of_subject))
    assert of_subject
    left = judged.shown(subject)
    assert not left, left


@builds
def test_every_accepted_difference_of_builds_is_seen(judged: Judged, request: pytest.FixtureRequest) -> None:
    """What is no longer different must not stay on the list."""
    if not request.config.getoption("--soak"):
        pytest.skip("the short form does not see all")
    assert not judged.judge.unseen()


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
