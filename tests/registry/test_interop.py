"""Clients push to the registry and pull from it: skopeo, which nobody here wrote, and our own engine."""

from __future__ import annotations

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
from tests.registry.access.test_basic import hashed
from tests.registry.client import CONFIG, LAYER, Client, described, digest
from tests.registry.serving import process
from tests.registry_peers import unpacked
from tests.running import RunningDaemon

PACKAGES = (
    "skopeo", "golang-github-containers-common", "libdevmapper1.02.1", "libgpgme11", "libassuan0", "libgpg-error0"
)  # fmt: skip
Skopeo = Callable[..., str]


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
def guarded(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Client, Skopeo]]:
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
        debian = unpacked(*PACKAGES)
        libraries = ":".join(str(debian / folder) for folder in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))

        def skopeo(verb: str, *arguments: str) -> str:
            both = ["--src-creds", "alice:alice-secret", "--dest-creds", "alice:alice-secret"]
            one = ["--creds", "alice:alice-secret", "--cert-dir", str(ca.parent)]
            directories = ["--src-cert-dir", str(ca.parent), "--dest-cert-dir", str(ca.parent)]
            login = [*both, *directories] if verb == "copy" else one
            done = subprocess.run(
                [debian / "usr/bin/skopeo", "--insecure-policy", verb, *login, *arguments],
                env={**os.environ, "LD_LIBRARY_PATH": libraries},
                capture_output=True, text=True, timeout=100, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield client, skopeo


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="unpacks the libraries of x86-64")
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


@pytest.mark.parametrize("flags", [[], ["--token-server"]], ids=["basic", "tokens"])
def test_our_engine_logs_in_pushes_and_pulls(
    daemon: RunningDaemon, tmp_path: Path, name: str, flags: list[str]
) -> None:
    (tmp_path / "htpasswd").write_text(f"alice:{hashed('alice-secret')}\n")
    with process("--htpasswd", str(tmp_path / "htpasswd"), *flags) as registry:
        host = registry.url.removeprefix("http://")
        image = f"{host}/{name}:1"
        daemon.docker("tag", "busybox", image)
        assert daemon.docker("push", image, check=False).code == 1
        daemon.docker("login", host, "-u", "alice", "--password-stdin", input="alice-secret")
        assert "1: digest: sha256:" in daemon.docker("push", image).out
        other = f"{host}/{name}/mounted:1"
        daemon.docker("tag", "busybox", other)
        assert "Mounted from" in daemon.docker("push", other).out
        daemon.docker("rmi", image, other)
        daemon.docker("pull", image)
        assert daemon.docker("run", "--rm", image, "echo", "hi").out == "hi"
        daemon.docker("rmi", image)
        daemon.docker("logout", host)
