"""A pull that does not come to its end: the client leaves, the daemon is stopped or killed. Nothing of it stays."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.engine.images.conftest import tar_of
from tests.registry_peers import DebianRegistry, put_image
from tests.running import RunningDaemon, eventually


@pytest.fixture
def empty() -> Iterator[RunningDaemon]:
    """A daemon without images."""
    daemon = RunningDaemon()
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def slow(registry: DebianRegistry, repository: str) -> Iterator[tuple[CuttingProxy, str]]:
    """A slow line to a registry, and an image there."""
    put_image(registry, repository, "1", [tar_of({name: os.urandom(2 << 20)}) for name in "ab"])
    with cutting_proxy(registry.port) as proxy:
        yield proxy, f"{proxy.host}/{repository}:1"


def _files(daemon: RunningDaemon) -> list[str]:
    folders = ("content/ingest", "content/blobs/sha256", "overlay/layers", "overlay/trash")
    return [str(path) for folder in folders for path in (daemon.root / folder).glob("*")]


@pytest.mark.parametrize("end", ["client", "SIGTERM", "SIGKILL"])
def test_nothing_stays_and_the_next_pull_works(empty: RunningDaemon, slow: tuple[CuttingProxy, str], end: str) -> None:
    proxy, name = slow
    proxy.pause = 0.1
    pulling = empty.popen("pull", name)
    eventually(lambda: (empty.root / "content/ingest").exists() and list((empty.root / "content/ingest").iterdir()))
    if end == "client":
        pulling.terminate()
    elif end == "SIGTERM":
        assert empty.stop() == 0
    else:
        assert empty.process
        empty.process.send_signal(signal.SIGKILL)
        empty.kill()
    pulling.communicate(timeout=60)
    if end != "client":
        empty.start()
    eventually(lambda: _files(empty) == [])
    assert empty.docker("images", "-q").out == ""
    proxy.pause = 0
    assert empty.docker("pull", "-q", name).out == name
    assert empty.pogu("system", "verify").code == 0


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_after_a_restart_the_next_pull_goes_on(empty: RunningDaemon, slow: tuple[CuttingProxy, str], end: str) -> None:
    proxy, name = slow
    proxy.pause = 0.05
    pulling = empty.popen("pull", name)
    eventually(lambda: proxy.passed > 2 << 20)
    if end == "SIGTERM":
        proxy.pause = 5  # it is not done within the time that a stop gives it
        assert empty.stop() == 0
    else:
        empty.kill()
    pulling.communicate(timeout=60)
    empty.start()
    proxy.pause, before = 0, proxy.passed
    assert empty.docker("pull", "-q", name).out == name
    whole = 2 * (2 << 20)
    assert proxy.passed - before < whole - (1 << 20)  # what the daemon had read of it, and not what was on its way
    assert empty.pogu("system", "verify", "--deep").code == 0
    assert list((empty.root / "content/partial").iterdir()) == []
