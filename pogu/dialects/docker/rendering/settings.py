"""A container's settings: `Config`, `HostConfig` and the endpoints of inspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pogu.dialects.docker.rendering.omission import omit_all_empty, omit_empty, omit_null, plain
from pogu.dialects.docker.version import ApiVersion
from pogu.engine.model import ContainerConfig, EndpointSettings, HostConfig

_CONFIG_EMPTY = ("ExposedPorts", "ArgsEscaped", "NetworkDisabled", "MacAddress", "StopSignal", "Shell")
_CONFIG_NULL = ("Healthcheck", "StopTimeout")
_HOST_EMPTY = ("Annotations", "StorageOpt", "Tmpfs", "Sysctls", "Runtime", "Mounts", "KernelMemory")
_HOST_NULL = ("Init",)


def render_config(config: ContainerConfig) -> dict[str, Any]:
    """Return `Config`."""
    value = omit_null(omit_empty(plain(config), _CONFIG_EMPTY), _CONFIG_NULL)
    if "Healthcheck" in value:
        value["Healthcheck"] = omit_all_empty(value["Healthcheck"])
    value["Labels"] = value["Labels"] or {}
    for name in ("Cmd", "Entrypoint"):
        if isinstance(value[name], str):
            value[name] = [value[name]]
    return value


def render_host_config(host: HostConfig, version: ApiVersion) -> dict[str, Any]:
    """Return `HostConfig` as the API version has it."""
    value = omit_null(omit_empty(plain(host), _HOST_EMPTY), _HOST_NULL)
    value["ContainerIDFile"] = value["ContainerIDFile"] or ""
    value["ConsoleSize"] = value["ConsoleSize"] or [0, 0]
    value["PortBindings"] = value["PortBindings"] or {}
    value["LogConfig"] = value["LogConfig"] or {"Type": "", "Config": {}}
    value["LogConfig"]["Config"] = value["LogConfig"]["Config"] or {}
    value["RestartPolicy"] = value["RestartPolicy"] or {"Name": "no", "MaximumRetryCount": 0}
    if "Mounts" in value:
        value["Mounts"] = [omit_all_empty(m) for m in value["Mounts"]]
    if version < (1, 43):
        value.pop("Annotations", None)
    if version < (1, 42):
        value.setdefault("KernelMemory", 0)
    return value


def render_endpoint(endpoint: EndpointSettings, version: ApiVersion) -> dict[str, Any]:
    """Return one entry of `NetworkSettings.Networks`."""
    value = plain(endpoint)
    if value["IPAMConfig"] is not None:
        value["IPAMConfig"] = omit_all_empty(value["IPAMConfig"])
    if version < (1, 48):
        del value["GwPriority"]
    if version < (1, 44):
        del value["DNSNames"]
    return value


def render_endpoints(
    networks: Mapping[str, EndpointSettings], own_names: Sequence[str], version: ApiVersion
) -> dict[str, Any]:
    """Return `NetworkSettings.Networks`; before 1.45 a user-defined network's aliases show `own_names` too."""
    rendered = {}
    for name, endpoint in networks.items():
        value = render_endpoint(endpoint, version)
        if version < (1, 45) and name not in ("bridge", "host", "none", "default"):
            value["Aliases"] = list(dict.fromkeys([*(value["Aliases"] or []), *own_names])) or None
        rendered[name] = value
    return rendered
