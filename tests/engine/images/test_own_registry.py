"""The engine and Pogu's own registry: what one sends the other has, with passwords and tokens, over bad lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pogu.engine.images import downloads
from pogu.engine.registries import Credentials, uploads
from pogu.errors import NotFound, PoguError
from tests.cutting_proxy import cutting_proxy
from tests.engine.images.conftest import Machine
from tests.registry.client import Client
from tests.registry.serving import serving
from tests.registry_peers import PASSWORD, PASSWORDS, USER

ANNA = Credentials(username=USER, password=PASSWORD)


@pytest.fixture(scope="module")
def own() -> Iterator[Client]:
    with serving() as client:
        yield client


def _port(client: Client) -> int:
    return int(client.registry.port)


async def _image(machine: Machine, repo: str, tag: str = "1", data: bytes = b"x") -> str:
    identifier = await machine.add("", {"file": data, "name": repo})
    await machine.images.tag(identifier, repo, tag)
    return identifier


async def test_there_and_back(machine: Machine, own: Client, repository: str) -> None:
    name = f"127.0.0.1:{_port(own)}/{repository}"
    identifier = await _image(machine, name)
    (pushed,) = await machine.images.push(f"{name}:1")
    await machine.images.remove(f"{name}:1")
    assert machine.files() == []
    assert await machine.images.pull(f"{name}:1") == [identifier]
    assert machine.images.resolve(identifier).repo_digests == [f"{name}@{pushed.digest}"]
    await machine.images.tag(f"{name}:1", f"{name}/again", "2")
    told: list[dict[str, Any]] = []
    (again,) = await machine.images.push(f"{name}/again:2", progress=told.append)
    assert again.digest == pushed.digest
    assert any(m.get("status") == f"Mounted from {repository}" for m in told)
    assert await machine.images.pull(name, all_tags=True) == [identifier]
    with pytest.raises(NotFound, match=f"manifest for {name}:none not found: manifest unknown"):
        await machine.images.pull(f"{name}:none")


async def test_lines_that_break(
    machine: Machine, own: Client, repository: str, deep_tar: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(uploads, "_FIRST_PAUSE", 0.01)
    with cutting_proxy(_port(own)) as proxy:
        name = f"{proxy.host}/{repository}"
        identifier = await _image(machine, name, data=deep_tar * 3)
        proxy.upward = [1_500_000] * 4
        await machine.images.push(f"{name}:1")
        assert proxy.cut
        await machine.images.remove(f"{name}:1")
        proxy.upward, proxy.cuts, proxy.cut = [], [1_500_000] * 4, 0
        assert await machine.images.pull(f"{name}:1") == [identifier]
        assert proxy.cut


@pytest.mark.parametrize("tokens", [False, True])
async def test_passwords_and_tokens(machine: Machine, repository: str, tmp_path: Path, tokens: bool) -> None:
    (tmp_path / "htpasswd").write_text(PASSWORDS)
    options: dict[str, Any] = {"htpasswd": str(tmp_path / "htpasswd"), **({"token_server": True} if tokens else {})}
    with serving(**options) as client:
        host = f"127.0.0.1:{_port(client)}"
        name = f"{host}/{repository}"
        identifier = await _image(machine, name)
        with pytest.raises(PoguError, match=r"no basic auth credentials|unauthorized|denied"):
            await machine.images.push(f"{name}:1")
        await machine.images.push(f"{name}:1", credentials=ANNA)
        await machine.images.remove(f"{name}:1")
        with pytest.raises(PoguError, match=r"no basic auth credentials|unauthorized|denied"):
            await machine.images.pull(f"{name}:1")
        assert await machine.images.pull(f"{name}:1", credentials=ANNA) == [identifier]
        login = machine.images.registries.login
        login(Credentials(username=USER, password=PASSWORD, serveraddress=host))
        with pytest.raises(PoguError, match=r"401|unauthorized|incorrect|denied"):
            login(Credentials(username=USER, password="wrong", serveraddress=host))
