"""docker-py, as programs use it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import docker
import docker.errors
import pytest

from tests.running import RunningDaemon


@pytest.fixture
def client(daemon: RunningDaemon) -> Iterator[docker.DockerClient]:
    connected = docker.DockerClient(base_url=daemon.url)
    yield connected
    connected.close()


def test_run_returns_the_output(client: docker.DockerClient) -> None:
    assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"


def test_a_failing_container_raises_with_its_exit_code(client: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.ContainerError) as raised:
        client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    assert raised.value.exit_status == 3
    assert raised.value.stderr == b"bad\n"


def test_a_missing_container_is_not_found(client: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.NotFound, match="No such container: nobody"):
        client.containers.get("nobody")


def test_life_of_a_container(client: docker.DockerClient) -> None:
    container = client.containers.run("busybox", "sleep 100", detach=True, labels={"a": "b"})
    try:
        container.reload()
        assert container.status == "running"
        assert container.labels == {"a": "b"}
        assert container.exec_run("echo in", demux=True).output == (b"in\n", None)
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            info = tarfile.TarInfo("file")
            info.size = 3
            tar.addfile(info, io.BytesIO(b"put"))
        assert container.put_archive("/tmp", data.getvalue())
        assert container.exec_run("cat /tmp/file").output == b"put"
        container.stop(timeout=0)
        assert container.wait()["StatusCode"] == 137
    finally:
        container.remove(force=True)


def test_networks_and_volumes(client: docker.DockerClient) -> None:
    network = client.networks.create("py-net", labels={"from": "py"})
    volume = client.volumes.create("py-volume")
    try:
        container = client.containers.run(
            "busybox", "sleep 100", detach=True, network="py-net", volumes={"py-volume": {"bind": "/v", "mode": "rw"}}
        )
        try:
            network.reload()
            assert [c.id for c in network.containers] == [container.id]
            assert container.exec_run("touch /v/file").exit_code == 0
        finally:
            container.remove(force=True)
    finally:
        network.remove()
        volume.remove()
