"""`docker pull` from a real docker-registry: what is added, what is told, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pogu.engine.images import downloads
from pogu.errors import InvalidArgument, NotFound, PoguError, Unavailable
from tests.cutting_proxy import cutting_proxy
from tests.engine.images.conftest import Machine, digest_of, tar_of
from tests.registry_peers import MANIFEST, OCI_INDEX, DebianRegistry, put_image

TLS = 1 << 30  # the connection that finds out that the registry does not speak TLS is not cut
ONE, TWO = tar_of({"one": b"1"}), tar_of({"two": b"2"})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second attempts come at once."""
    monkeypatch.setattr(downloads, "_FIRST_PAUSE", 0.01)


async def _pull(machine: Machine, name: str, **options: Any) -> list[str]:
    """Pull and return what was told, bars left out."""
    told: list[dict[str, Any]] = []
    await machine.images.pull(name, progress=told.append, **options)
    await asyncio.sleep(0)
    return [(f"{m['id']}: " if "id" in m else "") + m["status"] for m in told if "progress" not in m]


async def test_an_image_is_pulled(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    digest = put_image(registry, repository, "1", [ONE, TWO])
    name = f"{registry.host}/{repository}"
    layer = json.loads(registry.manifest(repository, "1"))["layers"][0]["digest"][7:19]
    told = await _pull(machine, f"{name}:1")
    assert told[0] == f"1: Pulling from {repository}"
    assert [line for line in told if line.startswith(layer)] == [
        f"{layer}: Pulling fs layer",
        f"{layer}: Verifying Checksum",
        f"{layer}: Download complete",
        f"{layer}: Pull complete",
    ]
    assert told[-2:] == [f"Digest: {digest}", f"Status: Downloaded newer image for {name}:1"]
    image = machine.images.resolve(f"{name}:1")
    assert image.repo_tags == [f"{name}:1"]
    assert image.repo_digests == [f"{name}@{digest}"]
    assert machine.images.resolve(f"{name}@{digest}").id == image.id
    assert image.diff_ids == [digest_of(ONE), digest_of(TWO)]
    assert machine.told() == [("pull", name)]


async def test_a_second_pull_fetches_nothing(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    put_image(registry, repository, "1", [ONE])
    name = f"{registry.host}/{repository}:1"
    await _pull(machine, name)
    before = machine.files()
    told = await _pull(machine, name)
    assert "Already exists" in told[1]
    assert told[-1] == f"Status: Image is up to date for {name}"
    assert machine.files() == before


async def test_a_pull_by_digest(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    digest = put_image(registry, repository, "1", [ONE])
    name = f"{registry.host}/{repository}@{digest}"
    told = await _pull(machine, name)
    assert told[0] == f"{digest}: Pulling from {repository}"
    assert told[-1] == f"Status: Downloaded newer image for {name}"
    assert machine.images.resolve(name).repo_tags == []


async def test_all_tags(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    for tag in ("1", "2"):
        put_image(registry, repository, tag, [ONE], comment=tag)
    name = f"{registry.host}/{repository}"
    pulled = await machine.images.pull(name, all_tags=True)
    assert {machine.images.resolve(f"{name}:{tag}").id for tag in ("1", "2")} == set(pulled)


@pytest.mark.parametrize("suffix", ["gzip", "zstd"])
async def test_oci_images(machine: Machine, registry: DebianRegistry, repository: str, suffix: str) -> None:
    compress = zstandard.ZstdCompressor().compress if suffix == "zstd" else None
    put_image(registry, repository, "1", [ONE, TWO], oci=True, compress=compress, suffix=suffix)
    await _pull(machine, f"{registry.host}/{repository}:1")
    image = machine.images.resolve(f"{registry.host}/{repository}:1")
    assert [layer.media_type for layer in image.layers] == [f"application/vnd.oci.image.layer.v1.tar+{suffix}"] * 2


def _index(registry: DebianRegistry, repository: str, *platforms: str) -> str:
    entries = []
    for platform in platforms:
        os_, architecture = platform.split("/")
        digest = put_image(registry, repository, architecture, [ONE], oci=True, architecture=architecture, os=os_)
        data = registry.manifest(repository, architecture)
        entry = {"mediaType": json.loads(data)["mediaType"], "digest": digest, "size": len(data)}
        entries.append({**entry, "platform": {"os": os_, "architecture": architecture}})
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return registry.put_manifest(repository, "all", index)


async def test_an_index_has_an_image_for_each_platform(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    digest = _index(registry, repository, "linux/arm64", "linux/amd64", "linux/s390x")
    name = f"{registry.host}/{repository}"
    for platform in ("linux/amd64", "linux/s390x"):
        told = await _pull(machine, f"{name}:all", platform=platform)
        assert f"Digest: {digest}" in told
        image = machine.images.resolve(f"{name}:all")
        assert str(image.platform) == platform
        assert image.repo_digests == [f"{name}@{digest}"]
    with pytest.raises(NotFound, match="no matching manifest for linux/riscv64 in the manifest list entries"):
        await _pull(machine, f"{name}:all", platform="linux/riscv64")
    listed = await machine.images.look_up(f"{name}:all")
    assert (listed.digest, listed.media_type) == (digest, OCI_INDEX)
    assert [str(p) for p in listed.platforms] == ["linux/arm64", "linux/amd64", "linux/s390x"]


async def test_one_image_for_another_platform(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    put_image(registry, repository, "1", [ONE], architecture="arm64")
    with pytest.raises(NotFound, match=r"platform \(linux/arm64/v8\)|platform \(linux/arm64\)"):
        await _pull(machine, f"{registry.host}/{repository}:1", platform="linux/s390x")
    assert machine.files() == []


async def test_what_is_not_there(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}"
    with pytest.raises(NotFound, match=f"^manifest for {name}:1 not found: manifest unknown: manifest unknown$"):
        await _pull(machine, f"{name}:1")
    with pytest.raises(NotFound, match=f"^repository {name} not found: name unknown: "):
        await _pull(machine, name, all_tags=True)
    with pytest.raises(Unavailable, match=r"connect: connection refused$"):
        await _pull(machine, "127.0.0.1:1/x")


async def test_the_same_image_in_another_compression(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    """The layers are there; only the blobs are fetched, so that this manifest, too, can be pushed as it is."""
    name = f"{registry.host}/{repository}"
    put_image(registry, repository, "gzip", [ONE], oci=True)
    compress = zstandard.ZstdCompressor().compress
    put_image(registry, repository, "zstd", [ONE], oci=True, compress=compress, suffix="zstd")
    first, second = [(await machine.images.pull(f"{name}:{tag}"))[0] for tag in ("gzip", "zstd")]
    assert first == second
    assert len(machine.images.resolve(f"{name}:zstd").repo_digests) == 2
    assert len([f for f in machine.files() if f.startswith("blob")]) == 5  # configuration, 2 manifests, 2 blobs
    await machine.images.remove(f"{name}:gzip")
    await machine.images.remove(f"{name}:zstd")
    assert machine.files() == []


async def test_two_pulls_share_a_download(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes
) -> None:
    put_image(registry, repository, "1", [deep_tar])
    with cutting_proxy(registry.port) as proxy:
        proxy.pause = 0.02
        name = f"{proxy.host}/{repository}:1"
        await asyncio.gather(*(machine.images.pull(name) for _ in range(4)))
        assert proxy.passed < 1.5 * len(deep_tar)


@pytest.mark.usefixtures("quick")
async def test_a_download_goes_on_where_it_was_cut(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes
) -> None:
    put_image(registry, repository, "1", [deep_tar])
    with cutting_proxy(registry.port) as proxy:
        proxy.cuts = [TLS, 400_000, 300_000, 200_000]
        await machine.images.pull(f"{proxy.host}/{repository}:1")
        assert proxy.cut == 3
        assert proxy.passed < 1.5 * len(deep_tar)
        assert machine.images.resolve(f"{proxy.host}/{repository}:1").size > 1_000_000


@pytest.mark.usefixtures("quick")
async def test_a_network_that_never_works_is_given_up(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes
) -> None:
    put_image(registry, repository, "1", [deep_tar])
    with cutting_proxy(registry.port) as proxy:
        proxy.cuts = [TLS, 2000, *[0] * 50]
        with pytest.raises(Unavailable):
            await machine.images.pull(f"{proxy.host}/{repository}:1")
    assert machine.files() == []


async def test_a_pull_that_is_cancelled_leaves_nothing(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes
) -> None:
    put_image(registry, repository, "1", [ONE, deep_tar, TWO])
    with cutting_proxy(registry.port) as proxy:
        proxy.pause = 0.05
        begun = asyncio.Event()

        def tell(message: dict[str, Any]) -> None:
            if message["status"] == "Downloading" or message["status"] == "Extracting":
                begun.set()

        task = asyncio.ensure_future(machine.images.pull(f"{proxy.host}/{repository}:1", progress=tell))
        await begun.wait()
        proxy.held.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert machine.files() == []
        proxy.held.clear()
        await machine.images.pull(f"{registry.host}/{repository}:1")


async def test_a_blob_with_another_content(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    put_image(registry, repository, "1", [ONE, tar_of({"own": repository})])  # other tests must not see it
    layer = json.loads(registry.manifest(repository, "1"))["layers"][1]
    file = registry.blob_file(layer["digest"])
    data = bytearray(file.read_bytes())
    data[5] ^= 1  # the time in the header: it unpacks all the same
    file.write_bytes(data)
    with pytest.raises(InvalidArgument, match=f"filesystem layer verification failed for digest {layer['digest']}"):
        await _pull(machine, f"{registry.host}/{repository}:1")
    assert machine.files() == []


async def _refused(machine: Machine, registry: DebianRegistry, repository: str, words: str, **image: Any) -> None:
    put_image(registry, repository, "1", [ONE], **image)
    with pytest.raises(PoguError, match=words):
        await _pull(machine, f"{registry.host}/{repository}:1")
    assert machine.files() == []


def _layer(**fields: Any) -> Any:
    return lambda manifest: manifest["layers"][0].update(fields)


@pytest.mark.parametrize("lie", [-1, +1])
async def test_a_manifest_that_lies_about_a_size(
    machine: Machine, registry: DebianRegistry, repository: str, lie: int, quick: None
) -> None:
    def alter(manifest: dict[str, Any]) -> None:
        manifest["layers"][0]["size"] += lie

    await _refused(machine, registry, repository, "is larger than" if lie < 0 else "unexpected EOF", alter=alter)


async def test_a_manifest_that_lies_about_the_configuration(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    def alter(manifest: dict[str, Any]) -> None:
        manifest["config"]["size"] = 9 << 20

    await _refused(machine, registry, repository, "an image configuration of 9437184 bytes", alter=alter)


async def test_a_configuration_for_other_layers(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    wrong = {"type": "layers", "diff_ids": [digest_of(TWO)]}
    await _refused(machine, registry, repository, "layer content has digest", rootfs=wrong)


async def test_more_layers_than_the_configuration_has(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    def alter(manifest: dict[str, Any]) -> None:
        manifest["layers"] *= 2

    await _refused(machine, registry, repository, "mismatched number of rootfs and manifest layers", alter=alter)


async def test_ten_thousand_layers(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    def alter(manifest: dict[str, Any]) -> None:
        manifest["layers"] *= 10_000

    await _refused(machine, registry, repository, "max depth exceeded: 10000 layers", alter=alter)


async def test_foreign_layers(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    alter = _layer(
        mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["https://elsewhere.example/x"]
    )
    await _refused(machine, registry, repository, r"is kept outside of its registry \(a foreign layer\)", alter=alter)


async def test_a_decompression_bomb(
    machine: Machine, registry: DebianRegistry, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pogu.engine.images.unpacking.UNSUSPICIOUS", 10 << 20)
    bomb = tar_of({"zeros": bytes(30 << 20)})
    put_image(registry, repository, "1", [bomb])
    with pytest.raises(InvalidArgument, match="a decompression bomb"):
        await _pull(machine, f"{registry.host}/{repository}:1")
    assert machine.files() == []


async def test_a_layer_that_wants_to_leave(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    """Paths and links are confined, as in every archive: see the archive room's own tests."""
    put_image(registry, repository, "1", [tar_of({"l": "-> /var/tmp", "../../out": b"x", "l/pogu-escaped": b"x"})])
    await _pull(machine, f"{registry.host}/{repository}:1")
    assert not Path("/var/tmp/pogu-escaped").exists()


async def test_artifacts_and_other_kinds(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    def artifact(manifest: dict[str, Any]) -> None:
        manifest["config"]["mediaType"] = "application/vnd.example.config+json"

    await _refused(machine, registry, repository, "this is an artifact and not a container image", alter=artifact)


async def test_an_unknown_kind_of_layer(machine: Machine, registry: DebianRegistry, repository: str) -> None:
    alter = _layer(mediaType="application/vnd.example.layer")
    await _refused(machine, registry, repository, "unsupported media type application/vnd.example.layer", alter=alter)


async def test_a_full_disk(
    machine: Machine, registry: DebianRegistry, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_image(registry, repository, "1", [ONE])
    monkeypatch.setenv("POGU_FAILPOINTS", "image.download.verified=ENOSPC@2")
    from pogu import failpoints

    failpoints.arm(os.environ)
    try:
        with pytest.raises(PoguError, match="no space left on device"):
            await _pull(machine, f"{registry.host}/{repository}:1")
    finally:
        failpoints.arm({})
    assert machine.files() == []


async def test_what_was_pulled_is_there_after_a_restart(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    put_image(registry, repository, "1", [ONE])
    name = f"{registry.host}/{repository}:1"
    await _pull(machine, name)
    digests = machine.images.resolve(name).repo_digests
    await machine.restart()
    assert machine.images.resolve(name).repo_digests == digests
    assert registry.manifest(repository, "1") in [
        (machine.config.root / "content/blobs/sha256" / f.split()[1]).read_bytes()
        for f in machine.files()
        if f.startswith("blob")
    ]
    assert json.loads(registry.manifest(repository, "1"))["mediaType"] == MANIFEST


@pytest.mark.usefixtures("quick")
async def test_a_server_that_falls_silent(
    machine: Machine, registry: DebianRegistry, repository: str, deep_tar: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes for a while: the connection is given up, and the next goes on from there."""
    monkeypatch.setattr("pogu.engine.registries.connections.IDLE_SECONDS", 0.5)
    put_image(registry, repository, "1", [deep_tar])
    with cutting_proxy(registry.port) as proxy:
        proxy.pause = 0.01
        silent = asyncio.Event()

        def tell(message: dict[str, Any]) -> None:
            if message["status"] in ("Downloading", "Extracting") and not silent.is_set():
                silent.set()
                proxy.held.set()
            elif message["status"].startswith("Retrying in"):
                proxy.held.clear()

        await machine.images.pull(f"{proxy.host}/{repository}:1", progress=tell)
        assert silent.is_set()
        assert not proxy.held.is_set()
