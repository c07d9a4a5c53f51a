"""Records of networks: how they are found and chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.engine.model import Network
from pogu.engine.networks.records import NetworkRecords, matches_prune
from pogu.engine.state import StateStore
from pogu.errors import Conflict, InvalidArgument, NotFound


def network(name: str, identity: str, **more: object) -> Network:
    return Network(name=name, id=identity, created="2026-01-02T03:04:05.123456789Z", **more)  # type: ignore[arg-type]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateStore]:
    opened = StateStore(tmp_path / "state.db")
    yield opened
    opened.close()


async def test_records_are_durable(state: StateStore) -> None:
    records = NetworkRecords(state)
    one = network("one", "a" * 64, labels={"k": "v"})
    records.reserve(one)
    await records.save(one)
    again = NetworkRecords(state)
    again.load()
    assert again.list() == [one]
    await records.delete(one)
    empty = NetworkRecords(state)
    empty.load()
    assert empty.list() == []


def test_finding(state: StateStore) -> None:
    records = NetworkRecords(state)
    a, b, named = network("x", "ab" * 32), network("y", "ac" * 32), network("a", "c" * 64)
    for one in (a, b, named):
        records.reserve(one)
    assert records.get("ab") is a
    assert records.get("a") is named  # a name goes before the beginning of an ID
    assert records.get(b.id) is b
    with pytest.raises(NotFound, match=r"^network q not found$"):
        records.get("q")
    with pytest.raises(NotFound):
        records.get("")
    records.drop(named)
    with pytest.raises(InvalidArgument, match=r"^network a is ambiguous \(2 matches found based on ID prefix\)$"):
        records.get("a")
    with pytest.raises(Conflict, match=r"^network with name x already exists$"):
        records.reserve(network("x", "d" * 64))
    records.drop(a)
    records.drop(a)
    assert records.named("x") is None


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ({}, True),
        ({"label": ["k"]}, True),
        ({"label": ["k=v", "e="]}, True),
        ({"label": ["k", "z"]}, False),
        ({"label": ["k=w"]}, False),
        ({"label!": ["z"]}, True),
        ({"label!": ["k=v"]}, False),
        ({"until": ["2026-01-02T03:04:06Z"]}, True),
        ({"until": ["2026-01-02T03:04:05Z"]}, False),
        ({"until": ["1h30m"]}, True),
        ({"until": ["1767323045"]}, False),
        ({"until": ["1767323046"]}, True),
    ],
)
def test_what_prune_chooses(filters: dict[str, list[str]], chosen: bool) -> None:
    assert matches_prune(network("x", "a" * 64, labels={"k": "v", "e": ""}), filters) is chosen


@pytest.mark.parametrize("until", [["x"], ["1h", "2h"]])
def test_wrong_times(until: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        matches_prune(network("x", "a" * 64), {"until": until})
