"""The daemon itself: versions, facts, events, disk usage."""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import (
    FLAG,
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

_PROGRAM = record({"ID": TEXT})
_REGISTRY = record({"Mirrors": each(TEXT), "Name": TEXT, **flags("Official Secure")})

SYSTEM: dict[str, Shape] = {
    "Explanation": record(
        {
            **texts("Id Name Status Summary"),
            "ExitCode": NUMBER,
            **dict.fromkeys(("Reasons", "Advice", "LastLines"), each(TEXT)),
        }
    ),
    "Verification": record(
        {
            "Checked": table(NUMBER),
            "Problems": each(record({**texts("Kind Object Text Repaired"), "Repairable": FLAG})),
            "Left": NUMBER,
        }
    ),
    "Version": record(
        {
            "Platform": record({"Name": TEXT}),
            "Components": each(record({"Name": TEXT, "Version": TEXT, "Details": table(TEXT)})),
            **texts("Version ApiVersion MinAPIVersion GitCommit GoVersion Os Arch KernelVersion BuildTime"),
        }
    ),
    "Info": record(
        {
            **texts(
                "ID Driver LoggingDriver CgroupDriver CgroupVersion KernelVersion OperatingSystem OSVersion OSType"
            ),
            **texts("Architecture IndexServerAddress DockerRootDir HttpProxy HttpsProxy NoProxy Name ServerVersion"),
            **texts("DefaultRuntime InitBinary Isolation"),
            **numbers("Containers ContainersRunning ContainersPaused ContainersStopped Images NFd NGoroutines"),
            **numbers("NEventsListener NCPU MemTotal"),
            **flags("MemoryLimit SwapLimit CpuCfsPeriod CpuCfsQuota CPUShares CPUSet PidsLimit IPv4Forwarding"),
            **flags("OomKillDisable Debug ExperimentalBuild LiveRestoreEnabled"),
            "DriverStatus": each(each(TEXT)),
            "Plugins": record(dict.fromkeys("Volume Network Authorization Log".split(), maybe(each(TEXT)))),
            "SystemTime": TIME,
            "RegistryConfig": record(
                {
                    "AllowNondistributableArtifactsCIDRs": {"type": "null"},
                    "AllowNondistributableArtifactsHostnames": {"type": "null"},
                    "IndexConfigs": table(_REGISTRY),
                    "InsecureRegistryCIDRs": each(TEXT),
                    "Mirrors": maybe(each(TEXT)),
                }
            ),
            "GenericResources": {"type": "null"},
            "Labels": each(TEXT),
            "Runtimes": table(record({"path": TEXT}, {"runtimeArgs": each(TEXT)})),
            **dict.fromkeys("ContainerdCommit RuncCommit InitCommit".split(), _PROGRAM),
            "Swarm": record(
                {
                    **texts("NodeID NodeAddr LocalNodeState Error"),
                    "ControlAvailable": FLAG,
                    "RemoteManagers": {"type": "null"},
                }
            ),
            "SecurityOptions": each(TEXT),
            "DefaultAddressPools": each(record({"Base": TEXT, "Size": NUMBER})),
            "FirewallBackend": record({"Driver": TEXT}),
            "CDISpecDirs": each(TEXT),
            "Warnings": maybe(each(TEXT)),
        }
    ),
    "Event": record(
        {
            "Type": one_of("container", "image", "network", "volume", "daemon"),
            "Action": TEXT,
            "Actor": record({"ID": TEXT, "Attributes": table(TEXT)}),
            "scope": one_of("local"),
            **numbers("time timeNano"),
        },
        texts("status id from"),
    ),
    "DiskUsage": record(
        {},
        {
            "LayersSize": NUMBER,
            "Images": each(ref("ImageSummary")),
            "Containers": each(ref("ContainerSummary")),
            "Volumes": each(ref("VolumeInspect")),
            "BuildCache": each(ref("BuildCache")),
            "BuilderSize": NUMBER,
        },
    ),
    "BuildCache": record(
        {
            **texts("ID Type Description"),
            **flags("InUse Shared"),
            **numbers("Size UsageCount"),
            "CreatedAt": TIME,
            "LastUsedAt": TIME,
        }
    ),
    "CachePruned": record({"CachesDeleted": maybe(each(TEXT)), "SpaceReclaimed": NUMBER}),
}
