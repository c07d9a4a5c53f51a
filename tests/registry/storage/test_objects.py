"""The object store against moto's server, which speaks S3 over HTTP."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pogu.errors import InvalidArgument
from pogu.registry.storage import Store
from pogu.registry.storage.objects import open_object_store
from tests.registry.client import digest, fresh
from tests.registry.serving import serving
from tests.registry.storage.contract import StoreContract

_numbers = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a fresh bucket, with the environment that leads to it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    name = f"bucket-{next(_numbers)}"
    connection = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
    connection.create_bucket(Bucket=name)
    connection.close()
    return f"s3://{name}/some/prefix"


class TestObjectStore(StoreContract):
    @pytest.fixture
    def store(self, bucket: str) -> Store:
        return open_object_store(bucket)


def test_only_object_stores_have_such_addresses() -> None:
    for url in ("ftp://x/y", "http://x/y", "file:///etc"):
        with pytest.raises(InvalidArgument):
            open_object_store(url)


async def test_a_bucket_that_is_not_there(bucket: str) -> None:
    store = open_object_store("s3://no-such-bucket")
    with pytest.raises(OSError, match="object store failed"):
        await store.write([("a", b"b")])
    with pytest.raises(InvalidArgument, match="cannot be used"), serving(storage="s3://no-such-bucket"):
        pass


def test_a_registry_on_s3(bucket: str) -> None:
    name = fresh()
    with serving(storage=bucket) as client:
        large = bytes(range(256)) * 80_000
        manifest = client.image(name, b"layer", large)
        client.push_manifest(name, "v1", manifest)
        client.push_manifest(name, "v2", manifest)
        assert client.get(f"/v2/{name}/manifests/v1").content == manifest
        assert client.get(f"/v2/{name}/blobs/{digest(large)}").content == large
        part = client.get(f"/v2/{name}/blobs/{digest(large)}", Range="bytes=100-199")
        assert part.status_code == 206 and part.content == large[100:200]
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["v1", "v2"]
        assert client.get("/v2/_catalog").json()["repositories"] == [name]
        assert client.delete(f"/v2/{name}/manifests/{digest(manifest)}").status_code == 202
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == []
    with serving(storage=bucket) as client:
        assert client.get(f"/v2/{name}/blobs/{digest(large)}").content == large, "another server finds it there"
        assert json.loads(client.get(f"/v2/{name}/manifests/v1").content)["errors"]
