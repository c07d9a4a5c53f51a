"""The engine's records and the settings people give, as typed structs.

Their encoded names are Docker's (`HostConfig.NanoCpus`), so that what is stored, what is shown and what clients
send is one form. Rules of behaviour are elsewhere; here are only fields, units and defaults.
"""

from pogu.engine.model.base import Record, docker_name
from pogu.engine.model.container import (
    Container,
    ContainerConfig,
    ContainerState,
    DeviceMapping,
    DeviceRequest,
    HealthConfig,
    HealthLog,
    HealthState,
    HostConfig,
    LogConfig,
    Mount,
    MountPoint,
    PortBinding,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    VolumeOptions,
    WeightDevice,
)
from pogu.engine.model.network import (
    IPAM,
    EndpointIPAM,
    EndpointSettings,
    IPAMConfig,
    Network,
    NetworkingConfig,
)
from pogu.engine.model.volume import Volume

__all__ = [
    "IPAM",
    "Container",
    "ContainerConfig",
    "ContainerState",
    "DeviceMapping",
    "DeviceRequest",
    "EndpointIPAM",
    "EndpointSettings",
    "HealthConfig",
    "HealthLog",
    "HealthState",
    "HostConfig",
    "IPAMConfig",
    "LogConfig",
    "Mount",
    "MountPoint",
    "Network",
    "NetworkingConfig",
    "PortBinding",
    "Record",
    "RestartPolicy",
    "ThrottleDevice",
    "Ulimit",
    "Volume",
    "VolumeOptions",
    "WeightDevice",
    "docker_name",
]
