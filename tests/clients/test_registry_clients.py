"""Registries through programs that nobody here wrote: docker's own command on Pogu, skopeo beside it, docker-py."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import docker
import pytest

from tests.registry_peers import MANIFEST, PASSWORD, USER, DebianRegistry, debian_registry, unpacked
from tests.running import RunningDaemon, docker_is_new


def test_dockers_command(daemon: RunningDaemon, repository: str) -> None:
    with debian_registry(passwords=True) as registry:
        name = f"{registry.host}/{repository}:1"
        daemon.docker("tag", "busybox", name)
        assert "no basic auth credentials" in daemon.docker("push", name, check=False).err
        ran = daemon.docker("login", registry.host, "-u", USER, "--password-stdin", input="wrong", check=False)
        assert ran.code == 1
        ran = daemon.docker("login", registry.host, "-u", USER, "--password-stdin", input=PASSWORD)
        assert "Login Succeeded" in ran.out
        pushed = daemon.docker("push", name).out
        assert "1: digest: sha256:" in pushed
        daemon.docker("rmi", name)
        pulled = daemon.docker("pull", name).out
        assert f"Status: Downloaded newer image for {name}" in pulled
        assert daemon.docker("pull", name).out.count("Image is up to date") == 1
        manifest = json.loads(daemon.docker("manifest", "inspect", "--insecure", name).out)
        assert manifest["mediaType"] == MANIFEST
        assert daemon.docker("run", "--rm", "--pull", "always", name, "echo", "hi").out.splitlines()[-1] == "hi"
        assert "Remov" in daemon.docker("logout", registry.host).out
        daemon.docker("rmi", name)
        assert "no basic auth credentials" in daemon.docker("pull", name, check=False).err


def test_dockers_command_and_all_tags(daemon: RunningDaemon, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}"
    for tag in ("1", "2"):
        daemon.docker("tag", "busybox", f"{name}:{tag}")
    daemon.docker("push", "-a", name)
    daemon.docker("rmi", f"{name}:1", f"{name}:2")
    daemon.docker("pull", "-a", name)
    shown = daemon.docker("images", "--format", "{{.Tag}}", name).out.split()
    assert sorted(shown) == ["1", "2"]
    if docker_is_new():
        assert daemon.docker("pull", "-q", f"{name}:1").out == f"{name}:1"
    daemon.docker("rmi", f"{name}:1", f"{name}:2")


def _skopeo(*words: str) -> str:
    """Run Debian's skopeo; what is missing of its libraries is beside it."""
    root = unpacked(
        "skopeo", "golang-github-containers-common", "libdevmapper1.02.1", "libgpgme11", "libassuan0", "libgpg-error0"
    )
    libraries = ":".join(str(root / folder) for folder in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))
    done = subprocess.run(
        [root / "usr/bin/skopeo", "--insecure-policy", *words],
        env={**os.environ, "LD_LIBRARY_PATH": libraries}, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="unpacks the libraries of x86-64")
@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_skopeo(daemon: RunningDaemon, registry: DebianRegistry, repository: str, tmp_path: Path, form: str) -> None:
    """What Pogu pushes skopeo copies in both forms; Pogu pulls what skopeo has made, and pushes it bit for bit."""
    name = f"{registry.host}/{repository}"
    daemon.docker("tag", "busybox", f"{name}:1")
    daemon.docker("push", f"{name}:1")
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false", "--format", form)
    _skopeo("copy", *plain, f"docker://{name}:1", f"docker://{name}/{form}:2")
    daemon.docker("pull", f"{name}/{form}:2")
    assert daemon.docker("run", "--rm", f"{name}/{form}:2", "echo", "hi").out == "hi"
    daemon.docker("tag", f"{name}/{form}:2", f"{name}/again:3")
    daemon.docker("push", f"{name}/again:3")
    assert registry.manifest(f"{repository}/again", "3") == registry.manifest(f"{repository}/{form}", "2")
    _skopeo("copy", "--src-tls-verify=false", f"docker://{name}/again:3", f"dir:{tmp_path}/dir")
    shown = json.loads(_skopeo("inspect", "--tls-verify=false", f"docker://{name}/again:3"))
    assert shown["Digest"] in daemon.docker("image", "inspect", f"{name}/again:3").out
    daemon.docker("rmi", f"{name}:1", f"{name}/{form}:2", f"{name}/again:3")


def test_docker_py(daemon: RunningDaemon, registry: DebianRegistry, repository: str) -> None:
    client = docker.DockerClient(base_url=daemon.url)
    name = f"{registry.host}/{repository}"
    try:
        assert client.images.get("busybox").tag(name, "1")
        told = list(client.images.push(name, tag="1", stream=True, decode=True))
        assert told[-1]["aux"]["Tag"] == "1"
        client.images.remove(f"{name}:1")
        image = client.images.pull(name, tag="1")
        assert f"{name}:1" in image.tags
        data = client.images.get_registry_data(f"{name}:1")
        assert data.id == told[-1]["aux"]["Digest"]
        assert data.has_platform("linux/amd64") or data.has_platform("linux/arm64")
        with pytest.raises(docker.errors.NotFound, match="not found: manifest unknown"):
            client.images.pull(name, tag="nosuch")
        client.images.remove(f"{name}:1")
    finally:
        client.close()
