"""Requests made up from our OpenAPI description: mostly sensible ones, with something wrong somewhere.

A request that is wrong everywhere is refused at the door. So each request has a temper of its own, from well-behaved to
hostile, and each field follows it: a meaningful value, a value of the right type, or one that hurts.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.dialects.docker.fuzz.offers import (
    FIELDS,
    FILTER_KEYS,
    FILTER_VALUES,
    HEADERS,
    HOSTILE_NUMBERS,
    HOSTILE_TEXTS,
    QUERIES,
    Offers,
)

VERSIONS = ("/v1.50",) * 12 + (
    "",
    "/v1.24",
    "/v1.29",
    "/v1.30",
    "/v1.40",
    "/v1.41",
    "/v1.43",
    "/v1.44",
    "/v1.47",
    "/v1.49",
)
ODD_VERSIONS = (
    "/v1.23",
    "/v9.99",
    "/v1",
    "/v1.50.1",
    "/v.",
    "/v1..50",
    "/v" + "9" * 400 + ".1",
    "/v1.5",
    "//",
    "/V1.50",
    "/v1.50/v1.50",
)
NESTED = b"[" * 100_000


@dataclass
class Made:
    """A request as it goes over the wire, less its framing."""

    operation: str
    method: str
    target: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    chunked: bool = False
    plain: bool = True  # whether it surely leads to this operation
    newest: bool = True  # whether it speaks the version that is described

    def __str__(self) -> str:
        return f"{self.operation}: {self.method} {self.target!r} {self.headers} {self.body!r:.3000}"


class Maker:
    """Makes requests for one operation of the description after another; the same seed makes the same ones."""

    def __init__(self, description: dict[str, Any], offers: Offers, seed: object) -> None:
        self.rng = random.Random(str(seed))
        self._schemas = description["components"]["schemas"]
        self._paths = description["paths"]
        self._offers = offers
        self._wild = 0.0  # the chance of a field to be hostile
        self._full = 0.0  # the chance of a field to be there

    def make(self, method: str, path: str) -> Made:
        """Return a request for the operation of that method (lower case) and path."""
        rng, operation = self.rng, self._paths[path][method]
        self._wild = rng.choice((0, 0, 0, 0.02, 0.05, 0.3))
        self._full = rng.choice((0.03, 0.1, 0.1, 0.3, 0.8))
        version = rng.choice(ODD_VERSIONS) if rng.random() < 0.02 else rng.choice(VERSIONS)
        named, plain = self._path(path)
        target = version + named + self._query(operation)
        made = Made(operation["operationId"], method.upper(), target.encode())
        made.newest, made.plain = version in ("", "/v1.50"), plain and version in VERSIONS
        self._add_body(made, operation)
        while rng.random() < 0.25:
            made.headers.append(rng.choice(HEADERS))
        return made

    # -- the target ----------------------------------------------------------------------------------------------

    def _path(self, path: str) -> tuple[str, bool]:
        kind = path.split("/")[1]
        parts, plain = [], True
        for part in path.split("/"):
            if not part.startswith("{"):
                parts.append(part)
            elif self.rng.random() < 0.85 - self._wild:
                parts.append(quote(self._offers.name(self.rng, kind)))
            else:
                hostile = self.rng.choice(HOSTILE_TEXTS)
                parts.append(quote(hostile, safe=self.rng.choice(("", "/", "/%"))))
                plain = False
        return "/".join(parts), plain

    def _query(self, operation: dict[str, Any]) -> str:
        pairs = []
        for parameter in operation["parameters"]:
            if parameter["in"] != "query":
                continue
            if self.rng.random() < max(self._full, 0.95 if parameter["required"] else 0.2):
                pairs.append((parameter["name"], self._parameter(parameter)))
        if self.rng.random() < 0.05:
            pairs.append((self.rng.choice(HOSTILE_TEXTS), self.rng.choice(HOSTILE_TEXTS)))
        if pairs and self.rng.random() < 0.05:
            pairs.append(self.rng.choice(pairs))
        text = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in pairs)
        if self.rng.random() < 0.03:
            text += self.rng.choice(
                ("&", "&&", "=", "&=", "%", "%zz", "%ff", "&a;b", "#x", "?", "+", "&a[]=1", "&%00=%00")
            )
        return f"?{text}" if text else ""

    def _parameter(self, parameter: dict[str, Any]) -> str:
        name = parameter["name"]
        if self.rng.random() < self._wild:
            return self.rng.choice(HOSTILE_TEXTS)
        if name == "filters":
            return self._filters(parameter)
        if name in QUERIES:
            return str(self.rng.choice(QUERIES[name]))
        schema = parameter["schema"]
        if schema["type"] == "boolean":
            return self.rng.choice(("1", "0", "true", "false", "True", "", "x"))
        value = self._value(schema, name)
        return str(value[0] if isinstance(value, list) and value else value)

    def _filters(self, parameter: dict[str, Any]) -> str:
        rng = self.rng
        if rng.random() < 0.05:
            return rng.choice(
                ("{", "[]", "null", '"x"', "7", '{"a":7}', '{"a":{"b":3}}', '{"a":[3]}', "{}", NESTED.decode())
            )
        described = parameter.get("content", {}).get("application/json", {}).get("schema", {}).get("properties", {})
        keys = list(described) if described and rng.random() < 0.9 else FILTER_KEYS
        terms: dict[str, Any] = {}
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            values = [rng.choice(FILTER_VALUES) for _ in range(rng.choice((0, 1, 1, 1, 3)))]
            terms[rng.choice(keys)] = values if rng.random() < 0.7 else {v: rng.random() < 0.8 for v in values}
        return json.dumps(terms)

    # -- the body ------------------------------------------------------------------------------------------------

    def _add_body(self, made: Made, operation: dict[str, Any]) -> None:
        content = operation.get("requestBody", {}).get("content", {})
        rng = self.rng
        made.chunked = rng.random() < 0.1
        if "application/json" in content:
            made.headers.append(("Content-Type", "application/json"))
            value = self._value(content["application/json"]["schema"], "", required=True)
            made.body = json.dumps(value).encode("utf-8", "surrogatepass")
            if rng.random() < 0.08:
                made.body = self._spoilt(made.body)
        elif content:
            made.headers.append(("Content-Type", next(iter(content))))
            made.body = rng.choice(self._offers.archives) if self._offers.archives else rng.randbytes(600)
            if rng.random() < 0.3:
                made.body = self._spoilt(made.body)
        elif rng.random() < 0.05:
            made.body = rng.choice((b"", b"{}", b"x", b"null", NESTED, rng.randbytes(70000)))
        if made.body is not None and rng.random() < 0.03:
            made.headers = [h for h in made.headers if h[0] != "Content-Type"]

    def _spoilt(self, data: bytes) -> bytes:
        rng = self.rng
        cut = rng.randrange(len(data) + 1)
        return rng.choice((
            data[:cut], data + data, data[:cut] + rng.randbytes(3) + data[cut:], data[:cut] + b"\xff" + data[cut + 1 :],
            b"\xef\xbb\xbf" + data, data.decode("latin-1").encode("utf-16"), data.replace(b":", b": \x00", 1),
            NESTED, b'{"a":' * 50_000, b"", b" ", b"null", b"[]", b'"x"', b"7", b"NaN", b"true",
            b'{"Image":"busybox","image":7,"IMAGE":null}', b"{" + b'"a":1,' * 3000 + b'"b":2}',
        ))  # fmt: skip

    def _value(self, schema: dict[str, Any], name: str, *, required: bool = False) -> Any:
        rng = self.rng
        if rng.random() < self._wild and not required:
            return self._hostile()
        if name in FIELDS and rng.random() < 0.8:
            return rng.choice(FIELDS[name])
        if "$ref" in schema:
            return self._value(self._schemas[schema["$ref"].rpartition("/")[2]], name, required=required)
        if "anyOf" in schema:
            choices = [s for s in schema["anyOf"] if s.get("type") != "null" or rng.random() < 0.1]
            return self._value(rng.choice(choices or schema["anyOf"]), name, required=required)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        kind = schema.get("type")
        return self._of_type(rng.choice(kind) if isinstance(kind, list) else kind, schema, name)

    def _of_type(self, kind: str | None, schema: dict[str, Any], name: str) -> Any:
        rng = self.rng
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return [self._value(schema.get("items", {}), name) for _ in range(rng.choice((0, 1, 1, 2)))]
        if kind == "string":
            return rng.choice(("", "a", "b", name, rng.choice(HOSTILE_TEXTS)))
        if kind == "integer":
            return rng.choice((0, 0, 1, 5, rng.choice(HOSTILE_NUMBERS)))
        if kind == "boolean":
            return rng.random() < 0.5
        return None if kind == "null" else self._hostile()

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        needed = schema.get("required", ())
        value = {
            key: self._value(inner, key)
            for key, inner in schema.get("properties", {}).items()
            if key in needed or self.rng.random() < (0.9 if key in ("Image", "Cmd") else self._full)
        }
        if not schema.get("properties") and self.rng.random() < 0.5:
            extra = schema.get("additionalProperties")
            key = self.rng.choice(("a", "80/tcp", "/x", "bridge", self.rng.choice(HOSTILE_TEXTS)))
            value[key] = self._value(extra, key) if isinstance(extra, dict) else self._hostile()
        return value

    def _hostile(self) -> Any:
        rng = self.rng
        return rng.choice((
            None, True, False, rng.choice(HOSTILE_NUMBERS), rng.choice(HOSTILE_TEXTS), "\ud800",
            [], {}, [None], [[]], {"": {}}, {"a": None},
            [rng.choice(HOSTILE_TEXTS)], {rng.choice(HOSTILE_TEXTS): rng.choice(HOSTILE_TEXTS)}, ["x"] * 2000,
        ))  # fmt: skip


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")
