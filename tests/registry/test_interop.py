"""Clients push to the registry and pull from it: skopeo, which nobody here wrote, and our own engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pogu.registry.manifests import DOCKER_MANIFEST, OCI_MANIFEST
from tests.registry.access.test_basic import hashed
from tests.registry.client import Client
from tests.registry.guarded import PASSWORD, USER, Tool, guarded_registry
from tests.registry.serving import process
from tests.running import RunningDaemon

Skopeo = Callable[..., str]


@pytest.fixture
def guarded(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Client, Skopeo]]:
    """A registry with TLS and a user (tokens, if the test's parameter says so), and skopeo logged in to it."""
    with guarded_registry(tmp_path, *request.param) as registry:
        certs, creds = str(registry.ca.parent), f"{USER}:{PASSWORD}"
        program = Tool("skopeo", tmp_path, ("--insecure-policy",))

        def skopeo(verb: str, *arguments: str) -> str:
            both = ["--src-creds", creds, "--dest-creds", creds, "--src-cert-dir", certs, "--dest-cert-dir", certs]
            one = ["--creds", creds, "--cert-dir", certs]
            return program(verb, *(both if verb == "copy" else one), *arguments)

        yield registry.client, skopeo


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
