"""`--change` of commit and import: Dockerfile instructions that alter an image's configuration.

The grammar is the Dockerfile's: continuation lines, JSON or shell form, quoting and `$variable` from the
environment set so far. Instructions: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER,
VOLUME, WORKDIR. One that is only configuration in a build (SHELL) is refused here, as by Docker.
"""

from __future__ import annotations

import copy
import json
import posixpath
import re
from collections.abc import Callable, Iterable

from pogu.engine.images.words import expand, pairs
from pogu.engine.model import ContainerConfig, HealthConfig
from pogu.engine.moments import parse_duration
from pogu.errors import InvalidArgument

_SHELL = ["/bin/sh", "-c"]
_FLAG = re.compile(r"--([a-z-]+)=(\S*)\s*")
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(\w*))?", re.ASCII)
_SHORTEST = 1_000_000  # ns: what a health check's times must at least be, if not 0
_SIGNALS = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP "
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
).split()


def apply_changes(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """Return a copy of `config` with the instructions applied in order.

    Raises:
        InvalidArgument: an instruction is malformed, or not one that changes a configuration.
    """
    new = copy.deepcopy(config)
    state = _State(new)
    for line in _lines(changes):
        word, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        instruction = _INSTRUCTIONS.get(word.upper())
        if instruction is None:
            raise InvalidArgument(f"{word.lower()} is not a valid change command")
        instruction(state, rest.strip())
    return new


class _State:
    """The configuration as far as it has been changed."""

    def __init__(self, config: ContainerConfig) -> None:
        self.config = config
        self.cmd_set = False

    def expand(self, text: str) -> str:
        return expand(text, dict(pair.partition("=")[::2] for pair in self.config.env or ()))


def _lines(changes: Iterable[str]) -> list[str]:
    """Return the instructions: continuation lines joined, comments and blank lines left out."""
    lines: list[str] = []
    pending = ""
    for line in "\n".join(changes).splitlines():
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        pending += line.strip() if not pending else line.rstrip()
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        lines.append(pending.strip())
        pending = ""
    return [line for line in [*lines, pending.strip()] if line]


def _json_list(text: str) -> list[str] | None:
    """Return the strings of a JSON array, None if the text is no JSON array (then it is in shell form)."""
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(v, str) for v in values):
        raise InvalidArgument("when using JSON array syntax, arrays must be comprised of strings only")
    return list(values)


def _command(state: _State, rest: str) -> list[str]:
    words = _json_list(rest)
    if words is not None:
        return words
    return [*(state.config.shell or _SHELL), rest] if rest else []


def _cmd(state: _State, rest: str) -> None:
    state.config.cmd = _command(state, rest)
    state.cmd_set = bool(state.config.cmd)


def _entrypoint(state: _State, rest: str) -> None:
    state.config.entrypoint = _command(state, rest)
    if not state.cmd_set:
        state.config.cmd = None  # the command was meant for another entrypoint


def _env(state: _State, rest: str) -> None:
    env = list(state.config.env or ())
    for name, value in _pairs(state, "ENV", rest):
        line = f"{name}={value}"
        at = next((i for i, old in enumerate(env) if old.partition("=")[0] == name), None)
        if at is None:
            env.append(line)
        else:
            env[at] = line
    state.config.env = env


def _label(state: _State, rest: str) -> None:
    state.config.labels = {**(state.config.labels or {}), **dict(_pairs(state, "LABEL", rest))}


def _pairs(state: _State, instruction: str, rest: str) -> list[tuple[str, str]]:
    found = [(state.expand(name), state.expand(value)) for name, value in pairs(instruction, rest)]
    if not found:
        raise InvalidArgument(f"{instruction} requires at least one argument")
    if any(not name for name, _ in found):
        raise InvalidArgument(f"{instruction} names can not be blank")
    return found


def _expose(state: _State, rest: str) -> None:
    ports = [port for word in rest.split() for port in state.expand(word).split()]
    if not ports:
        raise InvalidArgument("EXPOSE requires at least one argument")
    exposed = dict(state.config.exposed_ports or {})
    for port in ports:
        exposed.update({key: {} for key in _ports(port)})
    state.config.exposed_ports = exposed


