"""An image's configuration completes what a person gave."""

from pogu.engine.images import merge_config
from pogu.engine.model import ContainerConfig, HealthConfig

IMAGE = ContainerConfig(
    user="app",
    working_dir="/srv",
    env=["A=image", "B=image"],
    cmd=["serve"],
    entrypoint=["/entry"],
    labels={"a": "image", "b": "image"},
    exposed_ports={"80/tcp": {}},
    volumes={"/data": {}},
    stop_signal="SIGINT",
    healthcheck=HealthConfig(test=["CMD", "probe"], interval=5, retries=2),
    shell=["/bin/bash", "-c"],
)


def test_nothing_given_is_the_image() -> None:
    merged = merge_config(ContainerConfig(hostname="h"), IMAGE)
    assert merged.hostname == "h"
    for field in ("user", "working_dir", "env", "cmd", "entrypoint", "labels", "exposed_ports", "volumes", "shell"):
        assert getattr(merged, field) == getattr(IMAGE, field)
    assert merged.healthcheck == IMAGE.healthcheck
    assert merged.stop_signal == "SIGINT"


def test_what_is_given_wins_and_collections_are_united() -> None:
    given = ContainerConfig(
        user="root", env=["A=mine", "C"], labels={"a": "mine"}, exposed_ports={"81/tcp": {}}, volumes={"/x": {}}
    )
    merged = merge_config(given, IMAGE)
    assert merged.user == "root"
    assert merged.env == ["A=mine", "C", "B=image"]
    assert merged.labels == {"a": "mine", "b": "image"}
    assert set(merged.exposed_ports or {}) == {"80/tcp", "81/tcp"}
    assert set(merged.volumes or {}) == {"/data", "/x"}
    assert given.env == ["A=mine", "C"]


def test_a_command_keeps_the_entrypoint_and_an_entrypoint_drops_the_command() -> None:
    merged = merge_config(ContainerConfig(cmd=["other"]), IMAGE)
    assert (merged.entrypoint, merged.cmd) == (["/entry"], ["other"])
    merged = merge_config(ContainerConfig(entrypoint=["/mine"]), IMAGE)
    assert (merged.entrypoint, merged.cmd) == (["/mine"], None)
    merged = merge_config(ContainerConfig(entrypoint=[]), IMAGE)
    assert (merged.entrypoint, merged.cmd) == ([], ["serve"])


def test_a_health_check_is_completed_field_by_field() -> None:
    merged = merge_config(ContainerConfig(healthcheck=HealthConfig(interval=9)), IMAGE)
    assert merged.healthcheck == HealthConfig(test=["CMD", "probe"], interval=9, retries=2)
