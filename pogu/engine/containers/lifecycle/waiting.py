"""The verb `wait`: registered at once, answered later."""

from __future__ import annotations

import asyncio

from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import WaitResult
from pogu.errors import InvalidArgument

CONDITIONS = ("not-running", "next-exit", "removed")


def wait_handle(rooms: Rooms, ref: str, condition: str = "") -> asyncio.Future[WaitResult]:
    """Return a future of the condition; what happens from now on is not missed.

    `not-running` (and "") is fulfilled by a container that does not run; cancelling the future gives up.

    Raises:
        NotFound: no such container.
        InvalidArgument: no such condition.
    """
    condition = condition or "not-running"
    if condition not in CONDITIONS:
        raise InvalidArgument(f'invalid condition: "{condition}"')
    entry = rooms.table.find(ref)
    if condition == "removed":
        return entry.next_removal()
    state = entry.record.state
    if condition == "next-exit" or state.running:
        return entry.next_exit()
    done: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
    done.set_result(WaitResult(state.exit_code, None))
    return done
