"""A client for tests: one HTTP request a method, and the few steps that many tests begin with."""

from __future__ import annotations

import hashlib
import json
import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Any

import requests

from pogu.registry.manifests import OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from tests.registry.serving import InProcess

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def fresh(prefix: str = "test") -> str:
    """The name of a repository that no other test uses."""
    return f"{prefix}/{uuid.uuid4().hex[:12]}"


class Client:
    """Requests to one registry, with one login."""

    registry: InProcess

    def __init__(self, url: str, login: tuple[str, str] | None = None, verify: str | bool = True) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = login
        self._session.verify = verify

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def request(self, method: str, path: str, **given: Any) -> requests.Response:
        """One request to a path, or to an address that the registry has given."""
        url = path if path.startswith("http") else self.url + path
        given.setdefault("timeout", 60)
        given.setdefault("allow_redirects", False)
        return self._session.request(method, url, **given)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def head(self, path: str) -> requests.Response:
        return self.request("HEAD", path)

    def delete(self, path: str) -> requests.Response:
        return self.request("DELETE", path)

    def post(self, path: str, data: bytes = b"") -> requests.Response:
        return self.request("POST", path, data=data)

    def put(self, path: str, data: bytes, kind: str | None = None, **headers: str) -> requests.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("PUT", path, data=data, headers={**fields, **({"Content-Type": kind} if kind else {})})

    def begin(self, name: str, query: str = "") -> str:
        """Begin an upload; return its address."""
        answer = self.post(f"/v2/{name}/blobs/uploads/{query}")
        assert answer.status_code == 202, answer.text
        return str(answer.headers["Location"])

    def patch(self, location: str, data: bytes, first: int | None = None) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream"}
        if first is not None:
            headers["Content-Range"] = f"{first}-{first + len(data) - 1}"
        return self.request("PATCH", location, data=data, headers=headers)

    def finish(self, location: str, wanted: str, data: bytes = b"", **headers: str) -> requests.Response:
        joint = "&" if "?" in location else "?"
        return self.put(f"{location}{joint}digest={wanted}", data, "application/octet-stream", **headers)

    def push_blob(self, name: str, data: bytes) -> str:
        """Push a blob; return its digest."""
        answer = self.post(f"/v2/{name}/blobs/uploads/?digest={digest(data)}", data)
        assert answer.status_code == 201, answer.text
        return digest(data)

    def push_manifest(self, name: str, reference: str, manifest: bytes, kind: str = OCI_MANIFEST) -> str:
        """Push a manifest; return its digest."""
        answer = self.put(f"/v2/{name}/manifests/{reference}", manifest, kind)
        assert answer.status_code == 201, answer.text
        return digest(manifest)

    def push_image(self, name: str, reference: str, *layers: bytes, **more: Any) -> str:
        """Push an image of these layers; return its digest."""
        return self.push_manifest(name, reference, self.image(name, *layers, **more))

    def image(self, name: str, *layers: bytes, kind: str = OCI_MANIFEST, **more: Any) -> bytes:
        """Push the blobs of an image; return its manifest."""
        config = json.dumps({"os": "linux", "architecture": "amd64", "layers": len(layers)}).encode()
        for data in (config, *layers):
            self.push_blob(name, data)
        manifest = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": described(config, CONFIG),
            "layers": [described(layer, LAYER) for layer in layers],
            **more,
        }
        return json.dumps(manifest).encode()


def described(data: bytes, kind: str, **more: Any) -> dict[str, Any]:
    """The descriptor of some content."""
    return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}


def index(*manifests: bytes, kind: str = OCI_INDEX, child: str = OCI_MANIFEST, **more: Any) -> bytes:
    """An index of some manifests."""
    entries = [described(manifest, child) for manifest in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries, **more}).encode()


def codes(answer: requests.Response) -> list[str]:
    """The error codes of an answer, whose body must have the form of the specification."""
    assert answer.headers["Content-Type"] == "application/json"
    errors = answer.json()["errors"]
    assert all(set(error) <= {"code", "message", "detail"} for error in errors)
    return [error["code"] for error in errors]
