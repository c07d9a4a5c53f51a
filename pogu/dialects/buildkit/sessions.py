"""The clients that have opened a session and answer calls on it: `POST /session`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from pogu.dialects.buildkit.grpc import Channel, Connection, Wire
from pogu.dialects.buildkit.messages import session as messages
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError, Unavailable, Unsupported
from pogu.http import Headers

log = logging.getLogger(__name__)

WAIT = 5.0  # seconds that a build waits for its client's session, which is opened at the same time
_HEALTH_EVERY = 5.0
_HEALTH_WITHIN = 15.0  # seconds for an answer; a transfer may keep a client busy
_FAILURES = 2  # one after the other


class Session:
    """One client that answers calls."""

    def __init__(self, identifier: str, name: str, shared_key: str, methods: Sequence[str], wire: Wire) -> None:
        self.id = identifier
        self.name = name
        self.shared_key = shared_key
        """The same for every session of the same directory of the same client; may be empty."""
        self._methods = frozenset(method.lower() for method in methods)
        self._connection = Connection(wire, client_side=True)
        self.channel = Channel(self._connection)

    def supports(self, method: str) -> bool:
        """Tell whether the client answers `/package.Service/Method`."""
        return method.lower() in self._methods

    @property
    def closed(self) -> asyncio.Event:
        """Set once the client is gone."""
        return self._connection.closed

    @property
    def heard(self) -> asyncio.Event:
        """Set once the client has said something."""
        return self._connection.introduced

    async def run(self) -> None:
        """Carry the session until the client leaves, or no longer answers."""
        async with asyncio.TaskGroup() as tasks:
            health = tasks.create_task(self._watch_health())
            await self._connection.run()
            health.cancel()

    async def _watch_health(self) -> None:
        failures = 0
        while failures < _FAILURES:
            await asyncio.sleep(_HEALTH_EVERY)
            try:
                await self.channel.unary(
                    messages.HEALTH_CHECK, messages.HealthCheckRequest(), messages.HealthCheckResponse,
                    timeout=_HEALTH_WITHIN,
                )  # fmt: skip
                failures = 0
            except Unsupported:
                return
            except PoguError as e:
                failures += 1
                log.info("session %s does not answer: %s", self.id, e.message)
        self._connection.close()


class Sessions:
    """The live sessions by their ID."""

    def __init__(self) -> None:
        self._live: dict[str, Session] = {}
        self._waiting: dict[str, list[asyncio.Future[Session]]] = {}

    def check(self, headers: Headers) -> str:
        """Return the ID of the session that a request wants to open. Raises InvalidArgument, Conflict."""
        identifier = headers.get("X-Docker-Expose-Session-Uuid") or ""
        protocol = headers.get("Upgrade") or ""
        if not protocol:
            raise InvalidArgument("no upgrade proto in request")
        if protocol != "h2c":
            raise InvalidArgument(f"protocol {protocol} not supported")
        if not identifier:
            raise InvalidArgument("the header X-Docker-Expose-Session-Uuid is missing")
        if identifier in self._live:
            raise Conflict(f"session {identifier} already exists")
        return identifier

    async def serve(self, headers: Headers, wire: Wire) -> None:
        """Keep a session that a request with these headers has opened until its connection ends."""
        session = Session(
            self.check(headers),
            headers.get("X-Docker-Expose-Session-Name") or "",
            headers.get("X-Docker-Expose-Session-Sharedkey") or "",
            headers.get_all("X-Docker-Expose-Session-Grpc-Method"),
            wire,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                announcing = tasks.create_task(self._announce(session))
                await session.run()
                announcing.cancel()
        finally:
            if self._live.get(session.id) is session:
                del self._live[session.id]

    async def _announce(self, session: Session) -> None:
        """Let builds have a session once its client is heard.

        Docker's command hangs when all is over before it has got so far (`Close` before `Run` has its connection).
        """
        await session.heard.wait()
        self._live[session.id] = session
        for waiter in self._waiting.pop(session.id, []):
            if not waiter.done():
                waiter.set_result(session)

    async def get(self, identifier: str, wait: float = WAIT) -> Session:
        """Return a live session, as soon as it is there. Raises NotFound after `wait` seconds."""
        if session := self._live.get(identifier):
            return session
        waiter: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(identifier, []).append(waiter)
        try:
            async with asyncio.timeout(wait):
                return await waiter
        except TimeoutError:
            raise NotFound(f"no active session for {identifier}: context deadline exceeded") from None
        finally:
            waiters = self._waiting.get(identifier, [])
            if waiter in waiters:
                waiters.remove(waiter)
                if not waiters:
                    del self._waiting[identifier]


def require(session: Session, method: str) -> None:
    """Raise Unavailable when the client is gone, Unsupported when it has no such method."""
    if session.closed.is_set():
        raise Unavailable("the client of the build has gone")
    if not session.supports(method):
        raise Unsupported(f"method {method} not supported by the client")
