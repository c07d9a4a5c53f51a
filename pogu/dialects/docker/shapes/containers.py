"""Containers and the processes in them."""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import (
    DIGEST,
    FLAG,
    ID,
    NUMBER,
    TEXT,
    TIME,
    Shape,
    each,
    flags,
    maybe,
    numbers,
    one_of,
    record,
    ref,
    table,
    texts,
)

_STATES = one_of("created", "running", "paused", "restarting", "removing", "exited", "dead")
_SIZES = numbers("SizeRw SizeRootFs")
_ENDPOINTS = table(ref("EndpointSettings"))
_MOUNT = record(
    {**texts("Type Source Destination Mode Propagation"), "RW": FLAG},
    texts("Name Driver"),
)
_PORT = record(
    {"PrivatePort": NUMBER, "Type": one_of("tcp", "udp", "sctp")},
    {"IP": TEXT, "PublicPort": NUMBER},
)
_HEALTH = record(
    {
        "Status": one_of("none", "starting", "healthy", "unhealthy"),
        "FailingStreak": NUMBER,
        "Log": each(record({"Start": TIME, "End": TIME, "ExitCode": NUMBER, "Output": TEXT})),
    }
)
_STATE = record(
    {
        "Status": _STATES,
        **flags("Running Paused Restarting OOMKilled Dead"),
        **numbers("Pid ExitCode"),
        "Error": TEXT,
        "StartedAt": TIME,
        "FinishedAt": TIME,
    },
    {"Health": _HEALTH},
)
_NETWORK_SETTINGS = record(
    {
        **texts("Bridge SandboxID SandboxKey LinkLocalIPv6Address EndpointID Gateway GlobalIPv6Address IPAddress"),
        **texts("IPv6Gateway MacAddress"),
        **numbers("LinkLocalIPv6PrefixLen GlobalIPv6PrefixLen IPPrefixLen"),
        "HairpinMode": FLAG,
        "Ports": table(maybe(each(record(texts("HostIp HostPort"))))),
        "SecondaryIPAddresses": {"type": "null"},
        "SecondaryIPv6Addresses": {"type": "null"},
        "Networks": _ENDPOINTS,
    }
)
_PROCESS = record(
    {"tty": FLAG, "entrypoint": TEXT, "arguments": each(TEXT), "privileged": FLAG},
    {"user": TEXT},
)

CONTAINERS: dict[str, Shape] = {
    "ContainerSummary": record(
        {
            "Id": ID,
            "Names": each(TEXT),
            **texts("Image ImageID Command Status"),
            "Created": NUMBER,
            "Ports": each(_PORT),
            "Labels": table(TEXT),
            "State": _STATES,
            "HostConfig": record({"NetworkMode": TEXT}, {"Annotations": table(TEXT)}),
            "NetworkSettings": record({"Networks": _ENDPOINTS}),
            "Mounts": each(_MOUNT),
        },
        _SIZES,
    ),
    "ContainerInspect": record(
        {
            "Id": ID,
            "Created": TIME,
            **texts("Path ResolvConfPath HostnamePath HostsPath LogPath Name Driver Platform MountLabel ProcessLabel"),
            "AppArmorProfile": TEXT,
            "Args": each(TEXT),
            "State": _STATE,
            "Image": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
            "RestartCount": NUMBER,
            "ExecIDs": maybe(each(ID)),
            "HostConfig": ref("HostConfig"),
            "GraphDriver": record({"Data": maybe(table(TEXT)), "Name": TEXT}),
            "Mounts": each(_MOUNT),
            "Volumes": table(TEXT),
            "Config": ref("ContainerConfig"),
            "NetworkSettings": _NETWORK_SETTINGS,
        },
        _SIZES,
    ),
    "ContainerCreated": record({"Id": ID, "Warnings": each(TEXT)}),
    "ContainerUpdated": record({"Warnings": maybe(each(TEXT))}),
    "ContainerTop": record({"Titles": each(TEXT), "Processes": maybe(each(each(TEXT)))}),
    "ContainerChanges": maybe(
        each(record({"Path": TEXT, "Kind": {"type": "integer", "minimum": 0, "maximum": 2}})),
    ),
    "ContainerPruned": record({"ContainersDeleted": maybe(each(ID)), "SpaceReclaimed": NUMBER}),
    "ContainerExit": record({"StatusCode": NUMBER}, {"Error": record({"Message": TEXT})}),
    "ExecCreated": record({"Id": ID}),
    "ExecInspect": record(
        {
            "ID": ID,
            **flags("Running OpenStdin OpenStderr OpenStdout CanRemove"),
            "ExitCode": maybe(NUMBER),
            "ProcessConfig": _PROCESS,
            "ContainerID": ID,
            "DetachKeys": TEXT,
            "Pid": NUMBER,
        }
    ),
    "ImageCommitted": record({"Id": DIGEST}),
}
