"""RUN, COPY and ADD: instructions that make layers, and take from other stages, images and contexts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from pogu.engine.build.contexts.context import Context
from pogu.engine.build.dockerfile import instructions as written
from pogu.engine.build.dockerfile.expansion import expand_heredoc
from pogu.engine.build.dockerfile.mounts import parse_mount
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.plan.dispatch import Scene
from pogu.engine.build.plan.stage import Stage
from pogu.engine.build.solving.fetching import is_git_url, is_url
from pogu.engine.build.steps import (
    ContextFiles,
    Copy,
    Inline,
    Remote,
    Repository,
    Run,
    RunMount,
    Source,
    StageFiles,
    Step,
)
from pogu.errors import InvalidArgument

FindFrom = Callable[[str, int], Awaitable[Step | Context]]
"""Finds what `--from` names; takes the line too."""

_SCRIPT = "/dev/pipes/EOF"


async def run(scene: Scene, what: written.Run, find: FindFrom) -> None:
    """RUN. Raises BuildFailed."""
    stage, around = scene.stage, scene.around
    _check_allowed(scene, what)
    args, mounts = _command(stage, what)
    mounts += [await _mount(scene, text, find) for text in what.mounts]
    env = [*(stage.config.env or []), *_environment(scene, stage.arguments)]
    proxies = {name: value for name, value in _proxies(scene).items() if name not in stage.arguments}
    hidden = stage.env if around.options.classic else ()
    shown = [f"{name}={value}" for name, value in sorted(stage.arguments.items()) if name not in hidden]
    step = Run(
        name=scene.title,
        line=scene.line,
        parent=stage.step,
        args=tuple(args),
        command=" ".join(args),
        env=tuple(env),
        proxies=tuple(_environment(scene, proxies)),
        cwd=stage.config.working_dir or "/",
        user=stage.config.user or "",
        mounts=tuple(mounts),
        network=what.network if what.network != "default" else around.options.network,
        insecure=what.security == "insecure",
        hostname=around.options.hostname,
        volumes=tuple(stage.config.volumes or ()) if around.options.classic else (),
        limits=around.options.limits,
        no_cache=scene.no_cache,
    )
    counted = bool(shown or around.arguments.proxies())
    stage.note(around.wording.run(args, shown, counted=counted), around.wording.comment, step)


def _check_allowed(scene: Scene, what: written.Run) -> None:
    for name, asked in (("network.host", what.network == "host"), ("security.insecure", what.security == "insecure")):
        if asked and name not in scene.around.options.allowed:
            raise BuildFailed(f"{name} is not allowed", scene.line)


def _command(stage: Stage, what: written.Run) -> tuple[list[str], list[RunMount]]:
    if what.script is not None:
        text = what.script.text
        if text.startswith("#!"):
            return [_SCRIPT], [RunMount(type="script", target=_SCRIPT, mode=0o755, content=text.encode())]
        return [*stage.shell, text], []
    if what.command.shell:
        return [*stage.shell, what.shell_text], []
    return list(what.command.words), []


def _proxies(scene: Scene) -> dict[str, str]:
    """Return the given proxies; with BuildKit each by its name in small and in capital letters, as programs want it."""
    given = scene.around.arguments.proxies()
    if scene.around.options.classic:
        return given
    return {**{form(name): value for name, value in given.items() for form in (str.upper, str.lower)}, **given}


def _environment(scene: Scene, given: Mapping[str, str]) -> list[str]:
    """Return arguments as a command's environment; what the image sets itself is not changed by them."""
    known = scene.stage.env
    return [f"{name}={value}" for name, value in given.items() if name not in known]


