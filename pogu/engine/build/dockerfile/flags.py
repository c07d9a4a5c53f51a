"""Flags of an instruction: `--from=build`, `--link`, `--mount=… --mount=…`."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.suggest import did_you_mean


class Kind(enum.Enum):
    """What a flag takes."""

    TRUTH = "truth"
    TEXT = "text"
    TEXTS = "texts"
    """May be given several times."""


class Flags:
    """The flags that were given, checked."""

    def __init__(self, given: Sequence[str], known: Mapping[str, Kind]) -> None:
        """Raises DockerfileError: unknown, given twice, without a value or with one that is neither true nor false."""
        self._values: dict[str, list[str]] = {}
        for flag in given:
            name, equals, value = flag.partition("=")
            kind = known.get(name[2:])
            if kind is None:
                raise DockerfileError(did_you_mean(f"unknown flag: {name}", name[2:], known))
            values = self._values.setdefault(name[2:], [])
            if values and kind is not Kind.TEXTS:
                raise DockerfileError(f"duplicate flag specified: {name}")
            if (kind is Kind.TRUTH and equals and not value) or (kind is not Kind.TRUTH and not equals):
                raise DockerfileError(f"missing a value on flag: {name}")
            if kind is Kind.TRUTH and value.lower() not in ("", "true", "false"):
                raise DockerfileError(f"expecting boolean value for flag {name}, not: {value}")
            values.append(value)

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, [default])[0]

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))

    def truth(self, name: str) -> bool | None:
        """Return what was said; None if nothing was."""
        values = self._values.get(name)
        return None if values is None else values[0].lower() != "false"
