"""From the options of `run` and `create` to the body of `POST /containers/create`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pogu.cli.flags import pairs, ports
from pogu.cli.flags.mounts import absolute_bind, parse_mount
from pogu.cli.flags.networks import endpoints
from pogu.cli.units import parse_size
from pogu.cli.wrong import WrongValue
from pogu.errors import InvalidArgument

_STREAMS = ("stdin", "stdout", "stderr")


def create_body(given: dict[str, Any], image: str, command: Sequence[str], *, detach: bool) -> dict[str, Any]:
    """Return the request's body. `given` holds every option of `container_options`.

    Raises:
        InvalidArgument: an option's value makes no sense; in docker's words.
    """
    if not image:
        raise InvalidArgument("invalid reference format")
    size("--kernel-memory", given["kernel_memory"])  # a flag without a meaning since Linux 5.16, but checked
    exposed, bindings = ports.publish(given["publish"])
    exposed |= ports.expose(given["expose"])
    mode, networks = endpoints(given)
    body = _config(given, image, command, detach=detach)
    body["ExposedPorts"] = {port: {} for port in sorted(exposed)}
    body["HostConfig"] = {**_host_config(given), **_resources(given), "PortBindings": bindings, "NetworkMode": mode}
    body["NetworkingConfig"] = {"EndpointsConfig": networks}
    return body


def attached(given: dict[str, Any], *, detach: bool) -> set[str]:
    """Return which of stdin, stdout and stderr the command is attached to."""
    if detach:
        return set()
    wanted = {text.lower() for text in given["attach"]}
    if unknown := wanted - set(_STREAMS):
        raise WrongValue("-a, --attach", unknown.pop(), "valid streams are STDIN, STDOUT and STDERR")
    if not wanted:
        wanted = {"stdout", "stderr"} | ({"stdin"} if given["interactive"] else set())
    return wanted


def _config(given: dict[str, Any], image: str, command: Sequence[str], *, detach: bool) -> dict[str, Any]:
    streams = attached(given, detach=detach)
    stdin_open = given["interactive"]
    body: dict[str, Any] = {
        "Hostname": given["hostname"] or "",
        "Domainname": given["domainname"] or "",
        "User": given["user"] or "",
        "AttachStdin": "stdin" in streams,
        "AttachStdout": "stdout" in streams,
        "AttachStderr": "stderr" in streams,
        "Tty": given["tty"],
        "OpenStdin": stdin_open,
        "StdinOnce": stdin_open and "stdin" in streams,
        "Env": pairs.environment(given["env_file"], given["env"]),
        "Cmd": list(command) or None,
        "Image": image,
        "Volumes": {spec: {} for spec in given["volume"] if ":" not in spec},
        "WorkingDir": given["workdir"] or "",
        "Labels": pairs.labels(given["label_file"], given["label"]),
    }
    if given["entrypoint"] is not None:
        body["Entrypoint"] = [given["entrypoint"]]
    if health := pairs.healthcheck(given):
        body["Healthcheck"] = health
    if given["stop_signal"]:
        body["StopSignal"] = given["stop_signal"]
    if given["stop_timeout"] is not None:
        body["StopTimeout"] = given["stop_timeout"]
    return body


def _host_config(given: dict[str, Any]) -> dict[str, Any]:
    _check_modes(given)
    security, masked, read_only = pairs.security_options(given["security_opt"])
    policy = pairs.restart_policy(given["restart"])
    if given["rm"] and policy["Name"] not in {"", "no"}:
        raise InvalidArgument("conflicting options: cannot specify both --restart and --rm")
    config: dict[str, Any] = {
        "Binds": _binds(given["volume"]),
        "ContainerIDFile": given["cidfile"] or "",
        "LogConfig": {"Type": given["log_driver"] or "", "Config": pairs.pairs(given["log_opt"])},
        "RestartPolicy": policy,
        "AutoRemove": given["rm"],
        "VolumeDriver": given["volume_driver"] or "",
        "VolumesFrom": list(given["volumes_from"]) or None,
        "Annotations": pairs.pairs(given["annotation"]) or None,
        "Mounts": [parse_mount(text) for text in given["mount"]] or None,
        "CapAdd": [pairs.capability(name) for name in given["cap_add"]] or None,
        "CapDrop": [pairs.capability(name) for name in given["cap_drop"]] or None,
        "CgroupnsMode": given["cgroupns"] or "",
        "Dns": pairs.addresses("--dns", given["dns"]),
        "DnsOptions": [*given["dns_option"], *given["dns_opt"]],
        "DnsSearch": list(given["dns_search"]),
        "ExtraHosts": [extra_host(text) for text in given["add_host"]] or None,
        "GroupAdd": list(given["group_add"]) or None,
        "IpcMode": given["ipc"] or "",
        "Links": pairs.links(given["link"]) or None,
        "OomScoreAdj": given["oom_score_adj"] or 0,
        "PidMode": given["pid"] or "",
        "Privileged": given["privileged"],
        "PublishAllPorts": given["publish_all"],
        "ReadonlyRootfs": given["read_only"],
        "SecurityOpt": security or None,
        "StorageOpt": pairs.storage_options(given["storage_opt"]) or None,
        "Tmpfs": _tmpfs(given["tmpfs"]),
        "UTSMode": given["uts"] or "",
        "UsernsMode": given["userns"] or "",
        "ShmSize": size("--shm-size", given["shm_size"]),
        "Sysctls": pairs.sysctls(given["sysctl"]) or None,
        "Runtime": given["runtime"] or "",
        "Isolation": given["isolation"] or "",
    }
    if given["init"] is not None:
        config["Init"] = given["init"]
    if masked is not None:
        config.update(MaskedPaths=masked, ReadonlyPaths=read_only)
    return config


def _resources(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "CpuShares": given["cpu_shares"] or 0,
        "Memory": size("-m, --memory", given["memory"]),
        "NanoCpus": nano_cpus(given["cpus"]),
        "CgroupParent": given["cgroup_parent"] or "",
        "BlkioWeight": given["blkio_weight"] or 0,
        "BlkioWeightDevice": pairs.weights(given["blkio_weight_device"]),
        "BlkioDeviceReadBps": pairs.throttles("--device-read-bps", given["device_read_bps"], sizes=True),
        "BlkioDeviceWriteBps": pairs.throttles("--device-write-bps", given["device_write_bps"], sizes=True),
        "BlkioDeviceReadIOps": pairs.throttles("--device-read-iops", given["device_read_iops"], sizes=False),
        "BlkioDeviceWriteIOps": pairs.throttles("--device-write-iops", given["device_write_iops"], sizes=False),
        "CpuPeriod": given["cpu_period"] or 0,
        "CpuQuota": given["cpu_quota"] or 0,
        "CpuRealtimePeriod": given["cpu_rt_period"] or 0,
        "CpuRealtimeRuntime": given["cpu_rt_runtime"] or 0,
        "CpusetCpus": given["cpuset_cpus"] or "",
        "CpusetMems": given["cpuset_mems"] or "",
        "Devices": pairs.devices(given["device"]),
        "DeviceCgroupRules": pairs.device_rules(given["device_cgroup_rule"]) or None,
        "DeviceRequests": pairs.gpus(given["gpus"]),
        "MemoryReservation": size("--memory-reservation", given["memory_reservation"]),
        "MemorySwap": swap(given["memory_swap"]),
        "MemorySwappiness": _swappiness(given["memory_swappiness"]),
        "OomKillDisable": given["oom_kill_disable"],
        "PidsLimit": given["pids_limit"],
        "Ulimits": pairs.ulimits(given["ulimit"]),
    }


def size(flag: str, text: str | None) -> int:
    """Return the bytes of a flag's value, 0 where there is none. Raises WrongValue."""
    try:
        return 0 if text is None else parse_size(text)
    except InvalidArgument as e:
        raise WrongValue(flag, text or "", e.message) from e


