"""What checks can be told of the build beside the file's text."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from pogu.engine.build.ignore import Ignore


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the build. Checks that need what is not known are not done."""

    predefined: Mapping[str, str] = {}
    """`TARGETPLATFORM` and the like, where they are not this machine's."""
    arguments: Mapping[str, str | None] = {}
    """`--build-arg`."""
    environments: Mapping[int, Mapping[str, str]] = {}
    """ENV that stages begin with, by their number: their base images'. Without it, a variable that a stage does not set
    may be its base image's. Stages that are based on others need none."""
    stages: Collection[int] | None = None
    """Numbers of the stages that are built, whose instructions are checked; None: all."""
    ignore: Ignore | None = None
    """`.dockerignore`."""
    vertex: str = ""
    """Of the graph, to which findings belong."""
