"""Manifests and indexes as documents."""

import pytest

from pogu.engine.images.manifest import ArchiveItem, Descriptor, Index, Manifest, parse_document
from pogu.errors import InvalidArgument
from tests.engine.images.conftest import descriptor, index_of


def test_an_index_reads_with_unknown_fields() -> None:
    entry = descriptor(b"x", "t", platform={"os": "linux", "architecture": "arm64", "features": []}, artifactType="y")
    (read,) = parse_document(index_of(entry), Index, "index.json").manifests or []
    assert read.platform is not None
    assert (read.digest, read.size, read.platform.architecture) == (entry["digest"], 1, "arm64")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", Index),
        (b'{"manifests":[]}', Index),
        (b'{"schemaVersion":2,"manifests":[{}]}', Index),
        (b'{"schemaVersion":2,"layers":[]}', Manifest),
        (b'{"schemaVersion":"2","config":{},"layers":[]}', Manifest),
        (b'{"digest":"x","mediaType":"y","size":-1.5}', Descriptor),
        (b'[{"Config":1}]', list[ArchiveItem]),
        (b"{}", list[ArchiveItem]),
        (b" " * (9 << 20), Index),
    ],
)
def test_malformed_documents_are_refused_by_name(data: bytes, kind: type) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid archive: .*the-name"):
        parse_document(data, kind, "the-name")
