"""Nothing outside its root: archives, copies, images and mounts cannot get out, whatever they contain."""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import base_image
from tests.security.ground import MARK, SECRET, Target
from tests.security.hostile_tars import (
    Member,
    device,
    entry,
    escapes,
    folder,
    hard_link,
    image,
    symlink,
    tar,
)

pytestmark = pytest.mark.root

CASES = sorted(escapes("/x"))


@pytest.fixture(scope="module")
def stopped(target: Target) -> Iterator[str]:
    id = target.make("busybox", Cmd=["sleep", "600"])
    yield id
    target.remove(id)


@pytest.fixture(scope="module")
def running(target: Target) -> Iterator[str]:
    id = target.make("busybox", Cmd=["sleep", "600"])
    assert target.ask("POST", f"/containers/{id}/start").status == 204
    yield id
    target.remove(id)


# -- archives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_unpacking_into_containers(target: Target, stopped: str, running: str, case: str) -> None:
    archive = escapes(target.aim)[case]
    with target.unharmed():
        for id in (stopped, running):
            for path in ("/tmp", "/"):
                reply = target.ask("PUT", f"/containers/{id}/archive", archive, path=path)
                assert reply.status in (200, 400, 409), reply.text


@pytest.mark.parametrize("case", CASES)
def test_importing_and_loading(target: Target, case: str) -> None:
    archive = escapes(target.aim)[case]
    with target.unharmed():
        for path, body, query in (
            ("/images/create", archive, {"fromSrc": "-", "repo": "bad", "tag": "import"}),
            ("/images/load", image(archive, name="bad:layer"), {"quiet": "1"}),
            ("/images/load", archive, {"quiet": "1"}),
        ):
            reply = target.ask("POST", path, body, **query)
            failed = reply.status in (400, 409) or (reply.status == 200 and b'"error"' in reply.body)
            assert failed or reply.status == 200, reply.text
            _forget(target, ["bad:import", "bad:layer"])


def test_a_part_of_a_volume_that_turns_into_a_link(target: Target) -> None:
    """One container swaps a folder of a volume and a link to the host while others are given that part of it."""
    swap = _swap(target.aim, "/v")
    mount = {"Type": "volume", "Source": "swapped", "Target": "/m", "VolumeOptions": {"Subpath": "a"}}
    with target.unharmed():
        id = target.make("busybox", Cmd=["sh", "-c", swap], HostConfig={"Binds": ["swapped:/v"]})
        try:
            assert target.ask("POST", f"/containers/{id}/start").status == 204
            for _ in range(8):
                made = target.make("busybox", Cmd=["cat", "/m/secret"], HostConfig={"Mounts": [mount]})
                if target.ask("POST", f"/containers/{made}/start").status == 204:
                    target.ask("POST", f"/containers/{made}/wait")
                logs = target.ask("GET", f"/containers/{made}/logs", stdout="1", stderr="1")
                copied = target.ask("GET", f"/containers/{made}/archive", path="/m/secret")
                assert SECRET not in logs.body and SECRET not in copied.body
                target.remove(made)
        finally:
            target.remove(id)
            target.ask("DELETE", "/volumes/swapped", force="1")


def _forget(target: Target, names: list[str]) -> None:
    for name in names:
        assert target.ask("DELETE", f"/images/{name}", force="1").status in (200, 404)
    target.ask("POST", "/images/prune", filters={"dangling": ["1"]})


def test_what_an_escape_left_inside_can_be_read_and_committed(target: Target) -> None:
    """A container of an image full of links out: export, diff, commit and copies stay inside too."""
    members = [symlink("out", target.aim), symlink("up", "../" * 40), folder("d"), symlink("d/out", target.aim)]
    with target.unharmed(), _Image(target, members) as name:
        id = target.make(name, Cmd=["sleep", "600"])
        try:
            _copy_through_links(target, id)
            assert target.ask("POST", f"/containers/{id}/start").status == 204
            _copy_through_links(target, id)
            exported = target.ask("GET", f"/containers/{id}/export")
            assert SECRET not in exported.body
            assert target.ask("GET", f"/containers/{id}/changes").status == 200
            reply = target.ask("POST", "/commit", container=id, repo="bad", tag="commit")
            assert reply.status == 201, reply.text
        finally:
            target.remove(id)
            _forget(target, ["bad:commit"])


