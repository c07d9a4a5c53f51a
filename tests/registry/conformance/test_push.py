"""The specification's section "Push", sentence by sentence."""

from __future__ import annotations

import json
import uuid

import pytest

from pogu.registry.manifests import OCI_INDEX, OCI_MANIFEST
from tests.registry.client import CONFIG, LAYER, Client, codes, described, digest, fresh, index

DATA = b"0123456789" * 10


class TestPushingABlobMonolithically:
    def test_post_gives_202_and_a_location_with_a_uuid(self, client: Client, name: str) -> None:
        answer = client.post(f"/v2/{name}/blobs/uploads/")
        assert answer.status_code == 202
        session = answer.headers["Location"].rpartition("/")[2]
        assert str(uuid.UUID(session)) == session == answer.headers["Docker-Upload-UUID"]

    def test_post_then_put_gives_201_and_where_the_blob_is(self, client: Client, name: str) -> None:
        answer = client.finish(client.begin(name), digest(DATA), DATA)
        assert answer.status_code == 201 and answer.headers["Docker-Content-Digest"] == digest(DATA)
        assert client.get(answer.headers["Location"]).content == DATA

    def test_single_post(self, client: Client, name: str) -> None:
        answer = client.post(f"/v2/{name}/blobs/uploads/?digest={digest(DATA)}", DATA)
        assert answer.status_code == 201
        assert client.get(answer.headers["Location"]).content == DATA

    def test_the_slash_at_the_end_may_be_missing(self, client: Client, name: str) -> None:
        assert client.post(f"/v2/{name}/blobs/uploads").status_code == 202

    @pytest.mark.parametrize(
        "wrong",
        [digest(b"other"), "sha256:abc", "md5:" + "a" * 32, "nothing", "sha256:" + "A" * 64, "sha256:../../etc/passwd"],
    )
    def test_a_wrong_digest_is_400(self, client: Client, name: str, wrong: str) -> None:
        for answer in (
            client.finish(client.begin(name), wrong, DATA),
            client.post(f"/v2/{name}/blobs/uploads/?digest={wrong}", DATA),
        ):
            assert answer.status_code == 400 and codes(answer) == ["DIGEST_INVALID"]
        assert client.head(f"/v2/{name}/blobs/{digest(DATA)}").status_code == 404

    def test_put_without_a_digest_is_400(self, client: Client, name: str) -> None:
        assert codes(client.put(client.begin(name), DATA)) == ["DIGEST_INVALID"]

    def test_a_blob_may_be_pushed_again(self, client: Client, name: str) -> None:
        for _ in range(2):
            client.push_blob(name, DATA)
        assert client.get(f"/v2/{name}/blobs/{digest(DATA)}").content == DATA

    def test_sha512(self, client: Client, name: str) -> None:
        wanted = digest(DATA, "sha512")
        assert client.finish(client.begin(name, "?digest-algorithm=sha512"), wanted, DATA).status_code == 201
        assert client.get(f"/v2/{name}/blobs/{wanted}").headers["Docker-Content-Digest"] == wanted
        late = client.begin(name)
        assert client.finish(late, digest(b"late", "sha512"), b"late").status_code == 201
        assert client.post(f"/v2/{name}/blobs/uploads/?digest-algorithm=md5").status_code == 400


