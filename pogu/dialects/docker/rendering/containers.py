"""Containers as `GET /containers/json` and `GET /containers/{id}/json` show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pogu.dialects.docker.rendering.omission import omit_empty, plain
from pogu.dialects.docker.rendering.settings import render_config, render_endpoints, render_host_config
from pogu.dialects.docker.version import ApiVersion
from pogu.engine.model import Container, ContainerState, MountPoint, PortBinding
from pogu.engine.moments import NEVER, recorded_ns
from pogu.engine.spans import human_duration

Ports = Mapping[str, Sequence[PortBinding] | None]

_MOUNT_FIELDS = ("Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation")
_STATE_FIELDS = (
    "Status Running Paused Restarting OOMKilled Dead Pid ExitCode Error StartedAt FinishedAt Health"
).split()


def state_name(container: Container) -> str:
    """Return the one word for a container's state."""
    return "removing" if container.removal_in_progress else container.state.status


def status_text(container: Container, now_ns: int) -> str:
    """Return the `STATUS` column of `docker ps`, such as `Up 2 minutes (healthy)`."""
    state = container.state
    if state.restarting:
        return f"Restarting ({state.exit_code}) {_since(state.finished_at, now_ns)} ago"
    if state.running:
        up = f"Up {_since(state.started_at, now_ns)}"
        if state.paused:
            return f"{up} (Paused)"
        return up + _health_text(state)
    if container.removal_in_progress:
        return "Removal In Progress"
    if state.dead:
        return "Dead"
    if state.status == "created" or state.finished_at == NEVER:
        return "Created"
    return f"Exited ({state.exit_code}) {_since(state.finished_at, now_ns)} ago"


def _since(time: str, now_ns: int) -> str:
    return human_duration((now_ns - recorded_ns(time)) / 1e9)


def _health_text(state: ContainerState) -> str:
    if state.health is None or state.health.status in ("", "none"):
        return ""
    return " (health: starting)" if state.health.status == "starting" else f" ({state.health.status})"


def command_text(container: Container) -> str:
    """Return the command and its arguments; an argument with a space is put in quotes."""
    return " ".join([container.path, *(f"'{a}'" if " " in a else a for a in container.args)])


def render_port_summaries(ports: Ports) -> list[dict[str, Any]]:
    """Return a container's ports as the list shows them: one entry for each binding, or for the bare port."""
    rendered = []
    for port, bindings in ports.items():
        number, _, protocol = port.partition("/")
        base = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        rendered += [
            {
                "IP": b.host_ip or "",
                "PrivatePort": base["PrivatePort"],
                "PublicPort": int(b.host_port or 0),
                "Type": base["Type"],
            }
            for b in bindings or ()
        ] or [base]
    return rendered


def render_ports(ports: Ports) -> dict[str, list[dict[str, str]] | None]:
    """Return `NetworkSettings.Ports`."""
    return {
        port: [{"HostIp": b.host_ip or "", "HostPort": b.host_port or ""} for b in bindings] if bindings else None
        for port, bindings in ports.items()
    }


def render_mount(mount: MountPoint) -> dict[str, Any]:
    """Return one entry of `Mounts`."""
    value = plain(mount)
    return omit_empty({name: value[name] for name in _MOUNT_FIELDS}, ("Name", "Driver"))


