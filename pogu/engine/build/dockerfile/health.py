"""HEALTHCHECK: a command, or NONE, and how often."""

from __future__ import annotations

import re

from pogu.engine.build.dockerfile import instructions as ins
from pogu.engine.build.dockerfile.arguments import at_least_one, place_of
from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.flags import Flags, Kind
from pogu.engine.build.dockerfile.statements import Statement
from pogu.engine.moments import parse_duration
from pogu.errors import InvalidArgument

_HEALTH_FLAGS = dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), Kind.TEXT)


def read_healthcheck(statement: Statement) -> ins.Healthcheck:
    at_least_one(statement, len(statement.arguments))
    kind, command = statement.arguments[0].upper(), statement.arguments[1:]
    if kind == "NONE":
        if command:
            raise DockerfileError("HEALTHCHECK NONE takes no arguments")
        return ins.Healthcheck(**place_of(statement), test=("NONE",))
    flags = Flags(statement.flags, _HEALTH_FLAGS)
    if kind != "CMD":
        raise DockerfileError(f"Unknown type {quoted(kind)} in HEALTHCHECK (try CMD)")
    if not command:
        raise DockerfileError("Missing command after HEALTHCHECK CMD")
    return ins.Healthcheck(
        **place_of(statement),
        test=("CMD" if statement.json else "CMD-SHELL", *command),
        interval=_interval(flags, "interval"),
        timeout=_interval(flags, "timeout"),
        start_period=_interval(flags, "start-period"),
        start_interval=_interval(flags, "start-interval"),
        retries=_retries(flags.text("retries")),
    )


def _interval(flags: Flags, name: str) -> int:
    text = flags.text(name)
    try:
        duration = parse_duration(text) if text else 0
    except InvalidArgument as e:
        raise DockerfileError(e.message) from None
    if duration and duration < 10**6:
        raise DockerfileError(f"Interval {quoted(name)} cannot be less than 1ms")
    return duration


def _retries(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise DockerfileError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    if len(text) > 12 or not -(2**31) <= int(text) < 2**31:
        raise DockerfileError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    if int(text) < 0:
        raise DockerfileError(f"--retries cannot be negative ({int(text)})")
    return int(text)
