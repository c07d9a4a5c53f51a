"""What all tests share: the length of the endurance tests, and base images made once for all workers."""

from __future__ import annotations

import fcntl
import json
import platform
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.registry_peers import DebianRegistry
    from tests.running import RunningDaemon

REPOSITORY = Path(__file__).parent.parent
SOAK_SECONDS = 2 * 3600  # for each test of the long form
IMAGES = REPOSITORY / "build" / "images"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long forms of the endurance and fault tests, alone")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background: programs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "soak: has a long form, which --soak runs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        items[:] = [i for i in items if i.get_closest_marker("soak")]
        for item in items:
            item.add_marker(pytest.mark.timeout(SOAK_SECONDS), append=False)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name long bytes by their length: compressed ones hold the time, and all workers must name a test the same."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 64 else None


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> Callable[[float, float], float]:
    """Return a choice: `soak(short, long)` is the long figure under --soak and the short one otherwise."""
    long_form = bool(request.config.getoption("--soak"))
    return lambda short, long: long if long_form else short


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a writer of figures: under --soak it keeps them in docs/evidence/, one file a test."""

    def write(**figures: object) -> None:
        if request.config.getoption("--soak"):
            folder = REPOSITORY / "docs" / "evidence"
            folder.mkdir(parents=True, exist_ok=True)
            named = {"test": request.node.nodeid, "kernel": platform.release(), **figures}
            (folder / f"{request.node.name}.json").write_text(json.dumps(named, indent=1) + "\n")

    return write


def base_image(name: str) -> Path:
    """Return the tar of a base image's files (`busybox`, `debian:bookworm`), made once and shared by all workers."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    target = IMAGES / (name.replace(":", "-") + ".tar")
    with (IMAGES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            part = target.with_suffix(".part")
            subprocess.run([sys.executable, "-m", "pogu.engine.images.bootstrap", name, part], check=True, timeout=600)
            part.rename(target)
    return target


@pytest.fixture(scope="session")
def busybox_tar() -> Path:
    """The files of the `busybox` image as a tar archive."""
    return base_image("busybox")


@pytest.fixture(scope="session")
def debian_tar() -> Path:
    """The files of the `debian:bookworm` image as a tar archive; takes about a minute the first time."""
    return base_image("debian:bookworm")


@pytest.fixture(scope="session")
def daemon() -> Iterator[RunningDaemon]:
    """A daemon with the `busybox` image that the tests of one worker share; each uses names of its own."""
    from tests.running import running_daemon

    with running_daemon() as running:
        yield running


@pytest.fixture(scope="session")
def registry() -> Iterator[DebianRegistry]:
    """Debian's docker-registry, open to everybody, that the tests of one worker share."""
    from tests.registry_peers import debian_registry

    with debian_registry() as running:
        yield running


@pytest.fixture
def repository() -> str:
    """The name of a repository that nothing else uses."""
    return f"t{secrets.token_hex(6)}"
