"""Answers to requests that failed before a dialect could put the failure in its own words."""

from __future__ import annotations

import logging

from pogu import errors
from pogu.http.messages import Response
from pogu.http.parsing import MalformedRequest, RequestHead

log = logging.getLogger(__name__)

_STATUS: list[tuple[type[errors.PoguError], int]] = [
    (errors.InvalidArgument, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.NotModified, 304),
    (errors.TooLarge, 413),
    (errors.Unsupported, 501),
    (errors.Unavailable, 503),
    (errors.DeadlineExceeded, 504),
    (errors.Cancelled, 400),
]


def error_response(error: Exception, head: RequestHead) -> Response:
    """The answer for an error; one that was not raised on purpose is logged and keeps its details to itself."""
    if isinstance(error, MalformedRequest):
        return plain_error(error.status, error.message)
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return plain_error(status, error.message)
    log.error("the handler of %r failed", head, exc_info=error)
    return plain_error(500, "internal error")


def plain_error(status: int, message: str) -> Response:
    """An error as a line of text."""
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], message.encode("utf-8", "replace") + b"\n")
