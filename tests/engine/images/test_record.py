"""What the rest of the engine is shown of an image."""

import json

from pogu.engine.images.imageconfig import parse_image_config
from pogu.engine.images.platform import Platform, host_platform
from pogu.engine.images.record import HistoryEntry, Image, ImageRecord, ImageSummary, StoredImage, StoredLayer
from pogu.engine.model import ContainerConfig
from tests.engine.images.conftest import digest_of, image_config


def shown(**fields: object) -> Image:
    raw = image_config([b"a"], **fields)
    return Image("sha256:x", "", [], [], 0, "", [], [], parse_image_config(raw), raw)


def test_what_a_configuration_leaves_out() -> None:
    image = shown(config=None, created=None, history=None, architecture="", os="")
    assert image.config == ContainerConfig()
    assert (image.created, image.created_unix) == ("", -62135596800)
    assert (image.history, image.labels, image.comment, image.author, image.chain_id) == ([], {}, "", "", None)
    assert image.platform == Platform("linux", host_platform().architecture)


def test_a_comment_is_the_last_steps_where_the_image_has_none() -> None:
    assert shown(history=[{"comment": "first"}], comment="own").comment == "own"
    assert shown(history=[{"comment": "last"}]).comment == "last"


def test_records_name_the_blobs_they_need() -> None:
    layer = StoredLayer("sha256:d", "sha256:blob", "t", 1)
    record = ImageRecord("sha256:id", [layer, layer])
    assert record.blobs() == {"sha256:id", "sha256:blob"}


def test_a_stored_image_knows_its_chain() -> None:
    raw = image_config([b"a", b"b"])
    image = StoredImage(ImageRecord("x"), parse_image_config(raw), raw)
    assert image.chain_ids[0] == digest_of(b"a")
    assert len(image.chain_ids) == 2
    assert image.labels == {"made": "by test"}


def test_rows_have_the_apis_names() -> None:
    row = ImageSummary(id="i", parent_id="p", repo_tags=[], repo_digests=[], created=1, size=2)
    assert sorted(json.loads(row.encode())) == sorted(
        "Id ParentId RepoTags RepoDigests Created Size SharedSize Labels Containers".split()
    )
    step = HistoryEntry(id="i", created=1, created_by="c", tags=None, size=0, comment="")
    assert sorted(json.loads(step.encode())) == sorted("Id Created CreatedBy Tags Size Comment".split())
