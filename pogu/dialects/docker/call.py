"""One request as a handler sees it: its version, and its parameters read by Docker's rules."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec

from pogu.dialects.docker import version as versions
from pogu.dialects.docker.decoding import decode_json
from pogu.dialects.docker.filters import Filters, parse_filters
from pogu.dialects.docker.times import parse_timestamp
from pogu.errors import InvalidArgument
from pogu.http import Request, Response

T = TypeVar("T", bound=msgspec.Struct)

BODY_LIMIT = 4 << 20  # bytes of a JSON body; what clients send is below 100 KB
_FALSE = ("", "0", "no", "false", "none")
_INT64 = range(-(2**63), 2**63)


class Call:
    """A request, the API version to answer it in, and readers of its query.

    The readers raise InvalidArgument for values that Docker refuses.
    """

    __slots__ = ("request", "version")

    def __init__(self, request: Request, version: versions.ApiVersion) -> None:
        self.request = request
        self.version = version

    def param(self, name: str) -> str:
        """Return a part of the path."""
        return self.request.params[name]

    def text(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        value = self.request.query.get(name)
        return default if value is None else value

    def texts(self, name: str) -> list[str]:
        """Return every value of a query parameter."""
        return list(self.request.query.get_all(name))

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a truth value: false where it is empty, 0, no, false or none; `default` where it is not given."""
        value = self.request.query.get(name)
        return default if value is None else value.strip().lower() not in _FALSE

    def integer(self, name: str) -> int | None:
        """Return a whole number of 64 bits, None where it is empty or not given."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"[+-]?[0-9]+", value):
            raise InvalidArgument(f'strconv.Atoi: parsing "{value}": invalid syntax')
        if len(value) > 20 or int(value) not in _INT64:
            raise InvalidArgument(f'strconv.Atoi: parsing "{value}": value out of range')
        return int(value)

    def size(self, name: str, what: str) -> int:
        """Return a 32-bit size that must be given, as the height and width of a terminal."""
        value = self.text(name)
        if not re.fullmatch(r"-?[0-9]+", value):
            raise InvalidArgument(f'invalid resize {what} "{value}": invalid syntax')
        if len(value) > 11 or not 0 <= int(value) < 2**32:
            raise InvalidArgument(f'invalid resize {what} "{value}": value out of range')
        return int(value)

    def timestamp(self, name: str) -> int | None:
        """Return Unix nanoseconds of a `seconds[.nanoseconds]` value, None where it is empty."""
        return parse_timestamp(name, self.text(name))

    def filters(self) -> Filters:
        """Return the filters."""
        return parse_filters(self.text("filters"))

    async def body(self, type_: type[T]) -> T:
        """Return the JSON body, all defaults where there is none."""
        if not self.has_body():
            return type_()
        self._check_content_type()
        return decode_json(await self.request.read_body(BODY_LIMIT), type_)

    async def body_required(self, type_: type[T]) -> T:
        """Return the JSON body; an empty one is refused."""
        if self.has_body():
            self._check_content_type()
        return decode_json(await self.request.read_body(BODY_LIMIT), type_)

    def has_body(self) -> bool:
        """Tell whether the client announced a body."""
        headers = self.request.headers
        return headers.get("Transfer-Encoding") is not None or headers.get("Content-Length", "0") != "0"

    def _check_content_type(self) -> None:
        header = self.request.headers.get("Content-Type") or ""
        kind = header.partition(";")[0].strip().lower()
        if not kind:
            raise InvalidArgument(f"malformed Content-Type header ({header}): mime: no media type")
        if kind != "application/json":
            raise InvalidArgument(f"unsupported Content-Type header ({header}): must be 'application/json'")


def json_response(value: Any, status: int = 200) -> Response:
    """Return an answer of one JSON value, ended by a line feed as Go's encoder ends it."""
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(value) + b"\n")


def empty_response(status: int = 204) -> Response:
    """Return an answer without a body."""
    return Response(status, [], b"")


def stream_response(body: AsyncIterator[bytes], content_type: str = "application/json") -> Response:
    """Return an answer that goes out piece by piece."""
    return Response(200, [("Content-Type", content_type)], body)


async def primed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return `body` with its first piece fetched: what fails before it becomes an error answer, not a broken one."""
    try:
        first = await anext(body)
    except StopAsyncIteration:
        first = b""
    return _resumed(first, body)


async def _resumed(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await close_iterator(rest)


async def close_iterator(iterator: AsyncIterator[object]) -> None:
    """Let an async generator clean up now, wherever it stands."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
