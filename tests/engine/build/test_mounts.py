"""`RUN --mount`: what commands are given, and that nothing of it stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pogu.engine.build.agents import agent_socket
from pogu.engine.build.client import Duplex, SilentClient
from pogu.engine.build.steps import RunMount
from pogu.errors import NotFound
from tests.engine.build.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = b"very-secret-9f3a"


class Echo:
    """An agent that says what it hears, in capitals."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(self) -> bytes:
        return await self._said.get()

    async def send(self, data: bytes) -> None:
        self._said.put_nowait(data.upper())

    async def close(self) -> None:
        self._said.put_nowait(b"")


class Giving(SilentClient):
    """A client with a secret and an agent."""

    def __init__(self) -> None:
        super().__init__({})

    async def secret(self, identifier: str) -> bytes:
        if identifier != "token":
            raise NotFound("no such secret")
        return SECRET

    async def check_agent(self, identifier: str) -> None:
        if identifier != "default":
            raise NotFound("no such agent")

    async def open_agent(self, identifier: str) -> Duplex:
        return Echo()


async def test_a_bind_mount_of_the_context_cannot_be_written_and_leaves_no_trace(site: Site) -> None:
    built = await site.build(
        "FROM busybox\nRUN --mount=target=/in/here cat /in/here/a; touch /in/here/b || echo no\n", {"a": "A"}
    )
    assert built.output.startswith("A")
    assert "no\n" in built.output
    assert "in" not in await site.tree(built.image)


async def test_what_is_written_to_a_bind_mount_is_thrown_away(site: Site) -> None:
    dockerfile = (
        "FROM busybox AS s\nRUN mkdir /d && echo s > /d/f\nFROM busybox\n"
        "RUN --mount=target=/c,rw --mount=from=s,source=/d,target=/s,rw echo new > /c/a; echo new > /s/f\n"
        "RUN --mount=target=/c --mount=from=s,source=/d,target=/s cat /c/a /s/f\n"
    )
    built = await site.build(dockerfile, {"a": "A\n"})
    assert built.output == "A\ns\n"


async def test_a_source_cannot_lead_out_of_the_mounted_tree(site: Site) -> None:
    dockerfile = (
        "FROM busybox AS s\nRUN ln -s ../../../../../etc /out\nFROM busybox\n"
        "RUN --mount=from=s,source=/out,target=/m ls /m; [ ! -e /m/debian_version ]\n"
    )
    await site.build(dockerfile)


async def test_a_cache_outlives_builds_and_is_in_no_layer(site: Site) -> None:
    dockerfile = (
        "FROM busybox\nARG N\nRUN --mount=type=cache,target=/var/keep echo $N >> /var/keep/log; cat /var/keep/log\n"
    )
    await site.build(dockerfile, args={"N": "1"})
    built = await site.build(dockerfile, args={"N": "2"})
    assert built.output == "1\n2\n"
    assert "var/keep" not in await site.tree(built.image)


async def test_a_locked_cache_is_used_by_one_at_a_time(site: Site) -> None:
    line = (
        "RUN --mount=type=cache,id=one-at-a-time,sharing=locked,target=/k "
        "mkdir /k/busy && sleep 0.3 && rmdir /k/busy && echo {0} > /{0}\n"
    )
    dockerfile = "".join(f"FROM busybox AS {s}\n" + line.format(s) for s in "abc")
    dockerfile += "FROM scratch\n" + "".join(f"COPY --from={s} /{s} /\n" for s in "abc")
    built = await site.build(dockerfile)
    assert sorted(await site.tree(built.image)) == ["a", "b", "c"]


async def test_a_private_cache_is_each_ones_own(site: Site) -> None:
    mount = "--mount=type=cache,id=own,sharing=private,target=/k"
    line = f"RUN {mount} mkdir /k/busy && sleep 0.3 && rmdir /k/busy && echo {{0}} > /{{0}}\n"
    dockerfile = "".join(f"FROM busybox AS {s}\n" + line.format(s) for s in "ab")
    await site.build(dockerfile + "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n")


async def test_a_cache_begins_as_its_source(site: Site) -> None:
    dockerfile = (
        "FROM busybox AS s\nRUN mkdir /seed && echo x > /seed/x\nFROM busybox\n"
        "RUN --mount=type=cache,id=seeded,from=s,source=/seed,target=/k cat /k/x\n"
    )
    assert (await site.build(dockerfile)).output == "x\n"


async def test_memory_is_a_mount_of_its_own(site: Site) -> None:
    built = await site.build(
        "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m touch /t/x && grep ' /t ' /proc/mounts\n"
    )
    assert "tmpfs /t tmpfs" in built.output
    assert "size=1024k" in built.output
    assert "t" not in await site.tree(built.image)


async def test_secrets_are_there_for_the_command_alone(site: Site) -> None:
    dockerfile = """
FROM busybox
RUN --mount=type=secret,id=token wc -c < /run/secrets/token; stat -c '%a %u' /run/secrets/token
RUN --mount=type=secret,id=token,target=/s,mode=0440,uid=5,gid=6 stat -c '%a %u %g' /s
RUN --mount=type=secret,id=token,env=TOKEN [ ${#TOKEN} = 16 ] && [ ! -e /run/secrets/token ]
RUN --mount=type=secret,id=other [ ! -e /run/secrets/other ]
"""
    built = await site.build(dockerfile, client=Giving())
    assert built.output == f"{len(SECRET)}\n400 0\n440 5 6\n"
    tree = await site.tree(built.image)
    assert not [
        path
        for path in tree
        if path.startswith(("run/", "s")) and path != "sbin" and not path.startswith(("sbin/", "sys"))
    ]
    assert SECRET not in built.image.raw


async def test_secrets_are_nowhere_on_the_disk(site: Site) -> None:
    await site.build(
        'FROM busybox\nRUN --mount=type=secret,id=token,env=T test -s /run/secrets/token || [ -n "$T" ]\n',
        client=Giving(),
    )
    root = site.bench.config.root
    holding = [
        path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and SECRET in path.read_bytes()
    ]
    assert holding == []


async def test_another_secret_does_not_run_a_step_again(site: Site) -> None:
    dockerfile = "FROM busybox\nRUN --mount=type=secret,id=token true\n"
    await site.build(dockerfile, client=Giving())
    assert (await site.build(dockerfile)).done == []


async def test_the_agent_is_reached_through_a_socket(site: Site) -> None:
    built = await site.build("FROM busybox\nRUN --mount=type=ssh stat -c '%F %a' $SSH_AUTH_SOCK\n", client=Giving())
    assert built.output == "socket 600\n"


async def test_what_is_said_to_the_agent_reaches_it(tmp_path: Path) -> None:
    path = tmp_path / "agent"
    async with agent_socket(path, Giving(), "default", RunMount(type="ssh", target="", uid=5, mode=0o640)):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (5, 0o640)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        writer.close()
    assert not path.exists()


async def test_an_agent_that_is_not_there(site: Site) -> None:
    built = await site.build('FROM busybox\nRUN --mount=type=ssh echo "[$SSH_AUTH_SOCK]"\n')
    assert built.output == "[]\n"


async def test_a_script_with_its_own_interpreter(site: Site) -> None:
    built = await site.build(
        "FROM busybox\nRUN <<EOF\n#!/bin/cat\nthe text itself\nEOF\nRUN <<EOF\necho one\necho two\nEOF\n"
    )
    assert built.output == "#!/bin/cat\nthe text itself\none\ntwo\n"
    assert "dev/pipes" not in await site.tree(built.image)
