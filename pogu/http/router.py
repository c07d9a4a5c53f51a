"""From method and path to a handler.

Patterns are written like `/containers/{name}/json`. `{name}` matches within one segment and may have text around it
(`/v{version}/info`); `{name:path}` spans slashes. Where several patterns match, the literal segment wins over the
parameter and the parameter over the path, from the left; a match without the wanted method gives way to the next.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from pogu.http.failures import error_response, plain_error
from pogu.http.messages import Handler, Request, Response
from pogu.http.targets import plain_path

_PARAMETER = re.compile(r"\{([A-Za-z_]\w*)(:path)?\}")

Rendering = Response | Awaitable[Response]


@dataclass(slots=True)
class Route:
    """One registered handler. `cancel_on_disconnect`: it works for its client alone."""

    handler: Handler
    cancel_on_disconnect: bool


@dataclass(slots=True)
class _Node:
    """What may follow a certain beginning of a path."""

    literals: dict[str, _Node] = field(default_factory=dict)
    parameters: list[tuple[str, re.Pattern[str] | str, _Node]] = field(default_factory=list)
    paths: list[tuple[str, re.Pattern[str], dict[str, Route]]] = field(default_factory=list)
    routes: dict[str, Route] = field(default_factory=dict)


Match = tuple[dict[str, Route], dict[str, str]]


class Router:
    """Calls the handler of the matching route. The hooks render failures in a protocol's words; they may be async."""

    def __init__(self) -> None:
        self._root = _Node()
        self.on_not_found: Callable[[Request], Rendering] = _not_found
        self.on_method_not_allowed: Callable[[Request, list[str]], Rendering] = _method_not_allowed
        self.on_error: Callable[[Request, Exception], Rendering] = _error

    def add(self, method: str, pattern: str, handler: Handler, *, cancel_on_disconnect: bool = False) -> None:
        """Register a handler. Raises ValueError for a malformed pattern or one that is registered already.

        With `cancel_on_disconnect` the handler is cancelled when its client leaves before the answer; otherwise it
        runs to its end. (The iterator of a streamed body is closed in both cases.)
        """
        if not pattern.startswith("/"):
            raise ValueError(f"pattern {pattern!r} does not start with a slash")
        routes = self._place(self._root, pattern[1:].split("/"), pattern)
        if method in routes:
            raise ValueError(f"{method} {pattern} is registered already")
        routes[method] = Route(handler, cancel_on_disconnect)

    async def __call__(self, request: Request) -> Response | None:
        """Answer a request; errors of the handler go through `on_error`, unless it has taken the connection over."""
        try:
            allowed: set[str] = set()
            for routes, params in self._matches(request.route_path):
                route = routes.get(request.method)
                if route is not None:
                    request.params = params
                    if route.cancel_on_disconnect:
                        request.cancel_on_disconnect()
                    return await route.handler(request)
                allowed.update(routes)
            if allowed:
                return await _rendered(self.on_method_not_allowed(request, sorted(allowed)))
            return await _rendered(self.on_not_found(request))
        except Exception as error:
            if request.taken_over:
                raise
            return await _rendered(self.on_error(request, error))

    def _place(self, node: _Node, segments: list[str], pattern: str) -> dict[str, Route]:
        for index, segment in enumerate(segments):
            parameters = list(_PARAMETER.finditer(segment))
            if any(parameter[2] for parameter in parameters):
                return _path_routes(node, "/".join(segments[index:]))
            if "{" in _PARAMETER.sub("", segment) or "}" in _PARAMETER.sub("", segment):
                raise ValueError(f"pattern {pattern!r} has a malformed parameter")
            node = _parameter_node(node, segment) if parameters else node.literals.setdefault(segment, _Node())
        return node.routes

    def _matches(self, path: str) -> Iterator[Match]:
        if path.startswith("/"):
            yield from _walk(self._root, path[1:].split("/"), 0, {})


def _walk(node: _Node, segments: list[str], index: int, params: dict[str, str]) -> Iterator[Match]:
    if index == len(segments):
        if node.routes:
            yield node.routes, params
        return
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        yield from _walk(literal, segments, index + 1, params)
    for _, matcher, child in node.parameters:
        found = _match_segment(matcher, segment)
        if found is not None:
            yield from _walk(child, segments, index + 1, {**params, **found})
    if node.paths:
        rest = "/".join(segments[index:])
        for _, pattern, routes in node.paths:
            match = pattern.fullmatch(rest)
            if match is not None:
                yield routes, params | {name: plain_path(value) for name, value in match.groupdict().items()}


def _match_segment(matcher: re.Pattern[str] | str, segment: str) -> dict[str, str] | None:
    if isinstance(matcher, str):  # the whole segment is one parameter, by far the most frequent case
        return {matcher: plain_path(segment)} if segment else None
    match = matcher.fullmatch(segment)
    return {name: plain_path(value) for name, value in match.groupdict().items()} if match else None


def _parameter_node(node: _Node, segment: str) -> _Node:
    for known, _, child in node.parameters:
        if known == segment:
            return child
    whole = _PARAMETER.fullmatch(segment)
    child = _Node()
    node.parameters.append((segment, whole[1] if whole else _compile(segment), child))
    node.parameters.sort(key=lambda entry: isinstance(entry[1], str))  # `v{version}` is more specific than `{name}`
    return child


def _path_routes(node: _Node, rest: str) -> dict[str, Route]:
    for known, _, routes in node.paths:
        if known == rest:
            return routes
    routes = {}
    node.paths.append((rest, _compile(rest), routes))
    node.paths.sort(key=lambda entry: -len(_PARAMETER.sub("", entry[0])))  # more literal text is more specific
    return routes


def _compile(text: str) -> re.Pattern[str]:
    expression, end = "", 0
    for parameter in _PARAMETER.finditer(text):
        expression += re.escape(text[end : parameter.start()])
        expression += f"(?P<{parameter[1]}>{'.+' if parameter[2] else '[^/]+'})"
        end = parameter.end()
    return re.compile(expression + re.escape(text[end:]), re.DOTALL)


async def _rendered(rendering: Rendering) -> Response:
    if inspect.isawaitable(rendering):
        return await rendering
    return rendering


def _not_found(_request: Request) -> Response:
    return plain_error(404, "page not found")


def _method_not_allowed(_request: Request, allowed: list[str]) -> Response:
    response = plain_error(405, "method not allowed")
    response.headers.append(("Allow", ", ".join(allowed)))
    return response


def _error(request: Request, error: Exception) -> Response:
    return error_response(error, request.head)
