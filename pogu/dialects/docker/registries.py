"""Registries as Docker's API shows them: logging in, looking an image up, searching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from pogu.dialects.docker.call import Call, json_response
from pogu.dialects.docker.filters import Filters, check_keys
from pogu.dialects.docker.routes import Route, filters, found, listing, text
from pogu.engine.archive import run_in_thread
from pogu.engine.engine import Engine
from pogu.engine.registries import Canceller, Credentials, RegistryError, decode_credentials
from pogu.errors import InvalidArgument
from pogu.http import Response

T = TypeVar("T")
_SEARCH_FILTERS = ("is-automated", "is-official", "stars")
_DEFAULT_LIMIT = 25
_MOST = 100


class RegistryRoutes:
    """Handlers of `/auth`, `/distribution` and `/images/search`."""

    def __init__(self, engine: Engine) -> None:
        self._images = engine.images

    async def auth(self, call: Call) -> Response:
        wanted = await call.body_required(Credentials)
        logged_in = await self._ask(lambda canceller: self._images.registries.login(wanted, canceller))
        return json_response({"Status": "Login Succeeded", "IdentityToken": logged_in.identity_token})

    async def distribution(self, call: Call) -> Response:
        who = _credentials(call)
        found = await self._images.look_up(call.param("name"), who)
        platforms = [
            {"architecture": p.architecture, "os": p.os, **({"variant": p.variant} if p.variant else {})}
            for p in found.platforms
        ]
        descriptor = {"mediaType": found.media_type, "digest": found.digest, "size": found.size}
        return json_response({"Descriptor": descriptor, "Platforms": platforms})

    async def search(self, call: Call) -> Response:
        limit = _limit(call.text("limit"))
        wanted = call.filters()
        check_keys(wanted, _SEARCH_FILTERS)
        keep = _search_filter(wanted)
        who = _credentials(call)
        term = call.text("term")
        results = await self._ask(lambda canceller: self._images.registries.search(term, limit, who, canceller))
        rows = [msgspec.convert(result, _Result, strict=False) for result in results]
        return json_response([row for row in rows if keep(row)])

    async def _ask(self, work: Callable[[Canceller], T]) -> T:
        canceller = Canceller()
        try:
            return await run_in_thread(lambda: work(canceller), canceller.cancel, "registry")
        except RegistryError as e:
            raise e.plain() from None

    def routes(self) -> Sequence[Route]:
        """Return the operations."""
        return [
            Route(
                "POST",
                "/auth",
                self.auth,
                "SystemAuth",
                "Log in to a registry",
                (),
                Credentials,
                found("Whether it worked", "LoggedIn"),
                (400, 401, 500, 503),
                watched=True,
            ),
            Route(
                "GET",
                "/images/search",
                self.search,
                "ImageSearch",
                "Search for images",
                (text("term", "Words", True), text("limit", "At most so many"), filters(_SEARCH_FILTERS)),
                None,
                listing("What was found", "SearchResult"),
                (400, 401, 404, 500, 503),
                watched=True,
            ),
            Route(
                "GET",
                "/distribution/{name:path}/json",
                self.distribution,
                "DistributionInspect",
                "Look an image up in its registry",
                (),
                None,
                found("What the registry has", "DistributionInspect"),
                (400, 401, 403, 404, 500, 503),
                since=(1, 30),
                watched=True,
            ),
        ]


class _Result(msgspec.Struct):
    """One line of a search; registries leave out what does not apply."""

    name: str = ""
    description: str | None = ""
    star_count: int = 0
    is_official: bool = False
    is_automated: bool = False


def _credentials(call: Call) -> Credentials:
    return decode_credentials(call.request.headers.get("X-Registry-Auth") or "")


def _limit(value: str) -> int:
    if value and not (value.isascii() and value.isdigit()):
        raise InvalidArgument("invalid limit specified")
    limit = int(value or 0) or _DEFAULT_LIMIT
    if limit > _MOST:
        raise InvalidArgument(f"limit {limit} is outside the range of [1, {_MOST}]")
    return limit


def _search_filter(wanted: Filters) -> Callable[[_Result], bool]:
    def flag(name: str) -> bool | None:
        values = set(wanted.get(name) or ())
        if values - {"true", "false", "1", "0"} or len(values) > 1:
            raise InvalidArgument(f"invalid filter '{name}={sorted(values)}'")
        return None if not values else bool(values & {"true", "1"})

    official, automated = flag("is-official"), flag("is-automated")
    stars = [str(value) for value in wanted.get("stars") or ()]
    if not all(value.isascii() and value.isdigit() for value in stars):
        raise InvalidArgument(f"invalid filter 'stars={stars}'")
    least = max(map(int, stars), default=0)

    def keep(row: _Result) -> bool:
        wrong = (official not in (None, row.is_official)) or (automated not in (None, row.is_automated))
        return not wrong and row.star_count >= least

    return keep
