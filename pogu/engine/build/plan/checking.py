"""Before a Dockerfile is planned: whether this builder is meant by it, and what is probably a mistake in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pogu.engine.build.dockerfile.checks import Setting, checks, in_short, options_for, violation
from pogu.engine.build.dockerfile.instructions import Dockerfile
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.ignore import Ignore
from pogu.engine.build.options import BuildOptions
from pogu.engine.build.plan.stage import Stage
from pogu.engine.build.progress import Report, Warned
from pogu.engine.build.solving.telling import tell

_OURS = re.compile(r"(docker\.io/)?docker/dockerfile(-upstream)?(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")


def require_known_syntax(dockerfile: Dockerfile, options: BuildOptions) -> None:
    """Refuse a front end that is a program of its own. The classic builder knows of none.

    Raises:
        BuildFailed: `# syntax=…` names one.
    """
    wanted = options.args.get("BUILDKIT_SYNTAX") or dockerfile.directives.syntax
    if wanted and not options.classic and not _OURS.fullmatch(wanted):
        raise BuildFailed(f"the front end {wanted} is not supported: docker/dockerfile is read by Pogu itself", 1)


def findings(
    dockerfile: Dockerfile, options: BuildOptions, ignore: Ignore | None, stages: Sequence[Stage] = ()
) -> list[Warned]:
    """Return what checks find.

    Args:
        stages: those that were gone through; what their base images set is known of them.
    """
    environments = {stage.index: _environment(stage) for stage in stages}
    return checks(dockerfile, Setting(arguments=options.args, environments=environments, ignore=ignore))


def _environment(stage: Stage) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in stage.points[0].config.env or ())


async def warn(dockerfile: Dockerfile, options: BuildOptions, found: Sequence[Warned], report: Report) -> None:
    """Report what checks have found.

    Raises:
        DockerfileError: something was found and the file asks for an error then.
    """
    await tell_findings(found, report)
    wrong = violation(found, options_for(dockerfile, options.args))
    if wrong is not None:
        raise wrong


async def tell_findings(found: Sequence[Warned], report: Report) -> None:
    """Report what checks have found, and no more."""
    if not found:
        return
    async with tell(report, "[internal] check build definition") as told:
        for warning in found:
            told.say(in_short(warning))
            report(msgspec.structs.replace(warning, vertex=told.vertex))
