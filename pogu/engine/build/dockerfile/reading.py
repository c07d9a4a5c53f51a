"""From statements to instructions: each keyword's arguments and flags, checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypedDict

from pogu.engine.build.dockerfile import instructions as ins
from pogu.engine.build.dockerfile.blanks import BLANKS
from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.flags import Flags, Kind
from pogu.engine.build.dockerfile.heredocs import heredoc_of
from pogu.engine.build.dockerfile.mounts import check_mount
from pogu.engine.build.dockerfile.statements import Statement
from pogu.engine.build.dockerfile.suggest import did_you_mean
from pogu.engine.moments import parse_duration
from pogu.errors import InvalidArgument

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*", re.ASCII)
_NETWORKS = ("default", "none", "host")
_SECURITIES = ("insecure", "sandbox")


class Place(TypedDict):
    """What every instruction has of its statement."""

    keyword: str
    text: str
    first_line: int
    last_line: int
    comments: tuple[str, ...]
    heredocs: tuple[ins.Heredoc, ...]


def read_instruction(statement: Statement) -> ins.Instruction:
    """Return what a statement means. Raises DockerfileError, without lines."""
    read = _READERS.get(statement.name)
    if read is None:
        message = f"unknown instruction: {statement.keyword}"
        raise DockerfileError(did_you_mean(message, statement.keyword, _READERS, case=False))
    return read(statement)


def _place(statement: Statement) -> Place:
    return Place(
        keyword=statement.keyword,
        text=statement.text,
        first_line=statement.first_line,
        last_line=statement.last_line,
        comments=statement.comments,
        heredocs=statement.heredocs,
    )


def _no_flags(statement: Statement) -> None:
    Flags(statement.flags, {})


def _at_least_one(statement: Statement, count: int) -> None:
    if not count:
        raise DockerfileError(f"{statement.name} requires at least one argument")


def _only_argument(statement: Statement) -> str:
    if len(statement.arguments) != 1:
        raise DockerfileError(f"{statement.name} requires exactly one argument")
    _no_flags(statement)
    return statement.arguments[0]


def _pairs(statement: Statement) -> tuple[ins.Pair, ...]:
    _no_flags(statement)
    _at_least_one(statement, len(statement.pairs))
    if not all(pair.name for pair in statement.pairs):
        raise DockerfileError(f"{statement.name} names can not be blank")
    return statement.pairs


def _command(statement: Statement) -> ins.CommandLine:
    return ins.CommandLine(statement.arguments, shell=not statement.json)


def _from(statement: Statement) -> ins.From:
    arguments = statement.arguments
    as_keyword = stage_text = stage = ""
    if len(arguments) == 3 and arguments[1].lower() == "as":
        as_keyword, stage_text = arguments[1:]
        stage = stage_text.lower()
        if not _STAGE_NAME.fullmatch(stage):
            name = quoted(stage_text)
            message = f"invalid name for build stage: {name}, name can't start with a number or contain symbols"
            raise DockerfileError(message)
    elif len(arguments) != 1:
        raise DockerfileError("FROM requires either one or three arguments")
    flags = Flags(statement.flags, {"platform": Kind.TEXT})
    return ins.From(
        **_place(statement),
        base=arguments[0],
        stage=stage,
        stage_text=stage_text,
        as_keyword=as_keyword,
        platform=flags.text("platform"),
    )


def _arg(statement: Statement) -> ins.Arg:
    """Flags are passed over here, as BuildKit does."""
    _at_least_one(statement, len(statement.arguments))
    arguments: list[ins.Argument] = []
    for argument in statement.arguments:
        name, equals, default = argument.partition("=")
        if equals and not name:
            raise DockerfileError("ARG names can not be blank")
        arguments.append(ins.Argument(name, default if equals else None))
    return ins.Arg(**_place(statement), arguments=tuple(arguments))


_RUN_FLAGS = {"mount": Kind.TEXTS, "network": Kind.TEXT, "security": Kind.TEXT, "device": Kind.TEXTS}


def _run(statement: Statement) -> ins.Run:
    flags = Flags(statement.flags, _RUN_FLAGS)
    for mount in flags.texts("mount"):
        check_mount(mount)
    network, security = flags.text("network", "default"), flags.text("security", "sandbox")
    if network not in _NETWORKS:
        raise DockerfileError(f"invalid network mode {quoted(network)}")
    if security not in _SECURITIES:
        raise DockerfileError(f"security {quoted(security)} is not valid")
    command = _command(statement)
    lone = bool(statement.heredocs) and len(command.words) == 1 and heredoc_of(command.words[0]) is not None
    return ins.Run(
        **_place(statement),
        command=command,
        mounts=flags.texts("mount"),
        network=network,
        security=security,
        devices=flags.texts("device"),
        script=statement.heredocs[0] if lone else None,
    )


def _cmd(statement: Statement) -> ins.Cmd:
    _no_flags(statement)
    return ins.Cmd(**_place(statement), command=_command(statement))


def _entrypoint(statement: Statement) -> ins.Entrypoint:
    _no_flags(statement)
    return ins.Entrypoint(**_place(statement), command=_command(statement))


def _env(statement: Statement) -> ins.Env:
    return ins.Env(pairs=_pairs(statement), **_place(statement))


def _label(statement: Statement) -> ins.Label:
    return ins.Label(pairs=_pairs(statement), **_place(statement))


def _expose(statement: Statement) -> ins.Expose:
    _at_least_one(statement, len(statement.arguments))
    _no_flags(statement)
    return ins.Expose(**_place(statement), ports=tuple(sorted(statement.arguments)))


_COPY_FLAGS = {
    "from": Kind.TEXT,
    "chown": Kind.TEXT,
    "chmod": Kind.TEXT,
    "link": Kind.TRUTH,
    "parents": Kind.TRUTH,
    "exclude": Kind.TEXTS,
}
_ADD_FLAGS = {
    "chown": Kind.TEXT,
    "chmod": Kind.TEXT,
    "link": Kind.TRUTH,
    "checksum": Kind.TEXT,
    "keep-git-dir": Kind.TRUTH,
    "unpack": Kind.TRUTH,
    "exclude": Kind.TEXTS,
}


def _transfer(statement: Statement, known: dict[str, Kind]) -> tuple[Flags, dict[str, Any]]:
    """Return the flags, and what ADD and COPY have in common."""
    if len(statement.arguments) < 2:
        raise DockerfileError(
            f"{statement.name} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    flags = Flags(statement.flags, known)
    *sources, destination = statement.arguments
    if heredoc_of(destination) is not None:
        raise DockerfileError(f"{statement.name} cannot accept a heredoc as a destination")
    bodies = {heredoc.name: heredoc for heredoc in statement.heredocs}
    asked = [heredoc_of(source) for source in sources]
    common = {
        "sources": tuple(source for source, heredoc in zip(sources, asked, strict=True) if heredoc is None),
        "contents": tuple(bodies.get(heredoc.name, heredoc) for heredoc in asked if heredoc is not None),
        "destination": destination,
        "chown": flags.text("chown"),
        "chmod": flags.text("chmod"),
        "link": flags.truth("link") or False,
        "excludes": flags.texts("exclude"),
    }
    return flags, common


def _add(statement: Statement) -> ins.Add:
    flags, common = _transfer(statement, _ADD_FLAGS)
    return ins.Add(
        **_place(statement),
        **common,
        checksum=flags.text("checksum"),
        keep_git_dir=flags.truth("keep-git-dir"),
        unpack=flags.truth("unpack"),
    )


def _copy(statement: Statement) -> ins.Copy:
    flags, common = _transfer(statement, _COPY_FLAGS)
    return ins.Copy(**_place(statement), **common, from_=flags.text("from"), parents=flags.truth("parents") or False)


def _user(statement: Statement) -> ins.User:
    return ins.User(user=_only_argument(statement), **_place(statement))


def _workdir(statement: Statement) -> ins.Workdir:
    return ins.Workdir(path=_only_argument(statement), **_place(statement))


def _volume(statement: Statement) -> ins.Volume:
    _at_least_one(statement, len(statement.arguments))
    _no_flags(statement)
    paths = tuple(path.strip(BLANKS) for path in statement.arguments)
    if not all(paths):
        raise DockerfileError("VOLUME specified can not be an empty string")
    return ins.Volume(**_place(statement), paths=paths)


def _stopsignal(statement: Statement) -> ins.Stopsignal:
    """Flags are passed over here, as BuildKit does."""
    if len(statement.arguments) != 1:
        raise DockerfileError("STOPSIGNAL requires exactly one argument")
    return ins.Stopsignal(**_place(statement), signal=statement.arguments[0])


def _shell(statement: Statement) -> ins.Shell:
    _no_flags(statement)
    _at_least_one(statement, len(statement.arguments))
    if not statement.json:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")
    return ins.Shell(**_place(statement), words=statement.arguments)


_HEALTH_FLAGS = dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), Kind.TEXT)


def _healthcheck(statement: Statement) -> ins.Healthcheck:
    _at_least_one(statement, len(statement.arguments))
    kind, command = statement.arguments[0].upper(), statement.arguments[1:]
    if kind == "NONE":
        if command:
            raise DockerfileError("HEALTHCHECK NONE takes no arguments")
        return ins.Healthcheck(**_place(statement), test=("NONE",))
    flags = Flags(statement.flags, _HEALTH_FLAGS)
    if kind != "CMD":
        raise DockerfileError(f"Unknown type {quoted(kind)} in HEALTHCHECK (try CMD)")
    if not command:
        raise DockerfileError("Missing command after HEALTHCHECK CMD")
    return ins.Healthcheck(
        **_place(statement),
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


_ONBUILD = re.compile(f"[{BLANKS}]*ONBUILD[{BLANKS}]*", re.IGNORECASE)


def _onbuild(statement: Statement) -> ins.Onbuild:
    if statement.inner is None:
        raise DockerfileError("ONBUILD requires at least one argument")
    _no_flags(statement)
    trigger = statement.inner.name
    if trigger == "ONBUILD":
        raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise DockerfileError(f"{trigger} isn't allowed as an ONBUILD trigger")
    bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in statement.heredocs)
    return ins.Onbuild(**_place(statement), trigger=_ONBUILD.sub("", statement.text, count=1) + bodies)


def _maintainer(statement: Statement) -> ins.Maintainer:
    return ins.Maintainer(maintainer=_only_argument(statement), **_place(statement))


_READERS: dict[str, Callable[[Statement], ins.Instruction]] = {
    "ADD": _add,
    "ARG": _arg,
    "CMD": _cmd,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
