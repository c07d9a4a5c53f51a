"""The form of the route table: what is served, by whom, and how it is described.

The router and the OpenAPI description are both made from it, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from pogu.dialects.docker.call import Call
from pogu.dialects.docker.shapes import Shape, list_of, refer
from pogu.dialects.docker.version import MINIMUM, ApiVersion
from pogu.http import Response

Handler = Callable[[Call], Awaitable[Response | None]]

JSON = "application/json"
TAR = "application/x-tar"
TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. `kind` is a JSON schema type; a `repeated` one may be given several times.

    With `keys` it is a JSON object from those keys to lists of values.
    """

    name: str
    summary: str
    kind: str = "string"
    required: bool = False
    repeated: bool = False
    values: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One documented answer. `media` is None where there is no body; `shape` a JSON schema of a JSON body.

    With `each_line` the body is a stream of JSON values, one a line, and `shape` that of each.
    """

    summary: str
    media: str | None = JSON
    shape: Shape = field(default_factory=dict)
    each_line: bool = False


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


def filters(keys: Iterable[str]) -> Parameter:
    """Return the `filters` parameter, and the keys that it may have."""
    return Parameter("filters", "JSON object from a key to a list of values", keys=tuple(sorted(keys)))


def listing(summary: str, shape: str) -> Mapping[int, Answer]:
    """Return the answers of an operation that lists objects of the shape of that name."""
    return {200: Answer(summary, JSON, list_of(shape))}


def found(summary: str, shape: str, status: int = 200) -> Mapping[int, Answer]:
    """Return the answers of an operation that gives one object, of the shape of that name."""
    return {status: Answer(summary, JSON, refer(shape))}


def stream(summary: str, shape: str) -> Mapping[int, Answer]:
    """Return the answers of an operation that gives one object a line."""
    return {200: Answer(summary, JSON, refer(shape), each_line=True)}


def done(summary: str, status: int = 204) -> Mapping[int, Answer]:
    """Return the answers of an operation that gives nothing back."""
    return {status: Answer(summary, None)}
