"""What the instructions of stages do, one after the other, as far as the text tells."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

from pogu.engine.build.dockerfile import instructions as ins
from pogu.engine.build.dockerfile.checks import rules
from pogu.engine.build.dockerfile.checks.bases import global_arguments
from pogu.engine.build.dockerfile.checks.findings import Findings
from pogu.engine.build.dockerfile.checks.setting import Setting
from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.expansion import Expansion, expansion
from pogu.engine.build.dockerfile.lexing import Quotes
from pogu.engine.build.dockerfile.mounts import parse_mount
from pogu.engine.build.dockerfile.ports import split_port
from pogu.engine.build.dockerfile.suggest import suggestion

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_NO_SECRET = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)
_REMOTE = re.compile(r"https?://|git@|git://|ssh://")


class StageState:
    """What is known of a stage after some of its instructions."""

    def __init__(self, env: Mapping[str, str] | None) -> None:
        self.env = dict(env or {})
        self.env.setdefault("PATH", "")
        self.complete = env is not None
        """Whether `env` is all there is: not where it is the base image's and unknown."""
        self.declared: set[str] = set()
        self.has_workdir = False
        self.has_shell = False
        self.once: dict[str, ins.Instruction] = {}
        """The last CMD, ENTRYPOINT and HEALTHCHECK."""

    def child(self) -> StageState:
        """Return the state that a stage based on this one starts with."""
        state = StageState(self.env)
        state.complete = self.complete
        state.declared = set(self.declared)
        state.has_workdir, state.has_shell = self.has_workdir, self.has_shell
        return state


def check_bodies(dockerfile: ins.Dockerfile, setting: Setting, found: Findings) -> None:
    """Check the stages that are built, and read those that they are based on."""
    try:
        arguments = global_arguments(dockerfile, setting)
    except DockerfileError:
        return
    states: dict[str, StageState] = {}
    escape = dockerfile.directives.escape
    for number, stage in enumerate(dockerfile.stages):
        try:
            base = expansion(stage.base, arguments, escape).text
        except DockerfileError:
            return
        state = states[base.lower()].child() if base.lower() in states else _first_state(number, base, setting)
        wanted = setting.stages is None or number in setting.stages
        _StageChecker(state, arguments, setting, found if wanted else None, escape).check(stage)
        if stage.name:
            states[stage.name] = state


def _first_state(number: int, base: str, setting: Setting) -> StageState:
    return StageState({} if base == "scratch" else setting.environments.get(number))


