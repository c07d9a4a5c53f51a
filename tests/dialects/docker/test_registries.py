"""`/auth`, `/distribution`, `/images/search`, and pulls and pushes as the API has them."""

from __future__ import annotations

import base64
import json

import pytest

from tests.engine.images.conftest import tar_of
from tests.registry_peers import PASSWORD, USER, DebianRegistry, debian_registry, put_image

from .http_client import Client


def _auth(**fields: str) -> dict[str, str]:
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()}


def test_logging_in(api: Client) -> None:
    with debian_registry(passwords=True) as closed:
        anna = {"username": USER, "password": PASSWORD, "serveraddress": closed.host}
        answer = api.post("/auth", anna)
        assert (answer.status, answer.json) == (200, {"Status": "Login Succeeded", "IdentityToken": ""})
        assert api.post("/auth", {**anna, "password": "wrong"}).status == 401
        refused = api.post("/images/create", fromImage=f"{closed.host}/x", tag="1")
        assert refused.status == 500  # at a 401 the docker command asks for a password
        assert "no basic auth credentials" in refused.message
        missing = api.call("POST", "/images/create", headers=_auth(**anna), fromImage=f"{closed.host}/x", tag="1")
        assert missing.status == 404
    assert api.post("/auth", b"").status == 400
    assert api.post("/auth", {"serveraddress": "127.0.0.1:1"}).status == 503


def test_looking_an_image_up(api: Client, registry: DebianRegistry, repository: str) -> None:
    digest = put_image(registry, repository, "1", [tar_of({"a": b"a"})], architecture="arm64", variant="v8")
    answer = api.get(f"/distribution/{registry.host}/{repository}:1/json")
    data = registry.manifest(repository, "1")
    assert answer.json == {
        "Descriptor": {"mediaType": json.loads(data)["mediaType"], "digest": digest, "size": len(data)},
        "Platforms": [{"architecture": "arm64", "os": "linux", "variant": "v8"}],
    }
    assert api.get(f"/distribution/{registry.host}/{repository}:2/json").status == 404
    assert api.get("/distribution/UPPER/json").status == 400


def test_a_pull_in_json(api: Client, registry: DebianRegistry, repository: str) -> None:
    digest = put_image(registry, repository, "1", [tar_of({"a": b"a"})])
    name = f"{registry.host}/{repository}"
    first, *_, last = api.post("/images/create", fromImage=name, tag="1").lines
    assert first == {"status": f"Pulling from {repository}", "id": "1"}
    assert last == {"status": f"Status: Downloaded newer image for {name}:1"}
    by_digest = api.post("/images/create", fromImage=name, tag=digest).lines
    assert by_digest[-2] == {"status": f"Digest: {digest}"}
    other = api.post("/images/create", fromImage=f"{name}:1", platform="linux/s390x").lines[-1]
    assert other["error"].endswith("does not match the specified platform (linux/s390x)")
    pushed = api.call("POST", f"/images/{name}/push", headers=_auth(), tag="1").lines
    assert pushed[-1]["aux"] == {"Tag": "1", "Digest": digest, "Size": len(registry.manifest(repository, "1"))}
    wrong = json.dumps({"os": "linux", "architecture": "s390x"})
    assert api.call("POST", f"/images/{name}/push", headers=_auth(), tag="1", platform=wrong).status == 404
    api.delete(f"/images/{name}:1")


@pytest.mark.parametrize("header", ["%", base64.urlsafe_b64encode(b"[]").decode()])
def test_a_damaged_header(api: Client, header: str) -> None:
    fields = {"X-Registry-Auth": header}
    assert api.call("POST", "/images/create", headers=fields, fromImage="127.0.0.1:1/x", tag="1").status == 400


def test_what_cannot_be_searched_for(api: Client) -> None:
    assert api.get("/images/search", term="x", limit="x").status == 400
    assert api.get("/images/search", term="x", limit="101").status == 400
    assert api.get("/images/search", term="x", filters={"nosuch": ["1"]}).status == 400
    assert api.get("/images/search", term="x", filters={"stars": ["many"]}).status == 400
    assert api.get("/images/search", term="https://x").status == 400
    assert api.get("/images/search", term="127.0.0.1:1/x").status == 503


def test_registries_in_info(api: Client) -> None:
    shown = api.get("/info").json["RegistryConfig"]
    assert shown["IndexConfigs"]["docker.io"] == {"Mirrors": [], "Name": "docker.io", "Official": True, "Secure": True}
    assert shown["InsecureRegistryCIDRs"] == ["::1/128", "127.0.0.0/8"]
