"""Making the sockets the API is served on: bound before the engine starts, so that clients wait and are not refused."""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import socket
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pogu.daemon import tls
from pogu.daemon.hosts import Host, InheritedHost, TcpHost, UnixHost, parse_host
from pogu.daemon.settings import Settings
from pogu.daemon.systemd import inherited_sockets
from pogu.errors import Conflict, InvalidArgument, PoguError

log = logging.getLogger(__name__)

DOCKER_SOCKET = Path("/var/run/docker.sock")
_BACKLOG = 1024


class Serves(Protocol):
    """What is asked of a server here."""

    async def listen_fd(self, fd: int, ssl: ssl.SSLContext | None = None) -> object: ...


@dataclass(slots=True)
class Listener:
    """A bound socket. `path` is the file to delete at the end, None where there is none or it is not ours."""

    host: Host
    socket: socket.socket
    context: ssl.SSLContext | None = None
    path: Path | None = None

    def __str__(self) -> str:
        return str(self.host)

    def close(self) -> None:
        """Close the socket and delete its file."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
        with contextlib.suppress(OSError):
            self.socket.close()


def open_listeners(settings: Settings) -> list[Listener]:
    """Bind every host of `settings`; on an error those already bound are closed again.

    Raises:
        InvalidArgument: an address, certificate or inherited socket is wrong, or a TCP listener lacks TLS.
        Conflict: somebody else listens there.
    """
    hosts = [parse_host(text, default_socket=settings.socket, tls=settings.tls) for text in settings.hosts]
    context = tls.server_context(settings) if settings.tls and any(isinstance(h, TcpHost) for h in hosts) else None
    inherited = inherited_sockets()
    opened: list[Listener] = []
    try:
        for host in hosts:
            opened.extend(_open(host, settings, context, inherited))
        if settings.get("docker-compat"):
            opened.extend(_docker_socket(settings))
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


async def serve(server: Serves, listeners: Sequence[Listener]) -> None:
    """Start accepting on every listener."""
    for listener in listeners:
        listener.socket.setblocking(False)
        await server.listen_fd(os.dup(listener.socket.fileno()), ssl=listener.context)


def _open(
    host: Host, settings: Settings, context: ssl.SSLContext | None, inherited: list[tuple[str, int]]
) -> list[Listener]:
    if isinstance(host, UnixHost):
        group = str(settings.get("group"))
        return [Listener(host, bind_unix(host.path, group, asked=settings.has("group")), path=host.path)]
    if isinstance(host, TcpHost):
        for warning in tls.check_listener(host, settings):
            log.warning(warning)
        return [_bind_tcp(host, context)]
    return _inherit(host, settings, context, inherited)


def bind_unix(path: Path, group: str, *, asked: bool = True) -> socket.socket:
    """Bind a Unix socket for `group` with mode 0660, replacing one that nobody listens on.

    Raises:
        Conflict: somebody listens there, or it is no socket.
        InvalidArgument: the group was `asked` for and does not exist, or the directory cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not _is_free(path):
        raise Conflict(f"{path} is in use by another program: stop it, or choose another -H unix://PATH")
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        old = os.umask(0o117)  # 0660 from the first moment
        try:
            s.bind(str(path))
        finally:
            os.umask(old)
        gid = _group_id(group, asked=asked)
        if gid is not None:
            os.chown(path, 0 if os.geteuid() == 0 else -1, gid)
        s.listen(_BACKLOG)
    except OSError as e:
        s.close()
        raise InvalidArgument(f"cannot listen on unix://{path}: {e.strerror or e}") from e
    except PoguError:
        s.close()
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return s


def _is_free(path: Path) -> bool:
    """Return whether nothing is at `path`, or a socket whose owner has gone."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
    except FileNotFoundError:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False
    return False


def _group_id(group: str, *, asked: bool) -> int | None:
    if not group:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if group.isdigit():
            return int(group)
        if asked:
            raise InvalidArgument(f"group {group} not found") from None
        log.debug("the group %s does not exist: only root may use the socket", group)
        return None


def _bind_tcp(host: TcpHost, context: ssl.SSLContext | None) -> Listener:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host.address, host.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as e:
        raise InvalidArgument(f"cannot listen on {host}: {e.strerror or e}") from e
    s = socket.socket(family, kind | socket.SOCK_CLOEXEC, proto)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(address)
        s.listen(_BACKLOG)
    except OSError as e:
        s.close()
        raise Conflict(f"cannot listen on {host}: {e.strerror or e}") from e
    return Listener(TcpHost(host.address, int(s.getsockname()[1])), s, context)


def _inherit(
    host: InheritedHost, settings: Settings, context: ssl.SSLContext | None, inherited: list[tuple[str, int]]
) -> list[Listener]:
    wanted = [(n, fd) for n, fd in inherited if host.name in {"", n, str(fd)}]
    if not wanted:
        raise InvalidArgument(
            f"no sockets found via socket activation: make sure the service was started by systemd ({host})"
        )
    listeners = []
    for name, fd in wanted:
        s = socket.socket(fileno=fd)
        if s.family in {socket.AF_INET, socket.AF_INET6}:
            address = TcpHost(*s.getsockname()[:2])
            for warning in tls.check_listener(address, settings):
                log.warning(warning)
            if settings.tls and context is None:
                context = tls.server_context(settings)
            listeners.append(Listener(InheritedHost(name or str(fd)), s, context))
        else:
            listeners.append(Listener(InheritedHost(name or str(fd)), s))
    return listeners


def _docker_socket(settings: Settings) -> list[Listener]:
    """Serve Docker's own socket as well, unless another program does or it is served already."""
    if any(text in {f"unix://{DOCKER_SOCKET}", "unix:///run/docker.sock"} for text in settings.hosts):
        return []
    group = "docker" if _group_id("docker", asked=False) is not None else str(settings.get("group"))
    try:
        s = bind_unix(DOCKER_SOCKET, group, asked=False)
    except PoguError as e:
        log.warning("--docker-compat: %s", e.message)
        return []
    return [Listener(UnixHost(DOCKER_SOCKET), s, path=DOCKER_SOCKET)]
