"""`docker load`: every form of archive goes in whole, or leaves nothing."""

import asyncio
import bz2
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import zstandard

from pogu.engine.images.digests import chain_ids
from pogu.errors import InvalidArgument
from tests.engine.images.conftest import (
    Machine,
    descriptor,
    digest_of,
    docker_archive,
    gzipped,
    image_config,
    index_of,
    oci_layout,
    stream_of,
    tar_of,
)

ONE = tar_of({"etc/": "", "etc/one": b"1"})
TWO = tar_of({"etc/two": b"22", "etc/.wh.one": b""})


async def test_an_old_docker_archive(machine: Machine) -> None:
    told = await machine.load(docker_archive([ONE, TWO], ["app:1", "example.com/app:2"]), quiet=True)
    assert told == [{"stream": "Loaded image: app:1\n"}, {"stream": "Loaded image: example.com/app:2\n"}]
    image = machine.images.resolve("app:1")
    config = image_config([ONE, TWO])
    assert image.id == digest_of(config)
    assert image.raw == config
    assert image.repo_tags == ["app:1", "example.com/app:2"]
    assert image.chain_ids == chain_ids([digest_of(ONE), digest_of(TWO)])
    assert all(machine.driver.has_layer(chain) for chain in image.chain_ids)
    assert image.size == 3
    assert image.config.env == ["A=1"]
    assert machine.told() == [("load", image.id)]


async def test_a_layer_that_is_a_link_to_another(machine: Machine) -> None:
    members = docker_archive([ONE, TWO], ["app:1"])
    first = next(name for name in members if name.endswith("layer.tar"))
    members["other/layer.tar"] = members.pop(first)
    members[first] = "-> ../other/layer.tar"
    await machine.load(members)
    assert machine.images.resolve("app:1").diff_ids[0] == digest_of(ONE)


async def test_layers_tell_their_progress_unless_quiet(machine: Machine) -> None:
    told = await machine.load(docker_archive([ONE], ["app:1"]))
    assert told[0]["status"] == "Loading layer"
    assert told[0]["progressDetail"] == {"current": len(ONE), "total": len(ONE)}
    assert told[0]["id"] == digest_of(ONE)[7:19]


async def test_an_image_without_names_is_told_by_id(machine: Machine) -> None:
    told = await machine.load(docker_archive([ONE], None), quiet=True)
    assert told == [{"stream": f"Loaded image ID: {digest_of(image_config([ONE]))}\n"}]


async def test_an_image_without_layers(machine: Machine) -> None:
    await machine.load(docker_archive([], ["empty:1"]))
    image = machine.images.resolve("empty:1")
    assert (image.chain_id, image.size) == (None, 0)


async def test_a_layer_twice_in_one_image(machine: Machine) -> None:
    await machine.load(docker_archive([ONE, ONE, TWO], ["app:1"]))
    image = machine.images.resolve("app:1")
    assert len(set(image.chain_ids)) == 3
    assert all(machine.driver.has_layer(chain) for chain in image.chain_ids)


@pytest.mark.parametrize(
    ("compress", "suffix"),
    [(bytes, ""), (gzipped, "+gzip"), (zstandard.compress, "+zstd"), (bz2.compress, "+bzip2")],
    ids=["plain", "gzip", "zstd", "bzip2"],
)
async def test_an_oci_layout(machine: Machine, compress: Callable[[bytes], bytes], suffix: str) -> None:
    members, entry = oci_layout([ONE, TWO], "example.com/app:1", compress, suffix)
    told = await machine.load({**members, "index.json": index_of(entry)}, quiet=True)
    assert told == [{"stream": "Loaded image: example.com/app:1\n"}]
    image = machine.images.resolve("example.com/app:1")
    assert image.id == digest_of(image_config([ONE, TWO]))
    kept = digest_of(ONE) if suffix == "+bzip2" else digest_of(compress(ONE))
    assert image.layers[0].digest == kept


@pytest.mark.parametrize("pack", [gzipped, zstandard.compress], ids=["gzip", "zstd"])
async def test_the_whole_archive_may_be_compressed(machine: Machine, pack: Callable[[bytes], bytes]) -> None:
    data = pack(tar_of(docker_archive([ONE], ["app:1"])))
    await machine.images.load(stream_of(data))
    assert machine.images.resolve("app:1")


@pytest.mark.parametrize(
    ("annotations", "name"),
    [
        ({"org.opencontainers.image.ref.name": "app:7"}, "app:7"),
        ({"org.opencontainers.image.ref.name": "example.com/app"}, "example.com/app:latest"),
        ({"org.opencontainers.image.ref.name": "latest"}, None),
        ({"io.containerd.image.name": "docker.io/library/app:8", "org.opencontainers.image.ref.name": "8"}, "app:8"),
        ({}, None),
    ],
)
async def test_names_in_a_layout(machine: Machine, annotations: dict[str, str], name: str | None) -> None:
    members, entry = oci_layout([ONE])
    await machine.load({**members, "index.json": index_of({**entry, "annotations": annotations})})
    image = machine.images.get(digest_of(image_config([ONE])))
    assert image.repo_tags == ([name] if name else [])


