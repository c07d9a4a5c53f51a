"""The form of the route table: what is served, by whom, and how it is described.

The router and the OpenAPI description are both made from it, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from pogu.dialects.docker.call import Call
from pogu.dialects.docker.version import MINIMUM, ApiVersion
from pogu.http import Response

Handler = Callable[[Call], Awaitable[Response | None]]

JSON = "application/json"
TAR = "application/x-tar"
TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. `kind` is a JSON schema type; a `repeated` one may be given several times."""

    name: str
    summary: str
    kind: str = "string"
    required: bool = False
    repeated: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One documented answer. `media` is None where there is no body; `shape` a JSON schema of a JSON body."""

    summary: str
    media: str | None = JSON
    shape: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    `path` has `{name}` for one segment and `{name:path}` for several. `since` is the first API version that has it.
    With `watched` the handler is cancelled when its client leaves; without it the work is done all the same.
    """

    method: str
    path: str
    handler: Handler
    operation: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | str | None = None  # a struct for JSON, a media type for a stream
    answers: Mapping[int, Answer] = field(default_factory=dict)
    errors: tuple[int, ...] = (400, 500)
    since: ApiVersion = MINIMUM
    watched: bool = False

    @property
    def tag(self) -> str:
        """The noun it belongs to."""
        return self.path.split("/")[1]


def flag(name: str, summary: str) -> Parameter:
    """Return a parameter that is true or false."""
    return Parameter(name, summary, "boolean")


def number(name: str, summary: str, required: bool = False) -> Parameter:
    """Return a parameter that is a whole number."""
    return Parameter(name, summary, "integer", required)


def text(name: str, summary: str, required: bool = False) -> Parameter:
    """Return a parameter that is text."""
    return Parameter(name, summary, "string", required)


FILTERS = Parameter("filters", "JSON object from a key to a list of values")

OBJECT: Mapping[str, object] = {"type": "object"}
ARRAY: Mapping[str, object] = {"type": "array", "items": {"type": "object"}}


def listing(summary: str) -> Mapping[int, Answer]:
    """Return the answers of an operation that lists objects."""
    return {200: Answer(summary, JSON, ARRAY)}


def found(summary: str, status: int = 200) -> Mapping[int, Answer]:
    """Return the answers of an operation that gives one object."""
    return {status: Answer(summary, JSON, OBJECT)}


def done(summary: str, status: int = 204) -> Mapping[int, Answer]:
    """Return the answers of an operation that gives nothing back."""
    return {status: Answer(summary, None)}
