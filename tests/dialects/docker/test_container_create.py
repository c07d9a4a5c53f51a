import pytest

from pogu.dialects.docker.container_create import ENDPOINT_SYSCTLS, adapt
from pogu.engine.model import ContainerConfig, EndpointSettings, HostConfig, Mount, NetworkingConfig, PortBinding
from pogu.errors import InvalidArgument

NEW = (1, 50)


def adapted(version=NEW, config=None, host=None, networking=None):
    config, host = config or ContainerConfig(), host or HostConfig()
    networking = networking or NetworkingConfig()
    return adapt(config, host, networking, version), config, host, networking


def test_the_default_network_is_the_bridge():
    networking = NetworkingConfig(endpoints_config={"default": EndpointSettings(aliases=["a"])})
    _, _, host, networking = adapted(networking=networking)
    assert host.network_mode == "bridge"
    assert networking.endpoints_config == {"bridge": EndpointSettings(aliases=["a"])}


def test_an_endpoint_of_null_is_an_empty_one():
    _, _, _, networking = adapted(networking=NetworkingConfig(endpoints_config={"mine": None}))
    assert networking.endpoints_config == {"mine": EndpointSettings()}


def test_a_limit_of_no_processes_is_no_limit():
    for limit in (0, -1, -5):
        _, _, host, _ = adapted(host=HostConfig(pids_limit=limit))
        assert host.pids_limit is None
    _, _, host, _ = adapted(host=HostConfig(pids_limit=5))
    assert host.pids_limit == 5


def test_an_empty_list_of_bindings_means_any_port():
    _, _, host, _ = adapted(host=HostConfig(port_bindings={"80/tcp": [], "81/tcp": None}))
    assert host.port_bindings == {"80/tcp": [PortBinding()], "81/tcp": [PortBinding()]}


def test_older_versions_share_memory_by_default():
    assert adapted((1, 39))[2].ipc_mode == "shareable"
    assert adapted((1, 40))[2].ipc_mode == ""


def test_newer_fields_of_older_versions_are_ignored():
    host = HostConfig(console_size=[10, 20], annotations={"a": "b"})
    _, _, old, _ = adapted((1, 41), host=host)
    assert old.console_size is None
    assert old.annotations is None


def test_options_of_another_kind_of_mount_are_refused_since_1_42():
    def host():
        return HostConfig(mounts=[Mount(type="bind", source="/a", target="/b", volume_options={"NoCopy": True})])

    with pytest.raises(InvalidArgument, match='VolumeOptions must not be specified on mount type "bind"'):
        adapted(host=host())
    _, _, old, _ = adapted((1, 41), host=host())
    assert old.mounts is not None
    assert old.mounts[0].volume_options is None


@pytest.mark.parametrize(
    ("mount", "version", "message"),
    [
        (Mount(type="image", source="x", target="/y"), (1, 47), 'Mount type "Image" needs API v1.48 or newer'),
        (Mount(type="volume", target="/y", volume_options={"Subpath": "a"}), (1, 44), "Subpath needs API v1.45"),
        (
            Mount(type="bind", source="/a", target="/y", bind_options={"ReadOnlyForceRecursive": True}),
            (1, 43),
            "ReadOnlyForceRecursive needs API v1.44",
        ),
    ],
)
def test_mounts_newer_than_the_version_are_refused(mount, version, message):
    with pytest.raises(InvalidArgument, match=message):
        adapted(version, host=HostConfig(mounts=[mount]))


def test_several_networks_at_once_need_1_44():
    networking = NetworkingConfig(endpoints_config={"a": None, "b": None})
    with pytest.raises(InvalidArgument, match="cannot be created with multiple network endpoints: a, b"):
        adapted((1, 43), networking=networking)
    adapted((1, 44), networking=networking)


def test_a_hardware_address_moves_to_the_endpoint():
    warnings, _, _, networking = adapted(config=ContainerConfig(mac_address="02:42:00:00:00:01"))
    assert networking.endpoints_config == {"bridge": EndpointSettings(mac_address="02:42:00:00:00:01")}
    assert "MacAddress field is now deprecated" in warnings[0]


def test_two_hardware_addresses_must_agree():
    networking = NetworkingConfig(endpoints_config={"bridge": EndpointSettings(mac_address="02:42:00:00:00:02")})
    with pytest.raises(InvalidArgument, match="must match the endpoint-specific MAC address"):
        adapted(config=ContainerConfig(mac_address="02:42:00:00:00:01"), networking=networking)


def test_a_hardware_address_needs_a_network_of_its_own():
    with pytest.raises(InvalidArgument, match="conflicting options: mac-address and the network mode"):
        adapted((1, 43), ContainerConfig(mac_address="02:42:00:00:00:01"), HostConfig(network_mode="host"))


def test_sysctls_of_one_interface_move_to_its_endpoint():
    name = "net.ipv4.conf.eth0.forwarding"
    warnings, _, host, networking = adapted((1, 46), host=HostConfig(sysctls={name: "1", "net.core.somaxconn": "9"}))
    assert host.sysctls == {"net.core.somaxconn": "9"}
    assert networking.endpoints_config is not None
    endpoint = networking.endpoints_config["bridge"]
    assert endpoint is not None
    assert endpoint.driver_opts == {ENDPOINT_SYSCTLS: "net.ipv4.conf.IFNAME.forwarding=1"}
    assert warnings[0].startswith("Migrated sysctl")
    with pytest.raises(InvalidArgument, match="must be supplied using driver option"):
        adapted(host=HostConfig(sysctls={name: "1"}))
    with pytest.raises(InvalidArgument, match="unable to determine network endpoint"):
        adapted((1, 46), host=HostConfig(sysctls={"net.ipv4.conf.eth1.forwarding": "1"}))


def test_a_volume_driver_beside_mounts_is_warned_of():
    host = HostConfig(volume_driver="local", mounts=[Mount(type="volume", source="v", target="/v")])
    assert "volume-driver configuration is ignored" in adapted(host=host)[0][0]
    assert adapted((1, 47), host=host)[0] == []
