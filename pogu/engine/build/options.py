"""What a build is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pogu.engine.build.steps import RunLimits
from pogu.errors import InvalidArgument


@dataclass(frozen=True, kw_only=True)
class Output:
    """A form in which the result is wanted: image, registry (an image that is pushed), oci, docker, tar or local."""

    type: str = "image"
    names: tuple[str, ...] = ()
    push: bool = False


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
    outputs: tuple[Output, ...] = ()
    """None: an image with the tags."""
    cache_to: tuple[str, ...] = ()
    """References that images are pushed to for `cache_from` of other builds."""
    cache_from: tuple[str, ...] = ()
    """References of images whose history and layers serve as a cache."""
    inline_cache: bool = False
    """Whether the image tells of its steps, so that it serves as a cache."""
    contexts: dict[str, str] = field(default_factory=dict)
    """Named contexts: name -> `docker-image://…`, a URL, or `local:NAME` for a directory of the client."""
    allowed: frozenset[str] = frozenset()
    """What a RUN may ask for beyond the usual: `network.host`, `security.insecure`."""
    limits: RunLimits = field(default_factory=RunLimits)
    hostname: str = ""
    classic: bool = False
    """Whether what the image says of itself is as from the classic builder rather than from BuildKit."""

    @property
    def source_date_epoch(self) -> int | None:
        """Seconds since 1970, the latest time of anything in the image, from the build argument; None without one.

        Raises:
            InvalidArgument: it is no number.
        """
        text = self.args.get("SOURCE_DATE_EPOCH") or ""
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            raise InvalidArgument(f"invalid SOURCE_DATE_EPOCH: {text}")
        return int(text)


def asks_for_inline_cache(args: Mapping[str, str | None]) -> bool:
    """Tell whether build arguments ask for `inline_cache`, as clients without a word of their own for it do."""
    return (args.get("BUILDKIT_INLINE_CACHE") or "").lower() in ("1", "t", "true")
