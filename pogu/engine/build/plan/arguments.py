"""Build arguments: which are known where, and what they are (Dockerfile reference, "Understand how ARG and FROM
interact")."""

from __future__ import annotations

from collections.abc import Mapping

from pogu.engine.images.platform import Platform

PROXIES = frozenset(
    name
    for base in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (base, base.lower())
)
"""Known without ARG, and left out of history and cache unless declared."""


class Arguments:
    """The arguments of one build: those given, the global ones, and those of platforms."""

    def __init__(self, given: Mapping[str, str | None], build: Platform, target: Platform, stage: str) -> None:
        self._given = given
        self.globals: dict[str, str] = {}
        self.platform = {**_platform("BUILD", build), **_platform("TARGET", target), "TARGETSTAGE": stage or "default"}

    def declare_global(self, name: str, default: str | None) -> None:
        """Take an ARG before the first FROM."""
        value = self._given.get(name, default)
        if value is not None:
            self.globals[name] = value

    def for_from(self) -> dict[str, str]:
        """Return what a FROM can use."""
        return {**self.platform, **self.globals}

    def value(self, name: str, default: str | None) -> str | None:
        """Return what `ARG name[=default]` in a stage gives: the given value, the default, or the global's."""
        if self._given.get(name) is not None:
            return self._given[name]
        if default is not None:
            return default
        return self.globals.get(name, self.platform.get(name))

    def proxies(self) -> dict[str, str]:
        """Return the given proxy settings."""
        return {name: value for name, value in self._given.items() if name in PROXIES and value is not None}

    def unused(self, declared: set[str]) -> list[str]:
        """Return the given arguments that no ARG declares, sorted."""
        known = declared | set(PROXIES) | set(self.platform) | {"SOURCE_DATE_EPOCH"}
        hidden = ("BUILDKIT_", "BUILDX_")
        return sorted(n for n in self._given if n not in known and not n.startswith(hidden))


def _platform(prefix: str, platform: Platform) -> dict[str, str]:
    return {
        f"{prefix}PLATFORM": str(platform),
        f"{prefix}OS": platform.os,
        f"{prefix}ARCH": platform.architecture,
        f"{prefix}VARIANT": platform.variant,
    }
