"""The pull-through cache, in front of another registry of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.registry.access.test_basic import hashed
from tests.registry.client import Client, codes, digest, index
from tests.registry.serving import serving

LARGE = bytes(range(256)) * 20_000


@pytest.fixture
def origin() -> Iterator[Client]:
    with serving() as client:
        yield client


def test_what_was_pulled_once_is_there_without_the_other(name: str) -> None:
    with serving() as origin:
        manifest = origin.image(name, b"layer", LARGE)
        origin.push_manifest(name, "v1", manifest)
        whole = index(manifest)
        origin.push_manifest(name, "all", whole, "application/vnd.oci.image.index.v1+json")
        with serving(upstream=origin.url) as cache:
            for _ in range(2):
                answer = cache.get(f"/v2/{name}/manifests/v1")
                assert answer.content == manifest and answer.headers["Docker-Content-Digest"] == digest(manifest)
                assert cache.get(f"/v2/{name}/manifests/all").content == whole
                assert cache.get(f"/v2/{name}/blobs/{digest(LARGE)}").content == LARGE
                origin.registry.close()


def test_a_blob_and_a_range_of_it_through_head_and_get(origin: Client, name: str) -> None:
    pushed = origin.push_blob(name, LARGE)
    with serving(upstream=origin.url) as cache:
        head = cache.head(f"/v2/{name}/blobs/{pushed}")
        assert head.status_code == 200 and head.headers["Content-Length"] == str(len(LARGE))
        part = cache.get(f"/v2/{name}/blobs/{pushed}", Range="bytes=10-19")
        assert part.status_code == 206 and part.content == LARGE[10:20]


def test_a_tag_that_moves_is_seen_once_it_is_not_fresh(origin: Client, name: str) -> None:
    first = origin.push_image(name, "v1", b"one")
    with serving(upstream=origin.url) as fresh, serving(upstream=origin.url, upstream_fresh=0) as eager:
        for cache in (fresh, eager):
            assert cache.head(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == first
        second = origin.push_image(name, "v1", b"two")
        assert fresh.head(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == first
        assert eager.head(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == second


def test_what_the_other_does_not_have_is_404(origin: Client, name: str) -> None:
    origin.push_image(name, "v1", b"one")
    with serving(upstream=origin.url) as cache:
        assert codes(cache.get(f"/v2/{name}/manifests/v2")) == ["MANIFEST_UNKNOWN"]
        assert codes(cache.get(f"/v2/{name}/blobs/{digest(b'x')}")) == ["BLOB_UNKNOWN"]


def test_nothing_can_be_pushed_to_a_cache(origin: Client, name: str) -> None:
    with serving(upstream=origin.url) as cache:
        assert cache.post(f"/v2/{name}/blobs/uploads/").status_code == 405


def test_many_clients_share_one_download(origin: Client, name: str) -> None:
    pushed = origin.push_blob(name, LARGE)
    asked = origin.registry.registry.metrics
    with serving(upstream=origin.url) as cache:
        bodies: list[bytes] = []

        def pull() -> None:
            with Client(cache.url) as client:
                bodies.append(client.get(f"/v2/{name}/blobs/{pushed}").content)

        threads = [threading.Thread(target=pull) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bodies == [LARGE] * 6
        assert asked._answers["blob", "GET", 200] <= 6


@pytest.mark.parametrize("tokens", [False, True])
def test_a_login_at_the_other(tmp_path: Path, name: str, tokens: bool) -> None:
    (tmp_path / "htpasswd").write_text(f"alice:{hashed('alice-secret')}\n")
    (tmp_path / "password").write_text("alice-secret\n")
    with serving(htpasswd=str(tmp_path / "htpasswd"), token_server=tokens) as origin:
        with Client(origin.url, ("alice", "alice-secret")) as alice:
            pushed = alice.push_image(name, "v1", b"layer")
        login = {"upstream_user": "alice", "upstream_password_file": str(tmp_path / "password")}
        with serving(upstream=origin.url, **login) as cache, serving(upstream=origin.url) as nobody:
            assert cache.head(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == pushed
            assert cache.get(f"/v2/{name}/blobs/{digest(b'layer')}").content == b"layer"
            assert codes(nobody.get(f"/v2/{name}/manifests/v1")) == ["DENIED"]


class Liar(BaseHTTPRequestHandler):
    """A registry that sends something else than what it was asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        if "/manifests/" in self.path:
            body = b'{"schemaVersion":2,"manifests":[]}'
            self.send_header("Content-Type", "application/vnd.oci.image.index.v1+json")
        else:
            body = b"something else altogether"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


def test_what_has_another_digest_is_never_given_whole_nor_kept(name: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with serving(upstream=f"http://127.0.0.1:{server.server_port}") as cache:
            wanted = digest(b"the real content")
            assert cache.get(f"/v2/{name}/manifests/{wanted}").status_code == 502
            import requests

            with pytest.raises(requests.RequestException):
                answer = cache.get(f"/v2/{name}/blobs/{wanted}")
                raise AssertionError(answer.content)
            store = cache.registry.registry.site.repositories.store
            assert cache.registry.run(store.blob(wanted)) is None
    finally:
        server.shutdown()
        server.server_close()


def test_an_upstream_that_cannot_be_reached_is_502(name: str) -> None:
    with serving(upstream="http://127.0.0.1:9") as cache:
        assert cache.get(f"/v2/{name}/manifests/v1").status_code == 502
        assert cache.get(f"/v2/{name}/blobs/{digest(b'x')}").status_code == 502
