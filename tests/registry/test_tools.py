"""podman, buildah, oras and docker-py log in to the registry over TLS, push, pull, copy and delete, in both formats.

`oras` is the Python library, and the command of that name where there is one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import oras.client
import pytest

from pogu.registry.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.registry.client import Client
from tests.registry.guarded import PASSWORD, USER, Guarded, Tool, container_tool, guarded_registry
from tests.running import RunningDaemon

WAYS = [[], ["--token-server"]]
NAMES = ["basic", "tokens"]
FORMATS = [("oci", OCI_MANIFEST), ("v2s2", DOCKER_MANIFEST)]
ORAS = shutil.which("oras")
x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="unpacks the libraries of x86-64")


@pytest.fixture(params=WAYS, ids=NAMES)
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Guarded]:
    """A registry with TLS and a user, who logs in with a password or gets tokens for it."""
    with guarded_registry(tmp_path, *request.param) as registry:
        yield registry


def _kind(client: Client, name: str, reference: str) -> str:
    return client.head(f"/v2/{name}/manifests/{reference}").headers["Content-Type"]


def _logged_in(name: str, guarded: Guarded) -> tuple[Tool, list[str]]:
    """The tool, and the flags of its commands to the registry."""
    tool, certs = container_tool(name, guarded.home / name), ["--cert-dir", str(guarded.ca.parent)]
    tool("login", *certs, "-u", USER, "--password-stdin", guarded.host, input=PASSWORD)
    return tool, certs


@x86_64
def test_podman(guarded: Guarded, layout: Path, name: str) -> None:
    podman, certs = _logged_in("podman", guarded)
    image = f"{guarded.host}/{name}"
    identifier = podman("pull", "-q", *certs, f"oci:{layout}:one").splitlines()[-1]
    for word, kind in FORMATS:
        podman("push", "-q", *certs, "--format", word, identifier, f"{image}:{word}")
        assert _kind(guarded.client, name, word) == kind
    listed = podman("search", "--tls-verify=false", "--list-tags", image)
    assert sorted(line.split() for line in listed.splitlines()[1:]) == [[image, "oci"], [image, "v2s2"]]
    podman("rmi", "-f", identifier)
    for word, kind in FORMATS:
        podman("pull", "-q", *certs, f"{image}:{word}")
        podman("push", "-q", *certs, "--format", word, f"{image}:{word}", f"{image}/copy:{word}")
        assert _kind(guarded.client, f"{name}/copy", word) == kind
        podman("rmi", "-f", f"{image}:{word}")


@x86_64
def test_buildah(guarded: Guarded, layout: Path, name: str) -> None:
    buildah, certs = _logged_in("buildah", guarded)
    image = f"{guarded.host}/{name}"
    identifier = buildah("pull", "-q", *certs, f"oci:{layout}:one").splitlines()[-1]
    for word, kind in FORMATS:
        buildah("push", "-q", *certs, "--format", word, identifier, f"docker://{image}:{word}")
        assert _kind(guarded.client, name, word) == kind
    buildah("rmi", "-f", identifier)
    made = buildah("from", "-q", *certs, f"{image}:oci")
    buildah("config", "--label", "by=buildah", made)
    buildah("commit", "-q", *certs, made, f"docker://{image}:made")
    assert _kind(guarded.client, name, "made") == OCI_MANIFEST
    buildah("manifest", "create", "several", f"{image}:oci")
    for word, kind in (("oci", OCI_INDEX), ("v2s2", DOCKER_LIST)):
        several = f"{image}:several-{word}"
        buildah("manifest", "push", "-q", *certs, "--all", "--format", word, "several", f"docker://{several}")
        assert _kind(guarded.client, name, f"several-{word}") == kind
        assert buildah("pull", "-q", *certs, several)


def _oras(guarded: Guarded, name: str, actions: str = "pull") -> oras.client.OrasClient:
    """A client that is logged in. It keeps the first token it gets, which must be for all that it will do."""
    client = oras.client.OrasClient(tls_verify=str(guarded.ca), auth_backend="token" if guarded.tokens else "basic")
    client.auth.set_basic_auth(USER, PASSWORD)
    if guarded.tokens and actions != "pull":
        wanted = f"/token?service=pogu-registry&scope=repository:{name}:{actions}"
        client.auth.set_token_auth(guarded.client.get(wanted).json()["token"])
    return client


def test_oras(guarded: Guarded, name: str, tmp_path: Path) -> None:
    image = f"{guarded.host}/{name}"
    for tag in ("whole", "chunks"):
        artifact = tmp_path / f"{tag}.bin"
        artifact.write_bytes(os.urandom(300_000))
        _oras(guarded, name, "pull,push").push(
            f"{image}:{tag}", files=[str(artifact)], disable_path_validation=True,
            do_chunked=tag == "chunks", chunk_size=100_000,
        )  # fmt: skip
        (back,) = _oras(guarded, name).pull(f"{image}:{tag}", outdir=str(tmp_path / "back"))
        assert Path(back).read_bytes() == artifact.read_bytes()
    assert _oras(guarded, name).get_tags(image) == ["chunks", "whole"]
    deleting = _oras(guarded, name, "pull,delete")
    assert deleting.delete_tags(image, ["whole"]) == ["whole"]
    assert guarded.client.get(f"/v2/{name}/tags/list").json()["tags"] == ["chunks"]


@x86_64
def test_oras_copies_what_skopeo_pushed(guarded: Guarded, layout: Path, name: str, tmp_path: Path) -> None:
    skopeo = Tool("skopeo", tmp_path, ("--insecure-policy",))
    to = ["--dest-creds", f"{USER}:{PASSWORD}", "--dest-cert-dir", str(guarded.ca.parent)]
    copy = f"{name}/copy"
    pushing = _oras(guarded, copy, "pull,push")
    for word, kind in FORMATS:
        image = f"{guarded.host}/{name}:{word}"
        skopeo("copy", *to, "--format", word, f"oci:{layout}:one", f"docker://{image}")
        pulling = _oras(guarded, name)
        manifest = pulling.get_manifest(image, allowed_media_type=[kind])
        assert manifest["mediaType"] == kind
        for layer in [manifest["config"], *manifest["layers"]]:
            blob = str(tmp_path / layer["digest"].replace(":", "-"))
            pulling.download_blob(image, layer["digest"], blob)
            pushing.upload_blob(blob, f"{guarded.host}/{copy}", layer)
        put = f"https://{guarded.host}/v2/{copy}/manifests/{word}"
        assert pushing.do_request(put, "PUT", headers={"Content-Type": kind}, json=manifest).status_code == 201
        assert _kind(guarded.client, copy, word) == kind


@pytest.mark.skipif(ORAS is None, reason="no oras command on this machine")
def test_oras_command(guarded: Guarded, name: str, tmp_path: Path) -> None:
    """Push, pull, copy with what is attached, attach, discover, list, tag and delete, over TLS and logged in."""
    work, trusted = tmp_path / "work", ["--ca-file", str(guarded.ca)]
    work.mkdir()

    def oras(*arguments: str, code: int = 0, **given: Any) -> str:
        environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path / "config")}
        command = [str(ORAS), *arguments]
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, timeout=100, check=False, **given
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout.strip()

    def discovered(image: str) -> set[str]:
        found = json.loads(oras("discover", *trusted, image, "--format", "json"))
        return {referrer["artifactType"] for referrer in found["referrers"]}

    image, copy = f"{guarded.host}/{name}", f"{guarded.host}/{name}/copy"
    big, folder = os.urandom(3_000_000), work / "folder"
    folder.mkdir()
    (folder / "small").write_text("small")
    (work / "big.bin").write_bytes(big)
    (work / "bill.json").write_text("{}")
    oras("login", *trusted, "-u", USER, "--password-stdin", guarded.host, input="wrong", code=1)
    oras("pull", *trusted, f"{image}:one", code=1)
    oras("login", *trusted, "-u", USER, "--password-stdin", guarded.host, input=PASSWORD)
    oras("push", *trusted, f"{image}:one,two", "big.bin", "folder", "--artifact-type", "application/x.test")
    oras("pull", *trusted, f"{image}:one", "-o", "back")
    assert (work / "back/big.bin").read_bytes() == big
    assert (work / "back/folder/small").read_text() == "small"
    bill, seal = ["--artifact-type", "application/x.bill"], ["--artifact-type", "application/x.seal"]
    oras("attach", *trusted, f"{image}:one", *bill, "bill.json:application/json")
    # as a client does that keeps referrers under a tag: whoever asks the registry must see these too
    oras("attach", *trusted, "--distribution-spec", "v1.1-referrers-tag", f"{image}:one", *seal, "bill.json")
    assert discovered(f"{image}:one") == {"application/x.bill", "application/x.seal"}
    certificates = ["--from-ca-file", str(guarded.ca), "--to-ca-file", str(guarded.ca)]
    oras("cp", "-r", *certificates, f"{image}:one", f"{copy}:one")
    assert discovered(f"{copy}:one") == {"application/x.bill", "application/x.seal"}
    assert oras("resolve", *trusted, f"{copy}:one") == oras("resolve", *trusted, f"{image}:one")
    oras("tag", *trusted, f"{copy}:one", "three")
    assert oras("repo", "tags", *trusted, copy).splitlines() == ["one", "three"]
    assert name in oras("repo", "ls", *trusted, guarded.host).splitlines()
    oras("manifest", "delete", *trusted, "-f", f"{copy}:three")
    oras("manifest", "fetch", *trusted, f"{copy}:one", code=1)
    oras("manifest", "fetch", *trusted, f"{image}:one")
    oras("logout", guarded.host)
    oras("pull", *trusted, f"{image}:one", code=1)


def test_docker_py(guarded: Guarded, daemon: RunningDaemon, name: str) -> None:
    image = f"{guarded.host}/{name}"
    login = {"username": USER, "password": PASSWORD}
    with contextlib.closing(docker.DockerClient(daemon.url)) as client:
        assert client.login(**login, registry=guarded.host)["Status"] == "Login Succeeded"
        client.images.get("busybox").tag(image, "1")
        try:
            with pytest.raises(docker.errors.APIError):
                client.images.pull(image, "1", auth_config={**login, "password": "wrong"})
            said = list(client.images.push(image, "1", auth_config=login, stream=True, decode=True))
            assert [line for line in said if "error" in line] == []
            pushed = next(line["aux"]["Digest"] for line in said if "aux" in line)
            assert client.images.get_registry_data(f"{image}:1", auth_config=login).id == pushed
            client.images.remove(f"{image}:1")
            assert client.images.pull(image, "1", auth_config=login).attrs["RepoDigests"] == [f"{image}@{pushed}"]
            assert guarded.client.delete(f"/v2/{name}/manifests/{pushed}").status_code == 202
            with pytest.raises(docker.errors.NotFound):
                client.images.pull(image, "1", auth_config=login)
        finally:
            client.images.remove(f"{image}:1")
