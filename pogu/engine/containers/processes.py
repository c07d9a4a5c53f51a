"""`top`: the processes of a container."""

from __future__ import annotations

import re
import shlex

from pogu.engine.containers.lifecycle.state import require_live
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.errors import InvalidArgument

_COLUMN = re.compile(r"\s+([^\s]*)=\s*(PID[^\s]*)")


async def top(rooms: Rooms, entry: Entry, ps_args: str = "-ef") -> tuple[list[str], list[list[str]]]:
    """Return titles and rows of `ps` with these arguments, for the container's processes.

    Raises:
        Conflict: it is not running.
        InvalidArgument: the arguments are no arguments of ps, or rename another column to PID.
    """
    require_live(entry)
    for name, title in _COLUMN.findall(f" {ps_args}"):
        if name != "pid":
            raise InvalidArgument(f'specifying "{name}={title}" is not allowed')
    try:
        words = shlex.split(ps_args) or ["-ef"]
    except ValueError as e:
        raise InvalidArgument(f"malformed ps arguments: {e}") from None
    found = await rooms.supervisor.top(entry.id, words)
    rooms.publish(entry, "top")
    return found.titles, found.rows
