"""What a registry refuses, in the words of the specification ("Error Codes"), and the JSON body that says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pogu import errors
from pogu.http import Response

STATUS = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 400,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "SIZE_INVALID": 400,
    "UNAUTHORIZED": 401,
    "DENIED": 403,
    "UNSUPPORTED": 405,
    "TOOMANYREQUESTS": 429,
}
"""The codes of the specification, and the status each is answered with unless the refusal says another."""

_BY_KIND: list[tuple[type[errors.PoguError], int, str]] = [
    (errors.Unauthenticated, 401, "UNAUTHORIZED"),
    (errors.Forbidden, 403, "DENIED"),
    (errors.NotFound, 404, "NAME_UNKNOWN"),
    (errors.TooLarge, 413, "SIZE_INVALID"),
    (errors.Unsupported, 405, "UNSUPPORTED"),
    (errors.Unavailable, 503, "TOOMANYREQUESTS"),
    (errors.DeadlineExceeded, 408, "BLOB_UPLOAD_INVALID"),
    (errors.Conflict, 409, "BLOB_UPLOAD_INVALID"),
    (errors.InvalidArgument, 400, "UNSUPPORTED"),
]


class Refused(errors.PoguError):
    """A request that is refused with a code of the specification; `headers` go with the answer."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: Any = None,
        *,
        status: int | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
        self.status = STATUS[code] if status is None else status
        self.headers = list(headers)


def refusal(error: errors.PoguError) -> Refused:
    """The refusal that says what an error of the taxonomy means to a client; raises the error again if none does."""
    if isinstance(error, Refused):
        return error
    for kind, status, code in _BY_KIND:
        if isinstance(error, kind):
            return Refused(code, error.message, status=status)
    raise error


def render(refused: Refused) -> Response:
    """The answer for a refusal: `{"errors": [{"code", "message", "detail"}]}`."""
    entry: dict[str, Any] = {"code": refused.code, "message": refused.message}
    if refused.detail is not None:
        entry["detail"] = refused.detail
    body = msgspec.json.encode({"errors": [entry]})
    headers = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"), *refused.headers]
    return Response(refused.status, headers, body)
