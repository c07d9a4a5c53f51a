"""What manifests are taken, and what hostile ones meet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pogu.registry.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MAX_REFERENCES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    parse_manifest,
)
from pogu.registry.refusals import Refused
from tests.registry.client import CONFIG, LAYER, Client, codes, described

CONFIG_ENTRY = described(b"{}", CONFIG)


def image(**fields: Any) -> bytes:
    whole = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG_ENTRY, "layers": [], **fields}
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


@pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST, OCI_ARTIFACT])
def test_kinds(kind: str) -> None:
    fields: dict[str, Any] = {
        OCI_INDEX: {"manifests": []}, DOCKER_LIST: {"manifests": []}, OCI_ARTIFACT: {"blobs": [CONFIG_ENTRY]},
    }.get(kind, {"config": CONFIG_ENTRY, "layers": []})  # fmt: skip
    data = json.dumps({"schemaVersion": 2, "mediaType": kind, **fields}).encode()
    for content_type in (kind, kind + "; charset=utf-8", kind.upper(), None, ""):
        assert parse_manifest(data, content_type).media_type == kind
    assert len(list(parse_manifest(data, kind).blobs())) == (0 if "manifests" in fields else 1)


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        (OCI_MANIFEST, b""),
        (OCI_MANIFEST, b"{"),
        (OCI_MANIFEST, b"[]"),
        (OCI_MANIFEST, b"null"),
        (OCI_MANIFEST, b'"text"'),
        (OCI_MANIFEST, b"\xff\xfe"),
        (OCI_MANIFEST, b"[" * 100_000),
        (OCI_MANIFEST, b'{"a":' * 100_000),
        (OCI_MANIFEST, image(schemaVersion=1)),
        (OCI_MANIFEST, image(schemaVersion=...)),
        (OCI_MANIFEST, image(schemaVersion="2")),
        (OCI_MANIFEST, image(config=...)),
        (OCI_MANIFEST, image(config=None)),
        (OCI_MANIFEST, image(layers=...)),
        (OCI_MANIFEST, image(layers={})),
        (OCI_MANIFEST, image(layers=[1])),
        (OCI_MANIFEST, image(layers=[{"digest": "sha256:1", "size": 1, "mediaType": LAYER}])),
        (OCI_MANIFEST, image(layers=[{**CONFIG_ENTRY, "digest": "sha256:../../../etc/passwd"}])),
        (OCI_MANIFEST, image(layers=[{**CONFIG_ENTRY, "digest": "md5:" + "a" * 32}])),
        (OCI_MANIFEST, image(layers=[{**CONFIG_ENTRY, "size": -1}])),
        (OCI_MANIFEST, image(layers=[{**CONFIG_ENTRY, "size": 1.5}])),
        (OCI_MANIFEST, image(layers=[{**CONFIG_ENTRY, "size": 10**30}])),
        (OCI_MANIFEST, image(layers=[{**CONFIG_ENTRY, "mediaType": None}])),
        (OCI_MANIFEST, image(subject={**CONFIG_ENTRY, "digest": "latest"})),
        (OCI_MANIFEST, image(annotations={"a": 1})),
        (OCI_MANIFEST, image(manifests=[])),
        (OCI_INDEX, json.dumps({"schemaVersion": 2, "manifests": [], "layers": []}).encode()),
        (OCI_INDEX, json.dumps({"schemaVersion": 2}).encode()),
        (OCI_INDEX, image()),
        (DOCKER_MANIFEST, image()),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", b'{"schemaVersion": 1}'),
        ("text/html", image(mediaType=...)),
        (None, b'{"schemaVersion": 2}'),
    ],
)
def test_what_is_refused(content_type: str | None, data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_manifest(data, content_type)
    assert refused.value.code == "MANIFEST_INVALID" and refused.value.status == 400


@pytest.mark.parametrize(
    "urls",
    [None, [], ["file:///etc/passwd"], ["//host/x"], ["javascript:alert(1)"], ["https://user:pw@host/"], ["http://["]],
)
def test_foreign_urls(urls: list[str] | None) -> None:
    layer = described(b"x", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=urls)
    with pytest.raises(Refused, match="foreign layer"):
        parse_manifest(image(layers=[layer]), OCI_MANIFEST)


def test_ten_thousand_layers(client: Client, name: str) -> None:
    layers = [described(b"%d" % number, LAYER) for number in range(10_000)]
    answer = client.put(f"/v2/{name}/manifests/v1", image(layers=layers), OCI_MANIFEST)
    assert answer.status_code == 400 and codes(answer) == ["MANIFEST_INVALID"]
    assert str(MAX_REFERENCES) in answer.json()["errors"][0]["message"]
    missing = client.put(f"/v2/{name}/manifests/v1", image(layers=layers[:MAX_REFERENCES]), OCI_MANIFEST)
    assert missing.status_code == 400 and codes(missing) == ["MANIFEST_BLOB_UNKNOWN"] and len(missing.content) < 20_000


@pytest.mark.parametrize("size", [0, 1, 5_000_000_000])
def test_a_manifest_that_lies_about_sizes(client: Client, name: str, size: int) -> None:
    client.push_blob(name, b"{}")
    client.push_blob(name, b"a layer")
    lie = {**described(b"a layer", LAYER), "size": size}
    answer = client.put(f"/v2/{name}/manifests/v1", image(layers=[lie]), OCI_MANIFEST)
    assert answer.status_code == 400 and codes(answer) == ["MANIFEST_INVALID"]
    assert "has 7" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../etc/passwd",
        "/v2/a/../b/manifests/v1",
        "/v2/a/manifests/..%2f..%2fx",
        "/v2/a/manifests/../../../../etc/passwd",
        "/v2/a/blobs/sha256:..%2F..%2Fetc%2Fpasswd",
        "/v2/a/blobs/..",
        "/v2/a/blobs/uploads/..",
        "/v2/a/blobs/uploads/%2e%2e",
        "/v2/_a/tags/list",
        "/v2/a/_tags/tags/list",
        "/v2/a%00b/tags/list",
        "/v2/%FF/tags/list",
        "/v2//tags/list",
        "/v2/" + "a/" * 5000 + "tags/list",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH", "HEAD"])
def test_paths_that_lead_nowhere(client: Client, method: str, path: str) -> None:
    from tests.registry.serving import raw_connection

    connection = raw_connection(client.url)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        with connection.getresponse() as answer:
            assert answer.status in (400, 404, 405)
            if answer.getheader("Content-Type") == "application/json" and method != "HEAD":
                assert json.loads(answer.read())["errors"]
    finally:
        connection.close()