def several_platforms() -> tuple[dict[str, bytes | str], dict[str, Any]]:
    """An index of indexes with images for three platforms, an attestation and an image whose blobs are not there."""
    members: dict[str, bytes | str] = {}
    entries = []
    for architecture, layer in (("arm64", TWO), ("amd64", ONE), ("s390x", TWO)):
        blobs, entry = oci_layout([layer], architecture=architecture)
        members.update(blobs)
        entries.append({**entry, "platform": {"os": "linux", "architecture": architecture}})
    missing = {**entries[0], "digest": digest_of(b"missing"), "platform": {"os": "linux", "architecture": "ppc64le"}}
    attestation = {**entries[0], "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    windows = {**entries[0], "platform": {"os": "windows", "architecture": "amd64"}}
    inner = index_of(missing, attestation, windows, *entries)
    members[f"blobs/sha256/{digest_of(inner)[7:]}"] = inner
    outer = descriptor(
        inner,
        "application/vnd.oci.image.index.v1+json",
        annotations={"io.containerd.image.name": "docker.io/library/multi:1"},
    )
    members["index.json"] = index_of(outer)
    return members, outer


@pytest.mark.parametrize(("platform", "architecture"), [("linux/arm64", "arm64"), ("linux/s390x", "s390x")])
async def test_a_platform_can_be_chosen(machine: Machine, platform: str, architecture: str) -> None:
    members, _ = several_platforms()
    await machine.load(members, platform=platform)
    assert machine.images.resolve("multi:1").details.architecture == architecture
    assert len(machine.images) == 1


async def test_this_machines_platform_is_the_default(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    members, _ = several_platforms()
    await machine.load(members)
    image = machine.images.resolve("multi:1")
    assert machine.images.resolve("multi:1", str(image.platform)) == image
    assert image.details.architecture in ("amd64", "arm64", "s390x")


async def test_a_platform_that_is_not_there_is_named_with_those_that_are(machine: Machine) -> None:
    members, _ = several_platforms()
    with pytest.raises(
        InvalidArgument, match=r"no image for platform linux/riscv64.*linux/amd64, linux/arm64, linux/s390x"
    ):
        await machine.load(members, platform="linux/riscv64")
    assert machine.files() == []


async def test_a_name_moves_and_the_old_image_stays(machine: Machine) -> None:
    await machine.load(docker_archive([ONE], ["app:1"]))
    old = machine.images.resolve("app:1").id
    told = await machine.load(docker_archive([TWO], ["app:1"]), quiet=True)
    assert told[0] == {
        "stream": f"The image app:1 already exists, renaming the old one with ID {old} to empty string\n"
    }
    assert machine.images.get(old).repo_tags == []
    assert machine.images.resolve("app:1").id != old


async def test_loading_again_changes_nothing(machine: Machine) -> None:
    members = docker_archive([ONE, TWO], ["app:1"])
    await machine.load(members)
    before = machine.files()
    told = await machine.load(members, quiet=True)
    assert told == [{"stream": "Loaded image: app:1\n"}]
    assert machine.files() == before


async def test_layers_the_machine_has_need_not_be_in_the_archive(machine: Machine) -> None:
    await machine.load(docker_archive([ONE], ["base:1"]))
    members = docker_archive([ONE, TWO], ["app:1"])
    del members[next(name for name in members if name.endswith("layer.tar"))]
    await machine.load(members)
    assert machine.images.resolve("app:1").layers[0] == machine.images.resolve("base:1").layers[0]


async def test_several_images_and_their_parents(machine: Machine) -> None:
    base = image_config([ONE])
    child = image_config([ONE, TWO])
    items = [
        {"Config": "c.json", "RepoTags": ["child:1"], "Layers": ["1.tar", "2.tar"], "Parent": digest_of(base)},
        {"Config": "b.json", "RepoTags": None, "Layers": ["1.tar"]},
    ]
    members = {"c.json": child, "b.json": base, "1.tar": ONE, "2.tar": TWO, "manifest.json": json.dumps(items)}
    await machine.load(members)
    assert machine.images.resolve("child:1").parent == digest_of(base)
    assert [entry.id for entry in machine.images.history("child:1")] == [digest_of(child), digest_of(base)]


def archives_that_are_wrong() -> dict[str, tuple[dict[str, bytes | str], str]]:
    good = docker_archive([ONE, TWO], ["app:1"])
    names = [name for name in good if name.endswith("layer.tar")]
    config = next(name for name in good if name.endswith(".json") and name != "manifest.json")
    layout, entry = oci_layout([ONE, TWO])
    blob = f"blobs/sha256/{digest_of(gzipped(TWO))[7:]}"
    index: dict[str, bytes | str] = {"index.json": index_of(entry)}
    manifest = json.loads(str(good["manifest.json"]))
    other = {k: v for k, v in layout.items() if len(v) != entry["size"]}
    artefact = {**entry, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    return {
        "empty": ({}, "does not contain a manifest.json"),
        "no manifest": ({"x": b"1"}, "does not contain a manifest.json"),
        "manifest is no JSON": ({**good, "manifest.json": b"{"}, "failed to decode manifest.json"),
        "manifest is null": ({**good, "manifest.json": b"null"}, "manifest cannot be null"),
        "no config": ({k: v for k, v in good.items() if k != config}, f"does not contain a {config}"),
        "config is no JSON": ({**good, config: b"{"}, "invalid image configuration"),
        "config outside": (
            {**good, "manifest.json": json.dumps([{**manifest[0], "Config": "../../../../etc/passwd"}])},
            "does not contain",
        ),
        "no layer": ({k: v for k, v in good.items() if k != names[1]}, "layer 1 of an image is missing"),
        "layer too few": (
            {**good, "manifest.json": json.dumps([{**manifest[0], "Layers": names[:1]}])},
            "layers length mismatch: expected 1, got 2",
        ),
        "layer is another": ({**good, names[1]: tar_of({"evil": b"1"})}, digest_of(TWO)),
        "layer is no tar": ({**good, names[1]: b"garbage" * 1000}, ""),
        "layer is cut": ({**good, names[1]: TWO[:1024]}, ""),
        "bad name": (
            {**good, "manifest.json": json.dumps([{**manifest[0], "RepoTags": ["UP:1"]}])},
            "must be lowercase",
        ),
        "name without tag": (
            {**good, "manifest.json": json.dumps([{**manifest[0], "RepoTags": ["app"]}])},
            'invalid tag "app"',
        ),
        "windows": (docker_archive([ONE], ["w:1"], os="windows"), "cannot load windows image on linux"),
        "blob missing": ({**{k: v for k, v in layout.items() if k != blob}, **index}, "layer 1 of an image is missing"),
        "blob is another": ({**layout, **index, blob: gzipped(tar_of({"evil": b"1"}))}, "has digest"),
        "blob compressed otherwise": ({**layout, **index, blob: gzip.compress(TWO, mtime=5)}, "has digest"),
        "manifest blob missing": ({**other, **index}, "does not contain a blobs/sha256"),
        "no images": ({**layout, "index.json": index_of()}, "does not name an image"),
        "index outside": (
            {**layout, "index.json": index_of({**artefact, "digest": "sha256:../../x"})},
            "invalid checksum",
        ),
    }


@pytest.mark.parametrize("case", archives_that_are_wrong())
async def test_bad_archives_say_why_and_leave_nothing(machine: Machine, case: str) -> None:
    members, why = archives_that_are_wrong()[case]
    with pytest.raises(InvalidArgument) as error:
        await machine.load(members)
    assert why in error.value.message
    assert machine.files() == []
    assert len(machine.images) == 0
    assert machine.told() == []


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b\x08garbage", bytes(511)], ids=["nothing", "x", "gzip", "cut"])
async def test_what_is_no_archive(machine: Machine, data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        await machine.images.load(stream_of(data))
    assert machine.files() == []


async def test_one_bad_image_keeps_the_good_ones_out(machine: Machine) -> None:
    good, bad = docker_archive([ONE], ["good:1"]), docker_archive([TWO], ["bad:1"])
    items = json.loads(str(good["manifest.json"])) + json.loads(str(bad["manifest.json"]))
    items[1]["Layers"] = ["nowhere"]
    with pytest.raises(InvalidArgument):
        await machine.load({**bad, **good, "manifest.json": json.dumps(items)})
    assert machine.files() == []


async def test_a_sender_who_fails_leaves_nothing(machine: Machine) -> None:
    data = tar_of(docker_archive([ONE, TWO], ["app:1"]))

    async def half() -> AsyncIterator[bytes]:
        yield data[:3000]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await machine.images.load(half())
    assert machine.files() == []


async def test_a_caller_who_leaves_leaves_nothing(machine: Machine) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield tar_of({"x": b"1"})[:1024]
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(machine.images.load(endless()))
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    # the sender has to notice too: the thread waits for its next piece
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    assert machine.files() == []


async def test_two_loads_of_one_archive_at_once(machine: Machine) -> None:
    members = docker_archive([ONE, TWO], ["app:1"])
    await asyncio.gather(*(machine.load(members) for _ in range(4)))
    assert machine.images.resolve("app:1").repo_tags == ["app:1"]
    assert len(machine.driver.layers()) == 2


async def test_a_large_layer(machine: Machine, deep_tar: bytes) -> None:
    await machine.load(docker_archive([deep_tar], ["deep:1"]))
    assert machine.images.resolve("deep:1").size == 1_280_000