class TestPushingABlobInChunks:
    def test_chunks_in_order(self, client: Client, name: str) -> None:
        location = client.begin(name)
        for first in range(0, 90, 30):
            answer = client.patch(location, DATA[first : first + 30], first)
            assert answer.status_code == 202 and answer.headers["Range"] == f"0-{first + 29}"
            location = answer.headers["Location"]
        answer = client.finish(location, digest(DATA), DATA[90:], Content_Range="90-99")
        assert answer.status_code == 201
        assert client.get(answer.headers["Location"]).content == DATA

    def test_the_last_chunk_may_come_with_patch(self, client: Client, name: str) -> None:
        location = client.patch(client.begin(name), DATA, 0).headers["Location"]
        assert client.finish(location, digest(DATA)).status_code == 201

    def test_without_a_range_what_comes_is_added(self, client: Client, name: str) -> None:
        location = client.patch(client.begin(name), DATA[:50]).headers["Location"]
        location = client.patch(location, DATA[50:]).headers["Location"]
        assert client.finish(location, digest(DATA)).status_code == 201

    def test_a_chunk_of_unknown_length(self, client: Client, name: str) -> None:
        location = client.begin(name)
        answer = client.request("PATCH", location, data=iter([DATA[:10], DATA[10:]]))
        assert answer.status_code == 202 and answer.headers["Range"] == "0-99"

    def test_a_chunk_out_of_order_is_416_and_tells_how_far_it_is(self, client: Client, name: str) -> None:
        location = client.begin(name)
        first = client.patch(location, DATA[10:20], 10)
        assert first.status_code == 416
        location = client.patch(location, DATA[:10], 0).headers["Location"]
        for wrong in (0, 5, 20):
            answer = client.patch(location, DATA[wrong : wrong + 10], wrong)
            assert answer.status_code == 416 and answer.headers["Range"] == "0-9"
        answer = client.finish(location, digest(DATA), DATA[50:], Content_Range="50-99")
        assert answer.status_code == 416
        assert client.patch(location, DATA[10:], 10).status_code == 202
        assert client.finish(location, digest(DATA)).status_code == 201

    @pytest.mark.parametrize("bad", ["x", "5", "9-0", "-5", "0-", "0-1-2", "bytes"])
    def test_a_range_of_another_form_is_400(self, client: Client, name: str, bad: str) -> None:
        answer = client.request("PATCH", client.begin(name), data=b"0123456789", headers={"Content-Range": bad})
        assert answer.status_code == 400 and codes(answer) == ["BLOB_UPLOAD_INVALID"]

    def test_a_range_that_does_not_fit_the_length_is_400(self, client: Client, name: str) -> None:
        location = client.begin(name)
        answer = client.request("PATCH", location, data=b"0123456789", headers={"Content-Range": "0-4"})
        assert answer.status_code == 400 and codes(answer) == ["SIZE_INVALID"]
        answer = client.request("PATCH", location, data=iter([b"0123456789"]), headers={"Content-Range": "0-4"})
        assert answer.status_code == 400 and codes(answer) == ["SIZE_INVALID"]
        assert client.get(location).headers["Range"] == "0-0"
        assert client.patch(location, DATA, 0).status_code == 202, "what was refused has left nothing behind"
        assert client.finish(location, digest(DATA)).status_code == 201

    def test_get_tells_how_far_an_upload_is(self, client: Client, name: str) -> None:
        location = client.begin(name)
        assert client.get(location).headers["Range"] == "0-0"
        client.patch(location, DATA[:30], 0)
        answer = client.get(location)
        assert answer.status_code == 204 and answer.headers["Range"] == "0-29" and answer.headers["Location"]

    def test_an_upload_that_is_not_there_is_404(self, client: Client, name: str) -> None:
        mine = client.begin(name).rpartition("/")[2]
        for session in (str(uuid.uuid4()), "nonsense", "..%2F..%2Fx"):
            location = f"/v2/{name}/blobs/uploads/{session}"
            for answer in (client.get(location), client.patch(location, DATA), client.finish(location, digest(DATA))):
                assert answer.status_code == 404
        stolen = client.get(f"/v2/{fresh()}/blobs/uploads/{mine}")
        assert stolen.status_code == 404 and codes(stolen) == ["BLOB_UPLOAD_UNKNOWN"]

    def test_after_the_end_the_upload_is_unknown(self, client: Client, name: str) -> None:
        location = client.begin(name)
        assert client.finish(location, digest(DATA), DATA).status_code == 201
        assert client.get(location).status_code == 404


