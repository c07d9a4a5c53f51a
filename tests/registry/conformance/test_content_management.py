"""The specification's sections "Content Management", "Error Codes" and "Warnings"."""

from __future__ import annotations

import pytest

from tests.registry.client import Client, codes, digest, fresh
from tests.registry.serving import serving


class TestDeletingTags:
    def test_202_and_then_404_while_the_manifest_stays(self, client: Client, name: str) -> None:
        pushed = client.push_image(name, "v1", b"layer")
        client.push_image(name, "v2", b"layer")
        assert client.delete(f"/v2/{name}/manifests/v1").status_code == 202
        assert client.get(f"/v2/{name}/manifests/v1").status_code == 404
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["v2"]
        assert client.get(f"/v2/{name}/manifests/{pushed}").status_code == 200

    def test_a_tag_that_is_not_there_is_404(self, client: Client, name: str) -> None:
        client.push_image(name, "v1", b"layer")
        for tag in ("v2", ".x"):
            answer = client.delete(f"/v2/{name}/manifests/{tag}")
            assert answer.status_code == 404 and codes(answer) == ["MANIFEST_UNKNOWN"]


class TestDeletingManifests:
    def test_202_and_then_404_for_it_and_every_tag(self, client: Client, name: str) -> None:
        pushed = client.push_image(name, "v1", b"layer")
        client.push_image(name, "v2", b"layer")
        other = client.push_image(name, "other", b"another")
        assert client.delete(f"/v2/{name}/manifests/{pushed}").status_code == 202
        for reference in (pushed, "v1", "v2"):
            assert client.get(f"/v2/{name}/manifests/{reference}").status_code == 404
        assert client.head(f"/v2/{name}/manifests/other").headers["Docker-Content-Digest"] == other
        again = client.delete(f"/v2/{name}/manifests/{pushed}")
        assert again.status_code == 404 and codes(again) == ["MANIFEST_UNKNOWN"]

    def test_a_repository_that_is_not_there_is_404(self, client: Client) -> None:
        answer = client.delete(f"/v2/{fresh()}/manifests/{digest(b'x')}")
        assert answer.status_code == 404 and codes(answer) == ["NAME_UNKNOWN"]

    def test_it_can_be_pushed_again(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        for _ in range(2):
            pushed = client.push_manifest(name, "v1", manifest)
            assert client.get(f"/v2/{name}/manifests/v1").content == manifest
            assert client.delete(f"/v2/{name}/manifests/{pushed}").status_code == 202


class TestDeletingBlobs:
    def test_202_and_then_404_here_but_not_elsewhere(self, client: Client, name: str) -> None:
        other = fresh()
        pushed = client.push_blob(name, b"shared content")
        client.push_blob(other, b"shared content")
        assert client.delete(f"/v2/{name}/blobs/{pushed}").status_code == 202
        assert client.get(f"/v2/{name}/blobs/{pushed}").status_code == 404
        assert client.get(f"/v2/{other}/blobs/{pushed}").status_code == 200

    def test_a_blob_that_is_not_there_is_404(self, client: Client, name: str) -> None:
        answer = client.delete(f"/v2/{name}/blobs/{digest(b'nothing')}")
        assert answer.status_code == 404 and codes(answer) == ["BLOB_UNKNOWN"]


class TestDisabledDeletion:
    def test_405_for_whatever_would_be_deleted(self, name: str) -> None:
        with serving(deletion=False) as client:
            pushed = client.push_image(name, "v1", b"layer")
            for path in (f"manifests/{pushed}", "manifests/v1", f"blobs/{digest(b'layer')}"):
                answer = client.delete(f"/v2/{name}/{path}")
                assert answer.status_code == 405 and codes(answer) == ["UNSUPPORTED"]
                assert client.head(f"/v2/{name}/{path}").status_code == 200
            location = client.begin(name)
            assert client.delete(location).status_code == 204, "giving an upload up deletes nothing"

    def test_a_read_only_registry_takes_no_changes(self, name: str) -> None:
        with serving(read_only=True) as client:
            answer = client.post(f"/v2/{name}/blobs/uploads/")
            assert answer.status_code == 405 and codes(answer) == ["UNSUPPORTED"]
            assert client.get("/v2/").status_code == 200


class TestErrorCodes:
    @pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
    def test_every_error_has_the_form_of_the_specification(self, client: Client, name: str, size: int) -> None:
        answer = client.put(f"/v2/{name}/manifests/.x", b"x" * size)
        assert codes(answer) == ["MANIFEST_INVALID"]
        assert answer.json()["errors"][0]["message"]
