"""Healthchecks: a probe at intervals, and the status that follows from the results."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from pogu.engine.containers import times
from pogu.engine.containers.lifecycle.specification import probe_process
from pogu.engine.containers.output import read_output
from pogu.engine.containers.rooms import Rooms, log
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container, HealthConfig, HealthLog, HealthState
from pogu.engine.moments import format_ns
from pogu.engine.naming import new_id
from pogu.engine.runtime import ExecProcess
from pogu.errors import PoguError

INTERVAL = 30_000_000_000  # ns; so are the others
TIMEOUT = 30_000_000_000
START_INTERVAL = 5_000_000_000
RETRIES = 3
KEPT = 5  # probes in the log
OUTPUT_LIMIT = 4096  # bytes of a probe's output


@dataclass(frozen=True, slots=True)
class Result:
    """One probe's outcome; `code` is -1 where there is none."""

    code: int
    output: str
    start_ns: int
    end_ns: int


def command(record: Container) -> list[str]:
    """Return the probe's command, [] where there is no healthcheck."""
    test = (record.config.healthcheck and record.config.healthcheck.test) or []
    if len(test) < 2:
        return []
    if test[0] == "CMD":
        return test[1:]
    if test[0] == "CMD-SHELL":
        return [*(record.config.shell or ["/bin/sh", "-c"]), test[1]]
    return []


def initial(record: Container) -> HealthState | None:
    """Return the health of a container that starts now: `starting`, None without a healthcheck."""
    if not command(record):
        return None
    log_ = record.state.health.log if record.state.health else []
    return HealthState(status="starting", failing_streak=0, log=list(log_))


def begin(rooms: Rooms, entry: Entry) -> None:
    """Start probing a running container, if it has a healthcheck."""
    end(entry)
    if command(entry.record):
        entry.health = rooms.spawn(_monitor(rooms, entry), f"health of {entry.id}")


def end(entry: Entry) -> None:
    """Stop probing. Who is not probed is shown as unhealthy until the next result, as in Docker."""
    if entry.health:
        entry.health.cancel()
        entry.health = None
        if entry.record.state.health:
            entry.record.state.health.status = "unhealthy"


async def _monitor(rooms: Rooms, entry: Entry) -> None:
    config = entry.record.config.healthcheck or HealthConfig()
    while True:
        await asyncio.sleep(_pause(entry, config) / 1e9)
        result = await _probe(rooms, entry, config)
        _note(rooms, entry, config, result)


def _pause(entry: Entry, config: HealthConfig) -> int:
    """Return the nanoseconds to the next probe: shorter while it starts."""
    interval = config.interval or INTERVAL
    health = entry.record.state.health
    if health and health.status == "starting" and entry.age_ns() < config.start_period:
        return config.start_interval or START_INTERVAL
    return interval


async def _probe(rooms: Rooms, entry: Entry, config: HealthConfig) -> Result:
    start = time.time_ns()
    argv, id_ = command(entry.record), new_id()
    rooms.publish(entry, f"exec_create: {' '.join(argv)}", execID=id_)
    rooms.publish(entry, f"exec_start: {' '.join(argv)}", execID=id_)
    try:
        description = await probe_process(rooms, entry, argv)
        process = await rooms.supervisor.exec(entry.id, description)
    except (PoguError, OSError) as e:
        return Result(-1, str(e), start, time.time_ns())
    code, output = await _run(process, config.timeout or TIMEOUT)
    rooms.publish(entry, "exec_die", execID=id_, exitCode=str(code))
    return Result(code, output, start, time.time_ns())


async def _run(process: ExecProcess, timeout_ns: int) -> tuple[int, str]:
    """Return the probe's exit code and output; one that takes too long is killed and counts as -1."""
    output = bytearray()
    try:
        async with asyncio.timeout(timeout_ns / 1e9):
            async for piece in read_output(process):
                output += piece[1][: max(0, OUTPUT_LIMIT + 1 - len(output))]
            code = await process.wait()
    except TimeoutError:
        message = f"Health check exceeded timeout ({times.format_duration(timeout_ns)})"
        text = _text(output)
        return -1, f"{message}: {text}" if text else message
    finally:
        process.kill()
        process.close()
    return code, _text(output)


def _text(output: bytearray) -> str:
    text = bytes(output[:OUTPUT_LIMIT]).decode(errors="replace")
    return f"{text}..." if len(output) > OUTPUT_LIMIT else text


def _note(rooms: Rooms, entry: Entry, config: HealthConfig, result: Result) -> None:
    """Take a result into the record. It is not committed: after a restart of the daemon the next probe tells anew."""
    record = entry.record
    old = record.state.health or HealthState(status="starting")
    if result.code == 0:
        status, streak = "healthy", 0
    else:
        status, streak = old.status, old.failing_streak
        age = entry.age_ns() - max(0, result.end_ns - result.start_ns)  # when the probe began
        if not (old.status == "starting" and age < config.start_period):
            streak += 1
        if streak >= (config.retries or RETRIES):
            status = "unhealthy"
    entry_ = HealthLog(
        start=format_ns(result.start_ns),
        end=format_ns(result.end_ns),
        exit_code=result.code,
        output=result.output,
    )
    record.state.health = HealthState(status=status, failing_streak=streak, log=[*old.log, entry_][-KEPT:])
    if status != old.status:
        log.debug("container %s is %s", entry.id, status)
        rooms.publish(entry, f"health_status: {status}")
