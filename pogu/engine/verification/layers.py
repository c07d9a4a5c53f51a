"""Layers and writable layers: the storage driver's memory against the disk, and who stands on what."""

from __future__ import annotations

import asyncio
from functools import partial

from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene
from pogu.errors import NotFound


async def check(scene: Scene) -> None:
    """Find layers that are gone from the disk, and layers and writable layers of nobody."""
    storage = scene.rooms.storage
    disk = await asyncio.to_thread(storage.on_disk)
    for layer in storage.layers():
        scene.checked["layers"] += 1
        if layer.chain_id not in disk.layers:
            text = f"layer {layer.chain_id} is missing on the disk: restart the daemon to unpack it again"
            scene.found(Problem("layer", layer.chain_id, text))
        if layer.parent and not storage.has_layer(layer.parent):
            scene.found(Problem("layer", layer.chain_id, f"layer {layer.chain_id} has lost its parent {layer.parent}"))
    for name in disk.unknown:
        text = f"{name} in the storage directory belongs to no layer"
        scene.found(Problem("layer", name, text, "", partial(storage.discard, name), "it was deleted"))
    _check_writable(scene, disk.containers)
    for name in disk.garbage:
        text = f"{name} in the storage directory was thrown away and is still there"
        scene.found(Problem("layer", name, text, "", partial(storage.discard, name), "it was deleted"))


def _check_writable(scene: Scene, on_disk: set[str]) -> None:
    storage = scene.rooms.storage
    for id_ in storage.containers():
        owner = id_.partition("-")[0]
        if id_ not in on_disk:
            scene.found(Problem("layer", id_, f"the writable layer of {id_} is gone from the disk", owner))
        elif (id_ == owner and not scene.is_known(id_)) or (id_ != owner and not scene.may_run(owner)):
            scene.found(_orphan(scene, id_))
    for id_, entry in {**scene.live, **scene.still}.items():
        try:
            chain = storage.parent_of(id_)
        except NotFound:
            continue  # told as the container's
        if chain and not storage.has_layer(chain):
            text = f"container {entry.record.name} stands on layer {chain}, which does not exist"
            scene.found(Problem("layer", id_, text, id_))


def _orphan(scene: Scene, id_: str) -> Problem:
    text = f"the writable layer {id_} belongs to no container"
    owner = id_.partition("-")[0]
    return Problem("layer", id_, text, owner, partial(scene.rooms.storage.remove, id_), "it was removed")
