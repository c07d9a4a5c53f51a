"""Networks as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pogu.dialects.docker.rendering.omission import omit_all_empty, plain
from pogu.dialects.docker.version import ApiVersion
from pogu.engine.model import Container, EndpointSettings, Network


def render_network(network: Network, version: ApiVersion, containers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a network; `containers` by ID are what `render_endpoint_resource` gives, None in a list."""
    value = plain(network)
    ipam = value["IPAM"]
    rendered = {
        "Name": network.name,
        "Id": network.id,
        "Created": network.created,
        "Scope": network.scope,
        "Driver": network.driver,
        "EnableIPv4": network.enable_ipv4,
        "EnableIPv6": network.enable_ipv6,
        "IPAM": {
            "Driver": ipam["Driver"] or "default",
            "Options": ipam["Options"],
            "Config": [omit_all_empty(c) for c in ipam["Config"] or ()],
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": network.ingress,
        "ConfigFrom": {"Network": network.config_from},
        "ConfigOnly": network.config_only,
        "Containers": dict(containers or {}),
        "Options": network.options,
        "Labels": network.labels,
    }
    if version < (1, 48):
        del rendered["EnableIPv4"]
    return rendered


def render_endpoint_resource(container: Container, endpoint: EndpointSettings) -> dict[str, str]:
    """Return a container's place on a network, as inspecting the network shows it."""
    return {
        "Name": container.name,
        "EndpointID": endpoint.endpoint_id or "",
        "MacAddress": endpoint.mac_address or "",
        "IPv4Address": f"{endpoint.ip_address}/{endpoint.ip_prefix_len}" if endpoint.ip_address else "",
        "IPv6Address": (
            f"{endpoint.global_ipv6_address}/{endpoint.global_ipv6_prefix_len}" if endpoint.global_ipv6_address else ""
        ),
    }
