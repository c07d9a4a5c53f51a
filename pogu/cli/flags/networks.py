"""`--network` and what goes with it: one or more endpoints."""

from __future__ import annotations

from typing import Any

from pogu.cli.wrong import WrongValue
from pogu.errors import InvalidArgument


def endpoints(given: dict[str, Any]) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return (HostConfig.NetworkMode, NetworkingConfig.EndpointsConfig) of a container's options.

    Each `--network` is a name or `name=…,alias=…,ip=…,ip6=…,driver-opt=…,gw-priority=…,mac-address=…`.
    """
    wanted = [_parse(text) for text in (*given["network"], *given["net"])]
    if not wanted:
        wanted = [("default", {})]
    mode, first = wanted[0]
    names = [name for name, _ in wanted]
    if "" in names:
        raise InvalidArgument("no name set for network")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidArgument(f'network "{twice}" is specified multiple times')
    if (given["network_alias"] or given["net_alias"]) and (not _user_defined(mode) or mode in {"default", "bridge"}):
        raise InvalidArgument("network-scoped aliases are only supported for user-defined networks")
    _add_options(first, given)
    if given["link"] and _user_defined(mode) and mode not in {"default", "bridge"}:
        first["Links"] = list(given["link"])
    configs = {name: settings for name, settings in wanted if settings or len(wanted) > 1}
    return mode, configs


def _user_defined(name: str) -> bool:
    return name not in {"host", "none"} and not name.startswith("container:")


def _add_options(settings: dict[str, Any], given: dict[str, Any]) -> None:
    """Apply the options of their own (`--ip`, `--network-alias`…) to the first network."""
    aliases = [*given["network_alias"], *given["net_alias"]]
    if aliases:
        settings["Aliases"] = [*settings.get("Aliases", []), *aliases]
    ipam = {"IPv4Address": given["ip"], "IPv6Address": given["ip6"], "LinkLocalIPs": list(given["link_local_ip"])}
    ipam = {key: value for key, value in ipam.items() if value}
    if ipam:
        settings["IPAMConfig"] = {**settings.get("IPAMConfig", {}), **ipam}
    if given["mac_address"]:
        import re

        if not re.fullmatch(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}", given["mac_address"]):
            raise InvalidArgument(f"{given['mac_address']} is not a valid mac address")
        settings["MacAddress"] = given["mac_address"]


def _parse(text: str) -> tuple[str, dict[str, Any]]:
    if "=" not in text or text.startswith("container:"):
        return text, {}
    import csv

    name, settings = "", {}  # type: str, dict[str, Any]
    for part in next(csv.reader([text])):
        key, eq, value = part.partition("=")
        if not eq:
            raise WrongValue("--network", text, f"invalid field {part}")
        if key == "name":
            name = value
        elif key == "alias":
            settings.setdefault("Aliases", []).append(value)
        elif key in {"ip", "ip6"}:
            settings.setdefault("IPAMConfig", {})["IPv4Address" if key == "ip" else "IPv6Address"] = value
        elif key == "link-local-ip":
            settings.setdefault("IPAMConfig", {}).setdefault("LinkLocalIPs", []).append(value)
        elif key == "mac-address":
            settings["MacAddress"] = value
        elif key == "driver-opt":
            option, _, content = value.partition("=")
            settings.setdefault("DriverOpts", {})[option] = content
        elif key == "gw-priority":
            if not value.removeprefix("-").isdigit():
                raise WrongValue("--network", text, f"invalid gw-priority ({value}): invalid syntax")
            settings["GwPriority"] = int(value)
        else:
            raise WrongValue("--network", text, f"invalid field key {key}")
    return name, settings
