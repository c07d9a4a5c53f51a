"""The daemon of the chapter's tests, with `debian` and an `nginx` image made as the chapter's own is: apt on Debian."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDaemon

INSTALL = (
    "apt-get -q update && apt-get -q -y install --no-install-recommends nginx-light"
    " && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the chapter's tests on one worker: they share one daemon and its nginx image."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("chapter"))


@pytest.fixture(scope="session")
def harbour() -> Iterator[RunningDaemon]:
    """A daemon with the images `debian` and `debian:bookworm`."""
    running = RunningDaemon()
    try:
        running.start()
        running.load_image("debian:bookworm")
        running.docker("tag", "debian:bookworm", "debian:latest")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def with_nginx(harbour: RunningDaemon) -> RunningDaemon:
    """The daemon, with an image `nginx` installed by apt in a container that reaches the mirror through its bridge."""
    harbour.docker("run", "--name", "made", "debian", "sh", "-c", INSTALL, timeout=300)
    harbour.docker("commit", "-c", 'CMD ["nginx", "-g", "daemon off;"]', "-c", "EXPOSE 80", "made", "nginx")
    harbour.docker("rm", "made")
    return harbour


@pytest.fixture
def port() -> int:
    """A TCP port that is free on this host (the chapter's own 80 and 8080 may not be)."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove what a test has left, so that each starts from the images alone."""
    yield
    if "harbour" in request.fixturenames or "with_nginx" in request.fixturenames:
        running = request.getfixturevalue("harbour")
        if ids := running.docker("ps", "-aq").out.split():
            running.docker("rm", "-f", "-v", *ids)
        if volumes := running.docker("volume", "ls", "-q").out.split():
            running.docker("volume", "rm", *volumes)
