"""Garbage collection: what is removed, what stays, and pushes that go on meanwhile."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pogu.registry import layout
from pogu.registry.collection import Collected, Collector
from pogu.registry.interlock import Interlock
from pogu.registry.manifests import OCI_INDEX, OCI_MANIFEST
from pogu.registry.names import digest_of
from pogu.registry.repositories import Repositories
from pogu.registry.storage.directory import DirectoryStore
from tests.registry.client import Client, described, digest, fresh, index
from tests.registry.serving import serving

GRACE = 1000.0


def collect(client: Client, later: float = 2 * GRACE, untagged: float | None = None) -> Collected:
    """Collect as if so many seconds had passed."""
    repositories = client.registry.registry.site.repositories
    collector = Collector(repositories, GRACE, untagged_seconds=untagged, clock=lambda: time.time() + later)
    return client.registry.run(collector.collect())


@pytest.fixture
def own(tmp_path: Path) -> AsyncIterator[Client]:
    with serving() as client:
        yield client


class TestWhatIsRemoved:
    def test_what_tagged_images_need_stays(self, own: Client, name: str) -> None:
        manifest = own.image(name, b"one", b"two")
        own.push_manifest(name, "v1", manifest)
        assert collect(own) == Collected()
        for layer in (b"one", b"two"):
            assert own.get(f"/v2/{name}/blobs/{digest(layer)}").content == layer
        assert own.get(f"/v2/{name}/manifests/v1").content == manifest

    def test_a_blob_that_no_manifest_names_goes_after_the_grace(self, own: Client, name: str) -> None:
        own.push_image(name, "v1", b"needed")
        lonely = own.push_blob(name, b"never used")
        assert collect(own, later=GRACE / 2) == Collected()
        done = collect(own)
        assert (done.links, done.blobs, done.bytes) == (1, 1, len(b"never used"))
        assert own.head(f"/v2/{name}/blobs/{lonely}").status_code == 404

    def test_what_a_deleted_manifest_needed_goes_with_it(self, own: Client, name: str) -> None:
        first = own.push_image(name, "v1", b"shared", b"only in the first")
        own.push_image(name, "v2", b"shared")
        own.delete(f"/v2/{name}/manifests/{first}")
        done = collect(own)
        assert done.blobs == 3, "a layer, a config and the manifest"
        assert own.get(f"/v2/{name}/blobs/{digest(b'shared')}").content == b"shared"
        assert own.head(f"/v2/{name}/blobs/{digest(b'only in the first')}").status_code == 404

    def test_content_of_another_repository_stays(self, own: Client, name: str) -> None:
        other = fresh()
        own.push_blob(name, b"layer")
        own.push_image(other, "v1", b"layer")
        done = collect(own)
        assert done.links == 1 and done.blobs == 0
        assert own.get(f"/v2/{other}/blobs/{digest(b'layer')}").content == b"layer"

    def test_untagged_manifests_stay_unless_that_is_wanted(self, own: Client, name: str) -> None:
        old = own.push_image(name, "v1", b"one")
        own.push_image(name, "v1", b"two")
        assert collect(own) == Collected()
        assert collect(own, untagged=10 * GRACE).manifests == 0, "not old enough"
        assert collect(own, untagged=1.0).manifests == 1
        assert own.head(f"/v2/{name}/manifests/{old}").status_code == 404
        assert own.head(f"/v2/{name}/manifests/v1").status_code == 200

    def test_what_an_index_or_a_subject_leads_to_is_not_untagged(self, own: Client, name: str) -> None:
        child = own.image(name, b"child")
        own.push_manifest(name, digest(child), child)
        whole = index(child)
        own.push_manifest(name, "all", whole, OCI_INDEX)
        about = own.image(name, b"signature", subject=described(whole, OCI_INDEX))
        own.push_manifest(name, digest(about), about)
        assert collect(own, untagged=1.0) == Collected()
        own.delete(f"/v2/{name}/manifests/all")
        assert collect(own, untagged=1.0).manifests == 3
        assert own.get(f"/v2/{name}/referrers/{digest(whole)}").json()["manifests"] == []

    def test_an_empty_repository_is_forgotten(self, own: Client, name: str) -> None:
        pushed = own.push_image(name, "v1", b"layer")
        own.delete(f"/v2/{name}/manifests/{pushed}")
        collect(own)
        assert own.get("/v2/_catalog").json()["repositories"] == []
        assert own.get(f"/v2/{name}/tags/list").status_code == 404
        own.push_image(name, "v1", b"layer")
        assert own.get("/v2/_catalog").json()["repositories"] == [name]

    def test_where_a_manifest_cannot_be_read_nothing_goes(self, own: Client, name: str) -> None:
        pushed = own.push_image(name, "v1", b"layer")
        lonely = own.push_blob(name, b"never used")
        store = own.registry.registry.site.repositories.store
        own.registry.run(store.delete_blob(pushed))
        assert collect(own).links == 0
        assert own.head(f"/v2/{name}/blobs/{lonely}").status_code == 200

    def test_asking_for_a_blob_keeps_it(self, own: Client, name: str) -> None:
        """A client that finds a blob there does not upload it, and pushes its manifest a while later."""
        lonely = own.push_blob(name, b"left by a push that failed")
        record = Path(own.registry.options.root) / "records" / layout.blobs(name) / lonely
        import os

        long_ago = time.time() - 10 * GRACE
        os.utime(record, (long_ago, long_ago))
        assert own.head(f"/v2/{name}/blobs/{lonely}").status_code == 200
        assert collect(own, later=0).links == 0
        os.utime(record, (long_ago, long_ago))
        assert collect(own, later=0).links == 1


class TestDuringPushes:
    @pytest.mark.soak
    def test_images_pushed_meanwhile_are_whole(self, own: Client, soak: Callable[[float, float], float]) -> None:
        """Pushes and collections without any grace but the interlock's: what was acknowledged can be pulled."""
        repositories = own.registry.registry.site.repositories
        collector = Collector(repositories, 1.0)
        stop = threading.Event()
        failures: list[str] = []

        def push(number: int) -> None:
            with Client(own.url) as client:
                round_ = 0
                while not stop.is_set():
                    name = f"push/{number}"
                    layers = [b"%d %d %d" % (number, round_, part) for part in range(3)] + [b"shared by all"]
                    round_ += 1
                    try:
                        pushed = client.push_image(name, "latest", *layers)
                    except AssertionError as error:
                        # On a busy machine a push may take longer than the grace: it is refused then, and not broken.
                        assert "MANIFEST_BLOB_UNKNOWN" in str(error)
                        continue
                    for layer in layers:
                        if client.get(f"/v2/{name}/blobs/{digest(layer)}").content != layer:
                            failures.append(f"{name} {round_}: a layer is missing")
                    if round_ % 2:
                        client.delete(f"/v2/{name}/manifests/{pushed}")

        threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        freed = 0
        while time.monotonic() - began < soak(3, 300) or not freed:
            freed += own.registry.run(collector.collect()).blobs
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == [] and freed > 0

    async def test_a_manifest_put_between_mark_and_sweep_keeps_its_blobs(self, tmp_path: Path) -> None:
        """The moment that matters: the mark has seen the blob unused, then a manifest for it is accepted."""
        store = DirectoryStore(tmp_path)
        repositories = Repositories(store)
        data = b"{}"
        blob = digest_of(data)
        await store.add_bytes(blob, data)
        await repositories.link_blob("a", blob, len(data))
        marked, go_on = asyncio.Event(), asyncio.Event()
        original = store.records

        async def slow(prefix: str) -> object:
            records = await original(prefix)
            if prefix == layout.blobs("a"):
                marked.set()
                await go_on.wait()
            return records

        store.records = slow  # type: ignore[method-assign, assignment]
        collector = Collector(repositories, 0.0, clock=lambda: time.time() + 10)
        collecting = asyncio.create_task(collector.collect())
        await marked.wait()
        from pogu.registry.events import Origin
        from pogu.registry.manifests import parse_manifest

        manifest = json.dumps(
            {"schemaVersion": 2, "config": {"mediaType": "x/y", "digest": blob, "size": 2}, "layers": []}
        ).encode()
        await repositories.put_manifest(
            "a", digest_of(manifest), manifest, parse_manifest(manifest, OCI_MANIFEST), tags=["v1"], origin=Origin()
        )
        go_on.set()
        done = await collecting
        assert done.links == 0 and await repositories.blob_size("a", blob) == 2
        await store.close()


