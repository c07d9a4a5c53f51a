"""`moby.filesync.v1.FileSync`: directories of this side, of which the daemon takes what it does not have."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote_plus

from pogu.cli.building.selection import chosen
from pogu.cli.building.sessions.links import followed
from pogu.dialects.buildkit.filesync import Sender
from pogu.dialects.buildkit.grpc import Handler, Incoming
from pogu.dialects.buildkit.messages import session as messages
from pogu.dialects.buildkit.messages.files import Packet, PacketType
from pogu.dialects.buildkit.protobuf import encode
from pogu.engine.build.ignore import Ignore
from pogu.errors import NotFound
from pogu.linux.paths import open_root, opened


def directory_service(directories: Mapping[str, Path]) -> dict[str, Handler]:
    """Return the methods that send `directories`, which are asked for by name (`context`, `dockerfile`, …)."""

    async def send(call: Incoming) -> None:
        name = call.metadata.get("dir-name", "")
        root = directories.get(name)
        if root is None:
            raise NotFound(f"no access allowed to dir {name!r}")
        with opened(open_root(root)) as descriptor:
            await _send(call, _sender(descriptor, root, call))

    return {messages.SYNC_FILES: send}


def _sender(descriptor: int, root: Path, call: Incoming) -> Sender:
    include = _listed(call, "include-patterns")
    if follow := _listed(call, "followpaths"):
        include += followed(root, follow)
    ignore = Ignore(_listed(call, "exclude-patterns"))
    return Sender(descriptor, chosen(descriptor, ignore, Ignore(include) if include else None), as_root=True)


def _listed(call: Incoming, name: str) -> list[str]:
    values = call.values(name)
    return [unquote_plus(value) for value in values] if call.metadata.get(f"{name}-encoded") == "1" else values


async def _send(call: Incoming, sender: Sender) -> None:
    """Carry a transfer to the daemon; what takes time happens in a thread."""
    replies = asyncio.create_task(call.receive())
    try:
        while True:
            if replies.done():
                if not (batch := replies.result()):
                    return
                sender.take(batch)
                replies = asyncio.create_task(call.receive())
            if packets := await _more(call, sender):
                await call.send_raw(packets)
                if sender.finished:
                    return
            else:
                await asyncio.wait([replies])
    finally:
        replies.cancel()
        await asyncio.gather(replies, return_exceptions=True)
        sender.close()


async def _more(call: Incoming, sender: Sender) -> list[bytes]:
    try:
        return await asyncio.to_thread(sender.more)
    except OSError as e:
        text = f"open {e.filename}: {os.strerror(e.errno or 0).lower()}" if e.filename else str(e)
        await call.send_raw([encode(Packet(type=PacketType.ERROR, data=os.fsencode(text)))])
        raise NotFound(text) from e
