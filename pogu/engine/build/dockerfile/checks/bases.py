"""What FROM is made of: global arguments and platforms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pogu.engine.build.dockerfile.checks import rules
from pogu.engine.build.dockerfile.checks.findings import Findings
from pogu.engine.build.dockerfile.checks.setting import Setting
from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.expansion import Expansion, expansion
from pogu.engine.build.dockerfile.instructions import Dockerfile, From
from pogu.engine.build.dockerfile.suggest import suggestion
from pogu.engine.images.platform import host_platform, parse_platform
from pogu.engine.images.reference import parse_reference
from pogu.errors import InvalidArgument


def global_arguments(dockerfile: Dockerfile, setting: Setting, *, given: bool = True) -> dict[str, str]:
    """Return what FROM can use; without `given`, as if no `--build-arg` were. Raises DockerfileError."""
    env = {**_predefined(), **setting.predefined}
    arguments = setting.arguments if given else {}
    for arg in dockerfile.arguments:
        for argument in arg.arguments:
            value = arguments.get(argument.name)
            if value is None and argument.default is not None:
                value = expansion(argument.default, env, dockerfile.directives.escape).text
            if value is not None:
                env[argument.name] = value
    return env


def _predefined() -> dict[str, str]:
    """Return the arguments that every FROM can use, as they are on this machine."""
    platform = host_platform()
    parts = {
        "PLATFORM": str(platform),
        "OS": platform.os,
        "OSVERSION": "",
        "ARCH": platform.architecture,
        "VARIANT": platform.variant,
    }
    return {side + part: value for side in ("BUILD", "TARGET") for part, value in parts.items()} | {
        "TARGETSTAGE": "default"
    }


def check_bases(dockerfile: Dockerfile, setting: Setting, found: Findings) -> None:
    """Check each FROM."""
    try:
        env = global_arguments(dockerfile, setting)
        _check_defaults(dockerfile, global_arguments(dockerfile, setting, given=False), found)
        for stage in dockerfile.stages:
            _check_from(dockerfile, stage.start, env, found)
    except DockerfileError:
        return  # the build says it


def _check_defaults(dockerfile: Dockerfile, defaults: Mapping[str, str], found: Findings) -> None:
    for stage in dockerfile.stages:
        try:
            parse_reference(expansion(stage.base, defaults, dockerfile.directives.escape).text)
        except DockerfileError:
            return
        except InvalidArgument:
            message = f"Default value for ARG {stage.base} results in empty or invalid base image name"
            found.add(rules.INVALID_DEFAULT_ARG_IN_FROM, stage.start, message)


def _check_from(dockerfile: Dockerfile, start: From, env: Mapping[str, str], found: Findings) -> None:
    declared = [*env, *(argument.name for arg in dockerfile.arguments for argument in arg.arguments)]
    base = expansion(start.base, env, dockerfile.directives.escape)
    _report_undeclared(start, base.unset, declared, found)
    if not start.platform:
        return
    platform = expansion(start.platform, env, dockerfile.directives.escape)
    _report_undeclared(start, platform.unset, declared, found)
    if platform.used == {"TARGETPLATFORM"} and not platform.unset and platform.text == env["TARGETPLATFORM"]:
        message = (
            f"Setting platform to predefined {start.platform} in FROM is redundant as this is the default behavior"
        )
        found.add(rules.REDUNDANT_TARGET_PLATFORM, start, message)
    if not platform.used and not platform.unset:
        _check_constant_platform(start, platform, found)


def _report_undeclared(start: From, unset: Iterable[str], declared: Sequence[str], found: Findings) -> None:
    for name in sorted(set(unset) - set(declared)):
        meant = suggestion(name, declared)
        message = f"FROM argument '{name}' is not declared" + (f" (did you mean {meant}?)" if meant else "")
        found.add(rules.UNDEFINED_ARG_IN_FROM, start, message)


def _check_constant_platform(start: From, platform: Expansion, found: Findings) -> None:
    """A constant is fine in a stage whose name tells of it."""
    try:
        parsed = parse_platform(platform.text)
    except InvalidArgument:
        return
    if parsed.os not in start.stage and parsed.architecture not in start.stage:
        message = f"FROM --platform flag should not use constant value {quoted(platform.text)}"
        found.add(rules.FROM_PLATFORM_FLAG_CONST_DISALLOWED, start, message)
