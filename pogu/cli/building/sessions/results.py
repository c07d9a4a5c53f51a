"""`moby.filesync.v1.FileSend`: what comes of a build and is not an image of the daemon's (`--output`)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from pogu.cli.building.outputs import Output
from pogu.dialects.buildkit.filesync import Receiver
from pogu.dialects.buildkit.grpc import Handler, Incoming
from pogu.dialects.buildkit.messages import session as messages
from pogu.dialects.buildkit.protobuf import decode
from pogu.errors import Cancelled, PoguError
from pogu.linux.paths import open_root, opened


def result_service(output: Output) -> dict[str, Handler]:
    """Return the methods that take a build's output to where `output` says."""
    if not output.destination:
        return {}
    taking = _take_directory if output.is_directory else _take_archive

    async def take(call: Incoming) -> None:
        try:
            await taking(call, output.destination)
        except OSError as e:
            raise PoguError(f"{e.filename or output.destination}: {os.strerror(e.errno or 0).lower()}") from e

    return {messages.SEND_FILES: take}


async def _take_archive(call: Incoming, destination: str) -> None:
    """Write a stream of bytes to a file, whole or not at all, or to standard output."""
    if destination == "-":
        while batch := await call.receive():
            await asyncio.to_thread(sys.stdout.buffer.write, _joined(batch))
        sys.stdout.buffer.flush()
        return
    path = Path(destination)
    if not path.exists() or path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
    else:  # a pipe or a device
        part = path
    try:
        with part.open("wb") as out:
            while batch := await call.receive():
                await asyncio.to_thread(out.write, _joined(batch))
        if part != path:
            part.replace(path)
    except BaseException:
        if part != path:
            part.unlink(missing_ok=True)
        raise


def _joined(batch: list[bytes | memoryview]) -> bytes:
    return b"".join(decode(messages.BytesMessage, message).data for message in batch)


async def _take_directory(call: Incoming, destination: str) -> None:
    """Write a tree into a directory; what else is in it stays."""
    path = Path(destination)
    path.mkdir(parents=True, exist_ok=True)
    with opened(open_root(path)) as root:
        receiver = Receiver(root, merge=True, owner=(os.getuid(), os.getgid()))
        try:
            while not receiver.finished:
                batch = await call.receive()
                if not batch:
                    raise Cancelled("the daemon ended the transfer before its end")
                if answers := await asyncio.to_thread(receiver.feed, batch):
                    await call.send_raw(answers)
        finally:
            receiver.close()
