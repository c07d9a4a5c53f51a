"""What the client of a build can be asked for while it runs.

A classic build sends everything with its request and can be asked for nothing more; a client with a session (`POST
/session`) answers
for its directories, secrets, keys and logins, and takes what the build gives out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from pogu.errors import InvalidArgument, NotFound


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which files of a directory are wanted."""

    include: tuple[str, ...] = ()
    """Patterns as of `.dockerignore`, without negation; empty: all."""
    exclude: tuple[str, ...] = ()
    """Patterns as of `.dockerignore`, negation and order included."""
    follow: tuple[str, ...] = ()
    """Paths whose symbolic links are followed, so that their targets come too."""


class Login(msgspec.Struct, frozen=True):
    """A name and a password for a registry; a name of `<token>` means that the password is an identity token."""

    username: str
    secret: str


class Duplex(Protocol):
    """A connection to something of the client's, such as its SSH agent."""

    async def receive(self) -> bytes:
        """Return what came; `b""` at the end."""

    async def send(self, data: bytes) -> None:
        """Send it all; ConnectionError if the other side has gone."""

    async def close(self) -> None: ...


class BuildClient(Protocol):
    """Whoever asked for a build. All raise Unavailable when the client has gone."""

    async def fetch_directory(
        self, name: str, selection: Selection, target: Path, count: Callable[[int], None] = ...
    ) -> None:
        """Make `target` equal to what is selected of the client's directory `name` (`context`, `dockerfile` or a
        named context).

        `target` may hold what an earlier build brought from the same directory: what did not change (by type, mode,
        owner, size, time of modification, link target) is not sent again. `count` is told now and then how many bytes
        have come. InvalidArgument when the client has no such directory.
        """

    def directory_key(self, name: str) -> str:
        """Return the key under which what came of that directory may be kept for later builds; empty: not at all."""

    async def secret(self, identifier: str) -> bytes:
        """Return a secret; NotFound when the client has none of that name."""

    async def login(self, host: str) -> Login | None:
        """Return what to log in with at a registry."""

    async def check_agent(self, identifier: str) -> None:
        """NotFound unless the client forwards an SSH agent of that name (`default` for the unnamed one)."""

    async def open_agent(self, identifier: str) -> Duplex:
        """Return a new connection to the client's SSH agent."""

    async def send_archive(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        """Give the client the archive that it asked for as the build's output."""

    async def send_directory(self, root: Path) -> None:
        """Give the client the tree under `root` as the build's output."""


class SilentClient:
    """A client that sent everything with its request, its logins by host among it."""

    def __init__(self, logins: Mapping[str, Login]) -> None:
        self._logins = logins

    async def fetch_directory(
        self, name: str, selection: Selection, target: Path, count: Callable[[int], None] = lambda _: None
    ) -> None:
        raise InvalidArgument(f"the client of this build has no directory {name!r}: a classic build sends one context")

    def directory_key(self, name: str) -> str:
        return ""

    async def secret(self, identifier: str) -> bytes:
        raise NotFound(f"secret {identifier}: not found")

    async def login(self, host: str) -> Login | None:
        return self._logins.get(host)

    async def check_agent(self, identifier: str) -> None:
        raise NotFound(f"unset ssh forward key {identifier}")

    async def open_agent(self, identifier: str) -> Duplex:
        raise NotFound(f"unset ssh forward key {identifier}")

    async def send_archive(self, chunks: AsyncIterator[bytes], metadata: dict[str, str]) -> None:
        raise InvalidArgument("a classic build has no output but its image")

    async def send_directory(self, root: Path) -> None:
        raise InvalidArgument("a classic build has no output but its image")
