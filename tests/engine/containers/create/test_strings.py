"""Null bytes and line feeds where they would change what is meant."""

from __future__ import annotations

import pytest

from pogu.engine.containers.create.strings import check_strings
from pogu.engine.model import ContainerConfig, DeviceMapping, HostConfig, Mount
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    "config, host",
    [
        ({"cmd": ["a", "b\0"]}, {}),
        ({"env": ["A=\0"]}, {}),
        ({"volumes": {"/a\0b": {}}}, {}),
        ({}, {"binds": ["/usr:/x\0/../../etc"]}),
        ({}, {"cgroup_parent": "a\0"}),
        ({}, {"devices": [DeviceMapping(path_on_host="/dev/null", path_in_container="/x\0")]}),
        (
            {},
            {"mounts": [Mount(type="volume", target="/x", volume_options={"DriverConfig": {"Options": {"o\0": ""}}})]},
        ),
    ],
)
def test_null_bytes_are_refused_wherever_they_are(config: dict[str, object], host: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="null byte"):
        check_strings(ContainerConfig(**config), HostConfig(**host))


def test_labels_and_annotations_may_hold_them() -> None:
    check_strings(ContainerConfig(labels={"a\0": "b\0"}), HostConfig(annotations={"c": "\0"}))


def test_depth_is_no_trouble() -> None:
    nested: dict[str, object] = {}
    for _ in range(5000):
        nested = {"a": nested}
    check_strings(ContainerConfig(), HostConfig(mounts=[Mount(type="bind", target="/x", bind_options=nested)]))


@pytest.mark.parametrize("field", ["hostname", "domainname", "user", "working_dir"])
def test_line_feeds_do_not_get_into_lines(field: str) -> None:
    with pytest.raises(InvalidArgument, match="line feed"):
        check_strings(ContainerConfig(**{field: "a\nb"}), HostConfig())
