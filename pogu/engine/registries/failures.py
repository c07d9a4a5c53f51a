"""What registries answer when they refuse, and what the network says when they do not answer, in Docker's words.

A registry's error is `{"errors": [{"code": …, "message": …, "detail": …}]}` (distribution-spec, "Error Codes").
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl

import msgspec

from pogu.errors import Forbidden, InvalidArgument, NotFound, PoguError, TooLarge, Unauthenticated, Unavailable

_BY_STATUS = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NOT_FOUND",
    405: "UNSUPPORTED",
    413: "TOO_LARGE",
    429: "TOOMANYREQUESTS",
}
_WORDS = {
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "NAME_UNKNOWN": "repository name not known to registry",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "TOOMANYREQUESTS": "too many requests",
}
_KINDS: dict[int, type[PoguError]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    413: TooLarge,
    429: Unavailable,
}
_CONNECTING = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)
_DETAIL = 300  # characters of an answer that is no error document
_LISTED = 3


class Unreachable(Unavailable):
    """No answer came: no connection, or it broke. Another attempt may succeed."""


class RegistryError(PoguError):
    """A registry refused. `status` is HTTP's, `code` one of the specification's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code.lower().replace('_', ' ')}: {message}")
        self.status = status
        self.code = code

    @property
    def passing(self) -> bool:
        """Whether another attempt may succeed."""
        return self.status >= 500 or self.status in (408, 429)

    def plain(self, message: str = "") -> PoguError:
        """Return the error of Pogu's own kinds that this is."""
        return _KINDS.get(self.status, PoguError)(message or self.message)


class _Item(msgspec.Struct):
    code: str = "UNKNOWN"
    message: str | None = ""


class _Document(msgspec.Struct):
    errors: list[_Item] | None = None
    details: str | None = ""  # what token servers say


def refusal(status: int, body: bytes, url: str, unknown: str = "NOT_FOUND") -> RegistryError:
    """Return the error of an answer; `unknown` is the code of a 404 that does not say what is missing."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document = _Document()
    items = (document.errors or [])[:_LISTED]
    if items:
        first = items[0]
        message = first.message or _WORDS.get(first.code, first.code.lower())
        more = "".join(f"; {item.code.lower().replace('_', ' ')}: {item.message}" for item in items[1:])
        return RegistryError(status, first.code or "UNKNOWN", message + more)
    code = unknown if status == 404 else _BY_STATUS.get(status, "UNKNOWN")
    if code in _WORDS:
        return RegistryError(status, code, document.details or _WORDS[code])
    reason = f"{status} {http.client.responses.get(status, '')}".strip()
    text = body.decode(errors="replace").strip()[:_DETAIL]
    shown = f": {text}" if text and not text.startswith("<") else ""
    return RegistryError(status, code, f"received unexpected HTTP status from {url}: {reason}{shown}")


def unreachable(what: str, error: BaseException, host: str = "") -> Unreachable:
    """Return the error of a request (`Get "https://…"`) to `host` that found nobody, or was cut off."""
    return Unreachable(f"{what}: {_reason(error, host)}")


def _reason(error: BaseException, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = {
            18: "certificate signed by unknown authority",
            19: "certificate signed by unknown authority",
            20: "certificate signed by unknown authority",
            10: "certificate has expired or is not yet valid",
        }
        reason = words.get(error.verify_code, error.verify_message or str(error))
        return f"tls: failed to verify certificate: x509: {reason}"
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
            return "http: server gave HTTP response to HTTPS client"
        return f"remote error: tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        name = host.rpartition(":")[0] or host
        unknown = error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
        return f"dial tcp: lookup {name}: " + ("no such host" if unknown else str(error.strerror).lower())
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if isinstance(error, (http.client.IncompleteRead, http.client.RemoteDisconnected)):
        return "unexpected EOF"
    if isinstance(error, http.client.HTTPException):
        return f"malformed HTTP response: {error}" if str(error) else "malformed HTTP response"
    if isinstance(error, OSError) and error.errno:
        call = f"dial tcp {host}: connect: " if error.errno in _CONNECTING else ""
        return call + os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
