"""Every operation of our own description, asked with made-up requests: none fails, hangs, escapes or lies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dialects.docker.fuzz.ground import Ground
from tests.dialects.docker.fuzz.making import Maker

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.soak, pytest.mark.timeout(600)]

Soak = Callable[[float, float], float]
Evidence = Callable[..., None]
SEEDS = (1, 2)
GROWTH = 80 << 20  # bytes of memory that may stay behind after a whole round; a leak of 1 KB a request shows in a soak
DESCRIPTORS = 20  # open files beyond those before


def ask_everything(ground: Ground, seed: object, examples: int) -> None:
    """Ask each operation that many made-up things, and those that only say no a quarter as many."""
    for method, path in ground.operations():
        maker = Maker(ground.description, ground.offers, f"{seed} {method} {path}")
        absent = ground.description["paths"][path][method]["summary"] == "Not available"
        for number in range(-(-examples // 4) if absent else examples):
            if number % 10 == 0:
                ground.furnish()
            ground.try_out(maker.make(method, path))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_operation_stands_made_up_requests(ground: Ground, soak: Soak, evidence: Evidence, seed: int) -> None:
    ask_everything(ground, seed, int(soak(4, 100)))
    evidence(seed=seed, examples=int(soak(4, 100)), answers=dict(sorted(ground.counts.items())))


def test_nothing_is_left_open_or_kept(ground: Ground, soak: Soak, evidence: Evidence) -> None:
    ask_everything(ground, "warm", 1)
    memory, descriptors = ground.daemon.memory(), ground.daemon.descriptors()
    ask_everything(ground, "grow", int(soak(2, 40)))
    ground.furnish()
    grown = ground.daemon.memory() - memory
    opened = ground.daemon.descriptors()
    evidence(memory_before=memory, memory_grown=grown, descriptors=[len(descriptors), len(opened)])
    assert grown < GROWTH
    assert len(opened) < len(descriptors) + DESCRIPTORS, sorted(set(opened) - set(descriptors))
