"""Our own OpenAPI 3.1 description of what is served, made from the route table.

It is for people and for tests that make up requests; clients need none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

import pogu
from pogu.dialects.docker.routes import JSON, TEXT, Answer, Parameter, Route
from pogu.dialects.docker.shapes import SHAPES
from pogu.dialects.docker.version import MAXIMUM, render

_ERROR = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
_FILTER_VALUES = {
    "description": "Values, as a list or as the keys of an object",
    "anyOf": [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "boolean"}},
    ],
}
_PATH_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_REASONS = {
    400: "The request is wrong",
    401: "The credentials are wrong",
    403: "Not allowed",
    404: "It does not exist",
    409: "Its state does not allow it, or it exists already",
    413: "The body is too large",
    500: "The engine failed",
    501: "Not available here",
    503: "Not possible now",
}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of a route table."""
    table = list(routes)
    bodies = [r.body for r in table if isinstance(r.body, type)]
    schemas, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    body_schemas = dict(zip(bodies, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        path = _PATH_PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, body_schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pogu: Docker Engine API",
            "version": render(MAXIMUM),
            "description": f"What Pogu {pogu.__version__} serves of it.",
        },
        "servers": [{"url": f"/v{render(MAXIMUM)}"}],
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR, "FilterValues": _FILTER_VALUES, **SHAPES, **components}},
    }


def _operation(route: Route, bodies: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *(
                {"name": n, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                for n in _PATH_PARAMETER.findall(route.path)
            ),
            *(_parameter(p) for p in route.parameters),
        ],
        "responses": {
            **{str(status): _answer(route, answer) for status, answer in route.answers.items()},
            **{str(status): _failure(route, status) for status in sorted({*route.errors, 400})},
        },
    }
    if isinstance(route.body, str):
        content: dict[str, Any] = {route.body: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"content": content}
    elif route.body is not None:
        operation["requestBody"] = {"content": {JSON: {"schema": bodies[route.body]}}}
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.kind}
    if parameter.values:
        schema["enum"] = list(parameter.values)
    if parameter.repeated:
        schema = {"type": "array", "items": schema}
    described = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.summary,
    }
    if parameter.keys:
        properties = {key: {"$ref": "#/components/schemas/FilterValues"} for key in parameter.keys}
        keyed = {"type": "object", "properties": properties, "additionalProperties": False}
        return described | {"content": {JSON: {"schema": keyed}}}
    return described | {"schema": schema}


def _answer(route: Route, answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.summary}
    if answer.media is not None and route.method != "HEAD":
        described["content"] = {media: {"schema": dict(answer.shape)} for media in answer.media.split(", ")}
    if answer.each_line:
        described["x-each-line"] = True
    return described


def _failure(route: Route, status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _REASONS[status]}
    if route.method != "HEAD":
        described["content"] = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
        if status == 400:  # what cannot be read as a request is refused before it is known to be Docker's
            described["content"][TEXT] = {"schema": {"type": "string"}}
    return described
