"""The Dockerfile front end as clients ask for it: a map of attributes (BuildKit, "frontend/dockerui")."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pogu.engine.build.options import BuildOptions, asks_for_inline_cache
from pogu.engine.build.steps import RunLimits
from pogu.errors import InvalidArgument, Unsupported

_FRONTENDS = ("dockerfile.v0", "gateway.v0")
_OFFICIAL = ("docker/dockerfile", "docker.io/docker/dockerfile")


def check_frontend(frontend: str, attributes: Mapping[str, str]) -> None:
    """Raise Unsupported for a front end that is not the Dockerfile's, or a question other than for a build."""
    if frontend not in _FRONTENDS:
        raise Unsupported(f"the frontend {frontend!r} is not available; only Dockerfiles are built")
    if frontend == "gateway.v0" and not attributes.get("source", "").startswith(_OFFICIAL):
        raise Unsupported(f"the frontend {attributes.get('source', '')!r} is not available; only Dockerfiles are built")
    if request := attributes.get("requestid", ""):
        raise Unsupported(f"unsupported request {request}")


def options_of(attributes: Mapping[str, str]) -> BuildOptions:
    """Return the options of a build. Raises InvalidArgument for a value that cannot be, Unsupported."""
    platform = attributes.get("platform", "")
    if "," in platform:
        raise Unsupported("a build for several platforms at once is not available; build them one after the other")
    no_cache = attributes.get("no-cache")
    return BuildOptions(
        dockerfile=attributes.get("filename") or "Dockerfile",
        target=attributes.get("target", ""),
        args=dict(_prefixed(attributes, "build-arg:")),
        labels=_prefixed(attributes, "label:"),
        platform=platform,
        network=attributes.get("force-network-mode", ""),
        no_cache=no_cache == "",
        no_cache_filter=_split(no_cache or ""),
        pull=attributes.get("image-resolve-mode") == "pull",
        cache_from=_cache_imports(attributes),
        inline_cache=asks_for_inline_cache(_prefixed(attributes, "build-arg:")),
        contexts=_prefixed(attributes, "context:"),
        limits=_limits(attributes),
        hostname=attributes.get("hostname", ""),
    )


def client_directories(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the named contexts that are the client's directories: name -> its directory there."""
    contexts = _prefixed(attributes, "context:").items()
    return {name: value.removeprefix("local:") for name, value in contexts if value.startswith("local:")}


def _prefixed(attributes: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


class _Cache(msgspec.Struct, rename="pascal"):
    type: str = ""
    attrs: dict[str, str] = {}


def _cache_imports(attributes: Mapping[str, str]) -> tuple[str, ...]:
    text = attributes.get("cache-imports", "")
    try:
        imports = msgspec.json.decode(text, type=list[_Cache] | None) or [] if text else []
    except msgspec.MsgspecError as e:
        raise InvalidArgument(f"failed to unmarshal cache-imports: {e}") from None
    named = [each.attrs["ref"] for each in imports if each.type == "registry" and "ref" in each.attrs]
    return tuple(dict.fromkeys([*named, *_split(attributes.get("cache-from", ""))]))


def _limits(attributes: Mapping[str, str]) -> RunLimits:
    hosts = (host.partition("=") for host in _split(attributes.get("add-hosts", "")))
    return RunLimits(
        shm_size=_number(attributes.get("shm-size", "")),
        ulimits=tuple(_ulimit(text) for text in _split(attributes.get("ulimit", ""))),
        cgroup_parent=attributes.get("cgroup-parent", ""),
        extra_hosts=tuple(f"{name}:{address}" for name, _, address in hosts),
    )


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise InvalidArgument(f"invalid size: {text}")
    return int(text or 0)


def _ulimit(text: str) -> tuple[str, int, int]:
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    try:
        return name, int(soft), int(hard or soft)
    except ValueError:
        raise InvalidArgument(f"invalid ulimit argument: {text}") from None
