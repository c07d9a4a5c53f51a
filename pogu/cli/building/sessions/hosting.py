"""A session of this side: opened on the daemon, and served in a thread of its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pogu.cli.building.sessions.wire import SocketWire, wire_of
from pogu.cli.client import Client
from pogu.dialects.buildkit.grpc import Handler, Incoming, Services
from pogu.dialects.buildkit.messages import session as messages

_NODE = ".buildNodeID"  # as the docker command calls it
_SERVING = 1


@contextmanager
def hosted(client: Client, methods: Mapping[str, Handler], name: str, shared_key: str) -> Iterator[str]:
    """Open a session that answers `methods`, and yield its ID; it ends with the block.

    Raises:
        ApiError, CannotConnect: the daemon does not take it.
    """
    identifier = secrets.token_hex(13)[:25]
    served = {**methods, messages.HEALTH_CHECK: _check_health}
    headers = [
        ("X-Docker-Expose-Session-Uuid", identifier),
        ("X-Docker-Expose-Session-Name", name),
        ("X-Docker-Expose-Session-Sharedkey", shared_key),
        *(("X-Docker-Expose-Session-Grpc-Method", method) for method in served),
    ]
    wire = wire_of(client.take_over("/session", protocol="h2c", headers=headers))
    thread = threading.Thread(target=_serve, args=(Services(served), wire), daemon=True)
    thread.start()
    try:
        yield identifier
    finally:
        wire.abort()
        thread.join()
        wire.close()


def _serve(services: Services, wire: SocketWire) -> None:
    asyncio.run(services.serve(wire))


async def _check_health(call: Incoming) -> None:
    await call.request(messages.HealthCheckRequest)
    await call.send([messages.HealthCheckResponse(status=_SERVING)])


def shared_key(folder: Path, directory: Path | None) -> str:
    """Return the key under which the daemon may keep what it has of a directory: the same for this user and directory.

    `folder` is that of the command's settings, which keeps a number of its own for this.
    """
    if directory is None:
        return ""
    try:
        node = _node(folder / _NODE)
    except OSError:
        return ""
    return hashlib.sha256(f"{node}:{directory}".encode(errors="surrogateescape")).hexdigest()


def _node(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.touch(0o600)
    new.write_text(secrets.token_hex(32))
    try:
        os.link(new, path)  # of two commands at once, one is first
    except FileExistsError:
        pass
    new.unlink()
    return path.read_text()