async def _mount(scene: Scene, text: str, find: FindFrom) -> RunMount:
    try:
        mount = parse_mount(text, scene.expand)
        files: StageFiles | ContextFiles | None = None
        if mount.type == "bind" or (mount.type == "cache" and mount.from_):
            found = await find(mount.from_, scene.line) if mount.from_ else scene.around.context
            pattern = (mount.source or "/",)
            files = _files(found, pattern)
    except InvalidArgument as e:
        raise BuildFailed(e.message, scene.line) from None
    target = scene.absolute(mount.target).rstrip("/") if mount.target else ""
    identifier = mount.id
    if mount.type == "secret":
        identifier = identifier or mount.source or target.rpartition("/")[2]
        if not target and mount.env is None:
            target = f"/run/secrets/{identifier.rpartition('/')[2]}"
    elif not identifier:
        identifier = target if mount.type == "cache" else "default"
    return RunMount(
        type=mount.type,
        target=target,
        files=files,
        writable=not mount.readonly,
        id=identifier,
        required=mount.required,
        sharing=mount.sharing or "shared",
        mode=mount.mode,
        uid=mount.uid or 0,
        gid=mount.gid or 0,
        size=mount.size or 0,
        env=mount.env or "",
    )


async def transfer(scene: Scene, what: written.Copy | written.Add, find: FindFrom) -> None:
    """COPY and ADD. Raises BuildFailed."""
    stage, around = scene.stage, scene.around
    if around.options.classic and len(what.sources) + len(what.contents) > 1 and not what.destination.endswith("/"):
        raise BuildFailed(
            f"When using {what.name} with more than one source file, "
            "the destination must be a directory and end with a /",
            scene.line,
        )
    sources = await _sources(scene, what, find)
    destination = scene.expand(what.destination)
    step = Copy(
        name=scene.title,
        line=scene.line,
        parent=stage.step,
        sources=tuple(sources),
        destination=scene.absolute(destination) or "/",
        owner=scene.expand(what.chown) if what.chown else None,
        mode=scene.expand(what.chmod) if what.chmod else "",
        link=what.link,
        parents=isinstance(what, written.Copy) and what.parents,
        excludes=tuple(scene.expand(pattern) for pattern in what.excludes),
        needs_files=around.options.classic,
        unpack=isinstance(what, written.Add) and what.unpack is not False,
        unpack_downloads=isinstance(what, written.Add) and what.unpack is True,
        no_cache=scene.no_cache,
    )
    names = [*(scene.expand(source) for source in what.sources), *(f"<<{h.name}" for h in what.contents)]
    text = " ".join([what.name, *names, destination])
    made = around.wording.copy(text, step.owner or "", destination, stage.shell)
    stage.note(made, around.wording.comment, step)


async def _sources(scene: Scene, what: written.Copy | written.Add, find: FindFrom) -> list[Source]:
    from_ = scene.expand(what.from_) if isinstance(what, written.Copy) else ""
    found = await find(from_, scene.line) if from_ else scene.around.context
    local: list[str] = []
    sources: list[Source] = []
    for text in map(scene.expand, what.sources):
        remote = _remote(what, text) if isinstance(what, written.Add) else None
        if remote is not None:
            sources.append(remote)
        else:
            local.append(text)
    if local:
        sources.insert(0, _files(found, tuple(local)))
    sources += [Inline(heredoc.name, _content(scene, heredoc)) for heredoc in what.contents]
    return sources


def _files(found: Step | Context, patterns: tuple[str, ...]) -> StageFiles | ContextFiles:
    if isinstance(found, Context):
        found.need(tuple(map(_reach, patterns)))
        return ContextFiles(found, patterns)
    return StageFiles(found, patterns)


def _reach(pattern: str) -> str:
    """Return what a client has to send for a pattern: it does not know `**`, so all that is below what precedes it."""
    before, found, _ = pattern.partition("**")
    return before.rpartition("/")[0] or "." if found else pattern


def _remote(what: written.Add, text: str) -> Source | None:
    if is_git_url(text):
        return Repository(text, bool(what.keep_git_dir), what.checksum)
    if is_url(text):
        return Remote(text, what.checksum)
    return None


def _content(scene: Scene, heredoc: written.Heredoc) -> bytes:
    text = heredoc.text
    return (expand_heredoc(text, scene.stage.variables) if heredoc.expand else text).encode()
