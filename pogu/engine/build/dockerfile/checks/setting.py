"""What checks can be told of the build beside the file's text."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from pogu.engine.build.ignore import Ignore


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the build. Checks that need what is not known are not done."""

    predefined: Mapping[str, str] = {}
    """`TARGETPLATFORM` and the like; some of its names are known to the language, all others come from here."""
    arguments: Mapping[str, str | None] = {}
    """`--build-arg`."""
    environments: Mapping[str, Mapping[str, str]] = {}
    """ENV of base images, by the name that FROM has once variables are replaced. Without it, a variable that a stage
    does not set may be its base image's."""
    stages: Collection[int] | None = None
    """Numbers of the stages that are built, whose instructions are checked; None: all."""
    ignore: Ignore | None = None
    """`.dockerignore`."""
    vertex: str = ""
    """Of the graph, to which findings belong."""
