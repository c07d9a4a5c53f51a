"""`docker push` to a real docker-registry: what it gets, what is told, and what is not sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
import zstandard

from pogu.engine.registries import uploads
from pogu.errors import InvalidArgument, NotFound, PoguError, Unavailable
from tests.cutting_proxy import cutting_proxy
from tests.engine.images.conftest import Machine, digest_of, oci_layout, tar_of
from tests.registry_peers import MANIFEST, DebianRegistry, put_image

ONE, TWO = tar_of({"one": b"1"}), tar_of({"two": b"2"})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second attempts come at once."""
    monkeypatch.setattr(uploads, "_FIRST_PAUSE", 0.01)


async def _push(machine: Machine, name: str) -> list[str]:
    """Push and return what was told, bars left out."""
    told: list[dict[str, Any]] = []
    await machine.images.push(name, progress=told.append)
    await asyncio.sleep(0)
    return [(f"{m['id']}: " if "id" in m else "") + m.get("status", "") for m in told if "progress" not in m]


async def _image(machine: Machine, name: str, files: Mapping[str, bytes | str] | None = None) -> str:
    identifier = await machine.add("", files or {"file": name.encode()})
    repo, _, tag = name.rpartition(":")
    await machine.images.tag(identifier, repo, tag)
    return identifier


async def test_an_image_of_this_machine(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}"
    identifier = await _image(machine, f"{name}:1")
    layer = machine.images.resolve(identifier).diff_ids[0][7:19]
    machine.told()
    told = await _push(machine, f"{name}:1")
    data = registry.manifest(repository, "1")
    assert told == [
        f"The push refers to repository [{name}]",
        f"{layer}: Preparing",
        f"{layer}: Pushed",
        f"1: digest: {digest_of(data)} size: {len(data)}",
        "",
    ]
    manifest = json.loads(data)
    assert manifest["mediaType"] == MANIFEST
    assert manifest["config"]["digest"] == identifier
    assert manifest["layers"][0]["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    assert machine.images.resolve(identifier).repo_digests == [f"{name}@{digest_of(data)}"]
    assert machine.told() == [("push", name)]


async def test_a_second_push_sends_nothing(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}:1"
    await _image(machine, name)
    await _push(machine, name)
    data = registry.manifest(repository, "1")
    told = await _push(machine, name)
    assert told[2].endswith(": Layer already exists")
    assert registry.manifest(repository, "1") == data


async def test_a_layer_is_mounted_from_another_repository(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    name = f"{registry.host}/{repository}"
    await _image(machine, f"{name}/a:1")
    await _push(machine, f"{name}/a:1")
    await machine.images.tag(f"{name}/a:1", f"{name}/b", "2")
    told = await _push(machine, f"{name}/b:2")
    assert told[2].endswith(f": Mounted from {repository}/a")
    assert registry.manifest(f"{repository}/b", "2") == registry.manifest(f"{repository}/a", "1")


@pytest.mark.parametrize("oci", [False, True])
async def test_what_was_pulled_is_pushed_bit_for_bit(
    machine: Machine, registry: DebianRegistry, repository: str, oci: bool
) -> None:
    def alter(manifest: dict[str, Any]) -> None:
        manifest["annotations"] = {"org.example": "kept"}

    put_image(registry, repository, "1", [ONE, TWO], oci=oci, alter=alter)
    name = f"{registry.host}/{repository}"
    await machine.images.pull(f"{name}:1")
    await machine.restart()
    await machine.images.tag(f"{name}:1", f"{name}/copy", "2")
    await _push(machine, f"{name}/copy:2")
    assert registry.manifest(f"{repository}/copy", "2") == registry.manifest(repository, "1")


async def test_zstd_layers_are_pushed_in_ocis_form(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    compress = zstandard.ZstdCompressor().compress
    members, entry = oci_layout([ONE], f"{registry.host}/{repository}:1", compress, "+zstd")
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]})
    members["oci-layout"] = '{"imageLayoutVersion":"1.0.0"}'
    await machine.load(members)
    await _push(machine, f"{registry.host}/{repository}:1")
    manifest = json.loads(registry.manifest(repository, "1"))
    assert manifest["layers"][0] == {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+zstd",
        "size": len(compress(ONE)),
        "digest": digest_of(compress(ONE)),
    }


async def test_all_tags(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}"
    for tag in ("1", "2"):
        await _image(machine, f"{name}:{tag}")
    told = await _push(machine, name)
    assert [line.partition(":")[0] for line in told if ": digest: " in line] == ["1", "2"]
    assert json.loads(registry.manifest(repository, "1")) != json.loads(registry.manifest(repository, "2"))


async def test_what_is_not_there(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}"
    for wanted in (name, f"{name}:1"):
        with pytest.raises(NotFound, match=f"^An image does not exist locally with the tag: {name}$"):
            await _push(machine, wanted)
    await _image(machine, f"{name}:2")
    with pytest.raises(NotFound, match=f"^tag does not exist: {name}:1$"):
        await _push(machine, f"{name}:1")
    with pytest.raises(InvalidArgument, match="cannot push a digest reference"):
        await _push(machine, f"{name}@sha256:{'0' * 64}")
    await machine.images.tag(f"{name}:2", "127.0.0.1:1/x")
    with pytest.raises(Unavailable, match=r"connect: connection refused$"):
        await _push(machine, "127.0.0.1:1/x:latest")


@pytest.mark.usefixtures("quick")
async def test_an_upload_goes_on_where_it_was_cut(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes
) -> None:
    with cutting_proxy(registry.port) as proxy:
        name = f"{proxy.host}/{repository}:1"
        noise = deep_tar * 3
        await _image(machine, name, {"noise": noise})
        proxy.upward = [1_500_000] * 4
        await _push(machine, name)
        assert proxy.cut >= 1
    layer = json.loads(registry.manifest(repository, "1"))["layers"][0]
    assert digest_of(registry.blob_file(layer["digest"]).read_bytes()) == layer["digest"]


async def test_a_push_that_is_cancelled_leaves_nothing_here(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes
) -> None:
    with cutting_proxy(registry.port) as proxy:
        name = f"{proxy.host}/{repository}:1"
        await _image(machine, name, {"noise": deep_tar})
        before = machine.files()
        begun = asyncio.Event()

        def tell(message: dict[str, Any]) -> None:
            if message.get("status") == "Pushing":
                begun.set()
                proxy.held.set()

        task = asyncio.ensure_future(machine.images.push(name, progress=tell))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert machine.files() == before
        proxy.held.clear()
        await _push(machine, name)


async def test_a_registry_with_a_full_disk(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    """It answers 500; that is told, not a success."""
    name = f"{registry.host}/{repository}:1"
    await _image(machine, name)
    target = registry.files / "docker/registry/v2/repositories" / repository
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("not a directory")
    with pytest.raises(PoguError, match="unknown"):
        await _push(machine, name)
