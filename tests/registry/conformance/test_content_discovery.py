"""The specification's section "Content Discovery", sentence by sentence; and `_catalog`, as Docker has it."""

from __future__ import annotations

import pytest

from pogu.registry.manifests import OCI_INDEX, OCI_MANIFEST
from tests.registry.client import CONFIG, Client, codes, described, digest, fresh, index
from tests.registry.serving import serving

TAGS = sorted(["b", "A", "a", "1.0", "1.10", "1.9", "_x", "Z"])


@pytest.fixture
def tagged(client: Client, name: str) -> str:
    manifest = client.image(name, b"layer")
    for tag in reversed(TAGS):
        client.push_manifest(name, tag, manifest)
    return name


def next_page(answer: object) -> str:
    link = answer.headers["Link"]  # type: ignore[attr-defined]
    assert link.startswith("<") and link.endswith('>; rel="next"')
    return str(link[1:].partition(">")[0])


class TestListingTags:
    def test_200_with_the_name_and_all_tags_in_order(self, client: Client, tagged: str) -> None:
        answer = client.get(f"/v2/{tagged}/tags/list")
        assert answer.status_code == 200 and answer.json() == {"name": tagged, "tags": TAGS}
        assert "Link" not in answer.headers

    def test_the_list_may_be_empty(self, client: Client, name: str) -> None:
        client.push_blob(name, b"content")
        assert client.get(f"/v2/{name}/tags/list").json() == {"name": name, "tags": []}

    def test_a_repository_that_is_not_there_is_404(self, client: Client) -> None:
        answer = client.get(f"/v2/{fresh()}/tags/list")
        assert answer.status_code == 404 and codes(answer) == ["NAME_UNKNOWN"]

    def test_n_tags_and_a_link_to_the_next(self, client: Client, tagged: str) -> None:
        path, seen = f"/v2/{tagged}/tags/list?n=3", []
        for count in (3, 3, 2):
            answer = client.get(path)
            assert len(answer.json()["tags"]) == count
            seen += answer.json()["tags"]
            if count == 3:
                path = next_page(answer)
        assert seen == TAGS and "Link" not in answer.headers

    def test_n_of_as_many_as_there_are_has_no_link(self, client: Client, tagged: str) -> None:
        for n in (len(TAGS), len(TAGS) + 1):
            answer = client.get(f"/v2/{tagged}/tags/list?n={n}")
            assert answer.json()["tags"] == TAGS and "Link" not in answer.headers

    def test_n_of_zero_is_empty_without_a_link(self, client: Client, tagged: str) -> None:
        answer = client.get(f"/v2/{tagged}/tags/list?n=0")
        assert answer.json()["tags"] == [] and "Link" not in answer.headers

    def test_last_is_not_included_and_n_is_optional(self, client: Client, tagged: str) -> None:
        assert client.get(f"/v2/{tagged}/tags/list?n=2&last=1.9").json()["tags"] == ["A", "Z"]
        assert client.get(f"/v2/{tagged}/tags/list?last=Z").json()["tags"] == ["_x", "a", "b"]
        assert client.get(f"/v2/{tagged}/tags/list?last=ZZ").json()["tags"] == ["_x", "a", "b"]
        assert client.get(f"/v2/{tagged}/tags/list?last=b").json()["tags"] == []

    @pytest.mark.parametrize("n", ["-1", "x", "1.5", "%20", "²"])
    def test_an_n_that_is_no_number_is_400(self, client: Client, tagged: str, n: str) -> None:
        assert client.get(f"/v2/{tagged}/tags/list?n={n}").status_code == 400


