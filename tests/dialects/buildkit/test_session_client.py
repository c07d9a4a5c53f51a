"""What a build asks its client for, asked of the real docker command."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pogu.dialects.buildkit.session_client import SessionClient
from pogu.engine.build.client import Login, Selection
from pogu.errors import InvalidArgument, NotFound, PoguError, Unavailable
from tests.dialects.buildkit.docker_build import BuildServer, build_server
from tests.dialects.buildkit.trees import listing, make_everything


@pytest.fixture
async def server() -> AsyncIterator[BuildServer]:
    async with build_server() as made:
        yield made


@pytest.fixture
def context(tmp_path: Path) -> Path:
    path = tmp_path / "context"
    path.mkdir()
    (path / "Dockerfile").write_text("FROM scratch\n")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.mkdir()
    return path


def as_told(context: Path) -> dict[str, tuple[object, ...]]:
    """Return what the docker command tells of a context: everything is root's, as far as it can read it."""
    for path in context.rglob("*"):
        mode = path.lstat().st_mode
        os.chown(path, 0, 0, follow_symlinks=False)
        if not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode))
    return listing(context)


async def test_a_context_comes_whole_and_the_second_time_nothing_of_it(
    server: BuildServer, context: Path, target: Path
) -> None:
    make_everything(context)
    received: list[int] = []

    async def fetch(client: SessionClient) -> None:
        await client.fetch_directory("context", Selection(), target, received.append)

    await server.run(fetch, context)
    assert received[-1] == sum(p.stat().st_size for p in files(target))
    received.clear()
    await server.run(fetch, context)
    assert set(received) == {0}
    (context / "empty").write_text("no longer")
    (context / "hard").unlink()
    await server.run(fetch, context)
    assert received[-1] == len("no longer")
    assert listing(target) == as_told(context)


def files(root: Path) -> list[Path]:
    """Return the files below `root`, each inode once."""
    found = {path.lstat().st_ino: path for path in root.rglob("*") if stat.S_ISREG(path.lstat().st_mode)}
    return list(found.values())


async def test_only_what_is_selected_comes(server: BuildServer, context: Path, target: Path) -> None:
    odd = os.fsdecode(b"not-utf8-\xff")
    for name in ("keep", "drop", "ünïcode", odd, "target-of-link"):
        (context / name).touch()
    (context / "link").symlink_to("target-of-link")
    found: list[set[str]] = []

    async def fetch(client: SessionClient) -> None:
        for selection in (
            Selection(include=("Dockerfile", "absent")),
            Selection(exclude=("*", "!keep", "!ünïcode")),
            Selection(include=(odd, "ün*")),
            Selection(follow=("link",)),
        ):
            await client.fetch_directory("context", selection, target)
            found.append({path.name for path in target.iterdir()})

    await server.run(fetch, context)
    assert found == [{"Dockerfile"}, {"keep", "ünïcode"}, {odd, "ünïcode"}, {"link", "target-of-link"}]


async def test_the_dockerfile_is_a_directory_of_its_own(server: BuildServer, context: Path, target: Path) -> None:
    (context.parent / "other").mkdir()
    (context.parent / "other" / "Containerfile").write_text("FROM scratch\nLABEL other=1\n")
    keys: list[str] = []

    async def fetch(client: SessionClient) -> None:
        await client.fetch_directory("dockerfile", Selection(include=("Containerfile",)), target)
        keys.extend((client.directory_key("dockerfile"), client.directory_key("context")))

    await server.run(fetch, "-f", context.parent / "other" / "Containerfile", context)
    await server.run(fetch, "-f", context.parent / "other" / "Containerfile", context)
    assert [path.name for path in target.iterdir()] == ["Containerfile"]
    assert keys[:2] == keys[2:]
    assert len(set(keys)) == 2


async def test_a_directory_that_the_client_does_not_give(server: BuildServer, context: Path, target: Path) -> None:
    async def fetch(client: SessionClient) -> None:
        await client.fetch_directory("etc", Selection(), target)

    with pytest.raises(InvalidArgument, match="no directory 'etc'"):
        await server.run(fetch, context)


