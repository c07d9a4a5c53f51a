"""What each instruction does to a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pogu.engine.archive import clean
from pogu.engine.build.contexts.context import Context
from pogu.engine.build.dockerfile import instructions as written
from pogu.engine.build.dockerfile.expansion import expand, expand_words
from pogu.engine.build.dockerfile.ports import parse_ports
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.options import BuildOptions
from pogu.engine.build.plan.arguments import Arguments
from pogu.engine.build.plan.stage import Stage
from pogu.engine.build.plan.wording import Wording
from pogu.engine.build.steps import Workdir
from pogu.engine.containers.signals import parse_signal
from pogu.engine.model import HealthConfig
from pogu.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What instructions need to know besides their stage."""

    options: BuildOptions
    arguments: Arguments
    wording: Wording
    escape: str
    context: Context
    contexts: Mapping[str, Context]
    """Named ones."""


@dataclass(slots=True)
class Scene:
    """One instruction being gone through."""

    stage: Stage
    around: Surroundings
    line: int
    title: str
    """What a step of this instruction is called."""

    def expand(self, word: str) -> str:
        """Return a word with the stage's variables in it."""
        return expand(word, self.stage.variables, self.around.escape)

    def words(self, word: str) -> list[str]:
        """Return the words that one becomes."""
        return expand_words(word, self.stage.variables, self.around.escape)

    def note(self, text: str) -> None:
        """Add a line that makes no layer to the history."""
        wording = self.around.wording
        self.stage.note(wording.metadata(text, self.stage.shell), wording.comment)

    @property
    def no_cache(self) -> bool:
        """Whether the stage is not to be taken from the cache."""
        return self.stage.name in self.around.options.no_cache_filter

    def absolute(self, path: str) -> str:
        """Return a path as the working directory makes it absolute, `/` at its end kept."""
        joined = path if path.startswith("/") else f"{self.stage.config.working_dir or '/'}/{path}"
        return normal(joined) + ("/" if path.endswith(("/", "/.")) or path in (".", "") else "")


def normal(path: str) -> str:
    """Return an absolute path cleaned, without `/` at its end; the root is empty."""
    below = clean(path)
    return f"/{below}" if below else ""


def _env(scene: Scene, what: written.Env) -> None:
    pairs = [(scene.expand(pair.name), scene.expand(pair.value)) for pair in what.pairs]
    for name, value in pairs:
        if not name:
            raise InvalidArgument("ENV names can not be blank")
        scene.stage.set_env(name, value)
    scene.note("ENV " + " ".join(f"{name}={value}" for name, value in pairs))


def _label(scene: Scene, what: written.Label) -> None:
    label_literally(scene, [written.Pair(scene.expand(pair.name), scene.expand(pair.value)) for pair in what.pairs])


def label_literally(scene: Scene, pairs: Sequence[written.Pair]) -> None:
    """Add labels whose names and values are as given."""
    config = scene.stage.config
    config.labels = {**(config.labels or {}), **{pair.name: pair.value for pair in pairs}}
    scene.note("LABEL " + " ".join(f"{pair.name}={pair.value}" for pair in pairs))


def _arg(scene: Scene, what: written.Arg) -> None:
    stage, told = scene.stage, []
    for argument in what.arguments:
        default = None if argument.default is None else scene.expand(argument.default)
        told.append(argument.name if default is None else f"{argument.name}={default}")
        value = scene.around.arguments.value(argument.name, default)
        stage.declared.add(argument.name)
        if value is not None:
            stage.arguments[argument.name] = value
    scene.note(f"ARG {' '.join(told)}")


def _maintainer(scene: Scene, what: written.Maintainer) -> None:
    scene.stage.author = what.maintainer
    scene.note(f"MAINTAINER {what.maintainer}")


def _command(scene: Scene, what: written.CommandLine) -> list[str]:
    if not what.shell:
        return list(what.words)
    nothing = [] if scene.around.options.classic else [""]
    return [*scene.stage.shell, *(what.words or nothing)]


