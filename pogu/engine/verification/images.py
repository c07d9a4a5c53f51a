"""Images: their records against the blobs and layers that they need, and blobs and layers that no image has."""

from __future__ import annotations

import asyncio
from functools import partial

from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene


async def check(scene: Scene) -> None:
    """Find images that lack something, and blobs and layers that are no image's."""
    images, storage = scene.rooms.images.inspection, scene.rooms.storage
    account = images.account()
    blobs = await asyncio.to_thread(images.blobs)
    for stored in account.images:
        scene.checked["images"] += 1
        id_ = stored.record.id
        sizes = {layer.digest: layer.size for layer in stored.record.layers} | {id_: len(stored.raw)}
        for digest, size in sizes.items():
            if digest not in blobs:
                scene.found(Problem("blob", digest, f"blob {digest} of image {id_} is missing: load the image again"))
            elif blobs[digest] != size:
                text = f"blob {digest} of image {id_} has {blobs[digest]} bytes instead of {size}"
                scene.found(_damaged(scene, digest, id_, text))
        for chain in stored.chain_ids:
            if not storage.has_layer(chain):
                text = f"layer {chain} of image {id_} is not unpacked"
                remedy = "it was unpacked again"
                scene.found(Problem("layer", chain, text, "", partial(images.restore, id_), remedy))
    for complaint in account.complaints:
        scene.found(Problem("image", complaint.split(":")[1], f"{complaint}: load the image again"))
    if account.adding:
        return
    scene.checked["blobs"] += len(blobs)
    for digest in sorted(blobs.keys() - account.kept_blobs):
        text = f"blob {digest} belongs to no image"
        scene.found(Problem("blob", digest, text, "", images.collect, "it was removed"))
    standing = {storage.parent_of(id_) for id_ in storage.containers()}
    parents = {layer.parent for layer in storage.layers()}
    for layer in storage.layers():
        if layer.chain_id not in account.kept_layers | standing | parents:
            text = f"layer {layer.chain_id} belongs to no image or container"
            scene.found(Problem("layer", layer.chain_id, text, "", images.collect, "it was removed"))
    for name in await asyncio.to_thread(images.unfinished):
        text = f"the unfinished blob {name} was left behind"
        scene.found(
            Problem(
                "blob", name, text, "", partial(asyncio.to_thread, images.forget_unfinished, name), "it was deleted"
            )
        )


def _damaged(scene: Scene, digest: str, image: str, text: str) -> Problem:
    remedy = f"it was removed: load image {image} again"
    images = scene.rooms.images.inspection
    configuration = digest == image  # without it the image could not be shown any more
    repair = None if configuration else partial(asyncio.to_thread, images.remove_blob, digest)
    return Problem("blob", digest, text, "", repair, remedy)
