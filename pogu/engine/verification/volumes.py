"""Volumes: records against directories, and who uses them."""

from __future__ import annotations

import asyncio
from functools import partial

from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene
from pogu.engine.volumes.options import needs_mount
from pogu.linux.mounts import MNT_DETACH, is_mounted, unmount


async def check(scene: Scene) -> None:
    """Find volumes without a directory, directories without a volume, and wrong users and mounts."""
    volumes = scene.rooms.volumes
    directories = await asyncio.to_thread(volumes.directories)
    known = {v.name: v for v in volumes.list()}
    for name, volume in known.items():
        scene.checked["volumes"] += 1
        users = volumes.users(name)
        for id_ in users:
            if not scene.may_run(id_) and id_ in scene.still:
                text = f"volume {name} counts container {id_} as its user, which does not run"
                scene.found(Problem("volume", name, text, id_, partial(volumes.unmount, name, id_), "it was let go"))
        if name not in directories:
            text = f"the directory {volume.mountpoint} of volume {name} is missing: its files are lost"
            scene.found(Problem("volume", name, text, "", partial(volumes.remake, name), "an empty one was made"))
        elif needs_mount(volume.options) and not users and await asyncio.to_thread(is_mounted, volume.mountpoint):
            work = partial(asyncio.to_thread, unmount, volume.mountpoint, MNT_DETACH)
            text = f"volume {name} is mounted, and no container uses it"
            scene.found(Problem("volume", name, text, "", work, "it was unmounted"))
    for name in sorted(directories - known.keys()):
        if not volumes.is_busy(name):
            text = f"the directory {name} of the volumes belongs to no volume"
            scene.found(Problem("volume", name, text, "", partial(volumes.adopt, name), "it was made a volume again"))
    for id_, entry in scene.live.items():
        for point in entry.record.mounts:
            if point.type == "volume" and point.name in known and id_ not in volumes.users(point.name):
                text = f"running container {entry.record.name} is not counted as a user of volume {point.name}"
                count = partial(volumes.mount, point.name, id_, quiet=True)
                scene.found(Problem("volume", point.name, text, id_, count, "it was counted"))
            elif point.type == "volume" and point.name not in known:
                text = f"running container {entry.record.name} uses volume {point.name}, which has no record"
                scene.found(Problem("volume", point.name, text, id_))
