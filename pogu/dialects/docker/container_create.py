"""`POST /containers/create`, with what older API versions meant by the same fields."""

from __future__ import annotations

import re

from pogu.dialects.docker.call import Call, json_response
from pogu.dialects.docker.platforms import parse_platform
from pogu.dialects.docker.requests import CreateRequest, narrow
from pogu.dialects.docker.routes import Route, found, text
from pogu.dialects.docker.version import ApiVersion
from pogu.engine.engine import Engine
from pogu.engine.model import ContainerConfig, EndpointSettings, HostConfig, NetworkingConfig, PortBinding
from pogu.errors import InvalidArgument
from pogu.http import Response

ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"

_OPTIONS_OF = {"volume": "volume_options", "bind": "bind_options", "tmpfs": "tmpfs_options"}
_OPTION_NAMES = {"volume": "VolumeOptions", "bind": "BindOptions", "tmpfs": "TmpfsOptions"}


class CreateRoutes:
    """The handler of container creation."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.containers

    async def create(self, call: Call) -> Response:
        request = await call.body_required(CreateRequest)
        if not any(getattr(request, name) for name in ContainerConfig.__struct_fields__):
            raise InvalidArgument("config cannot be empty in order to create a container")
        config = narrow(request, ContainerConfig)
        host = request.host_config or HostConfig()
        host.runtime = host.runtime or request.runtime
        networking = request.networking_config or NetworkingConfig()
        platform = parse_platform(call.text("platform")) if call.version >= (1, 41) else ""
        warnings = adapt(config, host, networking, call.version)
        created = await self._containers.create(
            call.text("name") or None, config, host, networking, platform=platform or None
        )
        return json_response({"Id": created.id, "Warnings": [*created.warnings, *warnings]}, 201)

    def routes(self) -> list[Route]:
        """Return the operation."""
        return [
            Route(
                "POST",
                "/containers/create",
                self.create,
                "ContainerCreate",
                "Make a container",
                (text("name", "Its name"), text("platform", "os[/arch[/variant]] of the image")),
                CreateRequest,
                found("Its ID and warnings", "ContainerCreated", 201),
                (400, 404, 409, 413, 500, 501),
            ),
        ]


def adapt(config: ContainerConfig, host: HostConfig, networking: NetworkingConfig, version: ApiVersion) -> list[str]:
    """Change a request of an older version into the newest form, in place; return warnings for its sender.

    Raises:
        InvalidArgument: fields contradict one another, or are newer than the version.
    """
    endpoints: dict[str, EndpointSettings] = {
        name: endpoint or EndpointSettings() for name, endpoint in (networking.endpoints_config or {}).items()
    }
    networking.endpoints_config = dict(endpoints)
    _name_default_network(host, networking)
    _ignore_newer_fields(config, host, networking, version)
    _check_mounts(host, version)
    if version < (1, 44) and len(networking.endpoints_config) > 1:
        raise InvalidArgument(
            "Container cannot be created with multiple network endpoints: " + ", ".join(networking.endpoints_config)
        )
    if host.pids_limit is not None and host.pids_limit <= 0:
        host.pids_limit = None
    host.port_bindings = {port: bindings or [PortBinding()] for port, bindings in (host.port_bindings or {}).items()}
    return [
        w
        for w in (
            _volume_driver_warning(host, version),
            _move_mac_address(config, host, networking, version),
            _move_sysctls(host, networking, version),
        )
        if w
    ]


def _name_default_network(host: HostConfig, networking: NetworkingConfig) -> None:
    """`default` is another word for the bridge."""
    if host.network_mode not in (None, "", "default"):
        return
    host.network_mode = "bridge"
    endpoints = networking.endpoints_config or {}
    if "default" in endpoints:
        endpoints["bridge"] = endpoints.pop("default")


def _ignore_newer_fields(
    config: ContainerConfig, host: HostConfig, networking: NetworkingConfig, version: ApiVersion
) -> None:
    if version < (1, 40) and not host.ipc_mode:
        host.ipc_mode = "shareable"
    if version < (1, 42):
        host.console_size = None
        for mount in host.mounts or ():
            (mount.bind_options or {}).pop("CreateMountpoint", None)
            for kind, name in _OPTIONS_OF.items():
                if kind not in (mount.type, "bind"):
                    setattr(mount, name, None)
    if version < (1, 43):
        host.annotations = None
    if version < (1, 44) and config.healthcheck is not None:
        config.healthcheck.start_interval = 0
    if version < (1, 48):
        for endpoint in (networking.endpoints_config or {}).values():
            if endpoint is not None:
                endpoint.gw_priority = 0


def _check_mounts(host: HostConfig, version: ApiVersion) -> None:
    for mount in host.mounts or ():
        if version >= (1, 42):
            for kind, name in _OPTIONS_OF.items():
                if getattr(mount, name) is not None and mount.type != kind:
                    raise InvalidArgument(f'{_OPTION_NAMES[kind]} must not be specified on mount type "{mount.type}"')
        if version < (1, 44) and (mount.bind_options or {}).get("ReadOnlyForceRecursive"):
            raise InvalidArgument("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
        if version < (1, 45) and (mount.volume_options or {}).get("Subpath"):
            raise InvalidArgument("VolumeOptions.Subpath needs API v1.45 or newer")
        if version < (1, 48) and mount.type == "image":
            raise InvalidArgument('Mount type "Image" needs API v1.48 or newer')


def _volume_driver_warning(host: HostConfig, version: ApiVersion) -> str:
    if not host.volume_driver or version < (1, 48):
        return ""
    for mount in host.mounts or ():
        driver = (mount.volume_options or {}).get("DriverConfig") or {}
        if mount.type == "volume" and not driver.get("Name"):
            return (
                "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via "
                "'mount'. Use '--mount type=volume,volume-driver=...' instead"
            )
    return ""


def _is_user_defined(mode: str) -> bool:
    return mode not in ("default", "bridge", "host", "none") and not mode.startswith("container:")


def _move_mac_address(
    config: ContainerConfig, host: HostConfig, networking: NetworkingConfig, version: ApiVersion
) -> str:
    """Since 1.44 a hardware address belongs to an endpoint, not to the container."""
    endpoints = networking.endpoints_config or {}
    mode = host.network_mode or ""
    bridged = mode == "bridge" or _is_user_defined(mode)
    if not config.mac_address:
        if version < (1, 44):
            for other in endpoints.values():
                if other is not None:
                    other.mac_address = ""
        return ""
    if version < (1, 44) and not bridged:
        raise InvalidArgument("conflicting options: mac-address and the network mode")
    if bridged:
        endpoint = _endpoint_of_mode(mode, networking, version)
        if endpoint.mac_address and endpoint.mac_address != config.mac_address and version >= (1, 44):
            raise InvalidArgument(
                "the container-wide MAC address must match the endpoint-specific MAC address for the main network, "
                "or be left empty"
            )
        endpoint.mac_address = config.mac_address
    if version < (1, 44):
        return ""
    return "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead."


def _endpoint_of_mode(mode: str, networking: NetworkingConfig, version: ApiVersion) -> EndpointSettings:
    """Return the endpoint of the network that the network mode names, made where there is none at all."""
    endpoints = networking.endpoints_config
    if not endpoints:
        endpoint = EndpointSettings()
        networking.endpoints_config = {mode: endpoint}
        return endpoint
    found = next(iter(endpoints.values())) if version < (1, 44) else endpoints.get(mode)
    if found is None:
        raise InvalidArgument(
            "unable to migrate container-wide MAC address to a specific network: "
            "HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks"
        )
    return found


def _move_sysctls(host: HostConfig, networking: NetworkingConfig, version: ApiVersion) -> str:
    """Settings of one interface (`net.ipv4.conf.eth0.…`) belong to its endpoint since 1.46."""
    mode = host.network_mode or ""
    if mode in ("host", "none") or mode.startswith("container:"):
        return ""
    names = [n for n in host.sysctls or {} if re.fullmatch(r"net\.[^.]*\.[^.]*\.eth[^.]*\..*", n)]
    if not names:
        return ""
    for name in names:
        if version > (1, 47):
            raise InvalidArgument(
                f'interface specific sysctl setting "{name}" must be supplied using driver option '
                f"'{ENDPOINT_SYSCTLS}'"
            )
        if name.split(".")[3] != "eth0":
            raise InvalidArgument(
                f"unable to determine network endpoint for sysctl {name}, use driver option "
                f"'{ENDPOINT_SYSCTLS}' to set per-interface sysctls"
            )
    endpoint = _endpoint_of_mode(mode, networking, version)
    sysctls = host.sysctls or {}
    moved = ",".join(f"{n.replace('.eth0.', '.IFNAME.', 1)}={sysctls.pop(n)}" for n in names)
    options = endpoint.driver_opts or {}
    options[ENDPOINT_SYSCTLS] = ",".join(filter(None, (moved, options.get(ENDPOINT_SYSCTLS))))
    endpoint.driver_opts = options
    return f'Migrated sysctl "{",".join(names)}" to DriverOpts{{"{ENDPOINT_SYSCTLS}":"{moved}"}}.'
