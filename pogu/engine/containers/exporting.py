"""What can be taken out of a container whole: its file system, its changes, an image of them, its size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack

from pogu.engine.archive import pack
from pogu.engine.containers.copying import mounted_root_fd
from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.images.reference import parse_repo_tag
from pogu.engine.model import Container, ContainerConfig
from pogu.engine.storage import Change
from pogu.errors import Conflict, NotFound
from pogu.failpoints import step


async def export(rooms: Rooms, entry: Entry) -> AsyncIterator[bytes]:
    """Return a tar of the container's root file system, without what is mounted into it.

    Raises:
        Conflict: it is being removed.
    """
    _require_there(entry)
    rooms.publish(entry, "export")
    return _export(rooms, entry)


def _require_there(entry: Entry) -> None:
    if entry.gone or entry.record.removal_in_progress:
        raise Conflict(f"You cannot export container {entry.id} which is being removed")


async def _export(rooms: Rooms, entry: Entry) -> AsyncIterator[bytes]:
    async with AsyncExitStack() as mounted:
        async with entry.lock:  # what is mounted stays while it is read; before that it may be removed
            _require_there(entry)
            root = await mounted.enter_async_context(mounted_root_fd(rooms, entry.id))
        chunks = pack(root, "/.", "")
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()


async def changes(rooms: Rooms, entry: Entry) -> list[Change]:
    """Return what the container changed in its image's files."""
    return await rooms.storage.changes(entry.id)


async def size(rooms: Rooms, record: Container) -> tuple[int, int]:
    """Return the bytes of the writable layer, and of it and the image together."""
    written = await rooms.storage.usage(record.id)
    try:
        image = rooms.images.get(record.image_id).size if record.image_id else 0
    except NotFound:
        image = 0
    return written, written + image


async def commit(
    rooms: Rooms,
    entry: Entry,
    *,
    repo: str = "",
    tag: str = "",
    author: str = "",
    comment: str = "",
    pause: bool = True,
    changes: Iterable[str] = (),
    config: ContainerConfig | None = None,
) -> str:
    """Make an image of the container's changes; a running one is paused meanwhile unless `pause` is false.

    Raises:
        Conflict: it is being removed.
        InvalidArgument: a name or a change is malformed.
    """
    record = entry.record
    if record.state.dead:
        raise Conflict(f"You cannot commit container {entry.id} which is Dead")
    if entry.gone or record.removal_in_progress:
        raise Conflict(f"You cannot commit container {entry.id} which is being removed")
    async with entry.lock:
        frozen = pause and is_live(record) and not record.state.paused and await _freeze(rooms, entry)
        try:
            step("container.commit.frozen")
            identifier = await rooms.images.commit(
                rooms.storage.diff(entry.id),
                record.image_id or None,
                config,
                repo,
                tag,
                author=author,
                comment=comment,
                changes=changes,
                container_id=entry.id,
                container_config=record.config,
            )
            step("container.commit.made")
            name = parse_repo_tag(repo, tag).familiar if repo else ""
            rooms.publish(entry, "commit", comment=comment, imageID=identifier, imageRef=name)
        finally:
            if frozen:
                await _thaw(rooms, entry)
    step("container.commit.thawed")
    return identifier


async def _freeze(rooms: Rooms, entry: Entry) -> bool:
    """Pause a container for a commit; False where it ends just now and there is nothing to pause."""
    try:
        await rooms.supervisor.pause(entry.id)
    except (Conflict, NotFound):
        return False
    rooms.publish(entry, "pause")
    return True


async def _thaw(rooms: Rooms, entry: Entry) -> None:
    try:
        await rooms.supervisor.resume(entry.id)
    except (Conflict, NotFound):  # killed meanwhile
        return
    rooms.publish(entry, "unpause")
