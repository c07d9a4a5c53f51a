"""What every `Store` promises; each implementation's tests inherit this class and give it a `store`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.errors import NotFound
from pogu.registry.names import digest_of
from pogu.registry.storage import Store

MISSING = digest_of(b"never stored")


async def whole(body: AsyncIterator[bytes]) -> bytes:
    pieces = [piece async for piece in body]
    if close := getattr(body, "aclose", None):
        await close()
    return b"".join(pieces)


class StoreContract:
    """A store has no content at the beginning of a test."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def file(self, tmp_path: Path, data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    async def test_a_file_becomes_a_blob_and_is_gone(self, store: Store, tmp_path: Path) -> None:
        data = bytes(range(256)) * 50_000
        digest, file = digest_of(data), self.file(tmp_path, data)
        await store.add_blob(digest, file)
        assert not file.exists()
        blob = await store.blob(digest)
        assert blob is not None and blob.size == len(data) and abs(blob.modified - time.time()) < 60
        assert await whole(await store.blob_stream(digest, 0, len(data))) == data

    async def test_a_blob_may_be_added_again(self, store: Store, tmp_path: Path) -> None:
        digest = digest_of(b"content")
        for _ in range(2):
            await store.add_blob(digest, self.file(tmp_path, b"content"))
            await store.add_bytes(digest, b"content")
        assert await store.blob_bytes(digest) == b"content"

    @pytest.mark.parametrize(("offset", "length"), [(0, 10), (0, 1), (3, 4), (9, 1), (0, 0)])
    async def test_part_of_a_blob(self, store: Store, offset: int, length: int) -> None:
        await store.add_bytes(digest_of(b"0123456789"), b"0123456789")
        body = await store.blob_stream(digest_of(b"0123456789"), offset, length)
        assert await whole(body) == b"0123456789"[offset : offset + length]

    async def test_a_blob_without_a_byte(self, store: Store, tmp_path: Path) -> None:
        await store.add_blob(digest_of(b""), self.file(tmp_path, b""))
        assert await store.blob_bytes(digest_of(b"")) == b""
        assert await whole(await store.blob_stream(digest_of(b""), 0, 0)) == b""

    async def test_a_blob_that_is_not_there(self, store: Store) -> None:
        assert await store.blob(MISSING) is None
        with pytest.raises(NotFound):
            await store.blob_bytes(MISSING)
        with pytest.raises(NotFound):
            await store.blob_stream(MISSING, 0, 5)
        with pytest.raises(NotFound):
            await store.blob_stream(MISSING, 0, 0)
        await store.touch_blob(MISSING)
        await store.delete_blob(MISSING)
        assert await store.blob(MISSING) is None

    async def test_other_digests_than_sha256(self, store: Store) -> None:
        digest = digest_of(b"content", "sha512")
        await store.add_bytes(digest, b"content")
        assert await store.blob_bytes(digest) == b"content"
        assert [blob.digest async for blob in store.blobs()] == [digest]

    async def test_a_deleted_blob_is_gone(self, store: Store) -> None:
        digest = digest_of(b"content")
        await store.add_bytes(digest, b"content")
        assert await store.blob_bytes(digest) == b"content"
        await store.delete_blob(digest)
        assert await store.blob(digest) is None
        with pytest.raises(NotFound):
            await store.blob_bytes(digest)

    async def test_all_blobs(self, store: Store) -> None:
        assert [blob async for blob in store.blobs()] == []
        expected = {}
        for number in range(5):
            data = b"x" * number
            expected[digest_of(data)] = number
            await store.add_bytes(digest_of(data), data)
        assert {blob.digest: blob.size async for blob in store.blobs()} == expected

    async def test_a_touched_blob_is_young(self, store: Store) -> None:
        digest = digest_of(b"content")
        await store.add_bytes(digest, b"content")
        before = await store.blob(digest)
        await asyncio.sleep(1.1)  # some object stores count whole seconds
        await store.touch_blob(digest)
        after = await store.blob(digest)
        assert before is not None and after is not None and after.modified > before.modified
        assert await store.blob_bytes(digest) == b"content"

    async def test_records_are_read_as_written(self, store: Store) -> None:
        assert await store.read("repositories/a/_tags/v1") is None
        await store.write([("repositories/a/_tags/v1", b"one"), ("repositories/a/b/_tags/v1", b"two")])
        assert await store.read("repositories/a/_tags/v1") == b"one"
        await store.write([("repositories/a/_tags/v1", b"three")])
        assert await store.read("repositories/a/_tags/v1") == b"three"
        assert await store.read("repositories/a/b/_tags/v1") == b"two"
        assert await store.read("repositories/a") is None

    async def test_a_deleted_record_is_gone(self, store: Store) -> None:
        await store.write([("a/1", b"one"), ("a/2", b"two")])
        await store.delete(["a/1", "a/missing"])
        assert await store.read("a/1") is None
        assert await store.keys("a/") == ["2"]

    async def test_keys_are_those_directly_below_and_sorted(self, store: Store) -> None:
        names = ["b", "A", "a", "_", "1.10", "1.9", "sha256:0", "x+y"]
        await store.write([(f"p/{name}", name.encode()) for name in names])
        await store.write([("p/deeper/z", b""), ("pp/q", b""), ("q/r", b"")])
        assert await store.keys("p/") == sorted(names)
        assert [(record.key, record.data) for record in await store.records("p/")] == [
            (f"p/{name}", name.encode()) for name in sorted(names)
        ]
        assert await store.keys("nothing/") == [] and await store.records("nothing/") == []

    async def test_a_touched_record_is_young(self, store: Store) -> None:
        await store.write([("a/1", b"one")])
        before = (await store.records("a/"))[0].modified
        await asyncio.sleep(1.1)
        await store.touch("a/1")
        await store.touch("a/missing")
        after = await store.records("a/")
        assert [record.data for record in after] == [b"one"] and after[0].modified > before

    async def test_many_at_once(self, store: Store) -> None:
        keys = [f"many/{number:03}" for number in range(60)]
        await asyncio.gather(*(store.write([(key, key.encode())]) for key in keys))
        assert await asyncio.gather(*(store.read(key) for key in keys)) == [key.encode() for key in keys]
        await asyncio.gather(*(store.write([("one", b"%d" % number)]) for number in range(20)))
        assert await store.read("one") in {b"%d" % number for number in range(20)}

    async def test_whoever_reads_is_not_disturbed_by_a_deletion(self, store: Store) -> None:
        data = bytes(range(256)) * 100
        await store.add_bytes(digest_of(data), data)
        body = await store.blob_stream(digest_of(data), 0, len(data))
        await store.delete_blob(digest_of(data))
        assert await whole(body) == data
