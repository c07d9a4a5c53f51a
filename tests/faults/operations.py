"""Every operation that changes something, each with what must hold of it after a failure in the middle.

An operation is prepared, done (that is where the failure comes), and then judged: what was acknowledged is there whole,
what was not is there wholly or not at all, and it can be done again. Afterwards nothing of it is left.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import tarfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from functools import cache
from typing import Any, ClassVar

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from tests.faults.ground import until
from tests.registry_peers import debian_registry, put_image

Api = docker.DockerClient
LOOP = ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"]


class Operation(ABC):
    """One operation, on names of its own."""

    name: ClassVar[str]

    def prepare(self, api: Api) -> None:  # noqa: B027 # some need nothing
        """Make what the operation needs."""

    @abstractmethod
    def do(self, api: Api) -> None:
        """Do it. Returning means that it was acknowledged."""

    @abstractmethod
    def judge(self, api: Api, acknowledged: bool) -> None:
        """Fail unless it is there wholly or not at all; if it was acknowledged, wholly."""

    def clear(self, api: Api) -> None:
        """Remove whatever is left of it."""
        for container in api.containers.list(all=True, filters={"name": "op-"}):
            container.remove(force=True, v=True)
        for volume in api.volumes.list():
            volume.remove()
        for network in api.networks.list(filters={"type": "custom"}):
            network.remove()
        for image in api.images.list():
            for tag in image.tags:
                if tag.startswith("op-"):
                    api.images.remove(tag, force=True)


def there(get: Any, *args: Any) -> bool:
    """Tell whether an object exists."""
    try:
        get(*args)
    except (NotFound, ImageNotFound):
        return False
    return True


class Create(Operation):
    name = "container create"

    def do(self, api: Api) -> None:
        api.containers.create("busybox", LOOP, name="op-created", volumes=["op-named:/named", "/bin"])

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = there(api.containers.get, "op-created")
        assert exists or not acknowledged
        assert len(api.volumes.list()) == (2 if exists else 0)
        if not exists:
            self.do(api)
        container = api.containers.get("op-created")
        container.start()
        assert container.exec_run(["ls", "/bin/sh"]).exit_code == 0


class Start(Operation):
    name = "container start"

    def prepare(self, api: Api) -> None:
        api.networks.create("op-net", driver="bridge")
        api.containers.create(
            "busybox",
            LOOP,
            name="op-started",
            network="op-net",
            volumes=["op-v:/v"],
            ports={"80/tcp": ("127.0.0.1", None)},
        )

    def do(self, api: Api) -> None:
        api.containers.get("op-started").start()

    def judge(self, api: Api, acknowledged: bool) -> None:
        container = api.containers.get("op-started")
        if acknowledged:
            assert container.status == "running"
        if container.status != "running":
            assert container.attrs["State"]["Pid"] == 0
            container.start()
            container.reload()
        assert container.attrs["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
        assert container.exec_run("true").exit_code == 0


class RunToExit(Operation):
    """A container that ends by itself while its end is being recorded: the exit code is right."""

    name = "container exit"

    def do(self, api: Api) -> None:
        api.containers.run(
            "busybox", ["sh", "-c", "sleep 0.2; exit 7"], name="op-ends", detach=True, ports={"80/tcp": None}
        ).wait()

    def judge(self, api: Api, acknowledged: bool) -> None:
        if not there(api.containers.get, "op-ends"):
            assert not acknowledged
            return
        container = api.containers.get("op-ends")
        if container.status == "created":
            assert not acknowledged
            container.start()
        assert container.wait()["StatusCode"] == 7
        container.reload()
        assert (container.status, container.attrs["State"]["ExitCode"]) == ("exited", 7)


class RestartOnFailure(Operation):
    """A container that fails and is started again by its policy: the count is right, whenever the daemon dies."""

    name = "container restart"

    def do(self, api: Api) -> None:
        policy = {"Name": "on-failure", "MaximumRetryCount": 2}
        api.containers.run(
            "busybox", ["sh", "-c", "echo run; exit 3"], name="op-fails", detach=True, restart_policy=policy
        )
        self._until_over(api)

    def _until_over(self, api: Api) -> None:
        until(lambda: api.containers.get("op-fails").status == "exited", 30)

    def judge(self, api: Api, acknowledged: bool) -> None:
        if not there(api.containers.get, "op-fails"):
            return
        container = api.containers.get("op-fails")
        if container.status == "created":
            container.start()
        self._until_over(api)
        container.reload()
        assert (container.attrs["State"]["ExitCode"], container.attrs["RestartCount"]) == (3, 2)


class Stop(Operation):
    name = "container stop"

    def prepare(self, api: Api) -> None:
        api.containers.run("busybox", LOOP, name="op-stopped", detach=True)

    def do(self, api: Api) -> None:
        api.containers.get("op-stopped").stop(timeout=5)

    def judge(self, api: Api, acknowledged: bool) -> None:
        container = api.containers.get("op-stopped")
        assert container.status in (("exited",) if acknowledged else ("exited", "running"))
        container.stop(timeout=5)
        container.reload()
        assert container.attrs["State"]["ExitCode"] in (5, 137)


class Exec(Operation):
    name = "container exec"

    def prepare(self, api: Api) -> None:
        api.containers.run("busybox", LOOP, name="op-exec", detach=True)

    def do(self, api: Api) -> None:
        result = api.containers.get("op-exec").exec_run(["sh", "-c", "echo out; exit 4"])
        if result.exit_code != 4:
            raise ConnectionError(f"exit code {result.exit_code}: {result.output.decode()}")

    def judge(self, api: Api, acknowledged: bool) -> None:
        assert api.containers.get("op-exec").status == "running"
        self.do(api)


class Commit(Operation):
    name = "container commit"

    def prepare(self, api: Api) -> None:
        container = api.containers.run("busybox", LOOP, name="op-source", detach=True)
        container.exec_run(["sh", "-c", "echo kept > /kept"])

    def do(self, api: Api) -> None:
        api.containers.get("op-source").commit("op-committed", "1")

    def judge(self, api: Api, acknowledged: bool) -> None:
        container = api.containers.get("op-source")
        assert container.status == "running"
        assert container.exec_run("true").exit_code == 0  # it is not frozen
        exists = there(api.images.get, "op-committed:1")
        assert exists or not acknowledged
        if not exists:
            self.do(api)
        assert api.containers.run("op-committed:1", ["cat", "/kept"], remove=True) == b"kept\n"


class Remove(Operation):
    name = "container remove"

    def prepare(self, api: Api) -> None:
        api.networks.create("op-net", driver="bridge")
        api.containers.run(
            "busybox", LOOP, name="op-removed", detach=True, network="op-net", volumes=["/v"], ports={"80/tcp": None}
        )

    def do(self, api: Api) -> None:
        api.containers.get("op-removed").remove(force=True, v=True)

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = there(api.containers.get, "op-removed")
        assert not (exists and acknowledged)
        if exists:
            assert len(api.volumes.list()) == 1
            self.do(api)
        until(lambda: api.volumes.list() == [])
        api.networks.get("op-net").remove()


class Rename(Operation):
    name = "container rename"

    def prepare(self, api: Api) -> None:
        api.containers.create("busybox", LOOP, name="op-old")

    def do(self, api: Api) -> None:
        api.containers.get("op-old").rename("op-new")

    def judge(self, api: Api, acknowledged: bool) -> None:
        old, new = there(api.containers.get, "op-old"), there(api.containers.get, "op-new")
        assert old is not new
        assert new or not acknowledged


class Pause(Operation):
    name = "container pause"

    def prepare(self, api: Api) -> None:
        api.containers.run("busybox", LOOP, name="op-paused", detach=True)

    def do(self, api: Api) -> None:
        api.containers.get("op-paused").pause()
        api.containers.get("op-paused").unpause()

    def judge(self, api: Api, acknowledged: bool) -> None:
        container = api.containers.get("op-paused")
        assert container.status in (("running",) if acknowledged else ("running", "paused"))
        if container.status == "paused":
            container.unpause()
        assert container.exec_run("true").exit_code == 0


class Load(Operation):
    name = "image load"

    def __init__(self) -> None:
        self._archive = b""

    def prepare(self, api: Api) -> None:
        if not self._archive:
            tar = _tar({"loaded": b"yes"})
            api.api.import_image_from_data(tar, repository="op-loaded", tag="1")
            self._archive = b"".join(api.images.get("op-loaded:1").save(named=True))
            api.images.remove("op-loaded:1")

    def do(self, api: Api) -> None:
        api.images.load(self._archive)

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = there(api.images.get, "op-loaded:1")
        assert exists or not acknowledged
        if not exists:
            self.do(api)
        assert b"".join(api.images.get("op-loaded:1").save(named=True))


class Build(Operation):
    """A build of two steps: what is done of it is found by the next."""

    name = "image build"
    _DOCKERFILE = b"FROM busybox\nRUN echo one > /one\nCOPY file /two\nLABEL built=yes\n"

    def do(self, api: Api) -> None:
        context = _tar({"Dockerfile": self._DOCKERFILE, "file": b"two"})
        api.images.build(fileobj=io.BytesIO(context), custom_context=True, tag="op-built:1")

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = there(api.images.get, "op-built:1")
        assert exists or not acknowledged
        assert not api.containers.list(all=True, filters={"ancestor": "busybox", "status": "exited"})
        if not exists:
            self.do(api)
        said = api.containers.run("op-built:1", ["cat", "/one", "/two"], remove=True)
        assert said == b"one\ntwo"


@cache
def _repository() -> str:
    """Start a registry, one for all of this process, with an image in it; return the image's repository."""
    stack = ExitStack()
    registry = stack.enter_context(debian_registry())
    atexit.register(stack.close)
    put_image(registry, "op", "1", [_tar({"one": b"1" * 5000}), _tar({"two": b"2"})])
    return f"{registry.host}/op"