class TestCancelABlobUpload:
    def test_delete_is_204_and_then_it_is_unknown(self, client: Client, name: str) -> None:
        location = client.patch(client.begin(name), DATA).headers["Location"]
        assert client.delete(location).status_code == 204
        assert client.get(location).status_code == client.delete(location).status_code == 404


class TestMountingABlob:
    def test_a_mount_is_201_and_the_blob_can_be_pulled(self, client: Client, name: str) -> None:
        source = fresh()
        pushed = client.push_blob(source, DATA)
        answer = client.post(f"/v2/{name}/blobs/uploads/?mount={pushed}&from={source}")
        assert answer.status_code == 201 and answer.headers["Docker-Content-Digest"] == pushed
        assert client.get(answer.headers["Location"]).content == DATA

    def test_without_from_it_is_found(self, client: Client, name: str) -> None:
        data = fresh().encode()
        pushed = client.push_blob(fresh(), data)
        assert client.post(f"/v2/{name}/blobs/uploads/?mount={pushed}").status_code == 201
        assert client.get(f"/v2/{name}/blobs/{pushed}").content == data

    def test_what_cannot_be_mounted_begins_an_upload(self, client: Client, name: str) -> None:
        missing = digest(b"not there")
        for source in ("&from=" + fresh(), "&from=NOT%20A%20NAME", ""):
            answer = client.post(f"/v2/{name}/blobs/uploads/?mount={missing}{source}")
            assert answer.status_code == 202
            assert client.finish(answer.headers["Location"], digest(DATA), DATA).status_code == 201


