"""`moby.sshforward.v1.SSH`: the SSH agents that `--ssh` names, for the steps that ask for them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from pogu.cli.invoke import Failed
from pogu.cli.wrong import WrongValue
from pogu.dialects.buildkit.grpc import Handler, Incoming
from pogu.dialects.buildkit.messages import session as messages
from pogu.dialects.buildkit.protobuf import decode
from pogu.errors import PoguError

_PIECE = 32 << 10
_PATIENCE = 5.0  # seconds for an agent to make its socket


@contextlib.contextmanager
def agent_service(given: Iterable[str]) -> Iterator[dict[str, Handler]]:
    """Yield the methods that forward the agents of `--ssh default|ID[=SOCKET|KEY[,KEY]]`.

    For keys an agent is run that has them, until the end of the block.

    Raises:
        WrongValue: there is no agent, or no such file.
        Failed: the agent for keys cannot be run.
    """
    with contextlib.ExitStack() as stack:
        sockets = {}
        for text in given:
            name, paths = _split(text)
            sockets[name] = paths[0] if _is_socket(paths[0]) else stack.enter_context(_own_agent(text, paths))
        yield _methods(sockets) if sockets else {}


def _methods(sockets: dict[str, Path]) -> dict[str, Handler]:
    def find(name: str) -> Path:
        found = sockets.get(name or "default")
        if found is None:
            raise PoguError(f"unset ssh forward key {name}")
        return found

    async def check(call: Incoming) -> None:
        find((await call.request(messages.CheckAgentRequest)).id)
        await call.send([messages.CheckAgentResponse()])

    async def forward(call: Incoming) -> None:
        await _forward(call, find(call.metadata.get("buildkit.ssh.id", "")))

    return {messages.CHECK_AGENT: check, messages.FORWARD_AGENT: forward}


async def _forward(call: Incoming, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    answers = asyncio.create_task(_answers(call, reader))
    try:
        while batch := await call.receive():
            writer.write(b"".join(decode(messages.BytesMessage, message).data for message in batch))
            await writer.drain()
    finally:
        answers.cancel()
        writer.close()
        await asyncio.gather(answers, return_exceptions=True)


async def _answers(call: Incoming, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(_PIECE):
        await call.send([messages.BytesMessage(data=data)])


def _split(text: str) -> tuple[str, list[Path]]:
    name, eq, value = text.partition("=")
    paths = [Path(path) for path in value.split(",") if path]
    if eq and paths:
        return name, paths
    known = os.environ.get("SSH_AUTH_SOCK")
    if not known:
        raise WrongValue("--ssh", text, "invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set")
    return name, [Path(known)]


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


@contextlib.contextmanager
def _own_agent(text: str, keys: list[Path]) -> Iterator[Path]:
    for key in keys:
        if not key.is_file():
            raise WrongValue("--ssh", text, f"failed to open {key}: no such file or directory")
    with tempfile.TemporaryDirectory(prefix="pogu-ssh-") as folder:
        path = Path(folder) / "agent"
        agent = _run(["ssh-agent", "-D", "-a", str(path)])
        try:
            _wait_for(path, agent)
            adding = ["ssh-add", "-q", *map(str, keys)]
            done = subprocess.run(
                adding, env={**os.environ, "SSH_AUTH_SOCK": str(path)}, capture_output=True, check=False
            )
            if done.returncode:
                raise Failed(f"failed to add {text}: {done.stderr.decode(errors='replace').strip()}")
            yield path
        finally:
            agent.terminate()
            agent.wait()


def _run(argv: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Failed(f"--ssh with keys needs {argv[0]}, which is not installed (Debian: openssh-client)") from None


def _wait_for(path: Path, agent: subprocess.Popen[bytes]) -> None:
    import time

    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and agent.poll() is None:
        with socket.socket(socket.AF_UNIX) as trial, contextlib.suppress(OSError):
            trial.connect(str(path))
            return
        time.sleep(0.01)
    raise Failed("ssh-agent did not start")