def _copy_through_links(target: Target, id: str) -> None:
    content = tar([entry(MARK), entry("secret")])
    for path in ("/out", "/out/", "/out/.", "/out/sub", "/up", f"/up{target.aim}", "/d/out", f"/..{target.aim}",
                 "/proc/self/root", f"/proc/1/root{target.aim}", "/proc/self/cwd"):  # fmt: skip
        put = target.ask("PUT", f"/containers/{id}/archive", content, path=path)
        assert put.status in (200, 400, 403, 404), (path, put.text)
        for inside in (f"{path}/secret", path):
            got = target.ask("GET", f"/containers/{id}/archive", path=inside)
            assert SECRET not in got.body and got.status in (200, 400, 404), (inside, got.text[:200])
            assert target.ask("HEAD", f"/containers/{id}/archive", path=inside).status in (200, 400, 404)


def _swap(aim: str, folder: str) -> str:
    """A shell program that makes `folder/a` a folder and a link to `aim` by turns, for ever."""
    a, b, link = (f"{folder}/{name}" for name in "abl")
    turns = f"mv -T {a} {b}; mv -T {link} {a}; mv -T {a} {link}; mv -T {b} {a}"
    return f"mkdir {a}; ln -s {aim} {link}; while :; do {turns}; done"


def test_copying_while_a_link_takes_a_folders_place(target: Target) -> None:
    """A process in the container swaps a folder and a link to the host as fast as it can."""
    swap = (
        f"mkdir -p /a /z; ln -s {target.aim} /l; while :; do mv -T /a /b; mv -T /l /a; mv -T /a /l; mv -T /b /a; done"
    )
    with target.unharmed():
        id = target.make("busybox", Cmd=["sh", "-c", swap])
        try:
            assert target.ask("POST", f"/containers/{id}/start").status == 204
            content = tar([entry(MARK), folder("sub"), entry("sub/file"), entry("secret")])
            for _ in range(40):
                put = target.ask("PUT", f"/containers/{id}/archive", content, path="/a")
                assert put.status in (200, 400, 404, 409), put.text
                assert SECRET not in target.ask("GET", f"/containers/{id}/archive", path="/a").body
                assert SECRET not in target.ask("GET", f"/containers/{id}/archive", path="/a/secret").body
        finally:
            target.remove(id)


def test_devices_in_archives_are_of_no_use(target: Target) -> None:
    """They may be there, as with Docker; but opening them is refused, and nobody on the host comes near them."""
    members = [device("disk", tarfile.BLKTYPE, 254, 0), device("mem", tarfile.CHRTYPE, 1, 1),
               device("kmsg", tarfile.CHRTYPE, 1, 11), entry("suid", mode=0o4755)]  # fmt: skip
    with target.unharmed(), _Image(target, members) as name:
        code, said = target.run(name, "sh", "-c", "for f in /disk /mem /kmsg; do head -c 1 $f; (: > $f); done; true")
        assert code == 0 and said.count("not permitted") == 6, said
        mount = [f"devs-{MARK}:/v"]
        code, said = target.run(
            "busybox", "sh", "-c", "mknod /v/d b 254 0; head -c 1 /v/d", HostConfig={"Binds": mount}
        )
        assert code != 0 and "not permitted" in said
        assert target.ask("DELETE", f"/volumes/devs-{MARK}").status == 204


def test_the_hosts_other_users_stay_outside(target: Target, running: str) -> None:
    """What a container has made set-user-ID root must not be run by others on the host (CVE-2021-41091)."""
    daemon = target.daemon
    inner = [daemon.run_dir / name for name in ("rootfs", "runtime", "shm", "netns")]
    for place in (daemon.root, *inner):
        assert not place.stat().st_mode & 0o007, place
    assert (daemon.run_dir / "rootfs" / running).is_dir()


# -- images --------------------------------------------------------------------------------------------------------


class _Image:
    """An image of busybox with more members; gone at the end."""

    def __init__(self, target: Target, members: list[Member], changes: dict[str, Any] | None = None) -> None:
        self.target, self.members, self.changes = target, members, changes or {}

    def __enter__(self) -> str:
        base = base_image("busybox").read_bytes().rstrip(b"\0")
        base += bytes(-len(base) % 512)
        replaced = {info.name.strip("/") for info, _ in self.members if info.issym()}
        base = _without(base, replaced) if replaced & {"etc", "proc", "sys", "dev", "tmp", "root"} else base
        facts = {"config": {"Cmd": ["sh"], **self.changes}}
        reply = self.target.ask("POST", "/images/load", image(base + tar(self.members), name="bad:one", facts=facts))
        assert reply.status == 200 and "Loaded image" in reply.text, reply.text
        return "bad:one"

    def __exit__(self, *_: object) -> None:
        _forget(self.target, ["bad:one"])


