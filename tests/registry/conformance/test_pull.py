"""The specification's section "Pull", sentence by sentence."""

from __future__ import annotations

import json

import pytest

from pogu.registry.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.registry.client import Client, codes, digest, fresh, index

MISSING = digest(b"never pushed")


class TestPullingManifests:
    def test_a_manifest_is_provided_by_tag_and_by_digest_with_200(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        client.push_manifest(name, "v1", manifest)
        for reference in ("v1", digest(manifest)):
            answer = client.get(f"/v2/{name}/manifests/{reference}")
            assert answer.status_code == 200 and answer.content == manifest

    @pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST])
    def test_content_type_is_what_was_pushed_without_parameters(self, client: Client, name: str, kind: str) -> None:
        manifest = client.image(name, b"layer", kind=kind)
        assert client.put(f"/v2/{name}/manifests/v1", manifest, f"{kind}; charset=utf-8").status_code == 201
        assert client.get(f"/v2/{name}/manifests/v1").headers["Content-Type"] == kind

    @pytest.mark.parametrize(("kind", "child"), [(OCI_INDEX, OCI_MANIFEST), (DOCKER_LIST, DOCKER_MANIFEST)])
    def test_indexes_are_manifests(self, client: Client, name: str, kind: str, child: str) -> None:
        one, two = client.image(name, b"1", kind=child), client.image(name, b"2", kind=child)
        for each in (one, two):
            client.push_manifest(name, digest(each), each, child)
        whole = index(one, two, kind=kind, child=child)
        client.push_manifest(name, "all", whole, kind)
        answer = client.get(f"/v2/{name}/manifests/all")
        assert answer.content == whole and answer.headers["Content-Type"] == kind

    def test_the_digest_is_in_docker_content_digest(self, client: Client, name: str) -> None:
        pushed = client.push_image(name, "v1", b"layer")
        assert client.get(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == pushed

    def test_a_manifest_that_is_not_there_is_404(self, client: Client, name: str) -> None:
        client.push_image(name, "v1", b"layer")
        for reference in ("v2", MISSING):
            answer = client.get(f"/v2/{name}/manifests/{reference}")
            assert answer.status_code == 404 and codes(answer) == ["MANIFEST_UNKNOWN"]

    def test_a_repository_that_is_not_there_is_404(self, client: Client) -> None:
        answer = client.get(f"/v2/{fresh()}/manifests/latest")
        assert answer.status_code == 404 and codes(answer) == ["NAME_UNKNOWN"]

    @pytest.mark.parametrize("reference", [".hidden", "-dash", "a" * 129, "sp%20ace", "ünicode"])
    def test_a_reference_in_any_other_format_is_not_found(self, client: Client, name: str, reference: str) -> None:
        client.push_image(name, "v1", b"layer")
        assert client.get(f"/v2/{name}/manifests/{reference}").status_code == 404

    @pytest.mark.parametrize("reference", ["a", "_", "A.b-c_d", "9" * 128])
    def test_every_tag_of_the_grammar_works(self, client: Client, name: str, reference: str) -> None:
        pushed = client.push_image(name, reference, b"layer")
        assert client.head(f"/v2/{name}/manifests/{reference}").headers["Docker-Content-Digest"] == pushed

    @pytest.mark.parametrize("tail", ["a", "a.b", "a_b", "a__b", "a-b", "a--b", "a/b/c", "0", "manifests/x", "blobs/y"])
    def test_every_name_of_the_grammar_works(self, client: Client, name: str, tail: str) -> None:
        pushed = client.push_image(f"{name}/{tail}", "v1", b"layer")
        assert client.head(f"/v2/{name}/{tail}/manifests/v1").headers["Docker-Content-Digest"] == pushed
        assert client.get(f"/v2/{name}/{tail}/tags/list").json()["tags"] == ["v1"]

    @pytest.mark.parametrize("bad", ["A", "a..b", "a___b", "-a", "a-", "a//b", "_a", "a/", "ü", "a" * 256, "a%2Fb"])
    def test_other_names_are_refused(self, client: Client, bad: str) -> None:
        answer = client.get(f"/v2/{bad}/manifests/v1")
        assert answer.status_code in (400, 404) and codes(answer)[0] in ("NAME_INVALID", "NAME_UNKNOWN")
        assert client.post(f"/v2/{bad}/blobs/uploads/").status_code in (400, 404)


class TestPullingBlobs:
    def test_a_blob_is_provided_with_200_and_its_digest(self, client: Client, name: str) -> None:
        pushed = client.push_blob(name, b"some content")
        answer = client.get(f"/v2/{name}/blobs/{pushed}")
        assert answer.status_code == 200 and answer.content == b"some content"
        assert answer.headers["Docker-Content-Digest"] == pushed

    def test_a_blob_without_a_byte(self, client: Client, name: str) -> None:
        pushed = client.push_blob(name, b"")
        answer = client.get(f"/v2/{name}/blobs/{pushed}")
        assert answer.status_code == 200 and answer.content == b"" and answer.headers["Content-Length"] == "0"

    def test_a_large_blob_arrives_whole(self, client: Client, name: str) -> None:
        data = bytes(range(256)) * 40_000
        assert client.get(f"/v2/{name}/blobs/{client.push_blob(name, data)}").content == data

    def test_a_blob_that_is_not_in_the_repository_is_404(self, client: Client, name: str) -> None:
        elsewhere = client.push_blob(fresh(), b"in another repository")
        client.push_blob(name, b"something")
        for wanted in (MISSING, elsewhere):
            answer = client.get(f"/v2/{name}/blobs/{wanted}")
            assert answer.status_code == 404 and codes(answer) == ["BLOB_UNKNOWN"]

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [("0-0", 0, 0), ("2-5", 2, 5), ("7-", 7, 9), ("-3", 7, 9), ("5-100", 5, 9), ("-100", 0, 9)],
    )
    def test_range_requests(self, client: Client, name: str, asked: str, first: int, last: int) -> None:
        data = b"0123456789"
        answer = client.get(f"/v2/{name}/blobs/{client.push_blob(name, data)}", Range=f"bytes={asked}")
        assert answer.status_code == 206 and answer.content == data[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/10"
        assert answer.headers["Content-Length"] == str(last - first + 1)

    @pytest.mark.parametrize("asked", ["10-", "11-12", "5-2", "-0"])
    def test_a_range_with_nothing_in_it_is_416(self, client: Client, name: str, asked: str) -> None:
        pushed = client.push_blob(name, b"0123456789")
        answer = client.get(f"/v2/{name}/blobs/{pushed}", Range=f"bytes={asked}")
        assert answer.status_code == 416 and answer.headers["Content-Range"] == "bytes */10"

    @pytest.mark.parametrize("asked", ["bytes=a-b", "lines=0-1", "bytes=0-1,4-5", "bytes=-", "bytes=" + "9" * 30 + "-"])
    def test_a_range_that_is_none_is_ignored(self, client: Client, name: str, asked: str) -> None:
        answer = client.get(f"/v2/{name}/blobs/{client.push_blob(name, b'0123456789')}", Range=asked)
        assert answer.status_code == 200 and answer.content == b"0123456789"

    def test_if_range_with_another_tag_gives_the_whole(self, client: Client, name: str) -> None:
        path = f"/v2/{name}/blobs/{client.push_blob(name, b'0123456789')}"
        tag = client.head(path).headers["ETag"]
        assert client.get(path, Range="bytes=0-1", If_Range=tag).status_code == 206
        assert client.get(path, Range="bytes=0-1", If_Range='"other"').status_code == 200

    def test_what_the_client_has_is_not_sent_again(self, client: Client, name: str) -> None:
        blob = f"/v2/{name}/blobs/{client.push_blob(name, b'content')}"
        client.push_image(name, "v1", b"layer")
        for path in (blob, f"/v2/{name}/manifests/v1"):
            tag = client.get(path).headers["ETag"]
            assert client.get(path, If_None_Match=tag).status_code == 304
            assert client.get(path, If_None_Match=f'"x", W/{tag}').status_code == 304
            assert client.get(path, If_None_Match='"x"').status_code == 200


class TestCheckingIfContentExists:
    def test_head_is_200_with_digest_and_length(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"the layer")
        client.push_manifest(name, "v1", manifest)
        layer = digest(b"the layer")
        for path, pushed, size in (
            (f"manifests/{digest(manifest)}", digest(manifest), len(manifest)),
            ("manifests/v1", digest(manifest), len(manifest)),
            (f"blobs/{layer}", layer, 9),
        ):
            answer = client.head(f"/v2/{name}/{path}")
            assert answer.status_code == 200 and answer.content == b""
            assert answer.headers["Docker-Content-Digest"] == pushed
            assert answer.headers["Content-Length"] == str(size)

    def test_head_of_what_is_not_there_is_404(self, client: Client, name: str) -> None:
        client.push_image(name, "v1", b"layer")
        for path in (f"manifests/{MISSING}", "manifests/v2", f"blobs/{MISSING}"):
            assert client.head(f"/v2/{name}/{path}").status_code == 404

    def test_head_wherever_get_is(self, client: Client, name: str) -> None:
        client.push_image(name, "v1", b"layer")
        for path in ("/v2/", "/v2/_catalog", f"/v2/{name}/tags/list", f"/v2/{name}/referrers/{MISSING}"):
            head, get = client.head(path), client.get(path)
            assert head.status_code == get.status_code == 200 and head.content == b""
            assert head.headers["Content-Length"] == get.headers["Content-Length"]


class TestDeterminingSupport:
    def test_v2_is_200(self, client: Client) -> None:
        answer = client.get("/v2/")
        assert answer.status_code == 200 and answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"

    def test_other_methods_and_paths(self, client: Client, name: str) -> None:
        answer = client.request("PATCH", f"/v2/{name}/tags/list")
        assert answer.status_code == 405 and codes(answer) == ["UNSUPPORTED"] and "GET" in answer.headers["Allow"]
        assert client.get("/v2/nothing").status_code == 404
        assert json.loads(client.get(f"/v2/{name}").content)["errors"]
