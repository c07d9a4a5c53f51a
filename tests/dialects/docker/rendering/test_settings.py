from pogu.dialects.docker.rendering.settings import render_config, render_endpoints, render_host_config
from pogu.engine.model import ContainerConfig, EndpointIPAM, EndpointSettings, HealthConfig, HostConfig, Mount


def test_a_command_given_as_text_is_shown_as_a_list():
    assert render_config(ContainerConfig(cmd="a b"))["Cmd"] == ["a b"]


def test_what_is_empty_is_left_out_where_docker_leaves_it_out():
    value = render_config(ContainerConfig(healthcheck=HealthConfig(test=["NONE"]), stop_timeout=0))
    assert value["Healthcheck"] == {"Test": ["NONE"]}
    assert value["StopTimeout"] == 0
    assert "Shell" not in value
    assert value["Entrypoint"] is None


def test_host_settings_by_version():
    host = HostConfig(annotations={"a": "b"}, mounts=[Mount(type="tmpfs", target="/t")], init=False)
    value = render_host_config(host, (1, 50))
    assert value["Annotations"] == {"a": "b"}
    assert value["Mounts"] == [{"Type": "tmpfs", "Target": "/t"}]
    assert value["Init"] is False
    assert value["ConsoleSize"] == [0, 0]
    assert "KernelMemory" not in value
    old = render_host_config(host, (1, 41))
    assert "Annotations" not in old
    assert old["KernelMemory"] == 0


def test_endpoints_by_version():
    networks = {
        "bridge": EndpointSettings(),
        "mine": EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="10.0.0.2"), dns_names=["web"]),
    }
    new = render_endpoints(networks, ["abc"], (1, 50))
    assert new["mine"]["IPAMConfig"] == {"IPv4Address": "10.0.0.2"}
    assert new["mine"]["DNSNames"] == ["web"]
    assert new["mine"]["Aliases"] is None
    old = render_endpoints(networks, ["abc"], (1, 43))
    assert old["mine"]["Aliases"] == ["abc"]
    assert old["bridge"]["Aliases"] is None
    assert not {"DNSNames", "GwPriority"} & set(old["mine"])