def _without(archive: bytes, names: set[str]) -> bytes:
    """The archive less some folders and what is in them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for info in old:
            if info.name.strip("/").split("/")[0] not in names:
                new.addfile(info, old.extractfile(info) if info.isreg() else None)
    return out.getvalue().rstrip(b"\0") + bytes(-len(out.getvalue().rstrip(b"\0")) % 512)


@pytest.mark.parametrize("place", ["etc", "proc", "sys", "dev", "tmp", "root"])
@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_system_folders_that_are_links(target: Target, place: str, runtime: str) -> None:
    """The engine's files and the system's mounts go inside, or the container does not start."""
    with target.unharmed(), _Image(target, [symlink(place, target.aim)]) as name:
        code, said = target.run(name, "cat", f"/{place}/secret", HostConfig={"Runtime": runtime})
        assert code and SECRET.decode() not in said, said


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_files_of_the_engine_that_are_links(target: Target, runtime: str) -> None:
    members = [symlink(f"etc/{f}", f"{target.aim}/{MARK}") for f in ("hosts", "hostname", "resolv.conf", "mtab")]
    with target.unharmed(), _Image(target, members) as name:
        target.run(name, "sh", "-c", "echo x > /etc/hosts", HostConfig={"Runtime": runtime})


def test_users_are_looked_up_inside(target: Target) -> None:
    """`mole` is a user in the host's folder only."""
    members = [symlink("etc/passwd", f"{target.aim}/passwd"), symlink("etc/group", f"{target.aim}/passwd")]
    with target.unharmed(), _Image(target, members) as name:
        for user in ("mole", "mole:mole", f"../../{target.aim}", "4294967296", "-1", "0:99999999999", "a" * 5000):
            code, said = target.run(name, "id", User=user)
            assert code == -1 and "4711" not in said, said


@pytest.mark.parametrize("runtime", ["crun", "runc"])
@pytest.mark.parametrize(
    "settings",
    [
        {"WorkingDir": "/out/made/by/it"},
        {"WorkingDir": "/up/../../out/made"},
        {"HostConfig": {"Binds": ["vol-escape:/out/sub"]}},
        {"HostConfig": {"Binds": ["/usr:/out/bind"]}},
        {"HostConfig": {"Tmpfs": {"/out/tmpfs": ""}}},
        {"HostConfig": {"Mounts": [{"Type": "bind", "Source": "/etc/hostname", "Target": f"/out/{MARK}"}]}},
        {"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/up/tmpfs"}]}},
        {"HostConfig": {"Binds": ["vol-escape:/a/../out/../../up/x"]}},
        {"HostConfig": {"ReadonlyPaths": ["/out/secret"], "MaskedPaths": ["/out/sub", "/up/etc/passwd"]}},
        {"Volumes": {"/out/volume": {}, "/data": {}}},
        {"HostConfig": {"Init": True, "ReadonlyRootfs": True}, "WorkingDir": "/out/x"},
    ],
    ids=lambda s: re.sub(r"\W+", " ", json.dumps(s)).strip() if isinstance(s, dict) else str(s),
)
def test_places_in_containers_that_lead_through_links(target: Target, settings: dict[str, Any], runtime: str) -> None:
    members = [symlink("out", target.aim), symlink("up", "../" * 40), symlink("data", target.aim), folder("sbin"),
               symlink("sbin/docker-init", f"{target.aim}/{MARK}")]  # fmt: skip
    wanted = {**settings, "HostConfig": {**settings.get("HostConfig", {}), "Runtime": runtime}}
    with target.unharmed(), _Image(target, members) as name:
        reply = target.ask("POST", "/containers/create", {"Image": name, "Cmd": ["cat", "/data/secret"], **wanted})
        assert reply.status in (201, 400), reply.text
        if reply.status == 201:
            id = reply.json["Id"]
            try:
                started = target.ask("POST", f"/containers/{id}/start")
                if started.status == 204:
                    target.ask("POST", f"/containers/{id}/wait")
                logs = target.ask("GET", f"/containers/{id}/logs", stdout="1", stderr="1").text
                assert SECRET.decode() not in logs
            finally:
                target.remove(id)
        target.ask("DELETE", "/volumes/vol-escape", force="1")


