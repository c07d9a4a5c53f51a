"""The whole configuration: what a container is and is not allowed, tried in containers over both runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pogu.engine.config import EngineConfig
from pogu.engine.model import Container, ContainerConfig, HostConfig, MountPoint, Ulimit
from pogu.engine.runtime import HostFacts, Namespaces, ResolvedUser, oci_spec
from pogu.engine.runtime.capabilities import NAMES
from pogu.engine.runtime.spec import cgroups_path
from pogu.errors import InvalidArgument, Unsupported
from pogu.linux import cgroups
from pogu.linux import mounts as kernel
from tests.engine.runtime.ground import Ground, output, read_all, until

HOST = HostFacts(
    capabilities=frozenset(NAMES),
    controllers=frozenset(["memory", "pids"]),
    sysctls=frozenset(["net.ipv4.ping_group_range"]),
    init="/usr/bin/catatonit",
)


def spec_of(
    config: ContainerConfig | None = None,
    *,
    namespaces: Namespaces | None = None,
    host: HostFacts = HOST,
    engine: EngineConfig | None = None,
    mounts: list[MountPoint] | None = None,
    **wanted: Any,
) -> dict[str, Any]:
    container = Container(
        id="c" * 64,
        name="c",
        created="",
        image_id="",
        config=config or ContainerConfig(hostname="box"),
        host_config=HostConfig(**wanted),
        path="sh",
    )
    return oci_spec(
        container,
        rootfs=Path("/root-of-it"),
        user=ResolvedUser(),
        namespaces=namespaces or Namespaces(),
        mounts=mounts or [],
        host=host,
        config=engine or EngineConfig(),
    )


def kinds(spec: dict[str, Any]) -> dict[str, str]:
    return {n["type"]: n.get("path", "") for n in spec["linux"]["namespaces"]}


def test_a_plain_container() -> None:
    spec = spec_of()
    assert spec["root"] == {"path": "/root-of-it", "readonly": False}
    assert spec["hostname"] == "box"
    assert kinds(spec) == {"mount": "", "network": "", "ipc": "", "pid": "", "uts": ""}
    assert spec["linux"]["cgroupsPath"] == "/pogu/" + "c" * 64
    assert spec["linux"]["resources"]["devices"][0] == {"allow": False, "access": "rwm"}
    assert "/proc/kcore" in spec["linux"]["maskedPaths"]
    assert "/proc/sys" in spec["linux"]["readonlyPaths"]
    assert spec["linux"]["sysctl"] == {"net.ipv4.ping_group_range": "0 2147483647"}
    assert spec["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "rootfsPropagation" not in spec["linux"]


def test_a_privileged_container_has_no_walls() -> None:
    spec = spec_of(privileged=True)
    assert spec["process"]["capabilities"]["effective"] == list(NAMES)
    assert spec["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert "/dev/null" in {d["path"] for d in spec["linux"]["devices"]}
    assert spec["linux"]["maskedPaths"] == spec["linux"]["readonlyPaths"] == []
    assert "seccomp" not in spec["linux"]
    assert "seccomp" in spec_of(privileged=True, security_opt=["seccomp=builtin"])["linux"]


def test_namespaces_of_others() -> None:
    spec = spec_of(
        namespaces=Namespaces(
            network=Path("/run/netns/x"), ipc=Path("/proc/1/ns/ipc"), pid="host", cgroup="private", uts="host"
        )
    )
    assert kinds(spec) == {"mount": "", "network": "/run/netns/x", "ipc": "/proc/1/ns/ipc", "cgroup": ""}
    assert "hostname" not in spec


def test_paths_can_be_opened_to_view() -> None:
    linux = spec_of(masked_paths=[], readonly_paths=["/proc/x"])["linux"]
    assert (linux["maskedPaths"], linux["readonlyPaths"]) == ([], ["/proc/x"])


@pytest.mark.parametrize("mode", ["host", "container:abc"])
def test_a_shared_network_keeps_its_settings(mode: str) -> None:
    assert "sysctl" not in spec_of(network_mode=mode)["linux"]
    assert spec_of(network_mode=mode, sysctls={"kernel.msgmax": "1"})["linux"]["sysctl"] == {"kernel.msgmax": "1"}


def test_the_users_sysctls_win() -> None:
    linux = spec_of(ContainerConfig(domainname="lan"), sysctls={"net.ipv4.ping_group_range": "1 0"})["linux"]
    assert linux["sysctl"] == {"net.ipv4.ping_group_range": "1 0", "kernel.domainname": "lan"}


def test_annotations_that_the_runtime_acts_upon_are_not_the_users_to_set() -> None:
    spec = spec_of(annotations={"a": "b", "run.oci.seccomp_bpf_data": "AAAA"})
    assert spec["annotations"] == {"a": "b"}
    assert "annotations" not in spec_of(annotations={"run.oci.hooks.stdout": "/etc/x"})


def test_an_apparmor_profile_is_set_where_the_host_can() -> None:
    able = HostFacts(apparmor=True)
    assert spec_of(host=able, security_opt=["apparmor=mine"])["process"]["apparmorProfile"] == "mine"
    assert "apparmorProfile" not in spec_of(host=able, security_opt=["apparmor=unconfined"])["process"]
    assert "apparmorProfile" not in spec_of(security_opt=["apparmor=mine"])["process"]


def test_an_init_is_mounted_where_it_makes_sense() -> None:
    spec = spec_of(init=True)
    assert spec["process"]["args"][:2] == ["/sbin/docker-init", "--"]
    assert spec["mounts"][-1]["destination"] == "/sbin/docker-init"
    assert spec_of(engine=EngineConfig(init=True))["process"]["args"][0] == "/sbin/docker-init"
    assert spec_of(engine=EngineConfig(init=True), init=False)["process"]["args"] == ["sh"]
    assert spec_of(init=True, namespaces=Namespaces(pid="host"))["process"]["args"] == ["sh"]
    with pytest.raises(Unsupported, match="catatonit"):
        spec_of(init=True, host=HostFacts())


@pytest.mark.parametrize(
    "parent, driver, expected",
    [
        ("", "cgroupfs", "/pogu/ID"),
        ("/a/b", "cgroupfs", "/a/b/ID"),
        ("a", "cgroupfs", "/a/ID"),
        ("../../../etc", "cgroupfs", "/etc/ID"),
        ("", "systemd", "system.slice:pogu:ID"),
        ("my.slice", "systemd", "my.slice:pogu:ID"),
    ],
)
def test_cgroup_paths(parent: str, driver: str, expected: str) -> None:
    config = EngineConfig(cgroup_driver=driver)
    assert cgroups_path("ID", HostConfig(cgroup_parent=parent), config) == expected


@pytest.mark.parametrize(
    "wanted",
    [
        {"cap_add": ["NOPE"]},
        {"security_opt": ["nope"]},
        {"security_opt": ["nope=1"]},
        {"security_opt": ["seccomp={"]},
        {"tmpfs": {"/t": "upperdir=/"}},
        {"ulimits": [Ulimit(name="nope", soft=1, hard=1)]},
        {"device_cgroup_rules": ["nope"]},
    ],
)
def test_bad_settings_are_the_askers_fault(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        spec_of(**wanted)


class RunningContainers:
    """The same settings seen from inside."""

    runtime_name: str

    async def test_the_walls(self, ground: Ground) -> None:
        script = """
        grep -E '^(CapEff|CapInh|NoNewPrivs)' /proc/self/status
        mount -t tmpfs x /tmp 2>/dev/null || echo no mount
        echo x 2>/dev/null >/proc/sys/kernel/hostname || echo no sysctl
        cat /proc/keys
        ls /sys/firmware
        mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x 2>/dev/null || echo no cgroup
        ls /dev
        """
        code, text = await ground.run("sh", "-c", script)
        assert code == 0
        assert text.split("\n")[:6] == [
            "CapInh:\t0000000000000000",
            "CapEff:\t00000000a80425fb",
            "NoNewPrivs:\t0",
            "no mount",
            "no sysctl",
            "no cgroup",
        ]
        seen = set(text.split("\n")[6:]) - {""}
        assert seen - {"core"} == set(
            "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()
        )

    async def test_privileged(self, ground: Ground) -> None:
        script = "mount -t tmpfs x /tmp && echo mounted; ls /dev | wc -l; mount | grep '^sysfs.*(rw' | wc -l"
        code, text = await ground.run("sh", "-c", script, privileged=True)
        mounted, devices, writable = text.split()
        assert (code, mounted, writable) == (0, "mounted", "1")
        assert int(devices) > 20

    async def test_a_read_only_root_with_a_tmpfs_and_a_volume(self, ground: Ground, tmp_path: Path) -> None:
        for name in ("rw", "ro"):
            (tmp_path / name).mkdir()
        mounts = [
            MountPoint(type="bind", source=str(tmp_path / n), destination=f"/v/{n}", rw=n == "rw") for n in ("rw", "ro")
        ]
        script = "for d in / /t /v/rw /v/ro /dev/shm; do touch $d/x 2>/dev/null && echo $d; done; df -k /t | tail -n1"
        _code, text = await ground.run(
            "sh", "-c", script, readonly_rootfs=True, tmpfs={"/t": "size=64k,mode=1777"}, mounts=mounts
        )
        assert text.split("\n")[:3] == ["/t", "/v/rw", "/dev/shm"]
        assert text.split("\n")[3].split()[1] == "64"
        assert (tmp_path / "rw" / "x").exists()

    async def test_read_only_holds_for_the_mounts_below(self, ground: Ground, tmp_path: Path) -> None:
        (tmp_path / "below").mkdir()
        kernel.mount("tmpfs", tmp_path / "below", "tmpfs")
        try:
            point = MountPoint(type="bind", source=str(tmp_path), destination="/v", rw=False)
            code, text = await ground.run("sh", "-c", "touch /v/x /v/below/x 2>&1", mounts=[point])
            assert (code, text.count("Read-only file system")) == (1, 2)
        finally:
            kernel.unmount(tmp_path / "below")

    async def test_limits_hold(self, ground: Ground) -> None:
        spec = await ground.start(
            "sh",
            "-c",
            "ulimit -n; cat /proc/self/oom_score_adj; sleep 60",
            memory=64 << 20,
            memory_swap=128 << 20,
            nano_cpus=500_000_000,
            pids_limit=40,
            cpu_shares=512,
            cpuset_cpus="0",
            blkio_weight=300,
            ulimits=[Ulimit(name="nofile", soft=512, hard=10**6)],
            oom_score_adj=-900,
        )
        await until(lambda: output(spec).count("\n") == 2, "its output")
        counters = ground.supervisor.counters(spec.id)
        assert (counters.memory_limit, counters.pids_limit) == (64 << 20, 40)
        group = ground.cgroup(spec)
        if cgroups.hierarchy().version == 1:
            assert group.read("cpu", "cpu.cfs_quota_us") == "50000\n"
            assert group.read("cpu", "cpu.shares") == "512\n"
            assert group.read("memory", "memory.memsw.limit_in_bytes") == f"{128 << 20}\n"
            weights = [group.read("blkio", f"blkio.{name}weight") for name in ("", "bfq.")]
            assert "300\n" in weights
        else:
            assert group.read("cpu", "cpu.max") == "50000 100000\n"
            assert group.read("memory", "memory.swap.max") == f"{64 << 20}\n"
        assert (group.read("cpuset", "cpuset.cpus") or "").strip() == "0"
        files, score = output(spec).split()
        assert files == "512"
        assert int(score) == (-900 if ground.host.may_raise else ground.host.oom_score_adj)

    async def test_an_init_reaps_and_passes_signals_on(self, ground: Ground) -> None:
        script = "tr '\\0' ' ' </proc/1/cmdline; trap 'exit 6' TERM; echo; echo ready; while :; do sleep 0.05; done"
        spec = await ground.start("sh", "-c", script, init=True)
        await until(lambda: output(spec).endswith("\nready\n"), "the trap")  # the command line has the word too
        await ground.supervisor.kill(spec.id, 15)
        assert (await ground.supervisor.wait(spec.id)).code == 6
        assert output(spec).startswith("/sbin/docker-init -- sh -c")

    async def test_another_user_without_new_privileges(self, ground: Ground) -> None:
        script = "id -u; id -G; echo $HOME; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status"
        _code, text = await ground.run(
            "sh", "-c", script, user="ann", group_add=["77"], security_opt=["no-new-privileges"]
        )
        assert text.split("\n")[:6] == [
            "1000",
            "1000 10 44 77",
            "/home/ann",
            "CapEff:\t0000000000000000",
            "CapBnd:\t00000000a80425fb",
            "NoNewPrivs:\t1",
        ]

    async def test_the_hosts_namespaces(self, ground: Ground) -> None:
        shared = Namespaces(network="host", ipc="host", pid="host", uts="host")
        script = "for n in net ipc pid uts mnt; do readlink /proc/self/ns/$n; done"
        _code, text = await ground.run(
            "sh", "-c", script, namespaces=shared, network_mode="host", ipc_mode="host", pid_mode="host"
        )
        own = [str(Path(f"/proc/self/ns/{n}").readlink()) for n in ("net", "ipc", "pid", "uts", "mnt")]
        assert text.split()[:4] == own[:4]
        assert text.split()[4] != own[4]

    async def test_another_containers_namespaces(self, ground: Ground) -> None:
        donor = await ground.start("sleep", "60")
        [pid] = ground.supervisor.pids(donor.id)
        paths = {n: Path(f"/proc/{pid}/ns/{k}") for n, k in (("network", "net"), ("ipc", "ipc"), ("pid", "pid"))}
        script = "readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; ps | grep -c 'slee[p]'"
        _code, text = await ground.run(
            "sh", "-c", script, namespaces=Namespaces(**paths), network_mode=f"container:{donor.id}"
        )
        assert text.split() == [str(paths["network"].readlink()), str(paths["ipc"].readlink()), "1"]

    async def test_sysctls_hostname_and_domain(self, ground: Ground) -> None:
        script = "hostname; cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start"
        code, text = await ground.run("sh", "-c", script, id="ab" * 32, sysctls={"kernel.msgmax": "4096"})
        assert (code, text.split()) == (0, ["abababababab", "4096", "0"])

    async def test_mounts_pass_events_on_as_asked(self, ground: Ground, tmp_path: Path) -> None:
        base = tmp_path / "shared"
        (base / "in").mkdir(parents=True)
        kernel.mount("tmpfs", base, "tmpfs")
        try:
            kernel.set_propagation(base, kernel.MS_SHARED)
            (base / "in").mkdir()
            points = [
                MountPoint(type="bind", source=str(base), destination="/s", propagation="rslave"),
                MountPoint(type="bind", source=str(base), destination="/p", propagation="rprivate"),
            ]
            spec = await ground.start("sleep", "60", mounts=points)
            kernel.mount("tmpfs", base / "in", "tmpfs")
            (base / "in" / "later").touch()
            process = await ground.exec(spec, "ls", "/s/in", "/p/in")
            assert (await read_all(process))[1] == b"/p/in:\n\n/s/in:\nlater\n"
            process.close()
            await ground.supervisor.delete(spec.id)
        finally:
            kernel.unmount(base / "in")
            kernel.unmount(base)


class TestCrun(RunningContainers):
    runtime_name = "crun"


class TestRunc(RunningContainers):
    runtime_name = "runc"
