"""A new container's endpoints: what the network mode, the request's endpoints and `--mac-address` say together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from pogu.engine.model import ContainerConfig, EndpointSettings, HostConfig, NetworkingConfig
from pogu.errors import InvalidArgument

_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(\1[0-9A-Fa-f]{2}){4}")
BUILT_IN = ("bridge", "host", "none", "default")


def is_user_defined(mode: str) -> bool:
    """Tell whether a network mode names a network that somebody made."""
    return bool(mode) and mode not in BUILT_IN and not mode.startswith("container:")


def check_networking(networking: NetworkingConfig | None) -> None:
    """Raise InvalidArgument for endpoints without settings, and addresses that are none."""
    for name, endpoint in ((networking and networking.endpoints_config) or {}).items():
        if endpoint is None:
            raise InvalidArgument(f"invalid config for network {name}: EndpointsConfig is nil")
        check_endpoint(name, endpoint)


def check_endpoint(name: str, endpoint: EndpointSettings) -> None:
    """Raise InvalidArgument for a malformed address of one endpoint."""
    ipam = endpoint.ipam_config
    faults = []
    if ipam and ipam.ipv4_address and not _is_address(ipam.ipv4_address, 4):
        faults.append(f"invalid IPv4 address: {ipam.ipv4_address}")
    if ipam and ipam.ipv6_address and not _is_address(ipam.ipv6_address, 6):
        faults.append(f"invalid IPv6 address: {ipam.ipv6_address}")
    for address in (ipam and ipam.link_local_ips) or []:
        if not _is_address(address, 4) and not _is_address(address, 6):
            faults.append(f"invalid link-local IP address: {address}")
    if endpoint.mac_address:
        check_mac(endpoint.mac_address)
    if faults:
        raise InvalidArgument(f"invalid config for network {name}: invalid endpoint settings:\n" + "\n".join(faults))


def check_mac(address: str) -> None:
    """Raise InvalidArgument where no interface can have that MAC address: malformed, of a group, or zero."""
    if not _MAC.fullmatch(address) or int(address[:2], 16) & 1 or not address.strip("0:-"):
        raise InvalidArgument(f"invalid MAC address: {address}")


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def initial_endpoints(
    config: ContainerConfig, host: HostConfig, networking: NetworkingConfig | None, name_of: Callable[[str], str]
) -> dict[str, EndpointSettings]:
    """Return the endpoints by network name, what the kernel gives still empty; `name_of` turns an ID into a name.

    A network mode without an endpoint of its own gets one; `container:X` has none.

    Raises:
        InvalidArgument: addresses or aliases on a network that cannot have them, or contradicting MAC addresses.
    """
    mode = host.network_mode or "bridge"
    if mode.startswith("container:"):
        return {}
    given = {name_of(n): e for n, e in ((networking and networking.endpoints_config) or {}).items() if e is not None}
    mode_name = "bridge" if mode == "default" else name_of(mode)
    if "default" in given:
        given["bridge"] = given.pop("default")
    if mode_name in ("host", "none") and set(given) - {mode_name}:
        raise InvalidArgument("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
    endpoints = {mode_name: given.pop(mode_name, EndpointSettings()), **given}
    endpoint = endpoints[mode_name]
    if config.mac_address:
        if endpoint.mac_address and endpoint.mac_address.lower() != config.mac_address.lower():
            raise InvalidArgument(
                "conflicting MAC address specified: the container-wide MAC address must match "
                f"the endpoint-specific MAC address for the main network {mode_name}, or be left empty"
            )
        check_mac(config.mac_address)
        endpoint.mac_address = config.mac_address
    if is_user_defined(mode_name) and host.links:
        endpoint.links = [*(endpoint.links or []), *host.links]
    for name, each in endpoints.items():
        _check_allowed(name, each)
    return endpoints


def _check_allowed(name: str, endpoint: EndpointSettings) -> None:
    if is_user_defined(name):
        return
    ipam = endpoint.ipam_config
    faults = []
    if ipam and (ipam.ipv4_address or ipam.ipv6_address):
        faults.append("user-specified IP address is supported on user-defined networks only")
    if endpoint.aliases:
        faults.append("network-scoped aliases are only supported for user-defined networks")
    if faults:
        raise InvalidArgument("invalid endpoint settings:\n" + "\n".join(faults))