def _ports(spec: str) -> list[str]:
    """Return `number/protocol` for each port of `[[address:]host:]port[-port][/protocol]`."""
    container = spec.rpartition(":")[2]
    match = _PORT.fullmatch(container)
    if match is None or not container:
        raise InvalidArgument(f"invalid containerPort: {container}")
    first = int(match[1])
    last = int(match[2] or first)
    protocol = (match[3] or "tcp").lower()
    if protocol not in ("tcp", "udp", "sctp"):
        raise InvalidArgument(f"invalid proto: {protocol}")
    if not 0 <= first <= last <= 65535:
        raise InvalidArgument(f"invalid containerPort: {container}")
    return [f"{number}/{protocol}" for number in range(first, last + 1)]


def _healthcheck(state: _State, rest: str) -> None:
    flags: dict[str, str] = {}
    while (match := _FLAG.match(rest)) is not None:
        flags[match[1]] = match[2]
        rest = rest[match.end() :]
    kind, _, command = rest.partition(" ")
    if not kind:
        raise InvalidArgument("HEALTHCHECK requires at least one argument")
    if kind.upper() == "NONE":
        if command.strip():
            raise InvalidArgument("HEALTHCHECK NONE takes no arguments")
        state.config.healthcheck = HealthConfig(test=["NONE"])
        return
    if kind.upper() != "CMD":
        raise InvalidArgument(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    state.config.healthcheck = _check(command.strip(), flags)


def _check(command: str, flags: dict[str, str]) -> HealthConfig:
    words = _json_list(command)
    if not command or words == []:
        raise InvalidArgument("Missing command after HEALTHCHECK CMD")
    check = HealthConfig(test=["CMD-SHELL", command] if words is None else ["CMD", *words])
    for name, value in flags.items():
        if name == "retries":
            if not value.isascii() or not value.removeprefix("-").isdigit():
                raise InvalidArgument(f'invalid number of --retries "{value}"')
            check.retries = int(value)
            if check.retries < 0:
                raise InvalidArgument(f"--retries cannot be negative ({value})")
        elif name in ("interval", "timeout", "start-period", "start-interval"):
            setattr(check, name.replace("-", "_"), _interval(name, value))
        else:
            raise InvalidArgument(f"unknown flag: --{name}")
    return check


def _interval(name: str, value: str) -> int:
    if not value:
        return 0
    duration = parse_duration(value)
    if duration != 0 and duration < _SHORTEST:
        raise InvalidArgument(f'Interval "{name}" cannot be less than 1ms')
    return duration


def _onbuild(state: _State, rest: str) -> None:
    if not rest:
        raise InvalidArgument("ONBUILD requires at least one argument")
    trigger = rest.split(maxsplit=1)[0].upper()
    if trigger == "ONBUILD":
        raise InvalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("FROM", "MAINTAINER"):
        raise InvalidArgument(f"{trigger} isn't allowed as an ONBUILD trigger")
    state.config.on_build = [*(state.config.on_build or ()), rest]


def _stop_signal(state: _State, rest: str) -> None:
    signal = state.expand(_one("STOPSIGNAL", rest))
    name = signal.upper().removeprefix("SIG")
    number = int(signal) if signal.isascii() and signal.isdigit() else 0
    realtime = re.fullmatch(r"RTM(IN(\+([1-9]|1[0-5]))?|AX(-([1-9]|1[0-4]))?)", name)
    if not (0 < number <= 64 or name in _SIGNALS or realtime):
        raise InvalidArgument(f"invalid signal: {signal}")
    state.config.stop_signal = signal


def _user(state: _State, rest: str) -> None:
    state.config.user = state.expand(_one("USER", rest))


def _volume(state: _State, rest: str) -> None:
    words = _json_list(rest)
    paths = [state.expand(w).strip() for w in (rest.split() if words is None else words)]
    if not paths:
        raise InvalidArgument("VOLUME requires at least one argument")
    if not all(paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    state.config.volumes = {**(state.config.volumes or {}), **{path: {} for path in paths}}


def _workdir(state: _State, rest: str) -> None:
    path = state.expand(_one("WORKDIR", rest))
    state.config.working_dir = posixpath.normpath(posixpath.join("/", state.config.working_dir or "", path))


def _one(instruction: str, rest: str) -> str:
    if not rest:
        raise InvalidArgument(f"{instruction} requires exactly one argument")
    return rest


_INSTRUCTIONS: dict[str, Callable[[_State, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
