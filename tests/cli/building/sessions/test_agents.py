"""SSH agents of this side, asked over a session as the daemon asks."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from pogu.cli.building.sessions.agents import agent_service
from pogu.cli.pflag import UsageError
from pogu.dialects.buildkit.grpc import Channel, Connection, Services
from pogu.dialects.buildkit.messages import session as messages
from pogu.dialects.buildkit.protobuf import decode, encode
from pogu.errors import PoguError
from tests.dialects.buildkit.wires import pair

_ASK_FOR_KEYS = bytes.fromhex("00000001 0b")  # SSH_AGENTC_REQUEST_IDENTITIES (draft-miller-ssh-agent)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A new key without a passphrase."""
    if not shutil.which("ssh-agent"):
        pytest.skip("no OpenSSH here")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


async def test_a_key_is_had_by_an_agent_of_the_builds_own(key: Path) -> None:
    with agent_service([f"mine={key}"]) as methods:
        here, there = await pair()
        serving = asyncio.create_task(Services(methods).serve(here))
        connection = Connection(there, client_side=True)
        carrying = asyncio.create_task(connection.run())
        channel = Channel(connection)

        async def check(name: str) -> None:
            request = messages.CheckAgentRequest(id=name)
            await channel.unary(messages.CHECK_AGENT, request, messages.CheckAgentResponse)

        await check("mine")
        with pytest.raises(PoguError, match="unset ssh forward key other"):
            await check("other")
        answer = b""
        async with await channel.call(messages.FORWARD_AGENT, [("buildkit.ssh.id", "mine")]) as call:
            await call.send([encode(messages.BytesMessage(data=_ASK_FOR_KEYS))])
            while len(answer) < 4 or len(answer) < 4 + int.from_bytes(answer[:4]):
                answer += b"".join(decode(messages.BytesMessage, message).data for message in await call.receive())
        assert answer[4:9] == bytes.fromhex("0c 00000001")  # SSH_AGENT_IDENTITIES_ANSWER, one key
        assert b"ssh-ed25519" in answer
        connection.close()
        await asyncio.gather(serving, carrying)
        await asyncio.gather(here.close(), there.close())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("default", "invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set"),
        ("a=/nowhere", "failed to open /nowhere: no such file or directory"),
    ],
)
def test_what_is_not_there(text: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(UsageError, match=reason), agent_service([text]):
        pass
