"""The error taxonomy of Pogu: a small set of kinds, turned into a protocol's words only at its edge.

Every error raised on purpose is a `PoguError`. Its message is written for the person who sees it, names the
object, and says what to do where that helps. A dialect has one table from these classes to its own status codes;
nobody matches on messages.
"""

from __future__ import annotations


class PoguError(Exception):
    """Base of every error that Pogu raises on purpose; itself it means an internal failure."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgument(PoguError):
    """The request itself is wrong: a bad value, type, name or combination."""


class Unauthenticated(PoguError):
    """Nobody is known to be asking, or the credentials are wrong."""


class Forbidden(PoguError):
    """Whoever asks may not do this."""


class NotFound(PoguError):
    """The named object does not exist."""


class Conflict(PoguError):
    """The object exists already, is in use, or is in a state that does not allow the operation."""


class NotModified(PoguError):
    """The object is in the wanted state already (a start of a running container)."""


class TooLarge(PoguError):
    """The request exceeds a limit on size."""


class Unsupported(PoguError):
    """This host or this version cannot do it; the message says what is missing."""


class Unavailable(PoguError):
    """It cannot be done now but may be later (shutting down, a peer is away)."""


class DeadlineExceeded(PoguError):
    """It did not finish in the time allowed."""


class Cancelled(PoguError):
    """The work was given up because the one who asked has gone."""


class CommandNotFound(PoguError):
    """A container's program does not exist in its file system (exit code 127)."""


class CommandNotExecutable(PoguError):
    """A container's program exists but cannot be executed (exit code 126)."""
