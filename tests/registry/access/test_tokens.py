"""Tokens: of an issuer elsewhere, and of the built-in token server."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.registry.access.test_basic import as_user, hashed
from tests.registry.client import Client, codes, digest, fresh
from tests.registry.serving import serving

SERVICE, ISSUER = "registry.example", "the issuer"
KEY = ECKey.generate_key("P-256", private=True)
OTHER = ECKey.generate_key("P-256", private=True)
RSA = RSAKey.generate_key(2048, private=True)


def token(name: str, *actions: str, key: Any = KEY, algorithm: str = "ES256", **claims: Any) -> str:
    now = int(time.time())
    access = [{"type": "repository", "name": name, "actions": list(actions)}]
    given = {"iss": ISSUER, "aud": SERVICE, "sub": "alice", "exp": now + 300, "nbf": now - 5, "access": access}
    return jwt.encode({"alg": algorithm}, {**given, **claims}, key)


@pytest.fixture(params=["pem", "jwks"])
def external(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    keys = tmp_path / "keys"
    if request.param == "pem":
        keys.write_bytes(KEY.as_pem(private=False) + RSA.as_pem(private=False))
    else:
        keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False), RSA.as_dict(private=False)]}))
    with serving(
        token_keys=str(keys), token_service=SERVICE, token_issuer=ISSUER, token_realm="https://auth.example/token"
    ) as client:
        yield client


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_the_challenge_says_where_and_for_what(external: Client, name: str) -> None:
    answer = external.get("/v2/")
    assert answer.status_code == 401 and codes(answer) == ["UNAUTHORIZED"]
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="https://auth.example/token",service="{SERVICE}"'
    answer = external.get(f"/v2/{name}/tags/list")
    assert answer.headers["WWW-Authenticate"].endswith(f'scope="repository:{name}:pull"')
    answer = external.post(f"/v2/{name}/blobs/uploads/")
    assert answer.headers["WWW-Authenticate"].endswith(f'scope="repository:{name}:pull,push"')
    answer = external.get("/v2/_catalog")
    assert answer.headers["WWW-Authenticate"].endswith('scope="registry:catalog:*"')


def test_what_a_token_grants(external: Client, name: str) -> None:
    path = f"/v2/{name}/blobs/uploads/"
    push = bearer(token(name, "pull", "push"))
    assert external.request("POST", path, headers=push).status_code == 202
    assert external.get("/v2/", **push).status_code == 200
    pull = external.request("POST", path, headers=bearer(token(name, "pull")))
    assert pull.status_code == 401 and 'error="insufficient_scope"' in pull.headers["WWW-Authenticate"]
    other = external.request("POST", path, headers=bearer(token(fresh(), "pull", "push")))
    assert other.status_code == 401
    rsa = bearer(token(name, "pull", "push", key=RSA, algorithm="RS256"))
    assert external.request("POST", path, headers=rsa).status_code == 202


def test_the_catalog_needs_a_grant_of_its_own(external: Client, name: str) -> None:
    access = [{"type": "registry", "name": "catalog", "actions": ["*"]}]
    assert external.get("/v2/_catalog", **bearer(token(name, "pull"))).status_code == 401
    assert external.get("/v2/_catalog", **bearer(token(name, access=access))).status_code == 200


@pytest.mark.parametrize(
    ("why", "claims"),
    [
        ("expired", {"exp": int(time.time()) - 1000}),
        ("no end", {"exp": None}),
        ("an end that is no number", {"exp": "tomorrow"}),
        ("not yet", {"nbf": int(time.time()) + 1000}),
        ("another issuer", {"iss": "somebody"}),
        ("another service", {"aud": "other"}),
        ("other services", {"aud": ["other", "another"]}),
        ("nothing granted", {"access": []}),
        ("nonsense granted", {"access": "all"}),
        ("nonsense in the grants", {"access": [1, {"type": 1}, {"type": "repository", "name": [], "actions": {}}]}),
    ],
)
def test_a_token_that_is_not_valid(external: Client, name: str, why: str, claims: dict[str, Any]) -> None:
    answer = external.request("POST", f"/v2/{name}/blobs/uploads/", headers=bearer(token(name, "push", **claims)))
    assert answer.status_code == 401, why


def test_a_token_with_a_signature_of_nobody(external: Client, name: str) -> None:
    header, claims, signature = token(name, "push").split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    # The public key as the secret of a symmetric algorithm: the oldest trick with tokens.
    symmetric = encoded(b'{"alg":"HS256"}') + "." + claims
    confused = symmetric + "." + encoded(hmac.digest(KEY.as_pem(private=False), symmetric.encode(), "sha256"))
    with_own_key = jwt.encode({"alg": "ES256", "jwk": OTHER.as_dict(private=False)}, {"aud": SERVICE}, OTHER)
    for forged in (
        token(name, "push", key=OTHER),
        f"{none}.{claims}.",
        f"{header}.{claims}.{signature[::-1]}",
        confused,
        with_own_key,
        "x",
        "a.b.c",
        "." * 1000,
        "ü",
    ):
        field = {"Authorization": f"Bearer {forged}".encode()}
        answer = external.request("POST", f"/v2/{name}/blobs/uploads/", headers=field)
        assert answer.status_code == 401, forged


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Client]:
    passwords = tmp_path / "htpasswd"
    passwords.write_text(f"alice:{hashed('alice-secret')}\nbob:{hashed('bob-secret')}\n")
    rules = [
        {"repository": "alice/**", "users": ["alice"], "actions": ["pull", "push", "delete"]},
        {"repository": "public/**", "users": ["anonymous"], "actions": ["pull"]},
        {"repository": "public/**", "users": ["alice"], "actions": ["push"]},
    ]
    with serving(htpasswd=str(passwords), token_server=True, access=rules) as client:
        yield client


def asked(client: Client, scope: str = "", **given: Any) -> str:
    """The token for a scope."""
    query = {"service": "pogu-registry", **({"scope": scope} if scope else {})}
    answer = client.request("GET", "/token", params=query, **given)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["token"] == body["access_token"] and body["expires_in"] >= 60 and body["issued_at"]
    return str(body["token"])


class TestTokenServer:
    def test_the_realm_is_the_address_the_client_used(self, own: Client) -> None:
        field = own.get("/v2/").headers["WWW-Authenticate"]
        assert field == f'Bearer realm="{own.url}/token",service="pogu-registry"'
        field = own.get("/v2/", X_Forwarded_Proto="https", X_Forwarded_Host="hub.example").headers["WWW-Authenticate"]
        assert 'realm="https://hub.example/token"' in field

    def test_a_token_for_what_the_rules_allow(self, own: Client) -> None:
        login = ("alice", "alice-secret")
        text = asked(own, "repository:alice/app:pull,push repository:public/x:pull,push,delete", auth=login)
        with Client(own.url) as client:
            answer = client.request("POST", "/v2/alice/app/blobs/uploads/", headers=bearer(text))
            assert answer.status_code == 202
            refused = client.request("DELETE", "/v2/public/x/manifests/v1", headers=bearer(text))
            assert refused.status_code == 401 and "insufficient_scope" in refused.headers["WWW-Authenticate"]

    def test_who_may_not_gets_a_token_for_nothing(self, own: Client) -> None:
        text = asked(own, "repository:alice/app:pull", auth=("bob", "bob-secret"))
        assert own.get("/v2/alice/app/tags/list", **bearer(text)).status_code == 401
        assert own.get("/v2/", **bearer(text)).status_code == 200

    def test_anonymous_read(self, own: Client) -> None:
        with as_user(own, "alice") as alice:
            alice.push_image("public/x", "v1", b"layer")
        assert own.get("/v2/public/x/manifests/v1").status_code == 401, "it asks first"
        text = asked(own, "repository:public/x:pull,push")
        assert own.get("/v2/public/x/manifests/v1", **bearer(text)).status_code == 200
        assert own.get(f"/v2/public/x/blobs/{digest(b'layer')}", **bearer(text)).content == b"layer"
        assert own.request("POST", "/v2/public/x/blobs/uploads/", headers=bearer(text)).status_code == 401

    def test_a_wrong_password_is_401(self, own: Client) -> None:
        answer = own.request("GET", "/token", auth=("alice", "wrong"))
        assert answer.status_code == 401 and codes(answer) == ["UNAUTHORIZED"]

    def test_the_oauth_form(self, own: Client) -> None:
        form = {"grant_type": "password", "username": "alice", "password": "alice-secret", "service": "pogu-registry"}
        scope = {"scope": "repository:alice/app:push"}
        text = own.request("POST", "/token", data={**form, **scope}).json()["access_token"]
        assert own.request("POST", "/v2/alice/app/blobs/uploads/", headers=bearer(text)).status_code == 202
        assert own.request("POST", "/token", data={**form, "password": "x"}).status_code == 401
        assert own.request("POST", "/token", data={**form, "grant_type": "refresh_token"}).status_code == 400

    @pytest.mark.parametrize(
        "scope", ["x", "repository:", "repository:A:pull", "repository::pull", ":::", "plugin:a:*"]
    )
    def test_a_scope_that_is_none_grants_nothing(self, own: Client, scope: str) -> None:
        text = asked(own, scope, auth=("alice", "alice-secret"))
        assert own.get("/v2/alice/app/tags/list", **bearer(text)).status_code == 401

    def test_the_catalog_has_what_the_user_may_pull(self, own: Client) -> None:
        with as_user(own, "alice") as alice:
            alice.push_image("public/x", "v1", b"layer")
            alice.push_image("alice/app", "v1", b"layer")
        for login, names in ((None, ["public/x"]), (("alice", "alice-secret"), ["alice/app", "public/x"])):
            text = asked(own, "registry:catalog:*", auth=login)
            assert own.get("/v2/_catalog", **bearer(text)).json()["repositories"] == names

    def test_another_service_is_refused(self, own: Client) -> None:
        assert own.get("/token?service=other").status_code == 400

    def test_tokens_outlive_a_restart(self, tmp_path: Path) -> None:
        passwords = tmp_path / "htpasswd"
        passwords.write_text(f"alice:{hashed('alice-secret')}\n")
        root = str(tmp_path / "root")
        with serving(root=root, htpasswd=str(passwords), token_server=True) as client:
            text = asked(client, "repository:a:push", auth=("alice", "alice-secret"))
        key = tmp_path / "root" / "token-key.json"
        assert key.stat().st_mode & 0o777 == 0o600
        with serving(root=root, htpasswd=str(passwords), token_server=True) as client:
            assert client.request("POST", "/v2/a/blobs/uploads/", headers=bearer(text)).status_code == 202
