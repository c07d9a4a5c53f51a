"""Device nodes and the cgroup's rules for them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pogu.engine.model import DeviceMapping
from pogu.engine.runtime import devices
from pogu.errors import InvalidArgument
from tests.engine.runtime.ground import Ground


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    """A directory of devices that are no one's: null's and zero's twins under other names."""
    (tmp_path / "sub").mkdir()
    os.mknod(tmp_path / "one", stat.S_IFCHR | 0o640, os.makedev(1, 3))
    os.mknod(tmp_path / "sub" / "two", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("one")
    return tmp_path


def test_one_device(nodes: Path) -> None:
    found, rules = devices.mapped(DeviceMapping(path_on_host=f"{nodes}/one", path_in_container="/dev/x"))
    [node] = found
    assert (node["path"], node["type"], node["major"], node["minor"]) == ("/dev/x", "c", 1, 3)
    assert (node["fileMode"], node["uid"], node["gid"]) == (0o640, 0, 0)
    assert rules == [{"allow": True, "access": "rwm", "type": "c", "major": 1, "minor": 3}]


def test_a_link_stands_for_its_device(nodes: Path) -> None:
    found, rules = devices.mapped(DeviceMapping(path_on_host=f"{nodes}/link", cgroup_permissions="r"))
    assert [n["path"] for n in found] == [f"{nodes}/link"]
    assert rules[0]["access"] == "r"


def test_a_directory_stands_for_all_below(nodes: Path) -> None:
    found, rules = devices.mapped(DeviceMapping(path_on_host=str(nodes), path_in_container="/dev/d"))
    assert [n["path"] for n in found] == ["/dev/d/one", "/dev/d/sub/two"]
    assert [(r["type"], r["major"]) for r in rules] == [("c", 1), ("b", 7)]


@pytest.mark.parametrize("name, why", [("nope", "no such file or directory"), ("file", "not a device node")])
def test_what_is_no_device(nodes: Path, name: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        devices.mapped(DeviceMapping(path_on_host=f"{nodes}/{name}"))
    assert str(caught.value) == (
        f'error gathering device information while adding custom device "{nodes}/{name}": {why}'
    )


def test_rules() -> None:
    assert devices.parse_rules(["c 42:* rmw", "a *:* r", "b 8:1 m"]) == [
        {"allow": True, "access": "rmw", "type": "c", "major": 42},
        {"allow": True, "access": "r"},
        {"allow": True, "access": "m", "type": "b", "major": 8, "minor": 1},
    ]


@pytest.mark.parametrize("rule", ["", "c 1:2", "x 1:2 r", "c 1:2 q", "c 1:2 rwmr", "c -1:2 r", "c 1:2 r\n"])
def test_bad_rules(rule: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid device cgroup rule format"):
        devices.parse_rules([rule])


def test_the_hosts_devices_leave_out_what_a_container_has_of_its_own() -> None:
    paths = {node["path"] for node in devices.of_host()}
    assert "/dev/null" in paths
    assert not any(p.startswith(("/dev/pts/", "/dev/shm/")) or p == "/dev/console" for p in paths)


def test_numbers() -> None:
    assert devices.number("/dev/null") == (1, 3)
    with pytest.raises(InvalidArgument, match="stat /dev/nope: no such file or directory"):
        devices.number("/dev/nope")


@pytest.mark.parametrize("runtime", ["crun", "runc"])
async def test_a_device_can_be_used_only_when_given(ground: Ground, nodes: Path, runtime: str) -> None:
    ground.config.runtime = runtime
    os.mknod(nodes / "fuse", stat.S_IFCHR | 0o666, os.makedev(10, 229))
    denied = "sh: can't open /dev/my-fuse: Operation not permitted\n"
    mapping = DeviceMapping(path_on_host=f"{nodes}/fuse", path_in_container="/dev/my-fuse")
    given = await ground.run("sh", "-c", ": </dev/my-fuse", devices=[mapping])
    assert denied not in given[1]
    made = "mknod /dev/my-fuse c 10 229; : </dev/my-fuse"
    assert (await ground.run("sh", "-c", made)) == (1, denied)
    allowed = await ground.run("sh", "-c", made, device_cgroup_rules=["c 10:229 r"])
    assert denied not in allowed[1]
