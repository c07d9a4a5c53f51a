"""Platforms: `os/architecture[/variant]`, which one this machine is, and what it can run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from pogu.errors import InvalidArgument

# uname(2) machine -> GOARCH, variant
_MACHINES = {
    "x86_64": ("amd64", ""),
    "i686": ("386", ""),
    "i386": ("386", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "ppc64le": ("ppc64le", ""),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
    "loongarch64": ("loong64", ""),
}
_ALIASES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "i386": "386",
    "i686": "386",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}
_IMPLIED = {("arm64", ""): "v8", ("arm", ""): "v7", ("amd64", "v1"): ""}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and processor, in Go's names, as in image indexes (image-spec, image-index.md)."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def normal(self) -> Platform:
        """The same platform with aliases resolved and implied variants spelled out."""
        architecture = _ALIASES.get(self.architecture.lower(), self.architecture.lower())
        variant = self.variant.lower()
        if architecture == "arm" and variant and not variant.startswith("v"):
            variant = f"v{variant}"
        return Platform(self.os.lower(), architecture, _IMPLIED.get((architecture, variant), variant))

    def runs(self, other: Platform) -> bool:
        """Tell whether this platform runs what was built for `other`: the same, or an older ARM variant."""
        return self.rank(other) is not None

    def rank(self, other: Platform) -> int | None:
        """How well `other` suits this platform: 0 is exact, more is worse, None is not at all."""
        mine, its = self.normal(), other.normal()
        if mine == its:
            return 0
        if mine.os != its.os:
            return None
        if mine.architecture == its.architecture:
            return _variant_distance(mine, its, without_variant=not other.variant)
        if mine.architecture == "arm64" and its.architecture == "arm":
            return 10 + (_variant_number(mine.variant) or 8) - (_variant_number(its.variant) or 7)
        if mine.architecture == "amd64" and its.architecture == "386":
            return 20
        return None


@cache
def host_platform() -> Platform:
    """Return this machine's platform."""
    machine = os.uname().machine
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    return Platform("linux", architecture, variant if architecture == "arm" else "")


def parse_platform(text: str) -> Platform:
    """Return the platform that `os`, `os/architecture` or `os/architecture/variant` names.

    A word alone is an operating system, or an architecture of Linux if it names one (containerd's rule).

    Raises:
        InvalidArgument: it is none.
    """
    parts = text.strip().lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(p and p.replace("_", "").replace("-", "").isalnum() for p in parts):
        raise InvalidArgument(f'"{text}": invalid platform specifier: it must be os[/architecture[/variant]]')
    if len(parts) == 1:
        host = host_platform()
        if parts[0] in ("linux", "windows", "darwin", "freebsd"):
            return Platform(parts[0], host.architecture, host.variant)
        known = {a for a, _ in _MACHINES.values()} | set(_ALIASES)
        if parts[0] not in known:
            raise InvalidArgument(f'"{text}": unknown operating system or architecture: invalid platform specifier')
        return Platform("linux", parts[0]).normal()
    return Platform(*parts).normal()


def _variant_distance(mine: Platform, its: Platform, without_variant: bool) -> int | None:
    """Newer ARM processors run what was built for older ones."""
    ours, theirs = _variant_number(mine.variant), _variant_number(its.variant)
    if without_variant or ours is None:
        return 1
    return ours - theirs if theirs is not None and theirs <= ours else None


def _variant_number(variant: str) -> int | None:
    digits = variant.removeprefix("v")
    return int(digits) if digits.isdigit() else None
