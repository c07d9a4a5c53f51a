"""The base of all records: Python field names inside, Docker's names when encoded."""

from __future__ import annotations

from typing import Self

import msgspec

_SPELLED = {
    "id": "Id",
    "uts_mode": "UTSMode",
    "ip_address": "IPAddress",
    "ip_prefix_len": "IPPrefixLen",
    "ipam": "IPAM",
    "ipam_config": "IPAMConfig",
    "ip_range": "IPRange",
    "ipv4_address": "IPv4Address",
    "ipv6_address": "IPv6Address",
    "ipv6_gateway": "IPv6Gateway",
    "global_ipv6_address": "GlobalIPv6Address",
    "global_ipv6_prefix_len": "GlobalIPv6PrefixLen",
    "link_local_ips": "LinkLocalIPs",
    "gw_priority": "GwPriority",
    "endpoint_id": "EndpointID",
    "network_id": "NetworkID",
    "dns_names": "DNSNames",
    "enable_ipv4": "EnableIPv4",
    "enable_ipv6": "EnableIPv6",
    "oom_killed": "OOMKilled",
    "device_ids": "DeviceIDs",
    "io_maximum_iops": "IOMaximumIOps",
    "io_maximum_bandwidth": "IOMaximumBandwidth",
    "blkio_device_read_iops": "BlkioDeviceReadIOps",
    "blkio_device_write_iops": "BlkioDeviceWriteIOps",
    "container_id_file": "ContainerIDFile",
    "rw": "RW",
    "image_id": "Image",
    "host_ip": "HostIp",
}


def docker_name(field: str) -> str:
    """Return the name Docker's API gives a snake_case field: `nano_cpus` is `NanoCpus`."""
    return _SPELLED.get(field) or "".join(part[:1].upper() + part[1:] for part in field.split("_"))


class Record(msgspec.Struct, rename=docker_name, kw_only=True):
    """A struct that is stored and shown under Docker's names. Unknown fields of a request are ignored, as in Go."""

    def encode(self) -> bytes:
        """Return the JSON form."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the record that `data`, the output of `encode`, describes."""
        return msgspec.json.decode(data, type=cls)