class TestPushingManifests:
    def test_201_with_location_and_digest_and_the_same_bytes(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer").replace(b": ", b" :  ")
        answer = client.put(f"/v2/{name}/manifests/v1", manifest, OCI_MANIFEST)
        assert answer.status_code == 201 and answer.headers["Docker-Content-Digest"] == digest(manifest)
        assert client.get(answer.headers["Location"]).content == manifest

    def test_by_digest(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        client.push_manifest(name, digest(manifest), manifest)
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == []
        wrong = client.put(f"/v2/{name}/manifests/{digest(b'x')}", manifest, OCI_MANIFEST)
        assert wrong.status_code == 400 and codes(wrong) == ["DIGEST_INVALID"]

    def test_with_sha512(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        wanted = digest(manifest, "sha512")
        answer = client.put(f"/v2/{name}/manifests/{wanted}", manifest, OCI_MANIFEST)
        assert answer.status_code == 201 and answer.headers["Docker-Content-Digest"] == wanted

    def test_tags_as_parameters(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        tags = [f"t{number}" for number in range(12)]
        query = "&".join(f"tag={tag}" for tag in tags)
        answer = client.put(f"/v2/{name}/manifests/{digest(manifest)}?{query}", manifest, OCI_MANIFEST)
        assert answer.status_code == 201 and answer.headers["OCI-Tag"].split(", ") == tags
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == sorted(tags)
        bad = client.put(f"/v2/{name}/manifests/{digest(manifest)}?tag=.x", manifest, OCI_MANIFEST)
        assert bad.status_code == 400

    def test_a_tag_moves(self, client: Client, name: str) -> None:
        first = client.push_image(name, "v1", b"one")
        second = client.push_image(name, "v1", b"two")
        assert client.head(f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"] == second
        assert client.head(f"/v2/{name}/manifests/{first}").status_code == 200

    def test_four_megabytes_are_taken_and_more_are_413(self, client: Client, name: str) -> None:
        bare = client.image(name, b"layer", annotations={"fill": ""})
        fitting = bare.replace(b'"fill": ""', b'"fill": "' + b"x" * (4 * 1024 * 1024 - len(bare)) + b'"')
        assert len(fitting) == 4 * 1024 * 1024
        client.push_manifest(name, "large", fitting)
        assert client.get(f"/v2/{name}/manifests/large").content == fitting
        answer = client.put(f"/v2/{name}/manifests/larger", fitting + b" ", OCI_MANIFEST)
        assert answer.status_code == 413

    def test_without_a_content_type_the_media_type_decides(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        assert client.put(f"/v2/{name}/manifests/v1", manifest).status_code == 201
        assert client.get(f"/v2/{name}/manifests/v1").headers["Content-Type"] == OCI_MANIFEST

    def test_blobs_that_are_missing_are_named(self, client: Client, name: str) -> None:
        layers = [described(b"one", LAYER), described(b"two", LAYER)]
        client.push_blob(name, b"{}")
        manifest = json.dumps({"schemaVersion": 2, "config": described(b"{}", CONFIG), "layers": layers}).encode()
        answer = client.put(f"/v2/{name}/manifests/v1", manifest, OCI_MANIFEST)
        assert answer.status_code == 400 and codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]
        named = [entry["digest"] for entry in answer.json()["errors"][0]["detail"]]
        assert named == [layer["digest"] for layer in layers]
        assert client.head(f"/v2/{name}/manifests/v1").status_code == 404

    def test_a_blob_of_another_repository_is_missing(self, client: Client, name: str) -> None:
        manifest = client.image(fresh(), b"layer")
        answer = client.put(f"/v2/{name}/manifests/v1", manifest, OCI_MANIFEST)
        assert codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]

    def test_manifests_of_an_index_must_be_there(self, client: Client, name: str) -> None:
        manifest = client.image(name, b"layer")
        answer = client.put(f"/v2/{name}/manifests/all", index(manifest), OCI_INDEX)
        assert answer.status_code == 400 and codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]
        client.push_manifest(name, digest(manifest), manifest)
        client.push_manifest(name, "all", index(manifest), OCI_INDEX)

    def test_an_empty_index_and_an_image_without_layers(self, client: Client, name: str) -> None:
        client.push_manifest(name, "empty", index(), OCI_INDEX)
        client.push_image(name, "bare")

    def test_layers_that_may_not_be_distributed_need_not_be_there(self, client: Client, name: str) -> None:
        kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        client.push_blob(name, b"{}")
        layer = described(b"elsewhere", kind, urls=["https://example.org/layer"])
        manifest = {"schemaVersion": 2, "config": described(b"{}", CONFIG), "layers": [layer]}
        client.push_manifest(name, "v1", json.dumps(manifest).encode())

    def test_a_condition_protects_a_tag(self, client: Client, name: str) -> None:
        first, second = client.image(name, b"one"), client.image(name, b"two")
        path = f"/v2/{name}/manifests/v1"
        assert client.put(path, first, OCI_MANIFEST, If_Match=f'"{digest(first)}"').status_code == 412
        assert client.put(path, first, OCI_MANIFEST, If_None_Match="*").status_code == 201
        assert client.put(path, second, OCI_MANIFEST, If_None_Match="*").status_code == 412
        assert client.put(path, second, OCI_MANIFEST, If_Match=f'"{digest(second)}"').status_code == 412
        assert client.put(path, second, OCI_MANIFEST, If_Match=f'"{digest(first)}"').status_code == 201


class TestPushingManifestsWithSubject:
    def test_oci_subject_says_that_it_was_understood(self, client: Client, name: str) -> None:
        subject = client.image(name, b"image")
        client.push_manifest(name, "v1", subject)
        about = client.image(name, b"signature", subject=described(subject, OCI_MANIFEST))
        answer = client.put(f"/v2/{name}/manifests/{digest(about)}", about, OCI_MANIFEST)
        assert answer.status_code == 201 and answer.headers["OCI-Subject"] == digest(subject)
        assert "OCI-Subject" not in client.put(f"/v2/{name}/manifests/v1", subject, OCI_MANIFEST).headers

    def test_the_subject_need_not_be_there(self, client: Client, name: str) -> None:
        about = client.image(name, b"signature", subject=described(b"not yet", OCI_MANIFEST))
        client.push_manifest(name, digest(about), about)
        listed = client.get(f"/v2/{name}/referrers/{digest(b'not yet')}").json()["manifests"]
        assert [entry["digest"] for entry in listed] == [digest(about)]
