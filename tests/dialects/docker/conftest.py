"""One daemon for each worker, spoken to over its socket; every test uses names and containers of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import RunningDaemon

from .http_client import Client


@pytest.fixture(scope="session")
def api(daemon: RunningDaemon) -> Client:
    """The API of a daemon that has the image `busybox`."""
    return Client(daemon.socket)


@pytest.fixture(scope="session")
def engine_root(daemon: RunningDaemon) -> Path:
    return daemon.root


@pytest.fixture
def unique() -> str:
    """A name nothing else has."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def container(api: Client) -> Iterator[Callable[..., str]]:
    """Return a function that makes a container of a command and fields of the request; all are removed in the end."""
    made: list[str] = []

    def create(*cmd: str, name: str | None = None, image: str = "busybox", **fields: Any) -> str:
        query = {"name": name} if name else {}
        answer = api.post("/containers/create", {"Image": image, "Cmd": list(cmd), **fields}, **query)
        assert answer.status == 201, answer.body
        made.append(str(answer.json["Id"]))
        return made[-1]

    yield create
    for id_ in made:
        api.delete(f"/containers/{id_}", force="1", v="1")
