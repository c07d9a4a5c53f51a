"""What one round of the checker compares: the engine's memory at one moment, and who is being worked on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import TOMBSTONE, Entry
from pogu.engine.verification.problem import Problem

if TYPE_CHECKING:
    from pogu.engine.engine import Engine


@dataclass(slots=True)
class Scene:
    """`live` containers have a process, `still` ones none; `moving` IDs are being made, changed, started or removed."""

    engine: Engine
    deep: bool = False
    live: dict[str, Entry] = field(default_factory=dict)
    still: dict[str, Entry] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)
    checked: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    _marks: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rooms = self.rooms
        for entry in rooms.table:
            if _is_moving(entry):
                self.moving.add(entry.id)
            elif is_live(entry.record):
                self.live[entry.id] = entry
            else:
                self.still[entry.id] = entry
            self._marks[entry.id] = _mark(entry)
        self.moving |= rooms.table.reserved() - set(self.live) - set(self.still)
        self.moving |= {id_ for id_, _ in rooms.state.load(TOMBSTONE)}

    @property
    def rooms(self) -> Rooms:
        return self.engine.containers.rooms

    def is_known(self, id_: str) -> bool:
        """Tell whether an ID is a container's, of one being made or removed too."""
        return id_ in self.live or id_ in self.still or id_ in self.moving

    def may_run(self, id_: str) -> bool:
        """Tell whether an ID may have something in the kernel."""
        return id_ in self.live or id_ in self.moving

    def found(self, problem: Problem) -> None:
        """Note a problem."""
        self.problems.append(problem)

    def settled(self) -> list[Problem]:
        """Return the problems that do not belong to a container which has changed during the round."""
        changed = set(self.moving)
        present = {e.id: e for e in self.rooms.table}
        for id_, mark in self._marks.items():
            entry = present.get(id_)
            if entry is None or _is_moving(entry) or _mark(entry) != mark:
                changed.add(id_)
        changed |= set(present) - set(self._marks)
        return [p for p in self.problems if p.owner not in changed]


def _is_moving(entry: Entry) -> bool:
    cleaning = entry.cleaning is not None and not entry.cleaning.done()
    return entry.lock.locked() or cleaning or entry.gone or entry.record.removal_in_progress


def _mark(entry: Entry) -> tuple[object, ...]:
    state = entry.record.state
    return state.status, state.pid, state.started_at, state.finished_at, tuple(entry.record.networks)
