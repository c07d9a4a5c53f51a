"""What a case is, and how it is measured: by turns, the first round for warming up, medians and the spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from bench.peers import Dockerd, Peer, Pogu, Scene

Work = Callable[[Scene], object]


@dataclass(frozen=True)
class Row:
    """One line of the table. `ours` and `theirs` are least, median and largest; `ratio` says how often ours fits into
    theirs; `met` is None where no target was set."""

    name: str
    unit: str
    ours: tuple[float, float, float]
    theirs: tuple[float, float, float] | None
    peer: str
    ratio: float | None
    target: str
    met: bool | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """Something that gives rows. `name` is how it is chosen on the command line."""

    name: str
    measure: Callable[[Scene], Iterator[Row]]


def pair(
    name: str,
    title: str,
    ours: Work,
    theirs: Work,
    target: float,
    *,
    rounds: int = 15,
    peer: str = "dockerd",
    around: Callable[[Scene], AbstractContextManager[object]] = lambda scene: nullcontext(),
    before: Work = lambda scene: None,
    shown: str = "",
) -> Case:
    """Return a case of two pieces of work in turn; `target` is the least ratio of theirs to ours, `shown` its words.

    `before` is done before every piece and not measured; `around` once, around all rounds.
    """

    def measure(scene: Scene) -> Iterator[Row]:
        with around(scene):
            times: tuple[list[float], list[float]] = ([], [])
            for turn in range(rounds + 1):
                for work, found in zip((ours, theirs), times, strict=True):
                    before(scene)
                    elapsed = timed(work, scene)
                    if turn:
                        found.append(elapsed)
        ratio = statistics.median(t / o for o, t in zip(*times, strict=True))
        words = shown or f"≥ {target:g} times faster"
        yield Row(title, "ms", spread(times[0]), spread(times[1]), peer, round(ratio, 2), words, ratio >= target)

    return Case(name, measure)


def both(
    name: str,
    title: str,
    work: Callable[[Peer], object],
    target: float,
    *,
    rounds: int = 15,
    around: Callable[[Scene], AbstractContextManager[object]] = lambda scene: nullcontext(),
    before: Callable[[Peer], object] | None = None,
) -> Case:
    """Return a case of the same work against both daemons."""

    def prepare(scene: Scene) -> None:
        if before:
            for peer in (scene.pogu, scene.docker):
                before(peer)

    return pair(
        name,
        title,
        lambda scene: work(scene.pogu),
        lambda scene: work(scene.docker),
        target,
        rounds=rounds,
        around=around,
        before=prepare,
    )


def timed(work: Work, scene: Scene) -> float:
    """Return how many milliseconds a piece of work took."""
    began = time.perf_counter()
    work(scene)
    return (time.perf_counter() - began) * 1000


def spread(values: list[float]) -> tuple[float, float, float]:
    """Return least, median and largest."""
    return (round(min(values), 1), round(statistics.median(values), 1), round(max(values), 1))


def daemons(scene: Scene) -> tuple[Pogu, Dockerd]:
    return scene.pogu, scene.docker
