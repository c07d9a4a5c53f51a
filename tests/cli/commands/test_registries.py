"""`pull`, `push`, `login`, `logout`, `search`, `run --pull`, and what works without a daemon."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.images.conftest import tar_of
from tests.registry_peers import OCI_INDEX, PASSWORD, USER, DebianRegistry, debian_registry, put_image
from tests.running import POGU, RunningDaemon


@pytest.fixture(scope="module")
def closed() -> Iterator[DebianRegistry]:
    with debian_registry(passwords=True) as running:
        yield running


def test_push_and_pull(daemon: RunningDaemon, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}"
    daemon.pogu("tag", "busybox", f"{name}:latest")
    pushed = daemon.pogu("push", name).out.splitlines()
    assert pushed[:2] == ["Using default tag: latest", f"The push refers to repository [{name}]"]
    assert pushed[-1].startswith("latest: digest: sha256:")
    assert daemon.pogu("push", "-q", f"{name}:latest").out == f"{name}:latest"
    daemon.pogu("rmi", f"{name}:latest")
    pulled = daemon.pogu("pull", name).out.splitlines()
    assert pulled[0] == "Using default tag: latest"
    assert pulled[-2:] == [f"Status: Downloaded newer image for {name}:latest", f"{name}:latest"]
    assert daemon.pogu("pull", "-q", name).out == f"{name}:latest"
    assert daemon.pogu("pull", "-a", "-q", name).out == name
    daemon.pogu("rmi", f"{name}:latest")


def test_wrong_ways_to_pull_and_push(daemon: RunningDaemon, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}:1"
    for words in (("pull", "-a", name), ("push", "-a", name)):
        ran = daemon.pogu(*words, check=False)
        assert (ran.code, ran.err.strip()) == (1, "tag can't be used with --all-tags/-a")
    ran = daemon.pogu("pull", name, check=False)
    assert ran.err.startswith(f"Error response from daemon: manifest for {name} not found")
    assert "invalid reference format" in daemon.pogu("pull", "UPPER", check=False).err


def test_run_pulls_when_it_is_told_to(daemon: RunningDaemon, registry: DebianRegistry, repository: str) -> None:
    name = f"{registry.host}/{repository}:1"
    daemon.pogu("tag", "busybox", name)
    daemon.pogu("push", "-q", name)
    daemon.pogu("rmi", name)
    assert daemon.pogu("run", "--rm", "--pull", "never", name, "true", check=False).code == 125
    ran = daemon.pogu("run", "--rm", name, "echo", "hello")
    assert ran.out.splitlines()[-1] == "hello"
    assert f"Unable to find image '{name}' locally" in ran.err
    again = daemon.pogu("run", "--rm", "--pull", "always", name, "echo", "hello")
    assert f"Status: Image is up to date for {name}" in again.out + again.err
    daemon.pogu("rmi", name)


def test_login_and_logout(daemon: RunningDaemon, closed: DebianRegistry, repository: str) -> None:
    name = f"{closed.host}/{repository}:1"
    daemon.pogu("tag", "busybox", name)
    refused = daemon.pogu("push", name, check=False)
    assert "no basic auth credentials" in refused.err
    wrong = daemon.pogu("login", closed.host, "-u", USER, "--password-stdin", input="wrong\n", check=False)
    assert wrong.code == 1
    assert "401 Unauthorized" in wrong.err
    ran = daemon.pogu("login", f"https://{closed.host}", "-u", USER, "--password-stdin", input=f"{PASSWORD}\n")
    assert ran.out == "Login Succeeded"
    assert "stored unencrypted" in ran.err
    assert daemon.pogu("login", closed.host).out.splitlines() == [
        "Authenticating with existing credentials...",
        "Login Succeeded",
    ]
    daemon.pogu("push", name)
    daemon.docker("pull", name)  # the docker command reads the same file
    assert daemon.pogu("image", "tags", name).out == "1"
    assert daemon.pogu("logout", closed.host).out == f"Removing login credentials for {closed.host}"
    assert "no basic auth credentials" in daemon.pogu("pull", name, check=False).err
    daemon.pogu("rmi", name)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-p", "x", "--password-stdin"), "--password and --password-stdin are mutually exclusive"),
        (("--password-stdin",), "Must provide --username with --password-stdin"),
        (("-u", "anna"), "Cannot perform an interactive login from a non TTY device"),
    ],
)
def test_wrong_ways_to_log_in(daemon: RunningDaemon, words: tuple[str, ...], text: str) -> None:
    ran = daemon.pogu("login", "r.example", *words, input="", check=False)
    assert ran.code == 1
    assert text in ran.err


def test_search_has_nobody_to_ask(daemon: RunningDaemon) -> None:
    ran = daemon.pogu("search", "127.0.0.1:1/app", check=False)
    assert ran.code == 1
    assert "connection refused" in ran.err


# without a daemon


def _alone(tmp_path: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "POGU_HOST": f"unix://{tmp_path}/nobody.sock", "DOCKER_CONFIG": str(tmp_path)}
    return subprocess.run([POGU, *words], env=env, capture_output=True, text=True, check=check, timeout=60, input="")


def test_tags(registry: DebianRegistry, repository: str, tmp_path: Path) -> None:
    for tag in ("1", "2"):
        put_image(registry, repository, tag, [tar_of({"a": b"a"})])
    done = _alone(tmp_path, "image", "tags", f"{registry.host}/{repository}")
    assert sorted(done.stdout.split()) == ["1", "2"]
    none = _alone(tmp_path, "image", "tags", f"{registry.host}/{repository}/none", check=False)
    assert none.returncode == 1
    assert f"repository {registry.host}/{repository}/none not found" in none.stderr


def test_a_copy_of_an_index_is_the_same_byte_for_byte(
    registry: DebianRegistry, closed: DebianRegistry, repository: str, tmp_path: Path
) -> None:
    entries = []
    for architecture in ("amd64", "arm64"):
        layers = [tar_of({"a": b"a"}), tar_of({architecture: os.urandom(3 << 20)})]
        digest = put_image(registry, repository, architecture, layers, oci=True, architecture=architecture)
        size = len(registry.manifest(repository, architecture))
        platform = {"os": "linux", "architecture": architecture}
        kind = "application/vnd.oci.image.manifest.v1+json"
        entries.append({"mediaType": kind, "digest": digest, "size": size, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    digest = registry.put_manifest(repository, "all", index)
    source, target = f"{registry.host}/{repository}:all", f"{closed.host}/copies/{repository}:1"
    assert "no basic auth credentials" in _alone(tmp_path, "image", "copy", source, target, check=False).stderr
    login = ("login", closed.host, "-u", USER, "-p", PASSWORD)
    assert "Login Succeeded" in _alone(tmp_path, *login).stdout
    copied = _alone(tmp_path, "image", "copy", source, target)
    assert copied.stdout.splitlines()[-1].startswith(f"1: digest: {digest} size: ")
    again = _alone(tmp_path, "image", "copy", "-q", target, f"{registry.host}/{repository}/back:2")
    assert again.stdout.strip() == digest
    assert registry.manifest(f"{repository}/back", "2") == registry.manifest(repository, "all")
    one = _alone(
        tmp_path, "image", "copy", "-q", "--platform", "linux/arm64", source, f"{registry.host}/{repository}:a"
    )
    assert one.stdout.strip() == entries[1]["digest"]


def test_a_copy_of_an_artifact(registry: DebianRegistry, repository: str, tmp_path: Path) -> None:
    def artifact(manifest: dict[str, object]) -> None:
        assert isinstance(manifest["config"], dict)
        manifest["config"]["mediaType"] = "application/vnd.example+json"

    digest = put_image(registry, repository, "1", [b"anything"], oci=True, alter=artifact)
    name = f"{registry.host}/{repository}"
    assert _alone(tmp_path, "image", "copy", "-q", f"{name}:1", f"{name}/copy:1").stdout.strip() == digest


def test_a_copy_of_nothing(registry: DebianRegistry, repository: str, tmp_path: Path) -> None:
    name = f"{registry.host}/{repository}"
    done = _alone(tmp_path, "image", "copy", f"{name}:1", f"{name}:2", check=False)
    assert (done.returncode, done.stderr.startswith(f"manifest for {name}:1 not found")) == (1, True)
