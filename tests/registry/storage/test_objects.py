"""The object stores: S3, and Google Cloud Storage through its XML API; see `clouds` for who serves them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import boto3
import pytest

from pogu.errors import InvalidArgument
from pogu.registry.storage import Store
from pogu.registry.storage.objects import open_object_store
from tests.registry.client import digest, fresh
from tests.registry.serving import serving
from tests.registry.storage.clouds import google_server, s3_server
from tests.registry.storage.contract import StoreContract

_numbers = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    """The address of a server of Google Cloud Storage."""
    with google_server() as url:
        yield url


@pytest.fixture(params=["s3", "gs"])
def scheme(request: pytest.FixtureRequest, s3: str, google: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of object store, with the environment that leads to its server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    account = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps({**account, "gcs_base_url": google}))
    return str(request.param)


@pytest.fixture
def bucket(scheme: str, s3: str) -> str:
    """The URL of a fresh bucket."""
    name = f"bucket{next(_numbers)}"
    connection = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
    connection.create_bucket(Bucket=name)
    connection.close()
    return f"{scheme}://{name}/some/prefix"


class TestObjectStore(StoreContract):
    @pytest.fixture
    def store(self, bucket: str) -> Store:
        return open_object_store(bucket)


def test_only_object_stores_have_such_addresses() -> None:
    for url in ("ftp://x/y", "http://x/y", "file:///etc"):
        with pytest.raises(InvalidArgument):
            open_object_store(url)


async def test_a_bucket_that_is_not_there(scheme: str) -> None:
    missing = f"{scheme}://no-such-bucket"
    store = open_object_store(missing)
    with pytest.raises(OSError, match="object store failed"):
        await store.write([("a", b"b")])
    with pytest.raises(InvalidArgument, match="cannot be used"), serving(storage=missing):
        pass


def test_a_registry_on_an_object_store(bucket: str) -> None:
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