async def test_secrets(server: BuildServer, context: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\0hush\xff\n")
    got: list[bytes] = []

    async def ask(client: SessionClient) -> None:
        got.append(await client.secret("mine"))
        with pytest.raises(NotFound, match="secret other: not found"):
            await client.secret("other")

    await server.run(ask, "--secret", f"id=mine,src={tmp_path}/secret", context)
    assert got == [b"\0hush\xff\n"]


async def test_a_client_without_secrets_has_none(server: BuildServer, context: Path) -> None:
    async def ask(client: SessionClient) -> None:
        with pytest.raises(NotFound, match="secret mine: not found"):
            await client.secret("mine")

    await server.run(ask, context)


async def test_logins(server: BuildServer, context: Path, tmp_path: Path) -> None:
    def entry(text: str) -> dict[str, str]:
        return {"auth": base64.b64encode(text.encode()).decode()}

    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.json").write_text(
        json.dumps(
            {
                "auths": {
                    "https://index.docker.io/v1/": entry("hub:password"),
                    "registry.test:5000": entry("me:pass:word"),
                    "token.test": {"identitytoken": "sesame", **entry("me:")},
                }
            }
        )
    )
    got: list[Login | None] = []

    async def ask(client: SessionClient) -> None:
        for host in ("docker.io", "registry.test:5000", "token.test", "unknown.test"):
            got.append(await client.login(host))

    await server.run(ask, context, DOCKER_CONFIG=str(tmp_path / "config"))
    assert got == [Login("hub", "password"), Login("me", "pass:word"), Login("<token>", "sesame"), None]


ASK_FOR_KEYS = bytes.fromhex("00000001 0b")  # SSH_AGENTC_REQUEST_IDENTITIES (draft-miller-ssh-agent)
NO_KEYS = bytes.fromhex("00000005 0c 00000000")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an SSH agent that has no keys."""
    path = tmp_path / "agent"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,)).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536) == ASK_FOR_KEYS:
                connection.sendall(NO_KEYS)

    thread = threading.Thread(target=serve)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


async def test_an_ssh_agent_is_spoken_to_both_ways(server: BuildServer, context: Path, agent: Path) -> None:
    got: list[bytes] = []

    async def ask(client: SessionClient) -> None:
        await client.check_agent("default")
        with pytest.raises(NotFound, match="unset ssh forward key other"):
            await client.check_agent("other")
        connections = [await client.open_agent("default"), await client.open_agent("default")]
        for connection in [*connections, connections[0]]:
            await connection.send(ASK_FOR_KEYS)
            answer = b""
            while len(answer) < len(NO_KEYS):  # it may come in pieces
                answer += await connection.receive()
            got.append(answer)
        for connection in connections:
            await connection.close()

    await server.run(ask, "--ssh", f"default={agent}", context)
    assert got == [NO_KEYS] * 3


async def test_the_output_of_a_build_as_an_archive(server: BuildServer, context: Path, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 1_500_000):
            yield data[at : at + 1_500_000]

    async def give(client: SessionClient) -> None:
        await client.send_archive(chunks(), {"containerimage.digest": "sha256:0"})

    await server.run(give, "-o", f"type=tar,dest={tmp_path}/out.tar", context)
    assert (tmp_path / "out.tar").read_bytes() == data


async def test_the_output_of_a_build_as_a_directory(server: BuildServer, context: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    make_everything(tmp_path / "made")

    async def give(client: SessionClient) -> None:
        await client.send_directory(tmp_path / "made")

    await server.run(give, "-o", tmp_path / "out", context)
    assert {name: entry[4] for name, entry in listing(tmp_path / "out").items()} == {
        name: entry[4] for name, entry in listing(tmp_path / "made").items()
    }


async def test_a_client_that_is_killed_in_the_middle(server: BuildServer, context: Path, target: Path) -> None:
    (context / "large").write_bytes(bytes(64 << 20))
    begun = asyncio.Event()
    ended: list[PoguError] = []

    async def fetch(client: SessionClient) -> None:
        try:
            await client.fetch_directory("context", Selection(), target, lambda size: begun.set() if size else None)
        except PoguError as e:
            ended.append(e)
        with pytest.raises(Unavailable):
            await client.secret("mine")

    process = await server.start(fetch, context)
    async with asyncio.timeout(30):
        await begun.wait()
        process.kill()
        await process.communicate()
        await server.waiting.wait()
        while not ended:
            await asyncio.sleep(0.01)
    assert isinstance(ended[0], Unavailable)
    shutil.rmtree(target)
    target.mkdir()  # nothing is writing there any more


async def test_a_session_that_nobody_opens(server: BuildServer) -> None:
    with pytest.raises(NotFound, match="no active session for nobody"):
        await server.sessions.get("nobody", wait=0.05)
