"""Build checks: what a Dockerfile may say and probably should not, as far as its text tells.

`checks` finds it; `violation` is the error that ends a build where the file asks for that. The one documented check
that is not here, InvalidBaseImagePlatform, needs the base image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pogu.engine.build.dockerfile.checks.bases import check_bases
from pogu.engine.build.dockerfile.checks.bodies import check_bodies
from pogu.engine.build.dockerfile.checks.findings import Findings
from pogu.engine.build.dockerfile.checks.naming import check_naming
from pogu.engine.build.dockerfile.checks.options import CheckOptions, parse_options
from pogu.engine.build.dockerfile.checks.setting import Setting
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.instructions import Dockerfile
from pogu.engine.build.progress import Warned

__all__ = ["CheckOptions", "Setting", "checks", "in_short", "options_for", "parse_options", "violation"]


def checks(dockerfile: Dockerfile, setting: Setting | None = None, options: CheckOptions | None = None) -> list[Warned]:
    """Return what is found, in the order of lines.

    Args:
        setting: what else is known of the build.
        options: instead of those that are in force (`options_for`).

    Raises:
        DockerfileError: the file's options cannot be read.
    """
    setting = setting or Setting()
    found = Findings(options or options_for(dockerfile, setting.arguments), setting.vertex)
    check_naming(dockerfile, found)
    check_bases(dockerfile, setting, found)
    check_bodies(dockerfile, setting, found)
    return sorted(found.all, key=lambda warning: warning.first_line)


def options_for(dockerfile: Dockerfile, arguments: Mapping[str, str | None]) -> CheckOptions:
    """Return the options in force: those of the build argument BUILDKIT_DOCKERFILE_CHECK, else the file's `# check=…`.

    Raises:
        DockerfileError: they cannot be read.
    """
    return parse_options(arguments.get("BUILDKIT_DOCKERFILE_CHECK") or dockerfile.directives.check)


def violation(found: Sequence[Warned], options: CheckOptions) -> DockerfileError | None:
    """Return the error that findings are under `error=true`; None if there are none, or they are no error."""
    if not found or not options.error:
        return None
    names = ", ".join(sorted({warning.rule for warning in found}))
    return DockerfileError(f"lint violation found for rules: {names}", found[0].first_line, found[0].last_line)


def in_short(warning: Warned) -> str:
    """Return a finding on one line, as BuildKit tells it: `Rule: message (line 3)`."""
    line = f" (line {warning.first_line})" if warning.first_line else ""
    return f"{warning.rule}: {warning.message}{line}" if warning.rule else warning.message + line