class TestInterlock:
    async def test_what_is_used_is_not_removed(self) -> None:
        interlock = Interlock()
        async with interlock.using({"a", "b"}), interlock.removing("a") as free:
            assert not free
        async with interlock.removing("a") as free:
            assert free

    async def test_whoever_wants_what_is_being_removed_waits(self) -> None:
        interlock = Interlock()
        entered = asyncio.Event()

        async def use() -> None:
            async with interlock.using({"a"}):
                entered.set()

        async with interlock.removing("a") as free:
            assert free
            task = asyncio.create_task(use())
            await asyncio.sleep(0.01)
            assert not entered.is_set()
        await task
        assert entered.is_set()

    async def test_what_was_used_since_the_mark_is_not_removed(self) -> None:
        interlock = Interlock()
        async with interlock.using({"before"}):
            with interlock.watching():
                async with interlock.using({"meanwhile"}):
                    pass
                for digest_, expected in (("before", False), ("meanwhile", False), ("other", True)):
                    async with interlock.removing(digest_) as free:
                        assert free is expected
        async with interlock.removing("meanwhile") as free:
            assert free

    async def test_a_cancelled_user_leaves_nothing_behind(self) -> None:
        interlock = Interlock()
        async with interlock.removing("a"):
            task = asyncio.create_task(interlock.using({"a"}).__aenter__())
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with interlock.removing("a") as free:
            assert free
