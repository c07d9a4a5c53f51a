"""`# check=skip=…;error=true;experimental=…`: which checks are done, and whether what they find ends the build."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pogu.engine.build.dockerfile.checks.rules import Rule
from pogu.engine.build.dockerfile.directives import DirectiveReader
from pogu.engine.build.dockerfile.errors import DockerfileError

_TRUTHS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the directive asks for. `all` stands for every rule."""

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False
    """Whatever is found ends the build."""

    def wants(self, rule: Rule) -> bool:
        """Say whether a check is to be done: those in trial only when asked for, and then whatever is skipped."""
        names = self.experimental if rule.experimental else self.skip
        return bool(names & {rule.name, "all"}) is rule.experimental

    def with_comments(self, comments: Sequence[str]) -> CheckOptions:
        """Return the options for an instruction with these comments before it; what is wrong in them is passed over."""
        for comment in comments:
            reader = DirectiveReader("")
            reader.read(comment)
            if "check" not in reader.values:
                continue
            try:
                more = parse_options(reader.values["check"].partition(" ")[0])
            except DockerfileError:
                return self
            return msgspec.structs.replace(
                self, skip=self.skip | more.skip, experimental=self.experimental | more.experimental
            )
        return self


def parse_options(text: str) -> CheckOptions:
    """Return what a directive says. Raises DockerfileError."""
    found: dict[str, frozenset[str]] = {}
    error = False
    for part in text.strip().split(";", 2) if text.strip() else ():
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or name not in ("skip", "experimental", "error"):
            wrong = name if equals else part
            raise DockerfileError(f'failed to parse check options: invalid check option "{wrong}"')
        if name != "error":
            found[name] = frozenset(rule.strip() for rule in value.split(","))
        elif value.lower() in _TRUTHS:
            error = _TRUTHS[value.lower()]
        else:
            raise DockerfileError(f'failed to parse check options: failed to parse check option "{part}"')
    nothing: frozenset[str] = frozenset()
    return CheckOptions(skip=found.get("skip", nothing), experimental=found.get("experimental", nothing), error=error)
