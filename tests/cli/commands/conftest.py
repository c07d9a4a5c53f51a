"""Containers of a test's own in the shared daemon."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.running import RunningDaemon, docker_is_new


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture
def sleeper(daemon: RunningDaemon, name: str) -> Iterator[str]:
    """A running container that writes `out` and `err` and then waits."""
    script = "echo out; echo err >&2; exec sleep 3600"
    daemon.pogu("run", "-d", "--name", name, "-l", f"test={name}", "busybox", "sh", "-c", script)
    yield name
    daemon.pogu("rm", "-f", "-v", name, check=False)


@pytest.fixture
def both(daemon: RunningDaemon) -> Callable[..., str]:
    """Return a function that runs a command line with pogu and with docker and returns what both say alike."""
    if not docker_is_new():
        pytest.skip("this docker command has other words than the one that pogu follows")

    def run(*args: str) -> str:
        for _ in range(10):  # an age may go up by a second between the two
            ours, theirs = daemon.pogu(*args, check=False), daemon.docker(*args, check=False)
            if ours.out == theirs.out:
                break
        assert (ours.code, ours.out, ours.err.replace("pogu", "docker")) == (theirs.code, theirs.out, theirs.err)
        return ours.out

    return run