class Pull(Operation):
    """An image of two layers from a registry, which is there whole or not at all."""

    name = "image pull"

    def prepare(self, api: Api) -> None:
        _repository()

    def do(self, api: Api) -> None:
        told = list(api.api.pull(_repository(), "1", stream=True, decode=True))
        if "error" in told[-1]:
            raise ConnectionError(told[-1]["error"])

    def judge(self, api: Api, acknowledged: bool) -> None:
        name = f"{_repository()}:1"
        exists = there(api.images.get, name)
        assert exists or not acknowledged
        if not exists:
            self.do(api)
        assert b"".join(api.images.get(name).save(named=True))

    def clear(self, api: Api) -> None:
        super().clear(api)
        for image in api.images.list(name=_repository()):
            api.images.remove(image.id, force=True)


class Push(Pull):
    """An image of this machine to a registry: what is acknowledged can be pulled."""

    name = "image push"

    def prepare(self, api: Api) -> None:
        api.api.import_image_from_data(_tar({"made": os.urandom(5000)}), repository=_repository(), tag="2")

    def do(self, api: Api) -> None:
        told = list(api.api.push(_repository(), "2", stream=True, decode=True))
        if "aux" not in told[-1]:
            raise ConnectionError(told[-1])

    def judge(self, api: Api, acknowledged: bool) -> None:
        name = f"{_repository()}:2"
        image = api.images.get(name)
        if not acknowledged:
            self.do(api)
        api.images.remove(name, force=True)
        assert api.images.pull(_repository(), "2").id == image.id


