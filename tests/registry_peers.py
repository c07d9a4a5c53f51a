"""Debian's docker-registry for a test: a port and a directory of its own, with passwords, TLS or a token server."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trustme

from tests.conftest import REPOSITORY

UNPACKED = REPOSITORY / "build" / "peers"
USER, PASSWORD = "anna", "s3cret"
# what htpasswd -B makes of them
PASSWORDS = "anna:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def unpacked(*packages: str) -> Path:
    """Unpack Debian packages into the folder that all tests share, and return it."""
    with (REPOSITORY / "build" / ".peers.lock").open("w") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([REPOSITORY / "scripts/fetch_package.sh", UNPACKED, *packages], check=True, timeout=300)
    return UNPACKED


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class DebianRegistry:
    """A running docker-registry. `host` is what images on it are named after; `files` is its storage."""

    def __init__(
        self,
        home: Path,
        *,
        passwords: bool = False,
        ca: trustme.CA | None = None,
        clients: trustme.CA | None = None,
        **auth: Any,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.files = home / "data"
        self._ca = ca
        self.context: ssl.SSLContext | None = None
        self.config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.files)}, "delete": {"enabled": True}},
            "http": {"addr": self.host, "relativeurls": False},
            "validation": {"manifests": {"urls": {"allow": ["^https?://"]}}},
        }
        if passwords:
            (home / "htpasswd").write_text(PASSWORDS)
            self.config["auth"] = {"htpasswd": {"realm": "test", "path": str(home / "htpasswd")}}
        if auth:
            self.config["auth"] = auth
        if ca is not None:
            self._make_certificate(ca)
        if clients is not None:
            clients.cert_pem.write_to_path(home / "clients.pem")
            self.config["http"]["tls"]["clientcas"] = [str(home / "clients.pem")]
        self._process: subprocess.Popen[bytes] | None = None

    def _make_certificate(self, ca: trustme.CA) -> None:
        issued = ca.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.home / "key.pem")
        for number, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(self.home / "cert.pem", append=number > 0)
        self.config["http"]["tls"] = {"certificate": str(self.home / "cert.pem"), "key": str(self.home / "key.pem")}
        self.context = ssl.create_default_context()
        ca.configure_trust(self.context)

    def start(self) -> None:
        """Start it and return when it answers."""
        path = self.home / "config.json"
        path.write_text(json.dumps(self.config))
        with (self.home / "registry.log").open("ab") as log:
            self._process = subprocess.Popen(
                [unpacked("docker-registry") / "usr/bin/docker-registry", "serve", path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.home / "registry.log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def connection(self) -> http.client.HTTPConnection:
        if self.context is not None:
            return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **fields: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request; return status, headers (lower case) and body."""
        connection = self.connection()
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in fields.items()})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def put_blob(self, repository: str, data: bytes) -> str:
        """Store a blob; return its digest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        status, headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
        assert status == 202
        location = headers["location"].partition(self.host)[2] or headers["location"]
        joint = "&" if "?" in location else "?"
        kind = {"Content_Type": "application/octet-stream"}
        status, _, said = self.ask("PUT", f"{location}{joint}digest={digest}", data, **kind)
        assert status == 201, said
        return digest

    def put_manifest(self, repository: str, tag: str, manifest: bytes | dict[str, Any]) -> str:
        """Store a manifest; return its digest."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        kind = json.loads(data)["mediaType"]
        status, headers, said = self.ask("PUT", f"/v2/{repository}/manifests/{tag}", data, Content_Type=kind)
        assert status == 201, said
        return headers["docker-content-digest"]

    def manifest(self, repository: str, tag: str) -> bytes:
        """Return a manifest's bytes."""
        accept = ", ".join((MANIFEST, OCI, OCI_INDEX))
        status, _, data = self.ask("GET", f"/v2/{repository}/manifests/{tag}", Accept=accept)
        assert status == 200, data
        return data

    def blob_file(self, digest: str) -> Path:
        """Return the file that a blob is kept in."""
        hexadecimal = digest.removeprefix("sha256:")
        return self.files / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"


@contextlib.contextmanager
def debian_registry(**options: Any) -> Iterator[DebianRegistry]:
    """Start a docker-registry; remove it and what it holds at the end."""
    with tempfile.TemporaryDirectory(prefix="pogu-registry.", dir="/var/tmp") as folder:
        registry = DebianRegistry(Path(folder), **options)
        try:
            registry.start()
            yield registry
        finally:
            registry.stop()


def put_image(
    registry: DebianRegistry,
    repository: str,
    tag: str,
    layers: list[bytes],
    *,
    oci: bool = False,
    compress: Callable[[bytes], bytes] | None = None,
    suffix: str = "gzip",
    alter: Callable[[dict[str, Any]], object] = lambda _manifest: None,
    **fields: Any,
) -> str:
    """Store an image of uncompressed layers; return its manifest's digest. `alter` may change the manifest before."""
    from tests.engine.images.conftest import gzipped, image_config

    config = image_config(layers, **fields)
    blobs = [(compress or gzipped)(layer) for layer in layers]
    base = "application/vnd.oci.image" if oci else "application/vnd.docker"
    kind = f"{base}.layer.v1.tar+{suffix}" if oci else f"{base}.image.rootfs.diff.tar.{suffix}"
    config_kind = f"{base}.config.v1+json" if oci else f"{base}.container.image.v1+json"
    described = [{"mediaType": kind, "size": len(b), "digest": registry.put_blob(repository, b)} for b in blobs]
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI if oci else MANIFEST,
        "config": {"mediaType": config_kind, "size": len(config), "digest": registry.put_blob(repository, config)},
        "layers": described,
    }
    alter(manifest)
    return registry.put_manifest(repository, tag, manifest)
