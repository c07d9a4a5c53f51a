"""Images as the API shows them."""

from __future__ import annotations

from typing import Any

from pogu.dialects.docker.rendering.omission import omit_all_empty, omit_empty, plain
from pogu.dialects.docker.rendering.settings import render_config
from pogu.dialects.docker.version import ApiVersion
from pogu.engine.images import Image, ImageSummary, Variant
from pogu.engine.model import ContainerConfig
from pogu.engine.moments import NEVER

# What an image has of a container's settings; since 1.50 the others are no longer shown.
_IMAGE_CONFIG = (
    "User ExposedPorts Env Cmd Healthcheck ArgsEscaped Volumes WorkingDir Entrypoint OnBuild Labels StopSignal Shell"
).split()
_OMITTED = ("ExposedPorts", "ArgsEscaped", "Healthcheck", "StopSignal", "Shell")


def render_image_config(config: ContainerConfig, version: ApiVersion) -> dict[str, Any]:
    """Return `Config` of an image."""
    value = _with_null_labels(config)
    if version < (1, 50):
        return value
    return omit_empty({name: value[name] for name in _IMAGE_CONFIG if name in value}, _OMITTED)


def _with_null_labels(config: ContainerConfig) -> dict[str, Any]:
    return render_config(config) | {"Labels": config.labels or None}


def render_image(image: Image, version: ApiVersion, driver: str, graph_data: dict[str, str]) -> dict[str, Any]:
    """Return all about an image; `graph_data` is what the storage driver says of its topmost layer."""
    details = image.details
    value: dict[str, Any] = {
        "Id": image.id,
        "RepoTags": image.repo_tags,
        "RepoDigests": image.repo_digests,
        "Parent": image.parent,
        "Comment": image.comment,
        "Created": image.created or NEVER,
        "DockerVersion": details.docker_version or "",
        "Author": image.author,
        "Config": render_image_config(image.config, version),
        "Architecture": image.platform.architecture,
        "Variant": image.platform.variant,
        "Os": image.platform.os,
        "OsVersion": details.os_version or "",
        "Size": image.size,
        "GraphDriver": {"Data": graph_data or None, "Name": driver},
        "RootFS": omit_all_empty({"Type": "layers", "Layers": image.diff_ids}),
        "Metadata": {"LastTagTime": image.last_tag_time},
    }
    omit_empty(value, ("Variant", "OsVersion"))
    if version < (1, 44):
        value["VirtualSize"] = image.size
    if version < (1, 45):
        value["Container"] = details.container or ""
        value["ContainerConfig"] = _with_null_labels(details.container_config or ContainerConfig())
    return value


def render_variant(variant: Variant) -> dict[str, Any]:
    """Return one entry of `Manifests` (API 1.47 and later)."""
    descriptor = variant.manifest
    platform = {"architecture": variant.platform.architecture, "os": variant.platform.os}
    if variant.platform.variant:
        platform["variant"] = variant.platform.variant
    return {
        "ID": descriptor.digest,
        "Descriptor": {
            "mediaType": descriptor.media_type,
            "digest": descriptor.digest,
            "size": descriptor.size,
            "platform": platform,
        },
        "Available": True,
        "Size": {"Content": variant.content, "Total": variant.content + variant.unpacked},
        "Kind": "image",
        "ImageData": {
            "Platform": platform,
            "Containers": list(variant.containers),
            "Size": {"Unpacked": variant.unpacked},
        },
    }


def render_image_summary(image: ImageSummary, version: ApiVersion) -> dict[str, Any]:
    """Return one entry of the list; before 1.43 an image without names has the name `<none>`."""
    value = plain(image)
    value["Labels"] = value["Labels"] or None
    if version < (1, 43) and not value["RepoTags"] and not value["RepoDigests"]:
        value |= {"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}
    if version < (1, 44):
        value["VirtualSize"] = image.size
    return value
