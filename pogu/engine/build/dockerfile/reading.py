"""From statements to instructions: each keyword's arguments and flags, checked."""

from __future__ import annotations

import re
from collections.abc import Callable

from pogu.engine.build.dockerfile import instructions as ins
from pogu.engine.build.dockerfile.arguments import at_least_one, command_of, no_flags, only_argument, pairs_of, place_of
from pogu.engine.build.dockerfile.blanks import BLANKS
from pogu.engine.build.dockerfile.copying import read_add, read_copy
from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.flags import Flags, Kind
from pogu.engine.build.dockerfile.health import read_healthcheck
from pogu.engine.build.dockerfile.heredocs import heredoc_of
from pogu.engine.build.dockerfile.mounts import check_mount
from pogu.engine.build.dockerfile.statements import Statement
from pogu.engine.build.dockerfile.suggest import did_you_mean

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*", re.ASCII)
_NETWORKS = ("default", "none", "host")
_SECURITIES = ("insecure", "sandbox")


def read_instruction(statement: Statement) -> ins.Instruction:
    """Return what a statement means. Raises DockerfileError, without lines."""
    read = _READERS.get(statement.name)
    if read is None:
        message = f"unknown instruction: {statement.keyword}"
        raise DockerfileError(did_you_mean(message, statement.keyword, _READERS, case=False))
    return read(statement)


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
        **place_of(statement),
        base=arguments[0],
        stage=stage,
        stage_text=stage_text,
        as_keyword=as_keyword,
        platform=flags.text("platform"),
    )


def _arg(statement: Statement) -> ins.Arg:
    """Flags are passed over here, as BuildKit does."""
    at_least_one(statement, len(statement.arguments))
    arguments: list[ins.Argument] = []
    for argument in statement.arguments:
        name, equals, default = argument.partition("=")
        if equals and not name:
            raise DockerfileError("ARG names can not be blank")
        arguments.append(ins.Argument(name, default if equals else None))
    return ins.Arg(**place_of(statement), arguments=tuple(arguments))


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
    command = command_of(statement)
    lone = bool(statement.heredocs) and len(command.words) == 1 and heredoc_of(command.words[0]) is not None
    return ins.Run(
        **place_of(statement),
        command=command,
        mounts=flags.texts("mount"),
        network=network,
        security=security,
        devices=flags.texts("device"),
        script=statement.heredocs[0] if lone else None,
    )


def _cmd(statement: Statement) -> ins.Cmd:
    no_flags(statement)
    return ins.Cmd(**place_of(statement), command=command_of(statement))


def _entrypoint(statement: Statement) -> ins.Entrypoint:
    no_flags(statement)
    return ins.Entrypoint(**place_of(statement), command=command_of(statement))


def _env(statement: Statement) -> ins.Env:
    return ins.Env(pairs=pairs_of(statement), **place_of(statement))


def _label(statement: Statement) -> ins.Label:
    return ins.Label(pairs=pairs_of(statement), **place_of(statement))


def _expose(statement: Statement) -> ins.Expose:
    at_least_one(statement, len(statement.arguments))
    no_flags(statement)
    return ins.Expose(**place_of(statement), ports=tuple(sorted(statement.arguments)))


def _user(statement: Statement) -> ins.User:
    return ins.User(user=only_argument(statement), **place_of(statement))


def _workdir(statement: Statement) -> ins.Workdir:
    return ins.Workdir(path=only_argument(statement), **place_of(statement))


def _volume(statement: Statement) -> ins.Volume:
    at_least_one(statement, len(statement.arguments))
    no_flags(statement)
    paths = tuple(path.strip(BLANKS) for path in statement.arguments)
    if not all(paths):
        raise DockerfileError("VOLUME specified can not be an empty string")
    return ins.Volume(**place_of(statement), paths=paths)


def _stopsignal(statement: Statement) -> ins.Stopsignal:
    """Flags are passed over here, as BuildKit does."""
    if len(statement.arguments) != 1:
        raise DockerfileError("STOPSIGNAL requires exactly one argument")
    return ins.Stopsignal(**place_of(statement), signal=statement.arguments[0])


def _shell(statement: Statement) -> ins.Shell:
    no_flags(statement)
    at_least_one(statement, len(statement.arguments))
    if not statement.json:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")
    return ins.Shell(**place_of(statement), words=statement.arguments)


_ONBUILD = re.compile(f"[{BLANKS}]*ONBUILD[{BLANKS}]*", re.IGNORECASE)


def _onbuild(statement: Statement) -> ins.Onbuild:
    if statement.inner is None:
        raise DockerfileError("ONBUILD requires at least one argument")
    no_flags(statement)
    trigger = statement.inner.name
    if trigger == "ONBUILD":
        raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise DockerfileError(f"{trigger} isn't allowed as an ONBUILD trigger")
    bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in statement.heredocs)
    return ins.Onbuild(**place_of(statement), trigger=_ONBUILD.sub("", statement.text, count=1) + bodies)


def _maintainer(statement: Statement) -> ins.Maintainer:
    return ins.Maintainer(maintainer=only_argument(statement), **place_of(statement))


_READERS: dict[str, Callable[[Statement], ins.Instruction]] = {
    "ADD": read_add,
    "ARG": _arg,
    "CMD": _cmd,
    "COPY": read_copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": read_healthcheck,
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