def test_a_volumes_first_content_comes_from_the_image_alone(target: Target) -> None:
    members = [symlink("data", target.aim), folder("other"), hard_link("other/busybox", "bin/busybox"),
               symlink("other/out", f"{target.aim}/secret"), entry("other/file", b"inside\n")]  # fmt: skip
    with target.unharmed():
        for place in ("/other", "/data"):
            with _Image(target, members, {"Volumes": {place: {}}}) as name:
                code, said = target.run(name, "sh", "-c", "ls -la /data/; cat /other/file; cat /data/secret /other/out")
                assert SECRET.decode() not in said, (code, said)
                assert "inside" in said or place == "/data", (code, said)


@pytest.mark.parametrize(
    "field, value",
    [
        ("Config", "../../../../../../etc/hostname"), ("Config", "/etc/hostname"), ("Config", "link"), ("Config", ""),
        ("Config", 7), ("Config", None), ("Config", ["config.json"]), ("Config", "config.json\0"),
        ("Layers", ["/etc/hostname"]), ("Layers", ["../../../../../../../../etc/hostname"]), ("Layers", ["link"]),
        ("Layers", ["hard"]), ("Layers", []), ("Layers", None), ("Layers", "layer.tar"), ("Layers", [1, {}]),
        ("Layers", ["layer.tar"] * 300), ("Layers", ["layer.tar", "layer.tar"]), ("RepoTags", "x:y"), ("RepoTags", [5]),
        ("RepoTags", ["../../x:y"]), ("RepoTags", ["UPPER:x"]), ("RepoTags", ["a" * 5000]), ("RepoTags", ["x:\n"]),
        ("LayerSources", {"x": 5}), ("Parent", "../../x"),
    ],
)  # fmt: skip
def test_manifests_that_point_outside(target: Target, field: str, value: object) -> None:
    layer = tar([entry("file")])
    archive = image(layer, name="bad:manifest", **{field: value})
    links = tar([symlink("link", f"{target.aim}/secret"), hard_link("hard", f"{target.aim}/secret")], end=False)
    with target.unharmed():
        reply = target.ask("POST", "/images/load", links + archive)
        if field not in ("LayerSources", "Parent"):
            assert reply.status == 400 or b'"error"' in reply.body, reply.text
        assert SECRET not in reply.body
        _forget(target, ["bad:manifest"])


@pytest.mark.parametrize(
    "facts",
    [
        b"", b"{", b"[]", b"7", b"null", b'"x"', b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"{}" * 2,
        {"config": 7}, {"config": {"Env": "x"}}, {"config": {"Cmd": {"a": 1}}}, {"config": {"Labels": ["a"]}},
        {"config": {"ExposedPorts": {"99999999999/tcp": {}}}}, {"config": {"ExposedPorts": ["80"]}},
        {"config": {"Volumes": {"../../etc": {}}}}, {"config": {"Volumes": {"relative": {}}}},
        {"config": {"Volumes": {"/": {}}}}, {"config": {"Volumes": "x"}}, {"config": {"WorkingDir": "../../.."}},
        {"config": {"WorkingDir": 7}}, {"config": {"User": ["root"]}}, {"config": {"StopSignal": 2**70}},
        {"config": {"StopTimeout": 2**63}}, {"config": {"Healthcheck": {"Interval": 2**80, "Test": "x"}}},
        {"config": {"Healthcheck": {"Interval": -5, "Test": ["CMD", "x"]}}}, {"config": {"Healthcheck": []}},
        {"config": {"Entrypoint": ["a\0b"]}}, {"config": {"Env": ["=x", "a\0b", ""]}}, {"config": {"Shell": 5}},
        {"rootfs": 7}, {"rootfs": {"type": "layers", "diff_ids": ["sha256:../../../etc"]}}, {"rootfs": None},
        {"rootfs": {"type": "layers", "diff_ids": ["md5:00"]}}, {"rootfs": {"type": "x", "diff_ids": []}},
        {"rootfs": {"type": "layers", "diff_ids": 5}}, {"rootfs": {"type": "layers", "diff_ids": [5]}},
        {"history": 7}, {"history": [7]}, {"history": [{"empty_layer": "x"}]}, {"history": [{}] * 1000},
        {"created": 7}, {"created": "yesterday"}, {"created": "9" * 5000}, {"created": "2024-13-45T00:00:00Z"},
        {"architecture": ["amd64"]}, {"architecture": "../.."}, {"os": 7}, {"os": "windows"}, {"variant": {}},
        {"author": 7}, {"comment": []}, {"docker_version": 2**70}, {"parent": "x"}, {"id": "../../.."},
    ],
    ids=lambda f: str(f)[:60],
)  # fmt: skip
def test_configurations_of_images_with_wrong_types(target: Target, facts: object) -> None:
    """Such an image is refused, or it works in every way; it never makes the daemon stumble."""
    layer = tar([entry("file")])
    raw = facts if isinstance(facts, bytes) else b""
    archive = image(layer, name="bad:config", facts=facts if isinstance(facts, dict) else None, raw=raw or b" ")
    if isinstance(facts, dict):
        archive = image(layer, name="bad:config", facts=facts)
    with target.unharmed():
        loaded = target.ask("POST", "/images/load", archive, quiet="1")
        assert loaded.status in (200, 400), loaded.text
        for method, path in (
            ("GET", "/images/bad:config/json"), ("GET", "/images/bad:config/history"), ("GET", "/images/json"),
            ("GET", "/images/bad:config/get"), ("GET", "/system/df"), ("POST", "/images/prune"),
        ):  # fmt: skip
            assert target.ask(method, path).status in (200, 404), path
        made = target.ask("POST", "/containers/create", {"Image": "bad:config", "Cmd": ["/file"]})
        assert made.status in (201, 400, 404), made.text
        if made.status == 201:
            assert target.ask("GET", f"/containers/{made.json['Id']}/json").status == 200
            assert target.ask("POST", f"/containers/{made.json['Id']}/start").status in (204, 400)
            target.remove(made.json["Id"])
        _forget(target, ["bad:config"])


