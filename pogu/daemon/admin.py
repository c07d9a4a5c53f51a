"""The daemon's own few operations under `/_pogu/`, beside the dialects: shutting down and describing itself.

They are for whoever could send the process a signal anyway: callers on a Unix socket, or with a client certificate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pogu.errors import Forbidden, InvalidArgument, NotFound, PoguError
from pogu.http import Request, Response

PREFIX = "/_pogu/"


class AdminApi:
    """Answers `POST /_pogu/shutdown[?containers=true]` and `GET /_pogu/debug`."""

    def __init__(self, shut_down: Callable[[bool], None], describe: Callable[[], dict[str, Any]]) -> None:
        self._shut_down = shut_down
        self._describe = describe

    async def __call__(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except Forbidden as e:
            return _json(403, {"message": e.message})
        except InvalidArgument as e:
            return _json(400, {"message": e.message})
        except PoguError as e:
            return _json(404, {"message": e.message})

    def _answer(self, request: Request) -> Response:
        if request.peer.kind != "unix" and not request.peer.certificate:
            raise Forbidden("this needs the daemon's Unix socket, or a client certificate")
        if (request.method, request.path) == ("POST", f"{PREFIX}shutdown"):
            containers = request.query.get("containers", "false")
            if containers not in {"true", "false", "1", "0"}:
                raise InvalidArgument(f"containers must be true or false, not {containers!r}")
            self._shut_down(containers in {"true", "1"})
            return _json(202, {})
        if (request.method, request.path) == ("GET", f"{PREFIX}debug"):
            return _json(200, self._describe())
        raise NotFound("page not found")


def _json(status: int, value: object) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(value) + b"\n")
