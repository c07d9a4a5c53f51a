"""`pogu system verify` finds what is damaged on purpose, repairs what is safe, and raises no false alarm."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.ground import FaultDaemon, until
from tests.running import mounts_under

STRAY = "f" * 64


@pytest.fixture(scope="module")
def daemon() -> Iterator[FaultDaemon]:
    """A daemon with a container on a network of its own, with a volume and a port, that the tests damage and repair."""
    running = FaultDaemon()
    try:
        running.start()
        running.load_image("busybox")
        running.docker("network", "create", "net")
        running.docker(
            "run", "-d", "--name", "web", "--network", "net", "-v", "data:/data", "-p", "127.0.0.1::80", "busybox",
            "sleep", "1000",
        )  # fmt: skip
        running.docker("create", "--name", "still", "busybox", "true")
        _interface_of_nobody(running)  # a daemon that has just started deletes these itself, a little later
        running.verify("--repair")
        yield running
    finally:
        running.close()


def _id(daemon: FaultDaemon, name: str) -> str:
    return daemon.docker("inspect", "-f", "{{.Id}}", name).out


def _sh(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _network_objects(daemon: FaultDaemon) -> tuple[str, str]:
    """Return the bridge of the network `net` and the interface of the container on it."""
    bridge = "br-" + daemon.docker("network", "inspect", "-f", "{{.Id}}", "net").out[:12]
    ports = json.loads(_sh("ip", "-j", "link", "show", "master", bridge))
    return bridge, ports[0]["ifname"]


def _table(daemon: FaultDaemon) -> str:
    bridge, _ = _network_objects(daemon)
    ruleset = json.loads(_sh("nft", "-j", "list", "ruleset"))["nftables"]
    return next(o["set"]["table"] for o in ruleset if "set" in o and bridge in o["set"].get("elem", ()))


# Each makes one damage and returns what the checker must call it.


def _folder_of_nobody(daemon: FaultDaemon) -> str:
    (daemon.root / "containers" / STRAY).mkdir()
    return "container"


def _folder_missing(daemon: FaultDaemon) -> str:
    _sh("rm", "-r", daemon.root / "containers" / _id(daemon, "still"))
    return "container"


def _writable_layer_of_nobody(daemon: FaultDaemon) -> str:
    (daemon.root / "overlay" / "containers" / STRAY).mkdir()
    return "layer"


def _layer_of_nobody(daemon: FaultDaemon) -> str:
    (daemon.root / "overlay" / "layers" / "0123456789ab" / "fs").mkdir(parents=True)
    return "layer"


def _blob_of_nobody(daemon: FaultDaemon) -> str:
    (daemon.root / "content" / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"nobody's")
    return "blob"


def _unfinished_blob(daemon: FaultDaemon) -> str:
    (daemon.root / "content" / "ingest" / "half").write_bytes(b"half")
    return "blob"


def _upload_left(daemon: FaultDaemon) -> str:
    (daemon.root / "tmp" / "images" / "load-left").mkdir(parents=True)
    return "temporary"


def _mount_of_nobody(daemon: FaultDaemon) -> str:
    target = daemon.run_dir / "rootfs" / STRAY
    target.mkdir()
    _sh("mount", "-t", "tmpfs", "none", target)
    return "mount"


def _namespace_of_nobody(daemon: FaultDaemon) -> str:
    target = daemon.run_dir / "netns" / STRAY
    target.touch()
    _sh("unshare", "--net", "mount", "--bind", "/proc/self/ns/net", target)
    return "namespace"


def _bridge_gone(daemon: FaultDaemon) -> str:
    _sh("ip", "link", "delete", _network_objects(daemon)[0])
    return "bridge"


def _interface_gone(daemon: FaultDaemon) -> str:
    _sh("ip", "link", "delete", _network_objects(daemon)[1])
    return "interface"


def _interface_off_the_bridge(daemon: FaultDaemon) -> str:
    _sh("ip", "link", "set", _network_objects(daemon)[1], "nomaster")
    return "interface"


def _interface_of_nobody(daemon: FaultDaemon) -> str:
    prefix = _network_objects(daemon)[1][:6]
    _sh("ip", "link", "add", f"{prefix}ffffffff", "type", "veth", "peer", "name", f"{prefix}eeeeeeee")
    return "interface"


def _firewall_entry_gone(daemon: FaultDaemon) -> str:
    _sh("nft", "flush", "set", "inet", _table(daemon), "bridges")
    return "firewall"


def _firewall_entry_too_much(daemon: FaultDaemon) -> str:
    element = "{ tcp . 4711 : 10.1.2.3 . 80 }"
    _sh("nft", "add", "element", "inet", _table(daemon), "any4", element)
    return "firewall"


def _firewall_rules_gone(daemon: FaultDaemon) -> str:
    _sh("nft", "flush", "chain", "inet", _table(daemon), "forward")
    return "firewall"


def _cgroup_of_nobody(daemon: FaultDaemon) -> str:
    for parent in Path("/sys/fs/cgroup").glob(f"**{daemon.cgroup_parent}"):
        (parent / STRAY).mkdir()
    return "cgroup"


def _runtime_state_of_nobody(daemon: FaultDaemon) -> str:
    (daemon.run_dir / "crun" / STRAY).mkdir()
    return "bundle"


def _exec_left(daemon: FaultDaemon) -> str:
    (daemon.run_dir / "runtime" / _id(daemon, "web") / "exec-left").mkdir()
    return "exec"


def _volume_directory_gone(daemon: FaultDaemon) -> str:
    daemon.docker("volume", "create", "lost", check=False)
    _sh("rm", "-r", daemon.root / "volumes" / "lost")
    return "volume"


def _volume_of_nobody(daemon: FaultDaemon) -> str:
    (daemon.root / "volumes" / "found" / "_data").mkdir(parents=True)
    (daemon.root / "volumes" / "found" / "_data" / "file").write_text("kept")
    return "volume"


def _record_gone(daemon: FaultDaemon) -> str:
    with sqlite3.connect(daemon.root / "state.db") as db:
        db.execute("DELETE FROM records WHERE kind = 'container' AND id = ?", (_id(daemon, "still"),))
    db.close()
    return "record"


REPAIRABLE: list[Callable[[FaultDaemon], str]] = [
    _folder_of_nobody, _folder_missing, _writable_layer_of_nobody, _layer_of_nobody, _blob_of_nobody, _unfinished_blob,
    _upload_left, _mount_of_nobody, _namespace_of_nobody, _interface_of_nobody, _firewall_entry_too_much,
    _firewall_rules_gone, _cgroup_of_nobody, _runtime_state_of_nobody, _exec_left, _volume_directory_gone,
    _volume_of_nobody, _record_gone, _firewall_entry_gone, _interface_off_the_bridge,
]  # fmt: skip


def test_every_damage_is_found_and_repaired(daemon: FaultDaemon) -> None:
    """All at once, since a problem must stay for some seconds before it is believed."""
    assert daemon.verify()["Problems"] == []
    kinds = {damage: damage(daemon) for damage in REPAIRABLE}
    report = daemon.verify("--repair")
    found = sorted(p["Kind"] for p in report["Problems"])
    assert set(found) >= set(kinds.values())
    assert len(found) >= len(kinds)
    assert all(p["Repaired"] for p in report["Problems"]), report
    assert report["Left"] == 0
    for damage in (_interface_gone, _bridge_gone):
        kind = damage(daemon)
        report = daemon.verify("--repair")
        assert kind in {p["Kind"] for p in report["Problems"]}
        assert report["Left"] == 0, report
    assert daemon.verify()["Problems"] == []
    assert (daemon.root / "volumes" / "found" / "_data" / "file").read_text() == "kept"
    assert daemon.docker("exec", "web", "ip", "route").out.startswith("default")
    daemon.docker("start", "still")


def test_without_repair_it_only_tells_and_fails(daemon: FaultDaemon) -> None:
    _unfinished_blob(daemon)
    ran = daemon.pogu("system", "verify", check=False)
    assert ran.code == 1
    assert "unfinished blob half was left behind" in ran.out
    assert "1 problem left; --repair can put 1 of them right" in ran.out
    assert (daemon.root / "content" / "ingest" / "half").exists()
    ran = daemon.pogu("system", "verify", "--repair")
    assert "repaired: it was deleted" in ran.out
    assert "everything was repaired" in ran.out


def test_a_damaged_layer_is_found_and_unpacked_again(daemon: FaultDaemon, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "data").write_bytes(b"as it was made" * 1000)
    (files / "other").write_text("other")
    _sh("tar", "-C", files, "-cf", tmp_path / "layer.tar", ".")
    daemon.docker("import", tmp_path / "layer.tar", "damaged:1")
    (layer,) = [p.parent for p in (daemon.root / "overlay" / "layers").glob("*/fs") if (p / "other").exists()]
    (layer / "fs" / "data").write_bytes(b"as it was not.." * 1000)
    (layer / "fs" / "other").unlink()
    assert daemon.verify()["Problems"] == []  # only a deep check reads the files
    report = daemon.verify("--deep")
    assert [p["Kind"] for p in report["Problems"]] == ["layer"]
    assert "is damaged: data, other" in report["Problems"][0]["Text"]
    assert daemon.verify("--deep", "--repair")["Left"] == 0
    assert (layer / "fs" / "data").read_bytes() == b"as it was made" * 1000
    daemon.docker("rmi", "damaged:1")


def test_a_damaged_blob_is_found_and_can_be_loaded_again(daemon: FaultDaemon, tmp_path: Path) -> None:
    daemon.docker("save", "-o", str(tmp_path / "busybox.tar"), "busybox")
    blobs = sorted((daemon.root / "content" / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size)
    with blobs[-1].open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    report = daemon.verify("--deep", "--repair")
    assert report["Problems"][0]["Kind"] == "blob"
    assert "load" in json.dumps(report["Problems"])
    assert "No such image" not in daemon.docker("run", "--rm", "busybox", "true").err  # what is unpacked serves on
    daemon.docker("load", "-i", str(tmp_path / "busybox.tar"))
    assert daemon.verify("--deep")["Problems"] == []


def test_a_dead_supervisor_and_a_lost_process_are_told(daemon: FaultDaemon) -> None:
    """A container is killed behind the daemon's back while the daemon cannot see it: it is stopped by a signal."""
    daemon.docker("run", "-d", "--name", "victim", "busybox", "sleep", "1000")
    pid = int(daemon.docker("inspect", "-f", "{{.State.Pid}}", "victim").out)
    os.kill(pid, signal.SIGKILL)
    until(lambda: daemon.docker("inspect", "-f", "{{.State.ExitCode}}", "victim").out == "137")
    assert daemon.verify()["Problems"] == []
    daemon.docker("rm", "victim")


@pytest.mark.soak
def test_a_daemon_under_load_raises_no_false_alarm(daemon: FaultDaemon, soak: Callable[[float, float], float]) -> None:
    """Containers, images, volumes and networks come and go while the checker looks again and again."""

    def work(number: int) -> None:
        for turn in range(int(soak(2, 20))):
            name = f"load{number}-{turn}"
            daemon.docker("volume", "create", name)
            daemon.docker("run", "-d", "--name", name, "-v", f"{name}:/v", "-P", "busybox", "sleep", "1000")
            daemon.docker("exec", name, "true")
            daemon.docker("commit", name, f"{name}:1")
            daemon.docker("rm", "-f", name)
            daemon.docker("rmi", f"{name}:1")
            daemon.docker("volume", "rm", name)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, n) for n in range(4)]
        looks = 0
        while not all(w.done() for w in workers):
            assert daemon.verify()["Problems"] == []
            looks += 1
        for worker in workers:
            worker.result()
    assert looks
    assert daemon.verify()["Problems"] == []
    assert not [m for m in mounts_under(daemon.run_dir) if "load" in m]