class Import(Operation):
    name = "image import"

    def do(self, api: Api) -> None:
        answer = api.api.import_image_from_data(_tar({"made": b"x" * 5000}), repository="op-imported", tag="1")
        if "error" in answer or "status" not in answer:
            raise ConnectionError(answer)

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = there(api.images.get, "op-imported:1")
        assert exists or not acknowledged
        if not exists:
            self.do(api)


class Tag(Operation):
    name = "image tag"

    def do(self, api: Api) -> None:
        assert api.images.get("busybox").tag("op-tagged", "1")

    def judge(self, api: Api, acknowledged: bool) -> None:
        assert there(api.images.get, "op-tagged:1") or not acknowledged
        assert there(api.images.get, "busybox:latest")


class Untag(Tag):
    name = "image untag"

    def prepare(self, api: Api) -> None:
        api.images.get("busybox").tag("op-tagged", "1")

    def do(self, api: Api) -> None:
        api.images.remove("op-tagged:1")

    def judge(self, api: Api, acknowledged: bool) -> None:
        assert not (acknowledged and there(api.images.get, "op-tagged:1"))
        assert there(api.images.get, "busybox:latest")


class RemoveImage(Import):
    name = "image remove"

    def prepare(self, api: Api) -> None:
        Import.do(self, api)

    def do(self, api: Api) -> None:
        api.images.remove("op-imported:1")

    def judge(self, api: Api, acknowledged: bool) -> None:
        assert not (acknowledged and there(api.images.get, "op-imported:1"))


