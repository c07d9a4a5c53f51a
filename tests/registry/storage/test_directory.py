from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.errors import Conflict
from pogu.registry.names import digest_of
from pogu.registry.storage.directory import DirectoryStore
from tests.registry.storage.contract import StoreContract


class TestDirectoryStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[DirectoryStore]:  # type: ignore[override]
        store = DirectoryStore(tmp_path / "root")
        yield store
        await store.close()

    async def test_blobs_lie_where_the_image_specification_has_them(
        self, store: DirectoryStore, tmp_path: Path
    ) -> None:
        digest = digest_of(b"content")
        await store.add_bytes(digest, b"content")
        assert (tmp_path / "root" / "blobs" / "sha256" / digest[7:]).read_bytes() == b"content"

    async def test_pushing_again_mends_a_blob_that_was_cut_short(self, store: DirectoryStore, tmp_path: Path) -> None:
        digest = digest_of(b"content")
        for mend in (store.add_bytes(digest, b"content"), store.add_blob(digest, self.file(tmp_path, b"content"))):
            await store.add_bytes(digest, b"content")
            (tmp_path / "root" / "blobs" / "sha256" / digest[7:]).write_bytes(b"con")
            await mend
            assert (tmp_path / "root" / "blobs" / "sha256" / digest[7:]).read_bytes() == b"content"

    async def test_one_process_at_a_time(self, store: DirectoryStore, tmp_path: Path) -> None:
        with pytest.raises(Conflict, match="another registry serves"):
            DirectoryStore(tmp_path / "root")

    async def test_it_is_all_there_after_opening_again(self, store: DirectoryStore, tmp_path: Path) -> None:
        other = DirectoryStore(tmp_path / "other")
        await other.add_bytes(digest_of(b"content"), b"content")
        await other.write([("a/b", b"record")])
        await other.close()
        again = DirectoryStore(tmp_path / "other")
        assert await again.blob_bytes(digest_of(b"content")) == b"content" and await again.read("a/b") == b"record"
        await again.close()

    async def test_unfinished_files_are_not_seen(self, store: DirectoryStore, tmp_path: Path) -> None:
        await store.write([("a/b", b"record")])
        await store.add_bytes(digest_of(b"content"), b"content")
        for folder in ("records/a", "blobs/sha256"):
            (tmp_path / "root" / folder / ".unfinished").write_bytes(b"half")
        assert await store.keys("a/") == ["b"]
        assert [blob.digest async for blob in store.blobs()] == [digest_of(b"content")]

    async def test_a_failed_write_leaves_the_old_record(self, store: DirectoryStore, tmp_path: Path) -> None:
        await store.write([("a/b", b"old")])
        (tmp_path / "root" / "records" / "c").write_bytes(b"a file where a directory is wanted")
        with pytest.raises(OSError):
            await store.write([("c/d", b"new")])
        assert await store.read("a/b") == b"old" and await store.read("c/d") is None

    async def test_what_is_read_often_is_remembered_until_it_changes(self, store: DirectoryStore) -> None:
        for data in (b"one", b"two", b"three"):
            await store.write([("a/b", data)])
            assert await store.read("a/b") == await store.read("a/b") == data
        await store.delete(["a/b"])
        assert await store.read("a/b") is None
        await store.write([("a/b", b"four")])
        assert await store.read("a/b") == b"four"
