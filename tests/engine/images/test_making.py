"""`docker import` and `docker commit`."""

import asyncio
import bz2
import gzip
import json
import lzma
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import zstandard

from pogu.engine.images.digests import chain_ids
from pogu.engine.model import ContainerConfig
from pogu.errors import Cancelled, InvalidArgument, NotFound
from tests.engine.images.conftest import Machine, collected, digest_of, stream_of, tar_of

ROOT = tar_of({"bin/": "", "bin/sh": b"#!", "etc/name": b"base"})
CHANGE = tar_of({"etc/name": b"changed", "etc/.wh.old": b""})


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress],
    ids=["tar", "gz", "bz2", "xz", "zst"],
)
async def test_an_import_of_any_compression_is_one_layer(machine: Machine, pack: Callable[[bytes], bytes]) -> None:
    told: list[dict[str, Any]] = []
    identifier = await machine.images.import_(stream_of(pack(ROOT)), "base", "1", message="hi", progress=told.append)
    image = machine.images.resolve("base:1")
    assert image.id == identifier
    assert image.diff_ids == [digest_of(ROOT)]
    assert image.layers[0].digest == digest_of(ROOT)
    assert image.comment == "hi"
    assert [h.comment for h in image.history] == ["hi"]
    assert image.size == len(b"#!") + len(b"base")
    assert image.parent == ""
    assert told == [{"status": identifier}]
    assert machine.told() == [("tag", "base:1"), ("import", identifier)]
    assert identifier == digest_of(image.raw)


async def test_an_import_without_name(machine: Machine) -> None:
    identifier = await machine.images.import_(stream_of(ROOT))
    assert machine.images.get(identifier).repo_tags == []
    assert machine.told() == [("import", identifier)]


async def test_changes_and_platform_of_an_import(machine: Machine) -> None:
    changes = ['CMD ["sh"]', "ENV A=1", "LABEL l=v", "EXPOSE 80"]
    await machine.images.import_(stream_of(ROOT), "base", changes=changes, platform="linux/arm/v6")
    image = machine.images.resolve("base")
    assert image.config == ContainerConfig(cmd=["sh"], env=["A=1"], labels={"l": "v"}, exposed_ports={"80/tcp": {}})
    assert str(image.platform) == "linux/arm/v6"
    document = json.loads(image.raw)
    assert (document["architecture"], document["variant"], document["os"]) == ("arm", "v6", "linux")


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"no archive at all" * 100, {}),
        (ROOT[:700], {}),
        (gzip.compress(ROOT)[:-30], {}),
        (ROOT, {"repo": "UP"}),
        (ROOT, {"repo": "a", "tag": "b/c"}),
        (ROOT, {"changes": ["RUN x"]}),
        (ROOT, {"platform": "a/b/c/d"}),
    ],
    ids=["no archive", "cut", "cut gzip", "bad name", "bad tag", "bad change", "bad platform"],
)
async def test_a_bad_import_leaves_nothing(machine: Machine, data: bytes, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        await machine.images.import_(stream_of(data), **options)
    assert machine.files() == []
    assert len(machine.images) == 0


async def test_a_sender_who_fails_leaves_nothing(machine: Machine) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield ROOT[:600]
        raise Cancelled("gone")

    with pytest.raises(Cancelled):
        await machine.images.import_(half())
    assert machine.files() == []


async def test_a_commit_adds_one_layer_to_its_parent(machine: Machine) -> None:
    base = await machine.images.import_(stream_of(ROOT), "base", changes=['CMD ["sh"]', "ENV A=1"])
    machine.told()
    own = ContainerConfig(hostname="abc", cmd=["make", "it"], env=["A=1", "B=2"], labels={"x": "y"})
    identifier = await machine.images.commit(
        stream_of(CHANGE),
        base,
        None,
        "app",
        "v1",
        author="me",
        comment="built",
        changes=['CMD ["run"]', "EXPOSE 80"],
        container_id="f" * 64,
        container_config=own,
    )
    image = machine.images.resolve("app:v1")
    assert image.id == identifier
    assert image.parent == base
    assert image.chain_ids == chain_ids([digest_of(ROOT), digest_of(CHANGE)])
    assert image.config == ContainerConfig(
        cmd=["run"], env=["A=1", "B=2"], labels={"x": "y"}, exposed_ports={"80/tcp": {}}
    )
    assert (image.author, image.comment) == ("me", "built")
    assert image.details.container == "f" * 64
    assert image.details.container_config == own
    assert image.history[-1].created_by == "make it"
    assert len(image.history) == 2
    assert machine.told() == [("create", identifier), ("tag", "app:v1")]


async def test_the_archive_of_a_commit_is_kept_to_the_byte(machine: Machine) -> None:
    base = await machine.images.import_(stream_of(ROOT), "base")
    identifier = await machine.images.commit(stream_of(CHANGE), base, ContainerConfig())
    archive = await collected(machine.images.save([identifier]))
    assert CHANGE in archive
    assert ROOT in archive


async def test_given_settings_are_completed_from_the_container(machine: Machine) -> None:
    base = await machine.images.import_(stream_of(ROOT), "base")
    own = ContainerConfig(cmd=["old"], env=["A=1"], user="app")
    identifier = await machine.images.commit(
        stream_of(CHANGE), base, ContainerConfig(cmd=["new"], env=["B=2"]), container_config=own
    )
    assert machine.images.get(identifier).config == ContainerConfig(cmd=["new"], env=["B=2", "A=1"], user="app")


async def test_a_commit_without_changes_adds_no_layer(machine: Machine) -> None:
    base = await machine.images.import_(stream_of(ROOT), "base")
    before = machine.files()
    identifier = await machine.images.commit(stream_of(bytes(1024)), base, ContainerConfig(cmd=["x"]), "same")
    image = machine.images.get(identifier)
    assert image.diff_ids == [digest_of(ROOT)]
    assert image.history[-1].empty_layer is True
    assert [entry.size for entry in machine.images.history("same")] == [0, image.size]
    assert sorted({*before, f"blob {identifier[7:]}"}) == machine.files()


async def test_a_commit_of_a_container_without_image(machine: Machine) -> None:
    identifier = await machine.images.commit(stream_of(CHANGE), None, ContainerConfig())
    assert machine.images.get(identifier).chain_ids == [digest_of(CHANGE)]


async def test_a_commit_needs_its_parent(machine: Machine) -> None:
    with pytest.raises(NotFound):
        await machine.images.commit(stream_of(CHANGE), "sha256:" + "0" * 64, ContainerConfig())
    assert machine.files() == []


async def test_many_commits_at_once_while_others_are_removed(machine: Machine) -> None:
    base = await machine.images.import_(stream_of(ROOT), "base")

    async def one(number: int) -> str:
        data = tar_of({f"file{number}": b"x" * number})
        identifier = await machine.images.commit(stream_of(data), base, ContainerConfig(), f"app{number}")
        if number % 2:
            await machine.images.remove(f"app{number}")
        return identifier

    made = await asyncio.gather(*(one(n) for n in range(12)))
    for number, identifier in enumerate(made):
        if number % 2 == 0:
            image = machine.images.get(identifier)
            assert all(machine.driver.has_layer(chain) for chain in image.chain_ids)
    await machine.images.collect()
    assert len(machine.driver.layers()) == 1 + 6
    assert len(machine.images) == 1 + 6
