"""`docker save`: one archive for Docker and for OCI tools, the same bytes each time."""

import io
import json
import tarfile

import pytest

from pogu.errors import InvalidArgument, NotFound
from tests.engine.images.conftest import (
    Machine,
    collected,
    digest_of,
    docker_archive,
    gzipped,
    image_config,
    index_of,
    oci_layout,
    stream_of,
    tar_of,
)

ONE = tar_of({"one": b"1"})
TWO = tar_of({"two": b"22"})


def members_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {}
        for member in tar:
            assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
            content = tar.extractfile(member)
            if content is not None:
                files[member.name] = content.read()
    return files


@pytest.fixture
async def filled(machine: Machine) -> Machine:
    await machine.load(docker_archive([ONE, TWO], ["app:1", "app:2", "example.com/app:1"]))
    await machine.load(docker_archive([ONE], None))
    machine.told()
    return machine


async def save(machine: Machine, *refs: str) -> dict[str, bytes]:
    return members_of(await collected(machine.images.save(refs)))


async def test_dockers_manifest(filled: Machine) -> None:
    files = await save(filled, "app:1")
    config = image_config([ONE, TWO])
    (item,) = json.loads(files["manifest.json"])
    assert item["Config"] == f"blobs/sha256/{digest_of(config)[7:]}"
    assert item["RepoTags"] == ["app:1"]
    assert [files[path] for path in item["Layers"]] == [ONE, TWO]
    assert files[item["Config"]] == config
    assert json.loads(files["repositories"]) == {"app": {"1": digest_of(TWO)[7:]}}
    assert filled.told() == [("save", digest_of(config))]


async def test_the_oci_layout(filled: Machine) -> None:
    files = await save(filled, "example.com/app:1")
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(files["index.json"])
    (entry,) = index["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": "example.com/app:1",
        "org.opencontainers.image.ref.name": "1",
    }
    manifest = json.loads(files[f"blobs/sha256/{entry['digest'][7:]}"])
    for blob in (entry, manifest["config"], *manifest["layers"]):
        data = files[f"blobs/{blob['digest'].replace(':', '/')}"]
        assert (digest_of(data), len(data)) == (blob["digest"], blob["size"])
    assert [layer["mediaType"] for layer in manifest["layers"]] == ["application/vnd.oci.image.layer.v1.tar"] * 2


async def test_a_name_without_tag_means_all_its_tags(filled: Machine) -> None:
    files = await save(filled, "app")
    (item,) = json.loads(files["manifest.json"])
    assert item["RepoTags"] == ["app:1", "app:2"]
    names = [e["annotations"]["io.containerd.image.name"] for e in json.loads(files["index.json"])["manifests"]]
    assert names == ["docker.io/library/app:1", "docker.io/library/app:2"]


async def test_by_id_there_are_no_names(filled: Machine) -> None:
    identifier = digest_of(image_config([ONE]))
    for ref in (identifier, identifier[7:], identifier[7:19], identifier[:20]):
        files = await save(filled, ref)
        (item,) = json.loads(files["manifest.json"])
        assert "RepoTags" not in item
        assert "repositories" not in files
        (entry,) = json.loads(files["index.json"])["manifests"]
        assert "annotations" not in entry


async def test_several_images_share_their_layers(filled: Machine) -> None:
    files = await save(filled, "app:2", digest_of(image_config([ONE])), "app:1", "app:2")
    items = json.loads(files["manifest.json"])
    assert [item.get("RepoTags") for item in items] == [["app:2", "app:1"], None]
    assert items[0]["Layers"][0] == items[1]["Layers"][0]
    assert sum(data == ONE for data in files.values()) == 1


async def test_the_same_bytes_each_time(filled: Machine) -> None:
    first = await collected(filled.images.save(["app:1", "example.com/app"]))
    assert await collected(filled.images.save(["app:1", "example.com/app"])) == first


async def test_compressed_layers_stay_as_they_came(machine: Machine) -> None:
    members, entry = oci_layout([ONE], "docker.io/library/app:1")
    await machine.load({**members, "index.json": index_of(entry)})
    files = await save(machine, "app:1")
    (item,) = json.loads(files["manifest.json"])
    assert [files[path] for path in item["Layers"]] == [gzipped(ONE)]
    (entry,) = json.loads(files["index.json"])["manifests"]
    (layer,) = json.loads(files[f"blobs/sha256/{entry['digest'][7:]}"])["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"


async def test_what_was_saved_loads_on_another_machine(
    filled: Machine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = await collected(filled.images.save(["app", "example.com/app"]))
    other = Machine(tmp_path_factory.mktemp("other"), "vfs")
    await other.start()
    try:
        await other.images.load(stream_of(archive))
        assert other.images.resolve("app:2").repo_tags == ["app:1", "app:2", "example.com/app:1"]
        # and by its OCI half alone
        layout = {name: data for name, data in members_of(archive).items() if name != "manifest.json"}
        await other.images.remove(digest_of(image_config([ONE, TWO])), force=True)
        assert len(other.images) == 0
        await other.load(layout)
        assert other.images.resolve("app:2").repo_tags == ["app:1", "app:2", "example.com/app:1"]
    finally:
        await other.stop()


async def test_an_image_may_be_removed_once_its_saving_has_begun(filled: Machine) -> None:
    stream = filled.images.save(["app:1"])
    start = await anext(stream)
    await filled.images.remove(digest_of(image_config([ONE, TWO])), force=True)
    assert members_of(start + await collected(stream))["manifest.json"]


async def test_a_reader_who_leaves_ends_it(filled: Machine, deep_tar: bytes) -> None:
    await filled.load(docker_archive([deep_tar], ["deep:1"]))
    stream = filled.images.save(["deep:1"])
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined] # it is an asynchronous generator
    await filled.images.remove("deep:1")


@pytest.mark.parametrize(
    "ref", ["nothing", "nothing:1", "app:9", "sha256:" + "0" * 64, "0" * 64, f"app@sha256:{'1' * 64}"]
)
async def test_what_is_not_there_fails_before_anything_is_sent(filled: Machine, ref: str) -> None:
    with pytest.raises(NotFound, match="No such image: "):
        filled.images.save(["app:1", ref])
    assert filled.told() == []


async def test_what_cannot_be_a_name(filled: Machine) -> None:
    with pytest.raises(InvalidArgument):
        filled.images.save(["UPPER"])
