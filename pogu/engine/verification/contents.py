"""The contents of blobs and layers, read to the last byte: only in a deep check, which may take minutes."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pogu.engine.images.inspection import read_blobs
from pogu.engine.images.record import StoredImage, StoredLayer
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene
from pogu.errors import PoguError

_SHOWN = 3  # paths in a message


async def check(scene: Scene) -> None:
    """Find blobs that are not what their names say, and layers whose files are not those of their archives."""
    if not scene.deep:
        return
    inspection = scene.rooms.images.inspection
    images = inspection.account().images
    blobs = await asyncio.to_thread(inspection.blobs)
    wanted = sorted({d for image in images for d in image.record.blobs()} & blobs.keys())
    damaged = set(await read_blobs(inspection, wanted))
    scene.checked["contents"] += len(wanted)
    for image in images:
        for digest in sorted(damaged & image.record.blobs()):
            configuration = digest == image.record.id
            text = f"blob {digest} of image {image.record.id} is damaged"
            repair = None if configuration else partial(asyncio.to_thread, inspection.remove_blob, digest)
            scene.found(Problem("blob", digest, text, "", repair, "it was removed: load the image again"))
    done: set[str] = set()
    for image in images:
        for chain, layer in zip(image.chain_ids, image.record.layers, strict=True):
            if chain not in done and layer.digest not in damaged and layer.digest in blobs:
                done.add(chain)
                await _check_layer(scene, image, chain, layer)


async def _check_layer(scene: Scene, image: StoredImage, chain: str, layer: StoredLayer) -> None:
    storage, inspection = scene.rooms.storage, scene.rooms.images.inspection
    if not storage.has_layer(chain):
        return
    scene.checked["layer contents"] += 1
    try:
        different = await inspection.differences(layer, storage.path_of(chain) / "fs")
    except (PoguError, OSError) as e:
        scene.found(Problem("layer", chain, f"layer {chain} of image {image.record.id} cannot be read: {e}"))
        return
    if not different:
        return
    more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
    text = f"layer {chain} of image {image.record.id} is damaged: {', '.join(different[:_SHOWN])}{more}"
    users = _users(scene, chain)
    if users:
        text += f"; stop {', '.join(users)} first, then it can be unpacked again"
    work: Any = None if users else partial(inspection.unpack_again, layer, chain)
    scene.found(Problem("layer", chain, text, "", work, "it was unpacked again"))


def _users(scene: Scene, chain: str) -> list[str]:
    """Return what has the layer mounted: running containers, and those that somebody works on."""
    storage = scene.rooms.storage
    users = []
    for id_ in {*scene.live, *scene.moving, *scene.rooms.roots.used()} & set(storage.containers()):
        below = storage.parent_of(id_)
        while below is not None and below != chain:
            below = storage.layer(below).parent
        if below == chain:
            entry = scene.rooms.table.get(id_)
            users.append(entry.record.name if entry else id_)
    return sorted(users)
