"""Quotas and retention."""

from __future__ import annotations

import time

import pytest

from pogu.errors import InvalidArgument
from pogu.registry.layout import Tag
from pogu.registry.manifests import OCI_INDEX
from pogu.registry.options import resolve, seconds, size
from pogu.registry.retention import Retainer, Retention, outdated
from tests.registry.client import Client, codes, digest, fresh, index
from tests.registry.serving import serving


class TestQuotas:
    def test_what_does_not_fit_is_refused_and_deleting_makes_room(self) -> None:
        with serving(quota=[{"repository": "team/**", "size": "10kB"}]) as client:
            large = client.push_blob("team/a", b"x" * 8000)
            answer = client.post(f"/v2/team/b/blobs/uploads/?digest={digest(b'y' * 4000)}", b"y" * 4000)
            assert answer.status_code == 413 and codes(answer) == ["SIZE_INVALID"]
            location = client.begin("team/b")
            assert client.patch(location, b"y" * 1000).status_code == 202
            assert client.request("PATCH", location, data=iter([b"y" * 4000])).status_code == 413
            client.push_blob("other/a", b"y" * 4000)
            mounted = client.post(f"/v2/team/b/blobs/uploads/?mount={large}&from=team/a")
            assert mounted.status_code == 201, "the same content counts once"
            for repository in ("team/a", "team/b"):
                assert client.delete(f"/v2/{repository}/blobs/{large}").status_code == 202
            client.push_blob("team/b", b"y" * 4000)

    def test_when_it_is_used_up_nothing_more_begins(self) -> None:
        with serving(quota=[{"repository": "**", "size": 100}]) as client:
            client.push_blob("a", b"x" * 100)
            answer = client.post("/v2/a/blobs/uploads/")
            assert answer.status_code == 403 and codes(answer) == ["DENIED"]

    def test_a_mount_and_a_manifest_count(self) -> None:
        with serving(quota=[{"repository": "small", "size": 500}]) as client:
            pushed = client.push_blob("large", b"x" * 600)
            assert client.post(f"/v2/small/blobs/uploads/?mount={pushed}&from=large").status_code == 403
            manifest = client.image("small", annotations={"fill": "x" * 600})
            assert client.put("/v2/small/manifests/v1", manifest).status_code == 403


class TestRetention:
    @pytest.mark.parametrize(
        ("keep", "older", "gone"),
        [
            (2, None, ["t0", "t1", "t2"]),
            (None, 25.0, ["t0", "t1", "t2"]),
            (4, 25.0, ["t0"]),
            (1, 35.0, ["t0", "t1"]),
            (9, None, []),
            (None, None, []),
            (0, None, ["t0", "t1", "t2", "t3", "t4"]),
        ],
    )
    def test_which_tags_a_rule_deletes(self, keep: int | None, older: float | None, gone: list[str]) -> None:
        tags = {f"t{number}": Tag("sha256:x", number * 10.0) for number in range(5)} | {"other": Tag("sha256:y", 0.0)}
        assert sorted(outdated(tags, Retention("**", "t*", keep, older), now=50.0)) == gone

    def apply(self, client: Client, *rules: Retention) -> int:
        repositories = client.registry.registry.site.repositories
        return client.registry.run(Retainer(repositories, rules, clock=lambda: time.time() + 10).apply())

    def test_a_manifest_goes_with_its_last_tag(self, client: Client) -> None:
        name = fresh()
        first = client.push_image(name, "1", b"one")
        client.push_image(name, "2", b"two")
        kept = client.push_image(name, "3", b"three")
        client.push_image(name, "keep", b"one")
        assert self.apply(client, Retention(name, "[0-9]", keep=1), Retention(name, "?", keep=0)) == 0
        assert self.apply(client, Retention(name, "1", keep=0), Retention(name, "2", keep=0)) == 2
        assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["3", "keep"]
        assert client.head(f"/v2/{name}/manifests/{first}").status_code == 200, "another tag has it"
        assert client.head(f"/v2/{name}/manifests/{kept}").status_code == 200

    def test_an_index_goes_with_what_only_it_has(self, client: Client) -> None:
        name = fresh()
        alone, shared = client.image(name, b"alone"), client.image(name, b"shared")
        for each in (alone, shared):
            client.push_manifest(name, digest(each), each)
        client.push_manifest(name, "old", index(alone, shared), OCI_INDEX)
        client.push_manifest(name, "new", index(shared), OCI_INDEX)
        assert self.apply(client, Retention(name, "old", keep=0)) == 1
        assert client.head(f"/v2/{name}/manifests/{digest(alone)}").status_code == 404
        assert client.head(f"/v2/{name}/manifests/{digest(shared)}").status_code == 200

    def test_a_tag_pushed_again_meanwhile_stays(self, client: Client) -> None:
        name = fresh()
        client.push_image(name, "v1", b"one")
        repositories = client.registry.registry.site.repositories
        seen = client.registry.run(repositories.tags_with_times(name))["v1"]
        client.push_image(name, "v1", b"two")
        from pogu.registry.retention import RETENTION

        assert not client.registry.run(repositories.drop_tag(name, "v1", seen, RETENTION))
        assert client.head(f"/v2/{name}/manifests/v1").status_code == 200


class TestWords:
    @pytest.mark.parametrize(
        ("text", "bytes_"),
        [("10", 10), (5, 5), ("1kB", 1000), ("1.5MB", 1_500_000), ("2GiB", 2 << 30), ("1 t", 10**12)],
    )
    def test_sizes(self, text: str | int, bytes_: int) -> None:
        assert size(text, "x") == bytes_

    @pytest.mark.parametrize(("text", "time_"), [("90", 90), ("15m", 900), ("1.5h", 5400), ("7d", 604800), (3, 3)])
    def test_times(self, text: str | int, time_: float) -> None:
        assert seconds(text, "x") == time_

    @pytest.mark.parametrize("text", ["", "x", "-1", "1x", "1 2"])
    def test_what_is_none(self, text: str) -> None:
        for read in (size, seconds):
            with pytest.raises(InvalidArgument, match="what: "):
                read(text, "what")

    @pytest.mark.parametrize(
        "given",
        [
            {"unknown": 1},
            {"listen": 5},
            {"access": [{"repository": "a"}]},
            {"access": [{"repository": "a", "users": [], "actions": ["fly"]}]},
            {"webhook": [{"url": "http://x", "more": 1}]},
        ],
    )
    def test_options_that_make_no_sense(self, given: dict[str, object]) -> None:
        with pytest.raises(InvalidArgument):
            resolve(None, given)
