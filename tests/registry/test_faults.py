"""Crashes, clients that leave or lie, a full disk, several who want the same: nothing corrupt, nothing lost."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.registry.client import Client, codes, digest
from tests.registry.serving import Process, process, raw_connection, serving
from tests.running import eventually

DATA = os.urandom(3_000_000)


@pytest.fixture
def registry() -> Iterator[Process]:
    with process() as running:
        yield running


def uploaded(client: Client, location: str) -> int:
    """How many bytes of an upload have arrived."""
    return int(client.get(location).headers["Range"].partition("-")[2]) + 1


def until(condition: Callable[[], bool]) -> None:
    eventually(condition, timeout=40, step=0.02)


def broken_patch(client: Client, location: str, data: bytes) -> None:
    """Begin to send a chunk of twice this length, and leave in its middle."""
    parts = urlsplit(client.url)
    assert parts.hostname and parts.port
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {2 * len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)


def everything_is_sound(root: Path) -> None:
    """Every stored blob has the digest that it is named by."""
    for path in (root / "blobs").glob("*/[!.]*"):
        assert digest(path.read_bytes(), path.parent.name) == f"{path.parent.name}:{path.name}"


class TestCrashes:
    def test_an_upload_goes_on_after_a_crash(self, registry: Process, name: str) -> None:
        with Client(registry.url) as client:
            location = client.begin(name)
            client.patch(location, DATA[:1_000_000], 0)
        registry.kill()
        registry.start()
        with Client(registry.url) as client:
            assert uploaded(client, location) == 1_000_000
            assert client.patch(location, DATA[1_000_000:2_000_000], 1_000_000).status_code == 202
            assert client.finish(location, digest(DATA), DATA[2_000_000:]).status_code == 201
            assert client.get(f"/v2/{name}/blobs/{digest(DATA)}").content == DATA

    def test_what_was_received_before_a_crash_in_the_middle_of_a_chunk(self, registry: Process, name: str) -> None:
        with Client(registry.url) as client:
            location = client.begin(name)
            broken_patch(client, location, DATA[:1_500_000])
            until(lambda: uploaded(client, location) == 1_500_000)
        registry.kill()
        registry.start()
        with Client(registry.url) as client:
            assert client.patch(location, DATA[1_500_000:], 1_500_000).status_code == 202
            assert client.finish(location, digest(DATA)).status_code == 201

    @pytest.mark.parametrize(
        ("step", "number"),
        [
            ("registry.upload.received", 3),
            ("registry.blob.synced", 1),
            ("registry.blob.renamed", 2),
            ("registry.record.written", 3),
            ("registry.manifest.stored", 2),
        ],
    )
    def test_killed_at_each_step_of_a_push(self, step: str, number: int, name: str) -> None:
        """The client pushes again after the restart, as clients do, and then everything is right."""
        with process(environment={"POGU_FAILPOINTS": f"{step}=kill@{number}"}) as registry:
            acknowledged: list[str] = []
            with Client(registry.url) as client, contextlib.suppress(requests.RequestException):
                acknowledged.append(client.push_blob(name, b"first"))
                acknowledged.append(client.push_blob(name, b"second"))
                client.push_image(name, "v1", b"first", b"second")
                client.push_image(name, "v2", b"second", b"first")
                client.push_image(name, "v3", b"second")
            assert registry.wait() == -9, "the step was reached"
            registry.environment.clear()
            registry.start()
            everything_is_sound(registry.root)
            with Client(registry.url) as client:
                for each in acknowledged:
                    assert client.head(f"/v2/{name}/blobs/{each}").status_code == 200
                pushed = client.push_image(name, "v1", b"first", b"second")
                assert client.head(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == pushed
                assert client.get(f"/v2/{name}/blobs/{digest(b'first')}").content == b"first"

    @pytest.mark.soak
    def test_nothing_acknowledged_is_lost(self, soak: Callable[[float, float], float]) -> None:
        """Killed again and again while four clients push: each acknowledged image can be pulled, whole."""
        acknowledged: dict[str, tuple[str, bytes]] = {}
        rounds = int(soak(3, 60))

        def push(url: str, number: int) -> None:
            with Client(url) as client, contextlib.suppress(requests.RequestException):
                for count in range(1000):
                    layer = f"{url} {number} {count}".encode() * 1000
                    name = f"crash/{number}"
                    pushed = client.push_image(name, f"t{count}", layer)
                    acknowledged[f"{name}@{pushed}"] = (name, layer)

        with process() as registry:
            for _ in range(rounds):
                threads = [threading.Thread(target=push, args=(registry.url, number)) for number in range(4)]
                before = len(acknowledged)
                for thread in threads:
                    thread.start()
                until(lambda before=before: len(acknowledged) > before + 10)  # type: ignore[misc]
                registry.kill()
                for thread in threads:
                    thread.join()
                everything_is_sound(registry.root)
                registry.start()
            with Client(registry.url) as client:
                for image, (name, layer) in acknowledged.items():
                    reference = image.partition("@")[2]
                    assert client.get(f"/v2/{name}/manifests/{reference}").status_code == 200, image
                    assert client.get(f"/v2/{name}/blobs/{digest(layer)}").content == layer, image
        assert len(acknowledged) > 10 * rounds


class TestClients:
    def test_a_client_that_vanishes_can_go_on_where_it_was(self, client: Client, name: str) -> None:
        location = client.begin(name)
        broken_patch(client, location, DATA[:1_000_000])
        until(lambda: uploaded(client, location) == 1_000_000)
        assert client.patch(location, DATA[1_000_000:], 1_000_000).status_code == 202
        assert client.finish(location, digest(DATA)).status_code == 201

    def test_a_client_that_vanishes_during_a_whole_upload_leaves_nothing(self, client: Client, name: str) -> None:
        parts = urlsplit(client.url)
        assert parts.hostname and parts.port
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            target = f"/v2/{name}/blobs/uploads/?digest={digest(DATA)}"
            head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(DATA)}\r\n\r\n"
            connection.sendall(head.encode() + DATA[:2_000_000])
        uploads = Path(client.registry.options.root) / "uploads"
        until(lambda: not [each for each in uploads.iterdir() if (each / "data").stat().st_size > 1_900_000])
        assert client.head(f"/v2/{name}/blobs/{digest(DATA)}").status_code == 404

    def test_a_client_that_sends_nothing_is_given_up(self, name: str) -> None:
        with serving(upload_timeout="1s") as client:
            location = client.begin(name)
            connection = raw_connection(client.url)
            connection.putrequest("PATCH", location)
            connection.putheader("Content-Length", "1000")
            connection.endheaders()
            connection.send(b"x" * 10)
            answer = connection.getresponse()
            assert answer.status == 408
            answer.close()
            connection.close()
            assert uploaded(client, location) == 10
            assert client.patch(location, b"y" * 10, 10).status_code == 202

    def test_readers_that_do_not_read_hold_up_nobody(self, client: Client, name: str) -> None:
        pushed = client.push_blob(name, bytes(20_000_000))
        parts = urlsplit(client.url)
        assert parts.hostname and parts.port
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                slow = stack.enter_context(socket.create_connection((parts.hostname, parts.port)))
                slow.sendall(f"GET /v2/{name}/blobs/{pushed} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert slow.recv(100).startswith(b"HTTP/1.1 200")
            assert client.get(f"/v2/{name}/blobs/{pushed}").content == bytes(20_000_000)
            client.push_image(name, "v1", b"layer")

    def test_two_who_upload_the_same_blob(self, client: Client, name: str) -> None:
        results: list[int] = []

        def push() -> None:
            with Client(client.url) as mine:
                location = mine.begin(name)
                for first in range(0, 3_000_000, 500_000):
                    mine.patch(location, DATA[first : first + 500_000], first)
                results.append(mine.finish(location, digest(DATA)).status_code)

        threads = [threading.Thread(target=push) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [201] * 4
        assert client.get(f"/v2/{name}/blobs/{digest(DATA)}").content == DATA

    def test_two_who_push_the_same_tag(self, client: Client, name: str) -> None:
        images = [client.image(name, b"%d" % number) for number in range(4)]

        def push(image: bytes) -> None:
            with Client(client.url) as mine:
                for _ in range(10):
                    mine.push_manifest(name, "v1", image)

        threads = [threading.Thread(target=push, args=(image,)) for image in images]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            answer = client.get(f"/v2/{name}/manifests/v1")
            if answer.status_code == 200:
                assert answer.content in images
                assert digest(answer.content) == answer.headers["Docker-Content-Digest"]
        for image in images:
            assert client.get(f"/v2/{name}/manifests/{digest(image)}").content == image
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["v1"]

    def test_two_chunks_of_one_upload_at_once_take_turns(self, client: Client, name: str) -> None:
        location = client.begin(name)
        statuses: list[int] = []

        def send() -> None:
            with Client(client.url) as mine:
                statuses.append(mine.patch(location, DATA, 0).status_code)

        threads = [threading.Thread(target=send) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [202, 416, 416]
        assert client.finish(location, digest(DATA)).status_code == 201


class TestFullDisk:
    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Path]:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], check=True)
        yield tmp_path
        subprocess.run(["umount", "-l", tmp_path], check=True)

    def test_a_full_disk_is_said_and_passes(self, small: Path, name: str) -> None:
        with serving(root=str(small / "root")) as client:
            client.push_image(name, "v1", b"layer")
            location = client.begin(name)
            answer = client.patch(location, DATA + DATA)
            assert answer.status_code == 507 and codes(answer) == ["UNSUPPORTED"]
            assert client.get(f"/v2/{name}/blobs/{digest(b'layer')}").content == b"layer"
            assert client.delete(location).status_code == 204
            assert client.push_blob(name, DATA)
            everything_is_sound(small / "root")


class TestExpiry:
    def test_idle_uploads_are_forgotten(self, name: str) -> None:
        with serving() as client:
            location = client.begin(name)
            client.patch(location, DATA)
            uploads = client.registry.registry.site.uploads
            assert client.registry.run(uploads.expire(1000)) == 0
            assert client.registry.run(uploads.expire(-1)) == 1
            assert client.get(location).status_code == 404
            root = Path(client.registry.options.root) / "uploads"
            assert list(root.iterdir()) == []