@pytest.mark.parametrize(
    "change",
    ["WORKDIR ../../..", "VOLUME ../x", "VOLUME [", "USER a\0b", "ENV", "ENV =", "EXPOSE 99999999999", "EXPOSE -1",
     "LABEL a", 'CMD ["a"', "CMD " + "[" * 5000, "HEALTHCHECK --interval=99999999999999999999s CMD x", "FROM busybox",
     "STOPSIGNAL 999999999999999999999", "RUN touch /x", "\0", "\n", "ENV a=" + "x" * 100_000, "ONBUILD ONBUILD RUN x",
     "COPY / /", "ADD http://127.0.0.1/ /", "SHELL x", "ENV ${" + "a:-${" * 3000, "é", "USER " + "u" * 100_000],
    ids=lambda c: repr(c[:30]),
)  # fmt: skip
def test_changes_of_commit_and_import(target: Target, stopped: str, change: str) -> None:
    with target.unharmed():
        for path, body, query in (
            ("/commit", None, {"container": stopped, "repo": "bad", "tag": "change", "changes": change}),
            ("/images/create", tar([entry("f")]), {"fromSrc": "-", "repo": "bad", "tag": "change", "changes": change}),
        ):
            reply = target.ask("POST", path, body, **query)
            assert reply.status in (200, 201, 400), reply.text
        _forget(target, ["bad:change"])


# -- what the request itself names -------------------------------------------------------------------------------------


def test_a_socket_of_the_host_is_no_file_to_copy(target: Target, running: str) -> None:
    """PUT over what is no folder, and from special files, says so and does not wait for them."""
    with target.unharmed():
        made = target.ask(
            "PUT", f"/containers/{running}/archive", tar([entry("pipe", kind=tarfile.FIFOTYPE)]), path="/tmp"
        )
        assert made.status == 200
        for path in ("/tmp/pipe", "/dev/null", "/dev/zero", "/dev/tty", "/proc/kmsg", "/proc/1/mem", "/dev/random"):
            assert target.ask("PUT", f"/containers/{running}/archive", tar([entry("x")]), path=path).status in (
                400,
                404,
            )
            got = target.ask("GET", f"/containers/{running}/archive", path=path)
            assert got.status in (200, 400, 404) and len(got.body) < 10_000_000, path


def test_many_attacks_at_once(target: Target) -> None:
    """The same layer from many sides, good and bad ones in turn: each ends in the whole image or in nothing."""
    good, bad = tar([entry("good", b"x" * 200_000)]), escapes(target.aim)["a huge size"]
    statuses: list[tuple[int, bool]] = []

    def load(number: int) -> None:
        reply = target.ask("POST", "/images/load", image(bad if number % 2 else good, name=f"many:{number}"), quiet="1")
        statuses.append((number % 2, reply.status == 200 and b'"error"' not in reply.body))

    with target.unharmed():
        threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(statuses) == [(0, True)] * 4 + [(1, False)] * 4
        _forget(target, [f"many:{n}" for n in range(8)])
    assert not list((target.daemon.root / "content" / "ingest").iterdir())
