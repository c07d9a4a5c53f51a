"""Finding runtimes, what they are told, and what crun gets in its own way."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pogu.engine.runtime import runtimes
from pogu.engine.runtime.runtimes import Crun, OciRuntime, Runc, find_runtime
from pogu.errors import InvalidArgument, NotFound
from pogu.linux.cgroups import Hierarchy


def test_names_paths_and_configured_ones(tmp_path: Path) -> None:
    assert isinstance(find_runtime("crun", tmp_path), Crun)
    runc = find_runtime("runc", tmp_path)
    assert isinstance(runc, Runc)
    assert (runc.root, runc.name, runc.key) == (tmp_path / "runc", "runc", "runc")
    assert isinstance(find_runtime("/usr/bin/crun", tmp_path), Crun)
    mine = find_runtime("mine", tmp_path, known={"mine": ("/usr/bin/crun", ["--debug"])})
    assert (mine.key, mine.name) == ("mine", "crun")
    assert "--debug" in mine.global_arguments(Path("/log"))
    assert type(find_runtime("true", tmp_path)) is OciRuntime
    with pytest.raises(InvalidArgument, match="unknown or invalid runtime name: nope"):
        find_runtime("nope", tmp_path)


def test_arguments(tmp_path: Path) -> None:
    arguments = find_runtime("crun", tmp_path).global_arguments(Path("/x/log"))
    assert arguments == [f"--root={tmp_path}/crun", "--log=/x/log", "--log-format=json"]
    assert find_runtime("crun", tmp_path, systemd=True).global_arguments(Path("/l"))[-1] == "--systemd-cgroup"


def test_the_daemons_environment_does_not_reach_runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert list(runtimes.environment()) == ["PATH"]


@pytest.mark.parametrize("name", ["crun", "runc"])
async def test_what_does_not_wait_cannot_be_started(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        await find_runtime(name, tmp_path).start("x", tmp_path / "log")
    await find_runtime(name, tmp_path).forget("x")


def test_crun_gets_a_filter_it_compiled_before(tmp_path: Path) -> None:
    crun = find_runtime("crun", tmp_path)
    spec = {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}, "annotations": {"a": "b"}}
    assert crun.adapt(spec) == (spec, {})
    (tmp_path / "crun" / "x").mkdir(parents=True)
    (tmp_path / "crun" / "x" / "seccomp.bpf").write_bytes(b"filter")
    crun.created("x", spec)
    adapted, _ = crun.adapt(spec)
    assert adapted["annotations"] == {"a": "b", "run.oci.seccomp_bpf_data": base64.b64encode(b"filter").decode()}
    assert spec["annotations"] == {"a": "b"}
    other = {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_KILL"}}}
    assert crun.adapt(other) == (other, {})
    assert crun.adapt({"linux": {}}) == ({"linux": {}}, {})


def test_a_block_weight_is_kept_from_crun_on_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crun = find_runtime("crun", tmp_path)
    spec = {"linux": {"resources": {"pids": {"limit": 1}, "blockIO": {"weight": 300, "other": 1}}}}
    monkeypatch.setattr(runtimes, "hierarchy", lambda: Hierarchy({"blkio": tmp_path}, None))
    adapted, later = crun.adapt(spec)
    assert adapted == {"linux": {"resources": {"pids": {"limit": 1}, "blockIO": {"other": 1}}}}
    assert later == {"blockIO": {"weight": 300}}
    monkeypatch.setattr(runtimes, "hierarchy", lambda: Hierarchy({}, tmp_path))
    assert crun.adapt(spec) == (spec, {})


def test_the_folder_of_version_1_hierarchies_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crun = find_runtime("crun", tmp_path)
    cgroup = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]}
    sys, users = {"destination": "/sys", "type": "sysfs"}, {"destination": "/sys", "type": "bind", "source": "/sys"}
    monkeypatch.setattr(runtimes, "hierarchy", lambda: Hierarchy({"memory": tmp_path}, None))
    closed = {**cgroup, "type": "tmpfs", "options": ["remount", "ro", "nosuid"]}
    assert crun.adapt({"mounts": [sys, cgroup, users]})[0]["mounts"] == [sys, cgroup, closed, users]
    writable = {**cgroup, "options": ["nosuid"]}
    assert crun.adapt({"mounts": [writable]})[0]["mounts"] == [writable]
    below = {"destination": "/sys/fs/cgroup/mine", "type": "tmpfs"}
    assert crun.adapt({"mounts": [cgroup, below]})[0]["mounts"] == [cgroup, below]
    monkeypatch.setattr(runtimes, "hierarchy", lambda: Hierarchy({}, tmp_path))
    assert crun.adapt({"mounts": [cgroup]})[0]["mounts"] == [cgroup]