class TestListingReferrers:
    def referrer(self, client: Client, name: str, subject: bytes, text: bytes, **more: object) -> bytes:
        about = client.image(name, text, subject=described(subject, OCI_MANIFEST), **more)
        client.push_manifest(name, digest(about), about)
        return about

    def test_an_index_of_descriptors(self, client: Client, name: str) -> None:
        subject = client.image(name, b"image")
        client.push_manifest(name, "v1", subject)
        plain = self.referrer(client, name, subject, b"1")
        typed = self.referrer(client, name, subject, b"2", artifactType="application/sbom", annotations={"a": "b"})
        whole = index(plain, subject=described(subject, OCI_MANIFEST), annotations={"c": "d"})
        client.push_manifest(name, digest(whole), whole, OCI_INDEX)
        answer = client.get(f"/v2/{name}/referrers/{digest(subject)}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == OCI_INDEX
        body = answer.json()
        assert body["schemaVersion"] == 2 and body["mediaType"] == OCI_INDEX
        expected = [
            described(plain, OCI_MANIFEST, artifactType=CONFIG),
            described(typed, OCI_MANIFEST, artifactType="application/sbom", annotations={"a": "b"}),
            described(whole, OCI_INDEX, annotations={"c": "d"}),
        ]
        assert body["manifests"] == sorted(expected, key=lambda entry: entry["digest"])

    def test_nothing_about_it_is_an_empty_list_never_404(self, client: Client, name: str) -> None:
        client.push_image(name, "v1", b"image")
        for repository in (name, fresh()):
            answer = client.get(f"/v2/{repository}/referrers/{digest(b'unknown')}")
            assert answer.status_code == 200 and answer.json()["manifests"] == []

    @pytest.mark.parametrize("bad", ["sha256:1", "v1", "sha256:" + "g" * 64])
    def test_a_digest_that_is_none_is_400(self, client: Client, name: str, bad: str) -> None:
        client.push_image(name, "v1", b"image")
        answer = client.get(f"/v2/{name}/referrers/{bad}")
        assert answer.status_code == 400 and codes(answer) == ["DIGEST_INVALID"]

    def test_a_filter_and_the_field_that_says_so(self, client: Client, name: str) -> None:
        subject = client.image(name, b"image")
        client.push_manifest(name, "v1", subject)
        self.referrer(client, name, subject, b"1", artifactType="application/one+x")
        two = self.referrer(client, name, subject, b"2", artifactType="application/two+x")
        path = f"/v2/{name}/referrers/{digest(subject)}"
        answer = client.get(path + "?artifactType=application/two%2Bx")
        assert [entry["digest"] for entry in answer.json()["manifests"]] == [digest(two)]
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        assert "OCI-Filters-Applied" not in client.get(path).headers

    def test_a_list_too_long_for_one_manifest_has_a_link(self, client: Client, name: str) -> None:
        subject = client.image(name, b"image")
        wanted = set()
        for number in range(5):
            notes = {"fill": "x" * 1_000_000, "number": str(number)}
            wanted.add(digest(self.referrer(client, name, subject, b"r%d" % number, annotations=notes)))
        path, seen, pages = f"/v2/{name}/referrers/{digest(subject)}", set(), 0
        while path:
            answer = client.get(path)
            assert len(answer.content) <= 4 * 1024 * 1024
            seen |= {entry["digest"] for entry in answer.json()["manifests"]}
            pages += 1
            path = next_page(answer) if "Link" in answer.headers else ""
        assert seen == wanted and pages == 2

    def test_a_deleted_referrer_is_gone(self, client: Client, name: str) -> None:
        subject = client.image(name, b"image")
        about = self.referrer(client, name, subject, b"1")
        assert client.delete(f"/v2/{name}/manifests/{digest(about)}").status_code == 202
        assert client.get(f"/v2/{name}/referrers/{digest(subject)}").json()["manifests"] == []


class TestCatalog:
    def test_repositories_in_order_and_in_pages(self) -> None:
        names = ["a", "a/b", "a-b", "a.b", "b", "c/d/e"]
        with serving() as client:
            for each in names:
                client.push_blob(each, b"content")
            assert client.get("/v2/_catalog").json() == {"repositories": sorted(names)}
            path, seen = "/v2/_catalog?n=4", []
            while path:
                answer = client.get(path)
                seen += answer.json()["repositories"]
                path = next_page(answer) if "Link" in answer.headers else ""
            assert seen == sorted(names)
