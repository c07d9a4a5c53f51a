"""Passwords and rules, as docker and skopeo meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from tests.registry.client import Client, codes, digest
from tests.registry.serving import serving


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    path = tmp_path / "htpasswd"
    lines = [f"{user}:{hashed(user + '-secret')}" for user in ("alice", "bob", "carol")]
    path.write_text("# users\n\n" + "\n".join(lines) + "\nold:$apr1$abc$def\n")
    return path


@pytest.fixture
def closed(passwords: Path) -> Iterator[Client]:
    with serving(htpasswd=str(passwords)) as client:
        yield client


def as_user(client: Client, user: str) -> Client:
    return Client(client.url, (user, f"{user}-secret"))


def test_without_a_password_everything_asks_for_one(closed: Client, name: str) -> None:
    for answer in (
        closed.get("/v2/"),
        closed.get("/v2/_catalog"),
        closed.get(f"/v2/{name}/tags/list"),
        closed.post(f"/v2/{name}/blobs/uploads/"),
        closed.delete(f"/v2/{name}/manifests/v1"),
        closed.get("/"),
    ):
        assert answer.status_code == 401 and codes(answer) == ["UNAUTHORIZED"]
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Pogu registry"'


def test_with_a_password_everything_works(closed: Client, name: str) -> None:
    with as_user(closed, "alice") as alice:
        assert alice.get("/v2/").status_code == 200
        alice.push_image(name, "v1", b"layer")
        assert alice.get("/v2/_catalog").json()["repositories"] == [name]
        assert name in alice.get("/").text


@pytest.mark.parametrize(
    "login", [("alice", "wrong"), ("nobody", "alice-secret"), ("old", "x"), ("", ""), ("alice", "x" * 200)]
)
def test_a_wrong_password(closed: Client, login: tuple[str, str]) -> None:
    with Client(closed.url, login) as client:
        answer = client.get("/v2/")
        assert answer.status_code == 401 and "Basic" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("field", ["Basic", "Basic !!!", "Basic " + "A" * 9, "Digest x", "Basic Zm9v", ""])
def test_malformed_credentials(closed: Client, field: str) -> None:
    assert closed.get("/v2/", Authorization=field).status_code == 401


def test_the_file_is_read_again_when_it_changes(closed: Client, passwords: Path) -> None:
    with as_user(closed, "alice") as alice:
        assert alice.get("/v2/").status_code == 200
        passwords.write_text(f"alice:{hashed('new')}\n")
        assert alice.get("/v2/").status_code == 401
    with Client(closed.url, ("alice", "new")) as alice:
        assert alice.get("/v2/").status_code == 200


def test_anonymous_pull(passwords: Path, name: str) -> None:
    with serving(htpasswd=str(passwords), anonymous_pull=True) as client:
        with as_user(client, "alice") as alice:
            alice.push_image(name, "v1", b"layer")
        assert client.get(f"/v2/{name}/manifests/v1").status_code == 200
        assert client.get(f"/v2/{name}/blobs/{digest(b'layer')}").content == b"layer"
        assert client.get("/v2/").status_code == 401, "docker would never send its password otherwise"
        for answer in (client.post(f"/v2/{name}/blobs/uploads/"), client.delete(f"/v2/{name}/manifests/v1")):
            assert answer.status_code == 401


def test_rules_for_repositories(passwords: Path) -> None:
    rules = [
        {"repository": "team/*", "users": ["@developers"], "actions": ["pull", "push"]},
        {"repository": "team/**", "users": ["carol"], "actions": ["pull", "push", "delete"]},
        {"repository": "public/**", "users": ["anonymous"], "actions": ["pull"]},
        {"repository": "public/**", "users": ["*"], "actions": ["push"]},
    ]
    groups = {"developers": ["alice", "bob"]}
    with (
        serving(htpasswd=str(passwords), access=rules, groups=groups) as client,
        as_user(client, "alice") as alice,
        as_user(client, "carol") as carol,
    ):
        pushed = alice.push_image("team/app", "v1", b"layer")
        refused = alice.delete(f"/v2/team/app/manifests/{pushed}")
        assert refused.status_code == 403 and codes(refused) == ["DENIED"]
        assert alice.post("/v2/team/app/deep/blobs/uploads/").status_code == 403, "one star is one part of a name"
        assert alice.post("/v2/other/blobs/uploads/").status_code == 403
        carol.push_image("team/app/deep", "v1", b"layer")
        assert carol.delete(f"/v2/team/app/manifests/{pushed}").status_code == 202
        carol.push_image("public/tool", "v1", b"layer")
        assert client.get("/v2/public/tool/manifests/v1").status_code == 200
        assert client.get("/v2/team/app/deep/manifests/v1").status_code == 401
        assert client.get("/v2/_catalog").json()["repositories"] == ["public/tool"]
        assert alice.get("/v2/_catalog").json()["repositories"] == ["public/tool", "team/app"]
        assert "team/app/deep" not in alice.get("/").text


def test_a_mount_needs_the_right_to_pull_from_the_source(passwords: Path) -> None:
    rules = [
        {"repository": "alice/**", "users": ["alice"], "actions": ["pull", "push"]},
        {"repository": "bob/**", "users": ["bob"], "actions": ["pull", "push"]},
    ]
    with (
        serving(htpasswd=str(passwords), access=rules) as client,
        as_user(client, "alice") as alice,
        as_user(client, "bob") as bob,
    ):
        secret = alice.push_blob("alice/private", b"a secret layer")
        for query in (f"?mount={secret}&from=alice/private", f"?mount={secret}"):
            assert bob.post(f"/v2/bob/mine/blobs/uploads/{query}").status_code == 202
        assert bob.get(f"/v2/bob/mine/blobs/{secret}").status_code == 404
        assert alice.post(f"/v2/alice/other/blobs/uploads/?mount={secret}").status_code == 201