class _StageChecker:
    def __init__(
        self, state: StageState, arguments: Mapping[str, str], setting: Setting, found: Findings | None, escape: str
    ) -> None:
        self._state = state
        self._arguments = arguments
        self._setting = setting
        self._found = found
        self._escape = escape

    def check(self, stage: ins.Stage) -> None:
        for instruction in stage.instructions:
            check = self._checks.get(type(instruction))
            if check is None:
                continue
            try:
                check(self, instruction)
            except DockerfileError:
                continue  # the build says it

    def _report(self, rule: rules.Rule, where: ins.Instruction, message: str) -> None:
        if self._found is not None:
            self._found.add(rule, where, message)

    def _expand(self, word: str, where: ins.Instruction, quotes: Quotes = Quotes.REMOVE) -> Expansion:
        escape = self._escape if quotes is Quotes.REMOVE else "\\"
        expanded = expansion(word, self._state.env, escape, quotes=quotes)
        if self._state.complete:
            for name in sorted(expanded.unset - self._state.declared):
                meant = suggestion(name, self._state.env)
                tail = f" (did you mean ${meant}?)" if meant else ""
                self._report(rules.UNDEFINED_VAR, where, f"Usage of undefined variable '${name}'{tail}")
        return expanded

    def _arg(self, arg: ins.Arg) -> None:
        state = self._state
        for argument in arg.arguments:
            self._check_secret(arg, argument.name)
            value = self._setting.arguments.get(argument.name)
            if value is None and argument.default is not None:
                value = self._expand(argument.default, arg).text
            elif value is None:
                value = self._arguments.get(argument.name)
            if value is not None:
                state.env[argument.name] = value
            state.declared.add(argument.name)

    def _env(self, env: ins.Env) -> None:
        pairs = [(self._expand(p.name, env).text, self._expand(p.value, env).text) for p in env.pairs]
        self._check_format(env, env.pairs)
        for name, value in pairs:
            self._check_secret(env, name)
            self._state.env[name] = value

    def _label(self, label: ins.Label) -> None:
        for pair in label.pairs:
            self._expand(pair.name, label)
            self._expand(pair.value, label)
        self._check_format(label, label.pairs)

    def _check_format(self, where: ins.Instruction, pairs: Iterable[ins.Pair]) -> None:
        keyword = where.keyword
        if any(pair.legacy for pair in pairs):
            message = f'"{keyword} key=value" should be used instead of legacy "{keyword} key value" format'
            self._report(rules.LEGACY_KEY_VALUE_FORMAT, where, message)

    def _check_secret(self, where: ins.Instruction, name: str) -> None:
        if _SECRET.search(name) and not _NO_SECRET.search(name):
            message = f"Do not use ARG or ENV instructions for sensitive data ({where.name} {quoted(name)})"
            self._report(rules.SECRETS_USED_IN_ARG_OR_ENV, where, message)

    def _workdir(self, workdir: ins.Workdir) -> None:
        path = self._expand(workdir.path, workdir).text
        if not self._state.has_workdir and not path.startswith("/"):
            message = f"Relative workdir {quoted(path)} can have unexpected results if the base image changes"
            self._report(rules.WORKDIR_RELATIVE_PATH, workdir, message)
        self._state.has_workdir = True

    def _command(self, where: ins.Cmd | ins.Entrypoint) -> None:
        self._only_once(where)
        if where.command.shell and not self._state.has_shell:
            message = (
                f"JSON arguments recommended for {where.keyword} to prevent unintended behavior related to OS signals"
            )
            self._report(rules.JSON_ARGS_RECOMMENDED, where, message)

    def _only_once(self, where: ins.Instruction) -> None:
        """What is told is where the earlier one is, which has no effect."""
        earlier = self._state.once.get(where.name)
        if earlier is not None:
            message = (
                f"Multiple {where.keyword} instructions should not be used in the same stage because only the last one "
                "will be used"
            )
            self._report(rules.MULTIPLE_INSTRUCTIONS_DISALLOWED, earlier, message)
        self._state.once[where.name] = where

    def _shell(self, _: ins.Shell) -> None:
        self._state.has_shell = True

    def _expose(self, expose: ins.Expose) -> None:
        for word in expose.ports:
            for port in expansion(word, self._state.env, self._escape).words:
                parts = split_port(port)
                if parts.protocol != parts.protocol.lower():
                    message = f"Defined protocol '{port}' in EXPOSE instruction should be lowercase"
                    self._report(rules.EXPOSE_PROTO_CASING, expose, message)
                if parts.address or parts.host:
                    message = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
                    self._report(rules.EXPOSE_INVALID_FORMAT, expose, message)

    def _transfer(self, where: ins.Add | ins.Copy) -> None:
        for word in (where.chown, where.chmod, where.destination):
            self._expand(word, where)
        if isinstance(where, ins.Add):
            self._expand(where.checksum, where)
        for content in where.contents:
            if content.expand:
                self._expand(content.text, where, Quotes.PLAIN)
        for source in where.sources:
            path = self._expand(source, where).text
            if not getattr(where, "from_", "") and not _REMOTE.match(path):
                self._check_ignored(where, path)

    def _check_ignored(self, where: ins.Instruction, source: str) -> None:
        """Where patterns take files back in, the text does not tell whether a path has any of them in it."""
        ignore = self._setting.ignore
        if ignore is None or ignore.negates:
            return
        path = posixpath.normpath(source).lstrip("/") or "/"
        if ignore.everything if path in (".", "/") else ignore.ignored(path):
            message = f"Attempting to {where.name.title()} file {quoted(path)} that is excluded by .dockerignore"
            self._report(rules.COPY_IGNORED_FILE, where, message)

    def _run(self, run: ins.Run) -> None:
        for mount in run.mounts:
            parse_mount(mount, lambda value: self._expand(value, run).text)

    def _word(self, where: ins.User | ins.Volume | ins.Stopsignal) -> None:
        words = (
            where.paths
            if isinstance(where, ins.Volume)
            else (where.user,)
            if isinstance(where, ins.User)
            else (where.signal,)
        )
        for word in words:
            self._expand(word, where)

    _checks: dict[type[ins.Instruction], Callable[..., None]] = {
        ins.Add: _transfer,
        ins.Arg: _arg,
        ins.Cmd: _command,
        ins.Copy: _transfer,
        ins.Entrypoint: _command,
        ins.Env: _env,
        ins.Expose: _expose,
        ins.Healthcheck: _only_once,
        ins.Label: _label,
        ins.Run: _run,
        ins.Shell: _shell,
        ins.Stopsignal: _word,
        ins.User: _word,
        ins.Volume: _word,
        ins.Workdir: _workdir,
    }