class CreateVolume(Operation):
    name = "volume create"

    def do(self, api: Api) -> None:
        api.volumes.create("op-volume", labels={"a": "b"})

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = there(api.volumes.get, "op-volume")
        assert exists or not acknowledged
        if not exists:
            self.do(api)
        assert api.volumes.get("op-volume").attrs["Labels"] == {"a": "b"}


class RemoveVolume(Operation):
    name = "volume remove"

    def prepare(self, api: Api) -> None:
        api.volumes.create("op-volume", labels={"a": "b"})
        api.containers.run("busybox", ["sh", "-c", "echo x > /v/kept"], volumes=["op-volume:/v"], remove=True)

    def do(self, api: Api) -> None:
        api.volumes.get("op-volume").remove()

    def judge(self, api: Api, acknowledged: bool) -> None:
        if there(api.volumes.get, "op-volume"):
            assert not acknowledged
            assert api.volumes.get("op-volume").attrs["Labels"] == {"a": "b"}
            seen = api.containers.run("busybox", ["cat", "/v/kept"], volumes=["op-volume:/v"], remove=True)
            assert seen == b"x\n"


class CreateNetwork(Operation):
    name = "network create"

    def do(self, api: Api) -> None:
        api.networks.create("op-net", driver="bridge")

    def judge(self, api: Api, acknowledged: bool) -> None:
        exists = bool(api.networks.list(names=["op-net"]))
        assert exists or not acknowledged
        if not exists:
            self.do(api)
        assert b"default" in api.containers.run(
            "busybox", ["ip", "route"], network="op-net", name="op-uses", remove=True
        )


class RemoveNetwork(Operation):
    name = "network remove"

    def prepare(self, api: Api) -> None:
        api.networks.create("op-net", driver="bridge")

    def do(self, api: Api) -> None:
        api.networks.list(names=["op-net"])[0].remove()

    def judge(self, api: Api, acknowledged: bool) -> None:
        if api.networks.list(names=["op-net"]):
            assert not acknowledged
            api.containers.run("busybox", "true", network="op-net", name="op-uses", remove=True)


class Connect(Operation):
    name = "network connect"

    def prepare(self, api: Api) -> None:
        api.networks.create("op-net", driver="bridge")
        api.containers.run("busybox", LOOP, name="op-connected", detach=True)

    def do(self, api: Api) -> None:
        api.networks.list(names=["op-net"])[0].connect("op-connected")

    def judge(self, api: Api, acknowledged: bool) -> None:
        container = api.containers.get("op-connected")
        assert container.status == "running"
        endpoint = container.attrs["NetworkSettings"]["Networks"].get("op-net")
        assert endpoint or not acknowledged
        shown = container.exec_run(["ip", "-o", "-4", "address"]).output.decode()
        if endpoint:
            assert endpoint["IPAddress"] in shown
        else:
            assert shown.count("inet ") == 2  # the loopback interface and the default network's
            self.do(api)


class Disconnect(Connect):
    name = "network disconnect"

    def prepare(self, api: Api) -> None:
        super().prepare(api)
        Connect.do(self, api)

    def do(self, api: Api) -> None:
        api.networks.list(names=["op-net"])[0].disconnect("op-connected")

    def judge(self, api: Api, acknowledged: bool) -> None:
        container = api.containers.get("op-connected")
        assert container.status == "running"
        endpoint = container.attrs["NetworkSettings"]["Networks"].get("op-net")
        assert not (endpoint and acknowledged)
        shown = container.exec_run(["ip", "-o", "-4", "address"]).output.decode()
        assert shown.count("inet ") == (3 if endpoint else 2), shown


OPERATIONS: list[type[Operation]] = [
    Create, Start, RunToExit, RestartOnFailure, Stop, Exec, Commit, Remove, Rename, Pause, Load, Build, Pull, Push,
    Import, Tag, Untag, RemoveImage, CreateVolume, RemoveVolume, CreateNetwork, RemoveNetwork, Connect, Disconnect,
]  # fmt: skip


def _tar(files: dict[str, bytes]) -> bytes:
    """Return an archive of files; the times are fixed, so that it is always the same."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def attempt(operation: Operation, api: Api, lost: tuple[type[Exception], ...]) -> bool:
    """Do an operation whose daemon may die in the middle; say whether it was acknowledged."""
    with contextlib.suppress(*lost, APIError):
        operation.do(api)
        return True
    return False
