"""How calls end: gRPC's codes and Pogu's kinds of error, each as the other (grpc repository, doc/statuscodes.md)."""

from __future__ import annotations

import base64
import enum
from collections.abc import Mapping
from urllib.parse import unquote

from pogu.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    InvalidArgument,
    NotFound,
    PoguError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)


class Code(enum.IntEnum):
    """What `grpc-status` says."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Explained(PoguError):
    """An error of no kind that carries details: an encoded `google.rpc.Status` of the code UNKNOWN."""

    def __init__(self, message: str, details: bytes) -> None:
        super().__init__(message)
        self.details = details


_ERRORS: dict[Code, type[PoguError]] = {
    Code.CANCELLED: Cancelled,
    Code.INVALID_ARGUMENT: InvalidArgument,
    Code.DEADLINE_EXCEEDED: DeadlineExceeded,
    Code.NOT_FOUND: NotFound,
    Code.ALREADY_EXISTS: Conflict,
    Code.PERMISSION_DENIED: Forbidden,
    Code.RESOURCE_EXHAUSTED: TooLarge,
    Code.FAILED_PRECONDITION: Conflict,
    Code.ABORTED: Conflict,
    Code.OUT_OF_RANGE: InvalidArgument,
    Code.UNIMPLEMENTED: Unsupported,
    Code.UNAVAILABLE: Unavailable,
    Code.UNAUTHENTICATED: Unauthenticated,
}
_CODES: dict[type[PoguError], Code] = {
    InvalidArgument: Code.INVALID_ARGUMENT,
    Unauthenticated: Code.UNAUTHENTICATED,
    Forbidden: Code.PERMISSION_DENIED,
    NotFound: Code.NOT_FOUND,
    Conflict: Code.FAILED_PRECONDITION,
    TooLarge: Code.RESOURCE_EXHAUSTED,
    Unsupported: Code.UNIMPLEMENTED,
    Unavailable: Code.UNAVAILABLE,
    DeadlineExceeded: Code.DEADLINE_EXCEEDED,
    Cancelled: Code.CANCELLED,
    PoguError: Code.UNKNOWN,
}
# What an answer that is not gRPC's own means (grpc repository, doc/http-grpc-status-mapping.md).
_HTTP: dict[str, type[PoguError]] = {
    "400": PoguError,
    "401": Unauthenticated,
    "403": Forbidden,
    "404": Unsupported,
    "429": Unavailable,
    "502": Unavailable,
    "503": Unavailable,
    "504": Unavailable,
}


def code_of(error: PoguError) -> Code:
    """Return the code that says an error: that of the nearest class in the table."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def error_of(trailers: Mapping[str, str]) -> PoguError | None:
    """Return the error that a call's last headers say, None where it went well."""
    text = trailers.get("grpc-status")
    if text is None:
        status = trailers.get(":status", "200")
        if status == "200":
            return Unavailable("the stream ended without a status")
        return _HTTP.get(status, PoguError)(f"unexpected HTTP status {status}")
    if text == "0":
        return None
    message = unquote(trailers.get("grpc-message", ""), errors="replace") or f"the call ended with status {text}"
    try:
        return _ERRORS.get(Code(int(text)), PoguError)(message)
    except ValueError:
        return PoguError(message)


def trailers_of(error: PoguError | None) -> list[tuple[str, str]]:
    """Return the last headers of a call that ended so."""
    if error is None:
        return [("grpc-status", "0")]
    trailers = [("grpc-status", str(int(code_of(error)))), ("grpc-message", _percent_encoded(error.message))]
    if isinstance(error, Explained):
        trailers.append(("grpc-status-details-bin", base64.b64encode(error.details).decode().rstrip("=")))
    return trailers


def _percent_encoded(message: str) -> str:
    """Return it with everything but visible ASCII and the space as %XX of its UTF-8 bytes."""
    raw = message.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}" for byte in raw)
