"""Namespaces that a container shares with another one, or with the host."""

from __future__ import annotations

from pathlib import Path

from pogu.engine.containers.files import is_container_mode
from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.errors import Conflict, NotFound
from pogu.linux.processes import is_ending


def network_donor(rooms: Rooms, entry: Entry) -> Entry | None:
    """Return the running container whose network namespace this one uses, None if it has its own or the host's.

    Raises:
        NotFound, Conflict: it is gone, not running, or the container itself.
    """
    mode = entry.record.host_config.network_mode
    if not is_container_mode(mode):
        return None
    donor = _find(rooms, mode or "", "joining network namespace of container")
    if donor is entry:
        raise Conflict("cannot join own network namespace")
    record = donor.record
    if record.state.restarting:
        raise Conflict(
            f"cannot join network namespace of container: Container {donor.id} is restarting, "
            "wait until the container is running"
        )
    if not is_live(record):
        raise Conflict(
            f"cannot join network namespace of a non running container: container {record.name} is "
            f"{record.state.status}"
        )
    return donor


def ipc_donor(rooms: Rooms, entry: Entry) -> Entry | None:
    """Return the running container whose IPC namespace and /dev/shm this one uses. Raises NotFound, Conflict."""
    mode = entry.record.host_config.ipc_mode
    if not is_container_mode(mode):
        return None
    donor = _find(rooms, mode or "", "can't join IPC of container")
    if not is_live(donor.record):
        raise Conflict(f"cannot join IPC of a non running container: {donor.id}")
    if donor.record.host_config.ipc_mode not in ("shareable", "host"):
        raise Conflict(
            f"can't join IPC of container {donor.id}: non-shareable IPC "
            "(hint: use IpcMode:shareable for the donor container)"
        )
    return donor


def pid_donor(rooms: Rooms, entry: Entry) -> Entry | None:
    """Return the running container whose PID namespace this one uses. Raises NotFound, Conflict."""
    mode = entry.record.host_config.pid_mode
    if not is_container_mode(mode):
        return None
    donor = _find(rooms, mode or "", "can't join PID namespace of container")
    if not is_live(donor.record):
        raise Conflict(f"cannot join PID of a non running container: {donor.id}")
    return donor


def require_donors(rooms: Rooms, entry: Entry) -> None:
    """Raise NotFound or Conflict where a container that shares a namespace with this one has just ended."""
    for find, kind in ((network_donor, "net"), (ipc_donor, "ipc"), (pid_donor, "pid")):
        donor = find(rooms, entry)
        if donor and (is_ending(donor.record.state.pid) or not namespace_path(donor, kind).exists()):
            raise Conflict(f"cannot join {kind} namespace of a non running container: container {donor.record.name}")


def _find(rooms: Rooms, mode: str, what: str) -> Entry:
    name = mode.partition(":")[2]
    try:
        return rooms.table.find(name)
    except NotFound as e:
        raise NotFound(f"{what}: {e.message}") from None


def namespace_path(entry: Entry, kind: str) -> Path:
    """Return the path of a running container's namespace: kind is net, ipc, pid or uts."""
    return Path(f"/proc/{entry.record.state.pid}/ns/{kind}")
