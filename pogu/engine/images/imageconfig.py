"""The image configuration: the JSON document whose digest is the image's ID.

Its fields are Docker's and OCI's together (image-spec, config.md; moby's image JSON). The bytes are kept as they
came, since the ID is their digest; this is what is read from them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pogu.engine.images.digests import EMPTY_TAR, check_digest
from pogu.engine.model import ContainerConfig
from pogu.engine.moments import parse_rfc3339
from pogu.errors import InvalidArgument

LARGEST = 8 << 20  # bytes of a configuration or manifest; real ones are a few kilobytes

# What a container's settings say of the container rather than of images made from it.
_IMAGE_FIELDS = (
    "User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir Labels StopSignal Healthcheck OnBuild Shell ArgsEscaped"
).split()


class History(msgspec.Struct, omit_defaults=True):
    """One step of how the image was made. `created` is RFC 3339; an empty layer has no entry in `diff_ids`."""

    created: str | None = None
    created_by: str | None = ""
    author: str | None = ""
    comment: str | None = ""
    empty_layer: bool | None = False


class RootFS(msgspec.Struct):
    """The layers, bottom first, by the digests of their uncompressed archives."""

    type: str = "layers"
    diff_ids: list[str] | None = None


class ImageConfig(msgspec.Struct, rename={"os_version": "os.version", "os_features": "os.features"}):
    """An image configuration as it was read. None and empty mean the same: the field was not there."""

    rootfs: RootFS
    created: str | None = None
    author: str | None = ""
    architecture: str | None = ""
    variant: str | None = ""
    os: str | None = ""
    os_version: str | None = ""
    os_features: list[str] | None = None
    config: ContainerConfig | None = None
    container: str | None = ""
    container_config: ContainerConfig | None = None
    docker_version: str | None = ""
    comment: str | None = ""
    history: list[History] | None = None

    @property
    def diff_ids(self) -> list[str]:
        return self.rootfs.diff_ids or []

    @property
    def created_ns(self) -> int | None:
        """When it was made, in nanoseconds since the epoch; None if it does not say."""
        return parse_rfc3339(self.created) if self.created else None


def parse_image_config(data: bytes) -> ImageConfig:
    """Return what an image configuration says.

    Raises:
        InvalidArgument: it is not one, contradicts itself, or is for another operating system than Linux.
    """
    if len(data) > LARGEST:
        raise InvalidArgument(f"invalid image configuration: it is larger than {LARGEST} bytes")
    try:
        config = msgspec.json.decode(data, type=ImageConfig)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise InvalidArgument(f"invalid image configuration: {e}") from None
    if config.rootfs.type != "layers":
        raise InvalidArgument(f"invalid image configuration: rootfs type {config.rootfs.type!r} is not layers")
    if config.os and config.os != "linux":
        raise InvalidArgument(f"cannot load {config.os} image on linux")
    for diff_id in config.diff_ids:
        if not check_digest(diff_id).startswith("sha256:"):
            raise InvalidArgument(f"invalid image configuration: unsupported digest algorithm in {diff_id}")
    for moment in [config.created, *(h.created for h in config.history or ())]:
        if moment:
            parse_rfc3339(moment)
    if sum(not h.empty_layer for h in config.history or ()) > len(config.diff_ids):
        raise InvalidArgument("too many non-empty layers in History section")
    return config


def container_defaults(config: ContainerConfig) -> dict[str, Any]:
    """Return the part of a container's settings that an image has, as image configurations write it."""
    fields = msgspec.to_builtins(config)
    kept = {name: fields[name] for name in _IMAGE_FIELDS if fields.get(name) not in (None, "", [], {}, False)}
    if config.entrypoint == [""]:  # the builder's way to say that an inherited entrypoint is reset
        kept.pop("Entrypoint", None)
    return kept


def new_image_config(
    *,
    diff_ids: list[str],
    history: list[History],
    config: ContainerConfig,
    architecture: str,
    created: str,
    variant: str = "",
    author: str = "",
    comment: str = "",
    container: str = "",
    container_config: ContainerConfig | None = None,
) -> bytes:
    """Return the bytes of a new image configuration, keys sorted, empty fields left out. Times are RFC 3339."""
    document: dict[str, Any] = {
        "architecture": architecture,
        "author": author,
        "comment": comment,
        "config": container_defaults(config),
        "container": container,
        "container_config": msgspec.to_builtins(container_config) if container_config else None,
        "created": created,
        "history": msgspec.to_builtins(history),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "variant": variant,
    }
    kept = {k: v for k, v in document.items() if v not in ("", None) or k == "architecture"}
    return msgspec.json.encode(kept, order="sorted")


def is_empty_layer(diff_id: str) -> bool:
    """Tell whether a layer changes nothing: the archive without entries."""
    return diff_id == EMPTY_TAR
