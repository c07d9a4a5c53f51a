"""Daemons behind ssh: `ssh://[user@]host[:port][/path]`, reached as the docker command reaches them.

`ssh` runs `docker system dial-stdio` over there, which carries bytes to the daemon's socket; the arguments are those of
docker 28 (docker/cli, cli/connhelper), so that what is set up for it (`~/.ssh/config`, forced commands) fits. Where
that has no daemon, `pogu system dial-stdio` is tried. ssh has a session of its own, as docker gives it: what is typed
to interrupt this command does not cut its connections, and ssh cannot ask for a password, so keys are needed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from pogu.errors import InvalidArgument, PoguError

REMOTE_PROGRAMS = ("docker", "pogu")
_FLAGS = ("-o ConnectTimeout=30", "-T")
_SSH_FAILED = 255  # ssh(1), EXIT STATUS: an error of its own; all else is the remote command's
_PING = b"HEAD /_ping HTTP/1.1\r\nHost: pogu\r\nUser-Agent: pogu\r\n\r\n"
_END_OF_HEAD = b"\r\n\r\n"
_PATIENCE = 3  # seconds that ssh may take to end
_SHOWN = 4096  # bytes of what ssh said


class SshFailed(PoguError):
    """There is no way to a daemon through ssh. `ssh_itself` says that ssh failed, not what ran on the other host."""

    def __init__(self, message: str, *, ssh_itself: bool = False) -> None:
        super().__init__(message)
        self.ssh_itself = ssh_itself


class SshHost(NamedTuple):
    """Where a daemon is: `path` is its socket on that host, "" for the one that the program there takes."""

    host: str
    user: str = ""
    port: str = ""
    path: str = ""

    def arguments(self, program: str) -> list[str]:
        """Return the command line that runs `PROGRAM system dial-stdio` over there."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", self.port] if self.port else []
        socket_ = ["--host", shlex.quote(f"unix://{self.path}")] if self.path.strip("/") else []
        remote = [program, *socket_, "system", "dial-stdio"]
        return ["ssh", *_FLAGS, *user, *port, "--", self.host, *remote]


def parse_ssh(url: str) -> SshHost:
    """Return what an `ssh://` address names. Raises InvalidArgument in docker's words."""
    rest = url.removeprefix("ssh://")
    for mark, kind in (("#", "fragments"), ("?", "query parameters")):
        rest, found, more = rest.partition(mark)
        if found and more:
            raise _wrong(f'{kind} are not allowed: "{more}"')
    authority, slash, path = rest.partition("/")
    user, _, place = authority.rpartition("@")
    name, colon, _ = user.partition(":")
    if colon:
        raise _wrong("plain-text password is not supported")
    host, bracket, after = place.removeprefix("[").partition("]") if place.startswith("[") else (place, "", place)
    if not bracket:
        host, after = place.partition(":")[0], place[len(place.partition(":")[0]) :]
    port = after.removeprefix(":")
    if after and (after[0] != ":" or not port.isdecimal()) and after != ":":
        raise InvalidArgument(f'parse "{url}": invalid port "{after}" after host')
    if not host:
        raise _wrong("hostname is empty")
    return SshHost(unquote(host), unquote(name), port, unquote(slash + path))


def _wrong(reason: str) -> InvalidArgument:
    return InvalidArgument(f"ssh host connection is not valid: invalid SSH URL: {reason}")


class Tunnel(socket.socket):
    """One ssh process as a connection: what is sent is its input, what is received its output.

    Shutting the sending half down is the end of its input. Closing ends the process.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        """Start `argv`. Raises SshFailed where there is no such program."""
        self._argv = list(argv)
        self._said = os.memfd_create("ssh-stderr")  # a file, so that a talkative ssh never waits for a reader
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    self._argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=self._said, start_new_session=True
                )
        except OSError as e:
            ours.close()
            os.close(self._said)
            raise SshFailed(f"cannot run {argv[0]}: {e.strerror}", ssh_itself=True) from e
        super().__init__(fileno=ours.detach())

    def ping(self) -> bool:
        """Ask the daemon for a sign of life; True if the connection can be used for the next request.

        Raises:
            SshFailed: the process ended without an answer.
        """
        answer = b""
        with contextlib.suppress(ConnectionError):
            self.sendall(_PING)
        while not answer.endswith(_END_OF_HEAD):  # an answer to HEAD ends with its head
            try:
                data = self.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise self._failure()
            answer += data
        return b"\r\nconnection: close" not in answer.lower()

    def close(self) -> None:
        """End the process and the connection."""
        if self.fileno() < 0:
            return
        super().close()
        os.close(self._said)
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _failure(self) -> SshFailed:
        """Return why the process ended, in docker's words."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return SshFailed(f"command [{' '.join(self._argv)}] ends its output, but not itself")
        said = os.pread(self._said, _SHOWN, 0).decode(errors="replace").strip()
        how = f"exit status {code}" if code >= 0 else f"signal {-code}"
        text = f"command [{' '.join(self._argv)}] has exited with {how}: {said or 'it said nothing'}"
        return SshFailed(text, ssh_itself=code == _SSH_FAILED)


class Tunnels:
    """Connections to one daemon; which program carries them is found out by the first."""

    def __init__(self, host: SshHost) -> None:
        self._host = host
        self._program = ""

    def open(self) -> Tunnel:
        """Return a connection to the daemon. Raises SshFailed."""
        if self._program:
            return Tunnel(self._host.arguments(self._program))
        failures: list[str] = []
        for program in REMOTE_PROGRAMS:
            try:
                return self._first(program)
            except SshFailed as e:
                failures.append(e.message)
                if e.ssh_itself:
                    break
        raise SshFailed("\n".join(failures))

    def _first(self, program: str) -> Tunnel:
        tunnel = Tunnel(self._host.arguments(program))
        try:
            usable = tunnel.ping()
        except BaseException:
            tunnel.close()
            raise
        self._program = program
        if usable:
            return tunnel
        tunnel.close()
        return Tunnel(self._host.arguments(program))
