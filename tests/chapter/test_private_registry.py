"""The chapter's private registry: the counterpart of `registry:2`, a push, a pull, and what a restart keeps."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pytest

from pogu import __version__
from tests.running import RunningDaemon, eventually


@pytest.fixture(scope="module")
def with_registry(harbour: RunningDaemon) -> Iterator[RunningDaemon]:
    """The daemon with the image `pogu-registry`, which is gone at the end."""
    harbour.load_image("busybox")
    harbour.pogu("registry", "image", "--quiet")
    yield harbour
    harbour.docker("rmi", "-f", "pogu-registry:latest", f"pogu-registry:{__version__}")


def _answer(port: int, path: str) -> object:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


def _answers(port: int) -> bool:
    try:
        _answer(port, "/v2/")
    except OSError:
        return False
    return True


def test_a_private_registry_in_a_container(with_registry: RunningDaemon, port: int) -> None:
    docker = with_registry.docker
    shown = json.loads(docker("image", "inspect", "pogu-registry").out)[0]
    assert shown["RepoTags"] == sorted([f"pogu-registry:{__version__}", "pogu-registry:latest"])
    assert shown["Config"]["ExposedPorts"] == {"5000/tcp": {}}
    assert shown["Config"]["Volumes"] == {"/var/lib/registry": {}}

    # docker run -d -p 5000:5000 --restart=always --name registry registry:2
    docker("run", "-d", "-p", f"{port}:5000", "--name", "chapter-registry", "pogu-registry")
    eventually(lambda: _answers(port))
    image = f"localhost:{port}/my-busybox"
    docker("tag", "busybox", image)
    docker("push", image)
    assert _answer(port, "/v2/_catalog") == {"repositories": ["my-busybox"]}
    docker("rmi", image)

    docker("restart", "chapter-registry")
    eventually(lambda: _answers(port))
    docker("pull", image)
    assert docker("run", "--rm", image, "echo", "from the registry").out == "from the registry"
    docker("rmi", image)
    assert docker("stop", "chapter-registry").out == "chapter-registry"
    assert docker("inspect", "-f", "{{.State.ExitCode}}", "chapter-registry").out == "0"


def test_arguments_are_those_of_serve(with_registry: RunningDaemon, port: int) -> None:
    docker = with_registry.docker
    docker("run", "-d", "-p", f"{port}:80", "--name", "chapter-registry", "pogu-registry",
           "--listen", "0.0.0.0:80", "--read-only")  # fmt: skip
    eventually(lambda: _answers(port))
    docker("tag", "busybox", f"localhost:{port}/refused")
    pushed = docker("push", f"localhost:{port}/refused", check=False)
    docker("rmi", f"localhost:{port}/refused")
    assert pushed.code == 1
    assert "this registry takes no changes" in pushed.err