def _cmd(scene: Scene, what: written.Cmd) -> None:
    config, wording = scene.stage.config, scene.around.wording
    config.cmd = _command(scene, what.command)
    config.args_escaped = None if scene.around.options.classic else True
    scene.stage.has_command = True
    scene.stage.note(wording.command("CMD", config.cmd, scene.stage.shell), wording.comment)


def _entrypoint(scene: Scene, what: written.Entrypoint) -> None:
    config, wording = scene.stage.config, scene.around.wording
    config.entrypoint = _command(scene, what.command)
    if not scene.stage.has_command:
        config.cmd = None
    scene.stage.note(wording.command("ENTRYPOINT", config.entrypoint, scene.stage.shell), wording.comment)


def _expose(scene: Scene, what: written.Expose) -> None:
    words = [word for port in sorted(what.ports) for word in scene.words(port)]
    ports = parse_ports(words)
    config = scene.stage.config
    config.exposed_ports = {**(config.exposed_ports or {}), **{port: {} for port in ports}}
    scene.note(scene.around.wording.exposed(ports, words))


def _user(scene: Scene, what: written.User) -> None:
    scene.stage.config.user = scene.expand(what.user)
    scene.note(f"USER {scene.stage.config.user}")


def _workdir(scene: Scene, what: written.Workdir) -> None:
    stage, wording = scene.stage, scene.around.wording
    path = normal(scene.absolute(scene.expand(what.path))) or "/"
    stage.config.working_dir = path
    text = wording.metadata(f"WORKDIR {path}", stage.shell)
    if scene.around.options.classic:
        text = text.replace("#(nop)  ", "#(nop) ")
    if path == "/":
        stage.note(text, wording.comment)
        return
    user = "" if scene.around.options.classic else stage.config.user or ""
    step = Workdir(name=scene.title, line=scene.line, parent=stage.step, path=path, user=user, no_cache=scene.no_cache)
    stage.note(text, wording.comment, step)


def _volume(scene: Scene, what: written.Volume) -> None:
    paths = [scene.expand(path) for path in what.paths]
    if not all(path.strip() for path in paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    config = scene.stage.config
    config.volumes = {**(config.volumes or {}), **{path: {} for path in paths}}
    scene.note(scene.around.wording.volumes(paths))


def _stopsignal(scene: Scene, what: written.Stopsignal) -> None:
    signal = scene.expand(what.signal)
    parse_signal(signal)
    scene.stage.config.stop_signal = signal
    scene.note(f"STOPSIGNAL {signal}")


def _shell(scene: Scene, what: written.Shell) -> None:
    scene.stage.config.shell = list(what.words)
    scene.note(scene.around.wording.shell(what.words))


def _healthcheck(scene: Scene, what: written.Healthcheck) -> None:
    health = HealthConfig(
        test=list(what.test),
        interval=what.interval,
        timeout=what.timeout,
        start_period=what.start_period,
        start_interval=what.start_interval,
        retries=what.retries,
    )
    scene.stage.config.healthcheck = health
    scene.note(scene.around.wording.health(health))


def _onbuild(scene: Scene, what: written.Onbuild) -> None:
    config = scene.stage.config
    config.on_build = [*(config.on_build or []), what.trigger]
    if scene.around.options.classic:  # BuildKit's history does not tell of triggers
        scene.note(f"ONBUILD {what.trigger}")


METADATA: Mapping[type[written.Instruction], Callable[[Scene, Any], None]] = {
    written.Env: _env,
    written.Label: _label,
    written.Arg: _arg,
    written.Maintainer: _maintainer,
    written.Cmd: _cmd,
    written.Entrypoint: _entrypoint,
    written.Expose: _expose,
    written.User: _user,
    written.Workdir: _workdir,
    written.Volume: _volume,
    written.Stopsignal: _stopsignal,
    written.Shell: _shell,
    written.Healthcheck: _healthcheck,
    written.Onbuild: _onbuild,
}
"""Those that need nothing from outside their stage."""


def dispatch(scene: Scene, what: written.Instruction) -> None:
    """Do to the stage what an instruction of `METADATA` says. Raises BuildFailed with its line."""
    try:
        METADATA[type(what)](scene, what)
    except InvalidArgument as e:
        raise BuildFailed(e.message, scene.line) from None
