"""System mounts, the user's over them, and tmpfs options as Docker reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pogu.engine.model import HostConfig, MountPoint
from pogu.engine.runtime.mounts import check_propagation, oci_mounts, rootfs_propagation, tmpfs_mount, user_mount
from pogu.errors import InvalidArgument
from pogu.linux.mounts import MS_PRIVATE, MS_SHARED, mount, set_propagation, unmount


def mounts(*points: MountPoint, privileged: bool = False, **wanted: Any) -> dict[str, dict[str, Any]]:
    found = oci_mounts(
        HostConfig(**wanted),
        points,
        shm_size=1 << 20,
        privileged=privileged,
        writable_cgroups=privileged,
        kernel=(6, 1),
    )
    assert len({m["destination"] for m in found}) == len(found)
    return {m["destination"]: m for m in found}


def test_every_container_has_the_systems() -> None:
    found = mounts()
    assert list(found) == ["/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm"]
    assert "ro" in found["/sys"]["options"]
    assert "ro" in found["/sys/fs/cgroup"]["options"]
    assert "size=1048576" in found["/dev/shm"]["options"]


def test_users_mounts_replace_and_come_parents_first() -> None:
    found = mounts(
        MountPoint(type="bind", source="/a", destination="/data/deep/er"),
        MountPoint(type="bind", source="/b", destination="/data"),
        MountPoint(type="bind", source="/c", destination="/dev/shm"),
        tmpfs={"/data/deep": ""},
    )
    assert list(found)[6:] == ["/data", "/dev/shm", "/data/deep", "/data/deep/er"]
    assert found["/dev/shm"]["type"] == "bind"


def test_a_dev_of_the_users_own_takes_what_is_below_along() -> None:
    found = mounts(MountPoint(type="bind", source="/dev", destination="/dev"))
    assert list(found) == ["/proc", "/sys", "/sys/fs/cgroup", "/dev"]


def test_ipc_modes() -> None:
    assert "/dev/shm" not in mounts(ipc_mode="none")
    host = mounts(ipc_mode="host")["/dev/shm"]
    assert (host["type"], host["source"]) == ("bind", "/dev/shm")


def test_privileged_may_write_sys_and_cgroups() -> None:
    found = mounts(privileged=True)
    assert "ro" not in found["/sys"]["options"]
    assert "ro" not in found["/sys/fs/cgroup"]["options"]


def test_a_read_only_root_leaves_the_systems_directories_writable() -> None:
    found = mounts(MountPoint(type="bind", source="/a", destination="/data"), readonly_rootfs=True)
    for path in ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/data"):
        assert "ro" not in found[path]["options"], path


def test_bind_options() -> None:
    point = MountPoint(type="volume", source="/usr", destination="/d", rw=False, propagation="rslave")
    assert user_mount(point)["options"] == ["rbind", "rro", "rslave"]
    assert user_mount(point, kernel=(5, 11))["options"] == ["rbind", "ro", "rslave"]
    point.options = {"ReadOnlyNonRecursive": True}
    assert user_mount(point)["options"] == ["rbind", "ro", "rslave"]
    point = MountPoint(type="bind", source="/v", destination="/d", options={"NonRecursive": True})
    assert user_mount(point)["options"] == ["bind", "rprivate"]
    file = MountPoint(type="bind", source="/etc/passwd", destination="/d", rw=False)
    assert user_mount(file)["options"] == ["rbind", "ro", "rprivate"]  # crun takes a deeper one for a directory


@pytest.mark.parametrize(
    "flag, wanted, refused",
    [
        (MS_PRIVATE, "rprivate", ""),
        (MS_PRIVATE, "rslave", "shared or slave mount"),
        (MS_PRIVATE, "shared", "shared mount"),
        (MS_SHARED, "rshared", ""),
        (MS_SHARED, "slave", ""),
    ],
)
def test_a_source_must_have_the_propagation_wanted(tmp_path: Path, flag: int, wanted: str, refused: str) -> None:
    mount("tmpfs", tmp_path, "tmpfs")
    try:
        set_propagation(tmp_path, flag)
        point = MountPoint(type="bind", source=f"{tmp_path}/sub", destination="/d", propagation=wanted)
        if refused:
            with pytest.raises(InvalidArgument, match=f"sub is mounted on {tmp_path} but it is not a {refused}"):
                check_propagation(point)
        else:
            check_propagation(point)
    finally:
        unmount(tmp_path)


@pytest.mark.parametrize(
    "kinds, expected",
    [([""], ""), (["rprivate"], ""), (["slave", "private"], "rslave"), (["rslave", "shared"], "rshared")],
)
def test_the_root_passes_on_what_its_mounts_need(kinds: list[str], expected: str) -> None:
    assert rootfs_propagation(MountPoint(type="bind", destination="/", propagation=k) for k in kinds) == expected


@pytest.mark.parametrize(
    "text, options",
    [
        ("", ["noexec", "nosuid", "nodev", "rprivate"]),
        ("rw,size=64k,exec", ["nosuid", "nodev", "rprivate", "rw", "size=64k", "exec"]),
        ("size=1m,size=2m,mode=1770", ["noexec", "nosuid", "nodev", "rprivate", "size=2m", "mode=1770"]),
        ("suid,dev,ro,rw", ["noexec", "rprivate", "suid", "dev", "rw"]),
        ("rshared,noexec", ["nosuid", "nodev", "rshared", "noexec"]),
        ("defaults, uid=5", ["noexec", "nosuid", "nodev", "rprivate", "uid=5"]),
    ],
)
def test_tmpfs_options(text: str, options: list[str]) -> None:
    assert tmpfs_mount("/t", text)["options"] == options


@pytest.mark.parametrize("text", ["size", "lowerdir=/", "rw,nonsense", "size=1m,upperdir=/etc", "bind", "ro,remount"])
def test_bad_tmpfs_options(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid tmpfs option"):
        tmpfs_mount("/t", text)


def test_tmpfs_of_the_mounts_list() -> None:
    options = {"SizeBytes": 4096, "Mode": 0o700, "Options": [["exec"], ["uid", "5"]]}
    found = user_mount(MountPoint(type="tmpfs", destination="/t", rw=False, options=options))
    assert found["options"] == ["nosuid", "nodev", "rprivate", "ro", "size=4096", "mode=700", "exec", "uid=5"]
