"""The daemon of the chapter's tests, with `debian` and an `nginx` image built of the chapter's own Dockerfile."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDaemon

# as printed, with a current Debian and the version of nginx that it has
NGINX = """\
FROM debian:bookworm
MAINTAINER NGINX Docker Maintainers "docker-maint@nginx.com"
ENV NGINX_VERSION {version}
RUN apt-get update \\
    && apt-get install -y ca-certificates nginx=${{NGINX_VERSION}} \\
    && rm -rf /var/lib/apt/lists/*

# 요청과 오류 로그를 도커 로그 수집기로 전달한다.
RUN ln -sf /dev/stdout /var/log/nginx/access.log \\
    && ln -sf /dev/stderr /var/log/nginx/error.log
EXPOSE 80 443
CMD ["nginx", "-g", "daemon off;"]
"""


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
def with_nginx(harbour: RunningDaemon, tmp_path_factory: pytest.TempPathFactory) -> RunningDaemon:
    """The daemon, with an image `nginx` built of the chapter's Dockerfile: apt reaches its mirror over the bridge."""
    asked = ("sh", "-c", "apt-get -q update >&2 && apt-cache policy nginx")
    version = re.search(r"Candidate: (\S+)", harbour.docker("run", "--rm", "debian", *asked, timeout=120).out)
    assert version
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "Dockerfile").write_text(NGINX.format(version=version[1]))
    harbour.docker("build", "-t", "nginx", folder, timeout=300)
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
