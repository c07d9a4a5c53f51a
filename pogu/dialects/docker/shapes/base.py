"""How shapes are written: JSON schemas (draft 2020-12), objects closed unless they are tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = Mapping[str, Any]

TEXT: Shape = {"type": "string"}
FLAG: Shape = {"type": "boolean"}
NUMBER: Shape = {"type": "integer"}
TIME: Shape = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"}
ID: Shape = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
DIGEST: Shape = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
NOTHING: Shape = {"type": "null"}


def ref(name: str) -> Shape:
    """Return a reference to a named schema of the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(shape: Shape) -> Shape:
    """Return `shape` or null."""
    return {"anyOf": [dict(shape), NOTHING]}


def each(shape: Shape) -> Shape:
    """Return a list of `shape`."""
    return {"type": "array", "items": dict(shape)}


def table(shape: Shape) -> Shape:
    """Return an object of any keys whose values are `shape`."""
    return {"type": "object", "additionalProperties": dict(shape)}


def one_of(*values: str) -> Shape:
    """Return one of these texts."""
    return {"type": "string", "enum": list(values)}


def record(fields: Mapping[str, Shape], sometimes: Mapping[str, Shape] | None = None) -> Shape:
    """Return an object that has all of `fields`, may have those of `sometimes`, and has no others."""
    return {
        "type": "object",
        "required": list(fields),
        "properties": {name: dict(shape) for name, shape in (*fields.items(), *(sometimes or {}).items())},
        "additionalProperties": False,
    }


def texts(names: str) -> dict[str, Shape]:
    """Return fields that are texts."""
    return dict.fromkeys(names.split(), TEXT)


def numbers(names: str) -> dict[str, Shape]:
    """Return fields that are whole numbers."""
    return dict.fromkeys(names.split(), NUMBER)


def flags(names: str) -> dict[str, Shape]:
    """Return fields that are true or false."""
    return dict.fromkeys(names.split(), FLAG)