def render_summary(
    container: Container,
    version: ApiVersion,
    now_ns: int,
    *,
    image: str,
    sizes: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Return one entry of the list. `image` is the name to show; `sizes` are those of the layer and of all."""
    config, host = container.config, container.host_config
    host_config: dict[str, Any] = {"NetworkMode": host.network_mode or "default"}
    if host.annotations and version >= (1, 46):
        host_config["Annotations"] = host.annotations
    summary: dict[str, Any] = {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": image,
        "ImageID": container.image_id,
        "Command": command_text(container),
        "Created": recorded_ns(container.created) // 1_000_000_000,
        "Ports": render_port_summaries(container.ports),
    }
    if sizes is not None:
        summary |= omit_empty({"SizeRw": sizes[0], "SizeRootFs": sizes[1]}, ("SizeRw", "SizeRootFs"))
    networks = render_endpoints(container.networks, (), version)
    for endpoint in networks.values():  # of what was asked for, the list shows addresses alone
        endpoint.update(dict.fromkeys({"Aliases", "Links", "DriverOpts", "DNSNames"} & set(endpoint)))
    return summary | {
        "Labels": config.labels or {},
        "State": state_name(container),
        "Status": status_text(container, now_ns),
        "HostConfig": host_config,
        "NetworkSettings": {"Networks": networks},
        "Mounts": [render_mount(m) for m in container.mounts],
    }


def render_state(container: Container) -> dict[str, Any]:
    """Return `State`."""
    value = plain(container.state)
    state = {name: value[name] for name in _STATE_FIELDS}
    state["Status"] = state_name(container)
    if state["Health"] is None:
        del state["Health"]
    return state


def render_inspect(
    container: Container,
    version: ApiVersion,
    *,
    directory: str,
    sandbox: tuple[str, str],
    exec_ids: Sequence[str],
    sizes: tuple[int, int] | None,
    graph_data: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Return all about a container.

    `directory` holds its files on the host; `sandbox` is the ID and path of its network namespace, empty texts
    while it has none; `sizes` are given where they were asked for.
    """
    value: dict[str, Any] = {
        "Id": container.id,
        "Created": container.created,
        "Path": container.path,
        "Args": container.args,
        "State": render_state(container),
        "Image": container.image_id,
        "ResolvConfPath": f"{directory}/resolv.conf" if directory else "",
        "HostnamePath": f"{directory}/hostname" if directory else "",
        "HostsPath": f"{directory}/hosts" if directory else "",
        "LogPath": container.log_path if directory else "",
        "Name": f"/{container.name}",
        "RestartCount": container.restart_count,
        "Driver": container.driver,
        "Platform": container.platform,
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": list(exec_ids) or None,
        "HostConfig": render_host_config(container.host_config, version),
        "GraphDriver": {"Data": dict(graph_data) if graph_data else None, "Name": container.driver},
    }
    if sizes is not None:
        value |= {"SizeRw": sizes[0], "SizeRootFs": sizes[1]}
    mounts = [render_mount(m) for m in container.mounts]
    return value | {
        "Mounts": mounts,
        # not in this API for years, but asked for in every old book: docker inspect -f '{{ .Volumes }}'
        "Volumes": {m["Destination"]: m["Source"] for m in mounts},
        "Config": render_config(container.config),
        "NetworkSettings": render_network_settings(container, version, sandbox),
    }


def render_network_settings(container: Container, version: ApiVersion, sandbox: tuple[str, str]) -> dict[str, Any]:
    """Return `NetworkSettings`; the default bridge's endpoint is shown on top too, as before user networks were."""
    own_names = [name for name in (container.id[:12], container.config.hostname) if name]
    networks = render_endpoints(container.networks, own_names, version)
    bridge = networks.get("bridge") or {}
    return {
        "Bridge": "",
        "SandboxID": sandbox[0],
        "SandboxKey": sandbox[1],
        "Ports": render_ports(container.ports),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": bridge.get("EndpointID") or "",
        "Gateway": bridge.get("Gateway") or "",
        "GlobalIPv6Address": bridge.get("GlobalIPv6Address") or "",
        "GlobalIPv6PrefixLen": bridge.get("GlobalIPv6PrefixLen") or 0,
        "IPAddress": bridge.get("IPAddress") or "",
        "IPPrefixLen": bridge.get("IPPrefixLen") or 0,
        "IPv6Gateway": bridge.get("IPv6Gateway") or "",
        "MacAddress": bridge.get("MacAddress") or "",
        "Networks": networks,
    }
