"""BuildKit's ways in: `POST /session`, where a client answers calls of ours."""

from __future__ import annotations

from pogu.dialects.buildkit.sessions import Sessions
from pogu.dialects.docker.call import Call
from pogu.dialects.docker.routes import Answer, Route
from pogu.http import Response


class BuildKitRoutes:
    """Handlers of what is taken over for gRPC."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def session(self, call: Call) -> Response | None:
        headers = call.request.headers
        self._sessions.check(headers)
        await self._sessions.serve(headers, await call.request.take_over(101))
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
        ]
