import pytest

from pogu.dialects.docker.rendering.containers import (
    command_text,
    render_inspect,
    render_port_summaries,
    render_summary,
    status_text,
)
from pogu.engine.model import (
    Container,
    ContainerConfig,
    ContainerState,
    EndpointSettings,
    HealthState,
    HostConfig,
    MountPoint,
    PortBinding,
)
from pogu.engine.moments import format_ns

NOW = 1_700_000_000_000_000_000


def ago(seconds):
    return format_ns(NOW - seconds * 1_000_000_000)


def container(**state):
    return Container(
        id="ab" * 32,
        name="web",
        created=ago(100),
        image_id="sha256:" + "cd" * 32,
        config=ContainerConfig(image="busybox", hostname="abababababab", labels={"a": "b"}),
        host_config=HostConfig(network_mode="bridge"),
        path="sh",
        args=["-c", "echo hi"],
        state=ContainerState(**state),
        networks={
            "bridge": EndpointSettings(ip_address="172.17.0.2", ip_prefix_len=16, mac_address="02:42:ac:11:00:02")
        },
        mounts=[MountPoint(type="bind", source="/srv", destination="/data", propagation="rprivate")],
    )


def inspect(record, version=(1, 50), sizes=None):
    return render_inspect(record, version, directory="/d", sandbox=("", ""), exec_ids=[], sizes=sizes, graph_data=None)


RUNNING = {"status": "running", "running": True, "started_at": ago(130)}


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({}, "Created"),
        (RUNNING, "Up 2 minutes"),
        (RUNNING | {"paused": True, "status": "paused"}, "Up 2 minutes (Paused)"),
        (RUNNING | {"health": HealthState(status="healthy")}, "Up 2 minutes (healthy)"),
        (RUNNING | {"health": HealthState(status="unhealthy")}, "Up 2 minutes (unhealthy)"),
        (RUNNING | {"health": HealthState(status="starting")}, "Up 2 minutes (health: starting)"),
        (RUNNING | {"health": HealthState()}, "Up 2 minutes"),
        (
            {"status": "exited", "exit_code": 0, "started_at": ago(9), "finished_at": ago(3)},
            "Exited (0) 3 seconds ago",
        ),
        (
            {"status": "restarting", "restarting": True, "running": True, "exit_code": 1, "finished_at": ago(1)},
            "Restarting (1) 1 second ago",
        ),
        ({"status": "dead", "dead": True}, "Dead"),
    ],
)
def test_the_status_column(state, text):
    assert status_text(container(**state), NOW) == text


def test_a_container_being_removed_says_so():
    record = container(status="exited", finished_at=ago(1))
    record.removal_in_progress = True
    assert status_text(record, NOW) == "Removal In Progress"
    assert inspect(record)["State"]["Status"] == "removing"


def test_arguments_with_spaces_are_quoted():
    assert command_text(container()) == "sh -c 'echo hi'"


def test_ports_of_the_list():
    ports = {
        "80/tcp": [PortBinding(host_ip="0.0.0.0", host_port="8080"), PortBinding(host_ip="::", host_port="8080")],
        "53/udp": None,
    }
    assert render_port_summaries(ports) == [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 53, "Type": "udp"},
    ]


def test_a_line_of_the_list():
    line = render_summary(container(**RUNNING), (1, 50), NOW, image="busybox")
    assert line["Names"] == ["/web"]
    assert line["State"] == "running"
    assert line["Status"] == "Up 2 minutes"
    assert line["Created"] == NOW // 1_000_000_000 - 100
    assert line["HostConfig"] == {"NetworkMode": "bridge"}
    assert line["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == "172.17.0.2"
    assert line["Mounts"] == [
        {"Type": "bind", "Source": "/srv", "Destination": "/data", "Mode": "", "RW": True, "Propagation": "rprivate"}
    ]
    assert "SizeRw" not in line
    sized = render_summary(container(), (1, 50), NOW, image="busybox", sizes=(10, 30))
    assert (sized["SizeRw"], sized["SizeRootFs"]) == (10, 30)


def test_inspect_shows_the_default_bridge_on_top_too():
    settings = inspect(container(**RUNNING))["NetworkSettings"]
    assert settings["IPAddress"] == settings["Networks"]["bridge"]["IPAddress"] == "172.17.0.2"
    assert settings["IPPrefixLen"] == 16
    assert settings["SandboxID"] == ""


def test_inspect_answers_what_old_books_ask():
    assert inspect(container())["Volumes"] == {"/data": "/srv"}


def test_inspect_omits_what_docker_omits():
    value = inspect(container())
    assert "Health" not in value["State"]
    assert "SizeRw" not in value
    assert "Healthcheck" not in value["Config"]
    assert "Mounts" not in value["HostConfig"]
    assert "Init" not in value["HostConfig"]
    assert value["HostConfig"]["PidsLimit"] is None
    assert inspect(container(), sizes=(0, 5))["SizeRw"] == 0


def test_ports_of_inspect():
    ports = {"80/tcp": [PortBinding(host_ip="0.0.0.0", host_port="8080")], "81/tcp": None}
    record = container()
    record.ports = ports
    assert inspect(record)["NetworkSettings"]["Ports"] == {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
        "81/tcp": None,
    }


def test_old_versions_show_old_fields():
    assert "GwPriority" in inspect(container())["NetworkSettings"]["Networks"]["bridge"]
    assert "GwPriority" not in inspect(container(), (1, 47))["NetworkSettings"]["Networks"]["bridge"]
    record = container()
    record.networks = {"mine": EndpointSettings(aliases=["x"])}
    assert inspect(record, (1, 44))["NetworkSettings"]["Networks"]["mine"]["Aliases"] == ["x", "abababababab"]
    assert inspect(record, (1, 45))["NetworkSettings"]["Networks"]["mine"]["Aliases"] == ["x"]
