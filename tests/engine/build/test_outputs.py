"""What a build gives out: archives, trees, images for other machines' caches, the same bytes on another day."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.engine.build.client import SilentClient
from pogu.engine.build.options import Output
from pogu.errors import InvalidArgument
from tests.engine.build.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOCKERFILE = "FROM busybox AS b\nRUN echo out > /out\nFROM scratch\nCOPY --from=b /out /d/out\nENV A=1\n"


class Taking(SilentClient):
    """A client that takes what a build gives."""

    def __init__(self) -> None:
        super().__init__({})
        self.archive = b""
        self.tree: dict[str, str] = {}

    async def send_archive(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        self.archive = b"".join([chunk async for chunk in chunks])

    async def send_directory(self, root: Path) -> None:
        self.tree = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


async def give(site: Site, output: Output, **options: object) -> Taking:
    client = Taking()
    await site.give(DOCKERFILE, client=client, outputs=(output,), **options)
    return client


async def test_a_tree(site: Site) -> None:
    assert (await give(site, Output(type="local"))).tree == {"d/out": "out\n"}


async def test_a_tar_of_the_tree(site: Site) -> None:
    client = await give(site, Output(type="tar"))
    with tarfile.open(fileobj=io.BytesIO(client.archive)) as tar:
        assert {m.name.removeprefix("./").strip("/") for m in tar} - {""} == {"d", "d/out"}


@pytest.mark.parametrize("kind", ["oci", "docker"])
async def test_an_archive_of_the_image_that_does_not_stay_here(site: Site, kind: str) -> None:
    before = {image.id for image in site.bench.engine.images.list(all=True)}
    client = await give(site, Output(type=kind, names=("archived:1",)))
    assert {image.id for image in site.bench.engine.images.list(all=True)} == before
    with tarfile.open(fileobj=io.BytesIO(client.archive)) as tar:
        index = json.load(tar.extractfile("index.json"))  # type: ignore[arg-type]
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] == "1"
    assert manifest[0]["RepoTags"] == ["archived:1"]


async def test_a_form_that_there_is_not(site: Site) -> None:
    with pytest.raises(InvalidArgument, match="exporter 'nope' could not be found"):
        await give(site, Output(type="nope"))


async def test_the_same_bytes_on_another_day(site: Site) -> None:
    dockerfile = "FROM busybox\nRUN echo x > /x && ln -s x /l && mkdir /d\nCOPY a /d/\nENV Z=1\n"
    epoch = {"SOURCE_DATE_EPOCH": "1600000000"}
    one = await site.build(dockerfile, {"a": "A"}, args=epoch)
    two = await site.build(dockerfile, {"a": "A"}, args=epoch, no_cache=True)
    assert two.done
    assert one.image.id == two.image.id
    assert one.image.created == "2020-09-13T12:26:40Z"
    with pytest.raises(InvalidArgument, match="invalid SOURCE_DATE_EPOCH"):
        await site.build(dockerfile, {"a": "A"}, args={"SOURCE_DATE_EPOCH": "yesterday"})


async def test_an_image_serves_as_a_cache_elsewhere(site: Site) -> None:
    dockerfile = 'FROM busybox\nWORKDIR /w\nCOPY a .\nRUN date +%N > now\nCMD ["x"]\n'
    built = await site.build(dockerfile, {"a": "A"}, tags=("cached:1",), inline_cache=True)
    await site.bench.engine.builder.prune({}, every=True)
    assert (await site.build(dockerfile, {"a": "A"}, target="")).done != []
    await site.bench.engine.builder.prune({}, every=True)
    again = await site.build(dockerfile, {"a": "A"}, cache_from=("cached:1", "not.there.invalid/x"))
    assert again.done == []
    assert again.image.layers == built.image.layers


async def test_a_pruned_cache_gives_its_space_back(site: Site) -> None:
    builder, layers = site.bench.engine.builder, site.bench.engine.images.layers
    await builder.prune({}, every=True)
    before = layers.total()
    built = await site.build("FROM busybox\nRUN head -c 3000000 /dev/zero > /big\n")
    await site.bench.engine.images.remove(built.image.id)
    assert layers.total() == before + 3_000_000
    assert [usage.size for usage in builder.usage()] == [3_000_000]
    removed, freed = await builder.prune({})
    assert (len(removed), freed) == (1, 3_000_000)
    assert layers.total() == before


async def test_the_cache_outlives_the_daemon(site: Site) -> None:
    dockerfile = "FROM busybox\nRUN echo kept > /kept\n"
    await site.build(dockerfile)
    await site.bench.restart()
    assert (await site.build(dockerfile)).done == []
