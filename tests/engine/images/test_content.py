"""The content store: whole, verified and durable blobs, or none."""

import os
import time
from pathlib import Path

import pytest

from pogu.engine.images.content import ContentStore
from pogu.errors import InvalidArgument, NotFound
from tests.engine.images.conftest import digest_of


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    made = ContentStore(tmp_path)
    made.start()
    return made


def test_a_blob_is_found_under_its_digest(store: ContentStore) -> None:
    digest = store.put(b"hello")
    assert digest == digest_of(b"hello")
    assert store.has(digest)
    assert store.read(digest) == b"hello"
    assert store.path(digest).name == digest[7:]
    assert list(store.digests()) == [digest]
    assert store.put(b"hello") == digest


def test_the_directory_is_an_oci_layout(store: ContentStore, tmp_path: Path) -> None:
    assert (tmp_path / "oci-layout").read_text() == '{"imageLayoutVersion":"1.0.0"}'
    assert store.path(digest_of(b"x")).parent == tmp_path / "blobs" / "sha256"


def test_a_blob_that_is_being_written_is_not_there_yet(store: ContentStore) -> None:
    with store.writer() as blob:
        blob.write(b"ab")
        blob.write(b"cd")
        assert list(store.digests()) == []
        assert blob.commit(digest_of(b"abcd")) == digest_of(b"abcd")
    assert store.read(digest_of(b"abcd")) == b"abcd"
    assert blob.size == 4


def test_a_wrong_digest_stores_nothing(store: ContentStore, tmp_path: Path) -> None:
    with store.writer() as blob:
        blob.write(b"other")
        with pytest.raises(InvalidArgument, match="expected"):
            blob.commit(digest_of(b"wanted"))
    assert list(store.digests()) == []
    assert list((tmp_path / "ingest").iterdir()) == []


def test_an_aborted_blob_leaves_nothing(store: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), store.writer() as blob:
        blob.write(b"half")
        raise RuntimeError("the sender has gone")
    assert list((tmp_path / "ingest").iterdir()) == []


def test_a_start_removes_what_a_crash_left(store: ContentStore, tmp_path: Path) -> None:
    kept = store.put(b"kept")
    half = store.writer()
    half.write(b"half")
    assert len(list((tmp_path / "ingest").iterdir())) == 1
    again = ContentStore(tmp_path)
    again.start()
    assert list((tmp_path / "ingest").iterdir()) == []
    assert again.read(kept) == b"kept"
    half.abort()


def test_a_file_can_be_kept_without_copying(store: ContentStore, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"data")
    digest = digest_of(b"data")
    store.adopt(path, digest)
    store.adopt(path, digest)
    assert store.path(digest).stat().st_ino == path.stat().st_ino
    path.unlink()
    assert store.read(digest) == b"data"
    assert store.path(digest).stat().st_mode & 0o777 == 0o600


def test_removing(store: ContentStore) -> None:
    digest = store.put(b"x")
    with store.open(digest) as reader:
        store.remove(digest)
        store.remove(digest)
        assert reader.read() == b"x"
    with pytest.raises(NotFound):
        store.read(digest)


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "../x", "", "sha512:" + "a" * 128, "sha256:" + "A" * 64]
)
def test_only_digests_name_blobs(store: ContentStore, digest: str) -> None:
    for use in (store.path, store.has, store.open, store.remove):
        with pytest.raises(InvalidArgument):
            use(digest)


def _killed_while_fetching(store: ContentStore, tmp_path: Path, digest: str, came: bytes) -> ContentStore:
    store.download_file(digest).write_bytes(came)
    again = ContentStore(tmp_path)
    again.start()
    return again


def test_what_had_come_is_there_for_the_next_download_once(store: ContentStore, tmp_path: Path) -> None:
    again = _killed_while_fetching(store, tmp_path, digest_of(b"whole"), b"who")
    assert list((tmp_path / "ingest").iterdir()) == []
    assert again.download_file(digest_of(b"whole")).read_bytes() == b"who"
    assert again.download_file(digest_of(b"whole")).read_bytes() == b""
    assert again.download_file(digest_of(b"other")).read_bytes() == b""


def test_a_week_later_it_is_gone(store: ContentStore, tmp_path: Path) -> None:
    path = store.download_file(digest_of(b"whole"))
    path.write_bytes(b"who")
    os.utime(path, (0, time.time() - 8 * 86400))
    again = ContentStore(tmp_path)
    again.start()
    assert list((tmp_path / "partial").iterdir()) == []
    assert again.download_file(digest_of(b"whole")).read_bytes() == b""


def test_a_prune_gives_its_space_back(store: ContentStore, tmp_path: Path) -> None:
    again = _killed_while_fetching(store, tmp_path, digest_of(b"whole"), b"who")
    assert again.partial() == [digest_of(b"whole")]
    assert again.forget_partial(again.partial()) == 3
    assert again.partial() == []
    assert again.download_file(digest_of(b"whole")).read_bytes() == b""


def test_the_file_of_a_blob_is_never_written_again(store: ContentStore, tmp_path: Path) -> None:
    digest = digest_of(b"whole")
    path = store.download_file(digest)
    path.write_bytes(b"whole")
    store.adopt(path, digest)  # and then the process was killed
    again = ContentStore(tmp_path)
    again.start()
    again.download_file(digest).write_bytes(b"x")
    assert again.read(digest) == b"whole"
