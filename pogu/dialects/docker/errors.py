"""The table from Pogu's kinds of error to Docker's statuses (API reference, "Errors")."""

from __future__ import annotations

import errno
import os

import msgspec

from pogu.errors import (
    Cancelled,
    CommandNotExecutable,
    CommandNotFound,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    InvalidArgument,
    NotFound,
    NotModified,
    PoguError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

# what a machine can run out of, and a disk that fails: whoever asked can do something about it
_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN
}  # fmt: skip

STATUS: dict[type[PoguError], int] = {
    InvalidArgument: 400,
    CommandNotFound: 400,  # the docker command tells 126 and 127 apart by the text of a 400
    CommandNotExecutable: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    DeadlineExceeded: 408,
    Conflict: 409,
    TooLarge: 413,
    NotModified: 304,
    Cancelled: 499,
    Unsupported: 501,
    Unavailable: 503,
    PoguError: 500,
}


def status_of(error: PoguError) -> int:
    """Return the HTTP status of an error: that of the nearest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(message: str) -> bytes:
    """Return the body that every error answer has."""
    return msgspec.json.encode({"message": message}) + b"\n"


def failure_text(error: Exception) -> str:
    """Return what to tell of any failure: its message, what the machine lacks, or that the log says more."""
    if isinstance(error, PoguError):
        return error.message
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f": {error.filename}" if error.filename else ""
        return f"{os.strerror(error.errno or 0).lower()}{where}"
    if "can't start new thread" in str(error):  # what Python says of EAGAIN
        return os.strerror(errno.EAGAIN).lower()
    return "internal error; the daemon's log says more"