def swap(text: str | None) -> int:
    """Return bytes of memory plus swap; -1 is no limit."""
    return -1 if text == "-1" else size("--memory-swap", text)


def nano_cpus(text: str | None) -> int:
    """Return billionths of a CPU of `1.5`."""
    if not text:
        return 0
    from decimal import Decimal, InvalidOperation

    try:
        nanos = Decimal(text) * 10**9
    except InvalidOperation:
        raise WrongValue("--cpus", text, f"failed to parse {text} as a rational number") from None
    if nanos != nanos.to_integral_value():
        raise WrongValue("--cpus", text, "value is too precise")
    return int(nanos)


def extra_host(text: str) -> str:
    """Return `host:ip` of `host:ip` or `host=ip`."""
    for separator in ("=", ":"):
        host, found, address = text.partition(separator)
        if found and host and address:
            return f"{host}:{_checked_address(text, address.strip('[]'))}"
    raise WrongValue("--add-host", text, f'bad format for add-host: "{text}"')


def _checked_address(text: str, address: str) -> str:
    import ipaddress

    if address != "host-gateway":
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise WrongValue("--add-host", text, f'invalid IP address in add-host: "{address}"') from None
    return address


def _binds(given: Sequence[str]) -> list[str] | None:
    if "" in given:
        raise InvalidArgument("invalid empty volume spec")
    return [absolute_bind(spec) for spec in given if ":" in spec] or None


def _swappiness(number: int | None) -> int | None:
    if number is not None and not -1 <= number <= 100:
        raise InvalidArgument(f"invalid value: {number}. Valid memory swappiness range is 0-100")
    return number


_MODES = {"pid": ("PID", {"", "host"}), "uts": ("UTS", {"", "host"}), "userns": ("USER", {"", "host"})}
_MODES["cgroupns"] = ("CGROUP", {"", "host", "private"})


def _check_modes(given: dict[str, Any]) -> None:
    for name, (noun, known) in _MODES.items():
        mode = given[name] or ""
        if mode not in known and not (name == "pid" and mode.startswith("container:")):
            raise InvalidArgument(f"--{name}: invalid {noun} mode")


def _tmpfs(given: Sequence[str]) -> dict[str, str] | None:
    return {path: options for path, _, options in (text.partition(":") for text in given)} or None
