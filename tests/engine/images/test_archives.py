"""Archives with faults nobody thought of: an error that says so, and nothing left."""

import gzip
import json
import random
from typing import Any

import pytest
import zstandard

from pogu.errors import InvalidArgument
from tests.engine.images.conftest import (
    Machine,
    descriptor,
    docker_archive,
    index_of,
    oci_layout,
    stream_of,
    tar_of,
)

ONE = tar_of({"etc/one": b"1"})
TWO = tar_of({"etc/two": b"2"})


def flipped(data: bytes, seed: int) -> bytes:
    """Return the data with a few bytes changed, a piece cut out, or a piece doubled."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed))
        length = chance.choice((1, 1, 1, 8, 512))
        action = chance.randrange(3)
        if action == 0:
            changed[at : at + 1] = chance.randbytes(1)
        elif action == 1:
            del changed[at : at + length]
        else:
            changed[at:at] = changed[at : at + length]
    return bytes(changed)


async def attempt(machine: Machine, data: bytes) -> None:
    """Load the data; whatever comes of it, the machine is whole afterwards, and then empty again."""
    try:
        await machine.images.load(stream_of(data))
    except InvalidArgument:
        assert machine.files() == []
    for row in machine.images.list():
        await machine.images.remove(row.id, force=True)
    assert machine.files() == []


@pytest.mark.parametrize("form", ["docker", "layout", "zstd", "gzip"])
async def test_damage_anywhere(machine: Machine, form: str) -> None:
    members, entry = oci_layout([ONE, TWO], "docker.io/library/app:1")
    layout = tar_of({**members, "index.json": index_of(entry)})
    data = {
        "docker": tar_of(docker_archive([ONE, TWO], ["app:1"])),
        "layout": layout,
        "zstd": zstandard.compress(layout),
        "gzip": gzip.compress(layout),
    }[form]
    for seed in range(120):
        await attempt(machine, flipped(data, seed))


def strange_values() -> list[Any]:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    return [
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "x",
        "../..",
        "\0",
        "\ud800",
        "/" * 5000,
        [],
        [None],
        {},
        {"a": 1},
        deep,
    ]


@pytest.mark.parametrize("field", ["Config", "RepoTags", "Layers", "Parent", "LayerSources"])
async def test_strange_values_in_dockers_manifest(machine: Machine, field: str) -> None:
    members = docker_archive([ONE], ["app:1"])
    (item,) = json.loads(str(members["manifest.json"]))
    for value in strange_values():
        for wrapped in (value, [value]):
            await attempt(machine, tar_of({**members, "manifest.json": json.dumps([{**item, field: wrapped}])}))


@pytest.mark.parametrize("field", ["mediaType", "digest", "size", "platform", "annotations", "urls"])
async def test_strange_values_in_an_index(machine: Machine, field: str) -> None:
    members, entry = oci_layout([ONE])
    for value in strange_values():
        for wrapped in (value, {"io.containerd.image.name": value, "os": value, "architecture": value}):
            await attempt(machine, tar_of({**members, "index.json": index_of({**entry, field: wrapped})}))


@pytest.mark.parametrize("field", ["rootfs", "history", "config", "created", "os", "architecture", "variant", "author"])
async def test_strange_values_in_a_configuration(machine: Machine, field: str) -> None:
    for value in strange_values():
        for wrapped in (value, {"diff_ids": value, "Env": value, "Cmd": value, "Labels": value}, [{"created": value}]):
            await attempt(machine, tar_of(docker_archive([ONE], ["app:1"], **{field: wrapped})))


async def test_indexes_that_contain_themselves_or_are_too_deep(machine: Machine) -> None:
    members, entry = oci_layout([ONE])
    for _ in range(20):
        inner = index_of(entry)
        media_type = "application/vnd.oci.image.index.v1+json"
        entry = descriptor(inner, media_type)
        members[f"blobs/sha256/{entry['digest'][7:]}"] = inner
    with pytest.raises(InvalidArgument, match="nested too deeply"):
        await machine.load({**members, "index.json": index_of(entry)})
    assert machine.files() == []
