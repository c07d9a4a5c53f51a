"""BuildKit's ways in: connections that become gRPC, each side calling the other on one of them."""

from __future__ import annotations

from pogu.dialects.buildkit.control import Control
from pogu.dialects.buildkit.sessions import Sessions
from pogu.dialects.docker.call import Call
from pogu.dialects.docker.routes import Answer, Route
from pogu.engine.engine import Engine
from pogu.errors import InvalidArgument
from pogu.http import Response


class BuildKitRoutes:
    """Handlers of what is taken over for gRPC."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._sessions = sessions
        self._control = Control(engine.builder, sessions)

    async def session(self, call: Call) -> Response | None:
        headers = call.request.headers
        self._sessions.check(headers)
        await self._sessions.serve(headers, await call.request.take_over(101))
        return None

    async def grpc(self, call: Call) -> Response | None:
        protocol = call.request.headers.get("Upgrade") or ""
        if protocol != "h2c":
            raise InvalidArgument(f"protocol {protocol} not supported" if protocol else "no upgrade proto in request")
        await self._control.services.serve(await call.request.take_over(101))
        return None

    def routes(self) -> list[Route]:
        """Return the operations."""
        return [
            Route(
                "POST",
                "/session",
                self.session,
                "Session",
                "Answer a build's questions: HTTP/2 and gRPC on the connection, called by the daemon (Upgrade: h2c)",
                answers={101: Answer("The connection is the session's", None)},
                errors=(400, 409, 500),
                since=(1, 31),
            ),
            Route(
                "POST",
                "/grpc",
                self.grpc,
                "Grpc",
                "Call BuildKit's services: HTTP/2 and gRPC on the connection, called by the client (Upgrade: h2c)",
                answers={101: Answer("The connection is gRPC's", None)},
                errors=(400, 500),
                since=(1, 38),
            ),
        ]
