"""The Docker Engine API as one handler: versions in front, the route table behind, errors in Docker's words."""

from __future__ import annotations

import logging
from contextvars import ContextVar

import msgspec

import pogu
from pogu.dialects.buildkit.sessions import Sessions
from pogu.dialects.docker import version as versions
from pogu.dialects.docker.absent import absent_routes
from pogu.dialects.docker.archives import ArchiveRoutes
from pogu.dialects.docker.buildkit import BuildKitRoutes
from pogu.dialects.docker.builds import BuildRoutes
from pogu.dialects.docker.call import Call
from pogu.dialects.docker.container_create import CreateRoutes
from pogu.dialects.docker.container_streams import StreamRoutes
from pogu.dialects.docker.containers import ContainerRoutes
from pogu.dialects.docker.errors import body_of, failure_text, status_of
from pogu.dialects.docker.exec import ExecRoutes
from pogu.dialects.docker.explanation import ExplanationRoutes
from pogu.dialects.docker.images import ImageRoutes
from pogu.dialects.docker.networks import NetworkRoutes
from pogu.dialects.docker.openapi import describe
from pogu.dialects.docker.registries import RegistryRoutes
from pogu.dialects.docker.routes import Route
from pogu.dialects.docker.system import SystemRoutes
from pogu.dialects.docker.verification import VerificationRoutes
from pogu.dialects.docker.volumes import VolumeRoutes
from pogu.engine.engine import Engine
from pogu.errors import InvalidArgument, NotFound, PoguError
from pogu.http import Handler as HttpHandler
from pogu.http import Request, Response, Router

log = logging.getLogger("pogu.dialects.docker")

_NOT_FOUND = "page not found"
_version: ContextVar[versions.ApiVersion] = ContextVar("api_version")  # of the request that is being answered


class DockerApi:
    """Answers Docker's API for one engine. Give it to a `Server`; `routes` says what it serves."""

    def __init__(self, engine: Engine) -> None:
        self.routes = all_routes(engine)
        self._description: bytes | None = None
        self._headers = [
            ("Api-Version", versions.render(versions.MAXIMUM)),
            ("Docker-Experimental", str(engine.config.experimental).lower()),
            ("Ostype", "linux"),
            ("Server", f"Pogu/{pogu.__version__} (linux)"),
        ]
        self.router = Router()
        self.router.on_not_found = lambda _: render_error(NotFound(_NOT_FOUND))
        self.router.on_method_not_allowed = lambda _, __: render_error(NotFound(_NOT_FOUND))
        self.router.on_error = render_failure
        for route in self.routes:
            self.router.add(route.method, route.path, _bind(route), cancel_on_disconnect=route.watched)
        self.router.add("GET", "/openapi.json", self._describe)

    async def __call__(self, request: Request) -> Response | None:
        """Answer one request."""
        prefix, request.route_path = versions.split_path(request.route_path)
        try:
            _version.set(versions.negotiate(prefix))
        except InvalidArgument as e:
            response: Response | None = render_error(e, plain=versions.parse(prefix or "") < versions.MINIMUM)
        else:
            response = Response(200) if request.method == "OPTIONS" else await self.router(request)
        if response is not None:
            response.headers += self._headers
        return response

    async def _describe(self, request: Request) -> Response:
        if self._description is None:
            self._description = msgspec.json.encode(describe(self.routes))
        return Response(200, [("Content-Type", "application/json")], self._description)


def _bind(route: Route) -> HttpHandler:
    """Make the table's handler into one of the HTTP room's."""

    async def handler(request: Request) -> Response | None:
        version = _version.get()
        if version < route.since:
            raise NotFound(_NOT_FOUND)
        return await route.handler(Call(request, version))

    return handler


def all_routes(engine: Engine) -> list[Route]:
    """Return the route table. Fixed paths stand before those whose names may swallow slashes."""
    sessions = Sessions()
    rooms = (
        SystemRoutes(engine),
        CreateRoutes(engine),
        ContainerRoutes(engine),
        StreamRoutes(engine),
        ArchiveRoutes(engine),
        ExecRoutes(engine),
        ImageRoutes(engine),
        RegistryRoutes(engine),
        BuildRoutes(engine, sessions),
        BuildKitRoutes(engine, sessions),
        NetworkRoutes(engine),
        VolumeRoutes(engine),
        VerificationRoutes(engine),
        ExplanationRoutes(engine),
    )
    table = [*(route for room in rooms for route in room.routes()), *absent_routes()]
    return sorted(table, key=lambda route: "{" in route.path)


def render_failure(request: Request, error: Exception) -> Response:
    """Return the answer to a request whose handler failed."""
    if isinstance(error, PoguError):
        return render_error(error)
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return render_error(PoguError(failure_text(error)))


def render_error(error: PoguError, plain: bool = False) -> Response:
    """Return the answer for an error; `plain` text for clients so old that they would print the JSON."""
    status = status_of(error)
    if type(error) is PoguError:
        log.error("%s", error.message)
    if status == 304:
        return Response(status)
    if plain:
        return Response(status, [("Content-Type", "text/plain; charset=utf-8")], error.message.encode() + b"\n")
    return Response(status, [("Content-Type", "application/json")], body_of(error.message))
