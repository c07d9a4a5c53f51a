"""The database of the records: whether it is whole, and whether memory agrees with it."""

from __future__ import annotations

import asyncio
from functools import partial

from pogu.engine.containers.table import KIND
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene


async def check(scene: Scene) -> None:
    """Find damage of the database, records that cannot be read, and containers whose record is not there."""
    rooms = scene.rooms
    for text in await asyncio.to_thread(rooms.state.problems):
        scene.found(Problem("state", "database", f"{text}: restart the daemon"))
    restoration = scene.engine.restoration
    if restoration is not None and not restoration.complete:
        work, remedy = scene.engine.forget_restoration, "it was noted that you know"
        scene.found(Problem("state", "restoration", restoration.text, "", work, remedy))
    stored = {id_ for id_, _ in await asyncio.to_thread(rooms.state.load, KIND)}
    scene.checked["records"] += len(stored)
    for id_, reason in rooms.table.unreadable.items():
        text = f"the record of container {id_} cannot be read and is left alone, with all its files: {reason}"
        scene.found(Problem("record", id_, text))
    known = {**scene.live, **scene.still}
    for id_ in sorted(known.keys() - stored):
        text = f"container {known[id_].record.name} is not in the database"
        scene.found(Problem("record", id_, text, id_, partial(rooms.save, known[id_]), "its record was written"))
    for id_ in sorted(stored - known.keys() - scene.moving - rooms.table.unreadable.keys()):
        scene.found(Problem("record", id_, f"the database has a container {id_} that the daemon does not know", id_))
