"""Seccomp profiles: the built-in one, and Docker's and OCI's JSON forms, as OCI `linux.seccomp`."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from importlib import resources
from typing import Annotated, Any

import msgspec

from pogu.errors import InvalidArgument

Json = dict[str, Any]

# uname -m -> Docker's (Go's) names of the architecture and of what it runs besides
_GO_NAMES = {"x86_64": ("amd64", "x86", "x32"), "aarch64": ("arm64", "arm")}


def builtin(capabilities: frozenset[str], machine: str, kernel: tuple[int, int]) -> Json | None:
    """Return the built-in profile for a container with these capabilities; None on an unknown architecture."""
    table = _table()
    architectures = table["architectures"].get(machine)
    if architectures is None:
        return None
    calls = [name for group in table["allowed"].values() for name in group.split()]
    rules: list[Json] = [{"names": sorted(calls), "action": "SCMP_ACT_ALLOW"}]
    rules += [rule for r in table["rule"] if _holds(r, capabilities, machine, kernel) for rule in _rules(r)]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": table["errno"],
        "architectures": architectures,
        "syscalls": rules,
    }


def parse(text: str, capabilities: frozenset[str], machine: str, kernel: tuple[int, int]) -> Json:
    """Return the OCI form of a profile in Docker's form (`archMap`, `includes`, `excludes`) or OCI's own.

    Raises InvalidArgument with Docker's words.
    """
    profile = _decoded(text)
    if profile.get("architectures") and profile.get("archMap"):
        raise InvalidArgument(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, "
            "use either 'architectures' or 'archMap'"
        )
    result: Json = {
        k: profile[k] for k in ("defaultAction", "defaultErrnoRet", "flags", "listenerPath") if k in profile
    }
    if "defaultAction" not in result:
        raise InvalidArgument("Decoding seccomp profile failed: defaultAction is missing")
    if profile.get("architectures"):
        result["architectures"] = profile["architectures"]
    elif own := _architectures(profile.get("archMap") or [], machine):
        result["architectures"] = own
    result["syscalls"] = [
        _docker_rule(rule) for rule in profile.get("syscalls") or [] if _applies(rule, capabilities, machine, kernel)
    ]
    return result


class _Argument(msgspec.Struct):
    index: int
    op: str
    value: int = 0
    valueTwo: int = 0  # noqa: N815 # as the profile has it, here and below


class _Conditions(msgspec.Struct):
    caps: list[str] | None = None
    arches: list[str] | None = None
    minKernel: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")] | None = None  # noqa: N815


class _Call(msgspec.Struct):
    name: str | None = None
    names: list[str] | None = None
    action: str = ""
    errnoRet: int | None = None  # noqa: N815
    args: list[_Argument] | None = None
    includes: _Conditions | None = None
    excludes: _Conditions | None = None


class _Architecture(msgspec.Struct):
    architecture: str = ""
    subArchitectures: list[str] | None = None  # noqa: N815


class _Profile(msgspec.Struct):
    defaultAction: str = ""  # noqa: N815
    defaultErrnoRet: int | None = None  # noqa: N815
    flags: list[str] | None = None
    listenerPath: str | None = None  # noqa: N815
    architectures: list[str] | None = None
    archMap: list[_Architecture] | None = None  # noqa: N815
    syscalls: list[_Call] | None = None


def _decoded(text: str) -> Json:
    """Return a profile all of whose fields have the types that the forms give them. Raises InvalidArgument."""
    try:
        msgspec.json.decode(text, type=_Profile)
        profile: Json = json.loads(text)
    except (ValueError, RecursionError) as e:  # msgspec's errors are ValueErrors
        raise InvalidArgument(f"Decoding seccomp profile failed: {e}") from None
    return profile


@cache
def _table() -> Json:
    return tomllib.loads(resources.files(__package__).joinpath("seccomp.toml").read_text())


def _holds(rule: Json, capabilities: frozenset[str], machine: str, kernel: tuple[int, int]) -> bool:
    if "capability" in rule and rule["capability"] not in capabilities:
        return False
    if rule.get("without") in capabilities or rule.get("machine", machine) != machine:
        return False
    return kernel >= _version(rule.get("kernel", "0.0"))


def _rules(rule: Json) -> list[Json]:
    found: Json = {"names": rule["calls"].split(), "action": rule.get("action", "SCMP_ACT_ALLOW")}
    if "errno" in rule:
        found["errnoRet"] = rule["errno"]
    if "values" in rule:
        equal: Json = {"index": rule["argument"], "op": "SCMP_CMP_EQ"}
        return [{**found, "args": [{**equal, "value": value}]} for value in rule["values"]]
    if "argument" in rule:
        index, comparison, value, *second = rule["argument"]
        found["args"] = [
            {"index": index, "op": comparison, "value": value, **({"valueTwo": second[0]} if second else {})}
        ]
    return [found]


def _architectures(table: list[Json], machine: str) -> list[str]:
    names = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
    for entry in table:
        if entry.get("architecture") == names.get(machine):
            return [entry["architecture"], *(entry.get("subArchitectures") or [])]
    return []


def _applies(rule: Json, capabilities: frozenset[str], machine: str, kernel: tuple[int, int]) -> bool:
    """Docker's conditions: all that `includes` names must hold, and nothing that `excludes` names may."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    native = _GO_NAMES.get(machine, (machine,))[0]
    if includes.get("arches") and native not in includes["arches"]:
        return False
    if native in (excludes.get("arches") or ()):
        return False
    if not capabilities.issuperset(includes.get("caps") or ()):
        return False
    if capabilities & set(excludes.get("caps") or ()):
        return False
    if includes.get("minKernel") and kernel < _version(includes["minKernel"]):
        return False
    return not (excludes.get("minKernel") and kernel >= _version(excludes["minKernel"]))


def _docker_rule(rule: Json) -> Json:
    names = [*(rule.get("names") or []), *([rule["name"]] if rule.get("name") else [])]
    if rule.get("name") and rule.get("names"):
        raise InvalidArgument(
            "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
        )
    found: Json = {"names": names, "action": rule.get("action", "")}
    if rule.get("errnoRet") is not None:
        found["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        found["args"] = rule["args"]
    return found


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor.partition(".")[0] or 0)
