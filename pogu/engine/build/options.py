"""What a build is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from pogu.engine.build.steps import RunLimits


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """The options of one build, whichever way they came."""

    tags: tuple[str, ...] = ()
    dockerfile: str = "Dockerfile"
    """Path of the Dockerfile in its directory."""
    target: str = ""
    args: dict[str, str | None] = field(default_factory=dict)
    """`--build-arg`; None for one that was named without a value and is not in the client's environment."""
    labels: dict[str, str] = field(default_factory=dict)
    platform: str = ""
    network: str = ""
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()
    """Stages that are not taken from the cache."""
    pull: bool = False
    squash: bool = False
    cache_from: tuple[str, ...] = ()
    """References of images whose history and layers serve as a cache."""
    inline_cache: bool = False
    contexts: dict[str, str] = field(default_factory=dict)
    """Named contexts: name -> `docker-image://…`, a URL, or `local:NAME` for a directory of the client."""
    limits: RunLimits = field(default_factory=RunLimits)
    hostname: str = ""
    source_date_epoch: int | None = None
    """Seconds since 1970: the latest time of anything in the image."""
    classic: bool = False
    """Whether what the image says of itself is as from the classic builder rather than from BuildKit."""
    check_only: bool = False
