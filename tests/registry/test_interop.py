"""skopeo, which nobody here wrote, pushes, copies, lists and deletes."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from pogu.registry.manifests import DOCKER_MANIFEST, OCI_MANIFEST
from tests.conftest import REPOSITORY
from tests.registry.access.test_basic import hashed
from tests.registry.client import CONFIG, LAYER, Client, described, digest
from tests.registry.serving import process

UNPACKED = REPOSITORY / "build" / "registry-peers"
Skopeo = Callable[..., str]


@pytest.fixture(scope="session")
def unpacked() -> Path:
    """Debian's skopeo with its libraries, unpacked and not installed."""
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with (UNPACKED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [REPOSITORY / "scripts/fetch_package.sh", UNPACKED, "skopeo", "libgpgme11", "libassuan0"]
        subprocess.run(command, check=True, timeout=300)
    return UNPACKED


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An OCI layout with the image `one` of two layers."""
    root = tmp_path / "layout"
    (root / "blobs" / "sha256").mkdir(parents=True)
    layers, diffs = [], []
    for number in range(2):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            entry = tarfile.TarInfo(f"file-{number}")
            entry.size = 100_000
            tar.addfile(entry, io.BytesIO(os.urandom(100_000)))
        diffs.append(digest(buffer.getvalue()))
        layers.append(gzip.compress(buffer.getvalue(), mtime=0))
    rootfs = {"type": "layers", "diff_ids": diffs}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(config, CONFIG),
            "layers": [described(layer, LAYER) for layer in layers],
        }
    ).encode()
    for data in (config, manifest, *layers):
        (root / "blobs" / "sha256" / digest(data)[7:]).write_bytes(data)
    named = described(manifest, OCI_MANIFEST, annotations={"org.opencontainers.image.ref.name": "one"})
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return root


@pytest.fixture
def guarded(tmp_path: Path, unpacked: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Client, Skopeo]]:
    """A registry with TLS and a user (tokens, if the test's parameter says so), and skopeo logged in to it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "certs" / "ca.crt"
    ca.parent.mkdir()
    issued.private_key_and_cert_chain_pem.write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    (tmp_path / "htpasswd").write_text(f"alice:{hashed('alice-secret')}\n")
    flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--htpasswd", str(tmp_path / "htpasswd"), *request.param]
    with process(*flags) as registry, Client(registry.url, ("alice", "alice-secret"), str(ca)) as client:

        def skopeo(verb: str, *arguments: str) -> str:
            both = ["--src-creds", "alice:alice-secret", "--dest-creds", "alice:alice-secret"]
            one = ["--creds", "alice:alice-secret", "--cert-dir", str(ca.parent)]
            directories = ["--src-cert-dir", str(ca.parent), "--dest-cert-dir", str(ca.parent)]
            login = [*both, *directories] if verb == "copy" else one
            done = subprocess.run(
                [unpacked / "usr/bin/skopeo", "--insecure-policy", verb, *login, *arguments],
                env={**os.environ, "LD_LIBRARY_PATH": str(unpacked / "usr/lib/x86_64-linux-gnu")},
                capture_output=True, text=True, timeout=100, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield client, skopeo


@pytest.mark.parametrize("guarded", [[], ["--token-server"]], ids=["basic", "tokens"], indirect=True)
def test_push_copy_inspect_list_delete(guarded: tuple[Client, Skopeo], layout: Path, name: str, tmp_path: Path) -> None:
    client, skopeo = guarded
    address = f"docker://{client.url.removeprefix('https://')}/{name}"
    skopeo("copy", f"oci:{layout}:one", f"{address}:one")
    skopeo("copy", "--format", "v2s2", f"{address}:one", f"{address}/docker:two")
    assert client.get(f"/v2/{name}/manifests/one").headers["Content-Type"] == OCI_MANIFEST
    assert client.get(f"/v2/{name}/docker/manifests/two").headers["Content-Type"] == DOCKER_MANIFEST
    pushed = client.head(f"/v2/{name}/manifests/one").headers["Docker-Content-Digest"]
    assert json.loads(skopeo("inspect", f"{address}:one"))["Digest"] == pushed
    assert json.loads(skopeo("list-tags", address))["Tags"] == ["one"]
    skopeo("copy", f"{address}@{pushed}", f"oci:{tmp_path / 'back'}:one")
    for blob in (layout / "blobs" / "sha256").iterdir():
        assert (tmp_path / "back" / "blobs" / "sha256" / blob.name).read_bytes() == blob.read_bytes()
    skopeo("delete", f"{address}/docker:two")
    assert client.get(f"/v2/{name}/docker/tags/list").json()["tags"] == []
