"""What a build can ask its client for, over the session that the client has opened."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote_plus, urlsplit

from pogu.dialects.buildkit.filesync import Receiver, Sender
from pogu.dialects.buildkit.grpc import Call
from pogu.dialects.buildkit.messages import session as messages
from pogu.dialects.buildkit.messages.files import Packet, PacketType
from pogu.dialects.buildkit.protobuf import decode, encode
from pogu.dialects.buildkit.sessions import Session, require
from pogu.engine.build.client import Duplex, Login, Selection
from pogu.errors import Cancelled, InvalidArgument, NotFound, PoguError, Unsupported
from pogu.linux.paths import opened

Headers = list[tuple[str, str]]

T = TypeVar("T")

_HUB = {"docker.io", "index.docker.io", "registry-1.docker.io"}
_PIECE = 1 << 20  # bytes of an archive in one message


class SessionClient:
    """Implements `pogu.engine.build.client.BuildClient`."""

    def __init__(self, session: Session, exporter: int = 0) -> None:
        """`exporter` is the number that the client knows the build's output by."""
        self._session = session
        self._exporter = exporter

    # --- directories ---

    async def fetch_directory(
        self, name: str, selection: Selection, target: Path, count: Callable[[int], None] = lambda _: None
    ) -> None:
        """See `BuildClient`."""
        require(self._session, messages.SYNC_FILES)
        metadata = [("dir-name", name)]
        metadata += _listed("include-patterns", selection.include)
        metadata += _listed("exclude-patterns", selection.exclude)
        metadata += _listed("followpaths", selection.follow)
        if selection.exclude:
            metadata.append(("override-excludes", "true"))
        try:
            async with await self._session.channel.call(messages.SYNC_FILES, metadata) as call:
                with opened(os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as root:
                    await _receive(call, Receiver(root), count)
        except NotFound as e:
            raise InvalidArgument(f"the client of this build has no directory {name!r}: {e.message}") from None

    def directory_key(self, name: str) -> str:
        """See `BuildClient`."""
        if not self._session.shared_key:
            return ""
        return hashlib.sha256(f"{self._session.shared_key}\0{name}".encode()).hexdigest()

    async def upload(self, url: str) -> AsyncIterator[bytes]:
        """Yield what the client gives out under an address of its own. Raises the error that ends it."""
        require(self._session, messages.PULL_UPLOAD)
        parts = urlsplit(url)
        metadata = [("urlpath", parts.path), ("urlhost", parts.netloc)]
        async with await self._session.channel.call(messages.PULL_UPLOAD, metadata) as call:
            while batch := await call.receive():
                for message in batch:
                    yield decode(messages.BytesMessage, message).data

    # --- secrets, logins, keys ---

    async def secret(self, identifier: str) -> bytes:
        """See `BuildClient`."""
        try:
            require(self._session, messages.GET_SECRET)
            request = messages.GetSecretRequest(id=identifier)
            answer = await self._session.channel.unary(messages.GET_SECRET, request, messages.GetSecretResponse)
        except (NotFound, Unsupported):
            raise NotFound(f"secret {identifier}: not found") from None
        return answer.data

    async def login(self, host: str) -> Login | None:
        """See `BuildClient`."""
        if not self._session.supports(messages.CREDENTIALS):
            return None
        request = messages.CredentialsRequest(host="registry-1.docker.io" if host in _HUB else host)
        answer = await self._session.channel.unary(messages.CREDENTIALS, request, messages.CredentialsResponse)
        if not answer.secret:
            return None
        return Login(answer.username or "<token>", answer.secret)

    async def check_agent(self, identifier: str) -> None:
        """See `BuildClient`."""
        try:
            require(self._session, messages.CHECK_AGENT)
            request = messages.CheckAgentRequest(id=identifier)
            await self._session.channel.unary(messages.CHECK_AGENT, request, messages.CheckAgentResponse)
        except Unsupported:
            raise NotFound(f"unset ssh forward key {identifier}") from None
        except PoguError as e:
            if type(e) is not PoguError:
                raise
            raise NotFound(e.message) from None  # the client says so without a code

    async def open_agent(self, identifier: str) -> Duplex:
        """See `BuildClient`."""
        require(self._session, messages.FORWARD_AGENT)
        return _Agent(await self._session.channel.call(messages.FORWARD_AGENT, [("buildkit.ssh.id", identifier)]))

    # --- outputs ---

    async def send_archive(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        """See `BuildClient`."""
        require(self._session, messages.SEND_FILES)
        headers = [(f"exporter-md-{name.lower()}", _header_value(value)) for name, value in metadata.items()]
        async with await self._session.channel.call(messages.SEND_FILES, self._output(headers)) as call:
            async for chunk in chunks:
                pieces = (chunk[at : at + _PIECE] for at in range(0, len(chunk), _PIECE))
                await call.send([encode(messages.BytesMessage(data=piece)) for piece in pieces])
            await call.send([], end=True)
            await call.receive_rest()

    async def send_directory(self, root: Path) -> None:
        """See `BuildClient`."""
        require(self._session, messages.SEND_FILES)
        async with await self._session.channel.call(messages.SEND_FILES, self._output([])) as call:
            with opened(os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as fd:
                await _send(call, Sender(fd))

    def _output(self, headers: Headers) -> Headers:
        return [*headers, ("buildkit-attachable-exporter-id", str(self._exporter))]


def _listed(name: str, values: tuple[str, ...]) -> Headers:
    """Return a list as metadata.

    Text beyond ASCII goes as it is, which clients of every age understand; control characters and blanks at an end
    cannot, and only newer clients read the form that they are given then.
    """
    if any(_has_controls(value) or value != value.strip(" ") for value in values):
        encoded = (quote_plus(value, errors="surrogateescape") for value in values)
        return [*((name, value) for value in encoded), (f"{name}-encoded", "1")]
    return [(name, value) for value in values]


def _has_controls(value: str) -> bool:
    return any(ord(character) < 0x20 or ord(character) == 0x7F for character in value)


def _header_value(value: str) -> str:
    if _has_controls(value):
        raise InvalidArgument(f"{value!r} cannot be said of a build's output: it holds control characters")
    return value


async def _receive(call: Call, receiver: Receiver, count: Callable[[int], None]) -> None:
    """Carry a transfer to this side. What takes time happens in a thread, and has ended when this returns."""
    try:
        while batch := await call.receive():
            try:
                answers = await _in_thread(receiver.feed, batch)
            except (PoguError, OSError) as e:
                text = e.message if isinstance(e, PoguError) else str(e)
                await call.send([encode(Packet(type=PacketType.ERROR, data=text.encode(errors="replace")))])
                raise
            count(receiver.received)
            if answers:
                await call.send(answers)
        if not receiver.finished:
            raise Cancelled("the client ended the transfer before its end")
    finally:
        await _in_thread(receiver.close)


async def _send(call: Call, sender: Sender) -> None:
    """Carry a transfer to the other side."""
    replies = asyncio.create_task(call.receive())
    try:
        while True:
            if replies.done():
                if not (batch := replies.result()):
                    break
                sender.take(batch)
                replies = asyncio.create_task(call.receive())
            if packets := await _in_thread(sender.more):
                await call.send(packets, end=sender.finished)
            else:
                await asyncio.wait([replies])
    finally:
        replies.cancel()
        await asyncio.gather(replies, return_exceptions=True)
        await _in_thread(sender.close)


async def _in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Run a step of a transfer in a thread. When this is cancelled, the step has ended all the same."""
    step = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.gather(step, return_exceptions=True)
        raise


class _Agent:
    """A connection to an SSH agent; implements `Duplex`."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._ended = False

    async def receive(self) -> bytes:
        """See `Duplex`."""
        try:
            while batch := await self._call.receive():
                if data := b"".join(decode(messages.BytesMessage, message).data for message in batch):
                    return data
        except PoguError:
            pass  # however it ended, nothing more comes
        return b""

    async def send(self, data: bytes) -> None:
        """See `Duplex`."""
        try:
            await self._call.send([encode(messages.BytesMessage(data=data))])
        except PoguError as e:
            raise ConnectionError(e.message) from None

    async def close(self) -> None:
        """See `Duplex`."""
        await self._call.__aexit__(None, None, None)
