"""`stats`: a container's use of the machine, with Docker's names and numbers.

The structs' field names are the API's own; counters are as the kernel has them, bytes and nanoseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from pogu.engine.containers.lifecycle.sandbox import has_sandbox
from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.moments import NEVER, format_ns
from pogu.engine.runtime import Counters
from pogu.errors import PoguError
from pogu.linux.processors import online_processors, system_cpu_ns

Json = dict[str, Any]
PERIOD = 1.0  # seconds between samples


async def stats(rooms: Rooms, entry: Entry, stream: bool, one_shot: bool) -> AsyncIterator[Json]:
    """Yield samples: one each second with `stream`, else one, which takes two readings unless `one_shot`.

    A container that does not run gives zeros. The stream ends when the container is removed.
    """
    previous = _empty(entry)
    first = True
    while not entry.gone:
        sample = await _read(rooms, entry)
        if first and not one_shot:
            previous, first = sample, False
            if is_live(entry.record):
                await asyncio.sleep(PERIOD)
                sample = await _read(rooms, entry)
        yield _joined(previous, sample)
        if not stream:
            return
        previous = sample
        await asyncio.sleep(PERIOD)


def _joined(before: Json, now: Json) -> Json:
    return {**now, "precpu_stats": before["cpu_stats"], "preread": before["read"]}


def _empty(entry: Entry) -> Json:
    return {
        "name": f"/{entry.record.name}",
        "id": entry.id,
        "read": NEVER,
        "preread": NEVER,
        "pids_stats": {},
        "blkio_stats": dict.fromkeys(_BLKIO),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(0, 0, 0, None),
        "precpu_stats": _cpu(0, 0, 0, None),
        "memory_stats": {},
    }


_BLKIO = (
    "io_service_bytes_recursive io_serviced_recursive io_queue_recursive io_service_time_recursive "
    "io_wait_time_recursive io_merged_recursive io_time_recursive sectors_recursive"
).split()


def _cpu(total: int, kernel: int, user: int, throttling: Json | None) -> Json:
    return {
        "cpu_usage": {"total_usage": total, "usage_in_kernelmode": kernel, "usage_in_usermode": user},
        "throttling_data": throttling or {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }


async def _read(rooms: Rooms, entry: Entry) -> Json:
    sample = _empty(entry)
    if not is_live(entry.record):
        return sample
    try:
        counters = await asyncio.to_thread(rooms.supervisor.counters, entry.id)
        networks = await _networks(rooms, entry)
    except (PoguError, OSError):  # it ends just now
        return sample
    sample["read"] = format_ns(time.time_ns())
    if networks is not None:
        sample["networks"] = networks
    return sample | _render(counters)


def _render(counters: Counters) -> Json:
    cpu = _cpu(
        counters.cpu_total,
        counters.cpu_kernel,
        counters.cpu_user,
        {
            "periods": counters.cpu_periods,
            "throttled_periods": counters.cpu_throttled_periods,
            "throttled_time": counters.cpu_throttled_time,
        },
    )
    if counters.cpu_each:
        cpu["cpu_usage"]["percpu_usage"] = counters.cpu_each
    cpu["system_cpu_usage"] = system_cpu_ns()
    cpu["online_cpus"] = online_processors()
    memory: Json = {"usage": counters.memory_usage, "stats": counters.memory_stats, "limit": counters.memory_limit}
    if counters.memory_peak is not None:
        memory["max_usage"] = counters.memory_peak
    if counters.memory_failures:
        memory["failcnt"] = counters.memory_failures
    pids: Json = {"current": counters.pids}
    if counters.pids_limit is not None:
        pids["limit"] = counters.pids_limit
    return {"pids_stats": pids, "blkio_stats": counters.blkio, "cpu_stats": cpu, "memory_stats": memory}


async def _networks(rooms: Rooms, entry: Entry) -> Json | None:
    """Return the counters of the container's own interfaces; None where it has none of its own."""
    if not has_sandbox(entry.record):
        return None
    found = await rooms.networks.stats(entry.id)
    return {
        name: {
            "rx_bytes": c.rx_bytes,
            "rx_packets": c.rx_packets,
            "rx_errors": c.rx_errors,
            "rx_dropped": c.rx_dropped,
            "tx_bytes": c.tx_bytes,
            "tx_packets": c.tx_packets,
            "tx_errors": c.tx_errors,
            "tx_dropped": c.tx_dropped,
        }
        for name, c in found.items()
    }
