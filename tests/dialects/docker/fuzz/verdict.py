"""Judges an answer by the description: its status, its type, its body."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from tests.dialects.docker.fuzz.making import Made
from tests.dialects.docker.fuzz.wire import Reply

NEWEST = (b"/v1.50/", b"/")  # targets of these speak the version that is described
# What the HTTP server itself answers, before a request is known to be Docker's.
ANYWHERE = {400, 404, 408, 413, 414, 417, 431, 501, 505}


class Judge:
    """Holds answers against one description."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._components = description["components"]
        self._operations = {o["operationId"]: o for path in description["paths"].values() for o in path.values()}
        self._validators: dict[tuple[str, int, str], jsonschema_rs.Validator | None] = {}

    def check(self, made: Made, reply: Reply) -> None:
        """Raise AssertionError where the answer is not one of those described."""
        about = f"\n  asked: {made}\n  answered: {reply}"
        documented = self._operations[made.operation]["responses"]
        assert "X-Injected" not in reply.headers, f"a header was injected{about}"
        unread = reply.status == 501 and "text/plain" in reply.headers.get("Content-Type", "")  # RFC 9112, 6.1
        assert reply.status < 500 or unread or (reply.status in (501, 503) and str(reply.status) in documented), about
        if made.plain:
            assert str(reply.status) in documented or reply.status in ANYWHERE, f"not a described status{about}"
        if reply.status >= 400:
            self._check_error(made, reply, about)
        elif made.plain and reply.status != 304 and made.method != "HEAD" and reply.status != 101:
            self._check_body(made, reply, documented[str(reply.status)], about)

    def _check_error(self, made: Made, reply: Reply, about: str) -> None:
        if made.method == "HEAD":
            assert reply.body == b"", about
        elif (reply.headers.get("Content-Type") or "").startswith("text/plain"):
            assert reply.status in ANYWHERE, about
        else:
            assert reply.headers.get("Content-Type") == "application/json", about
            value = json.loads(reply.body)
            assert set(value) == {"message"}, about
            assert isinstance(value["message"], str), about
            assert value["message"], f"an error without a word{about}"

    def _check_body(self, made: Made, reply: Reply, answer: dict[str, Any], about: str) -> None:
        content = answer.get("content", {})
        kind = (reply.headers.get("Content-Type") or "").partition(";")[0]
        if not content:
            assert reply.body == b"", f"a body where none is described{about}"
            return
        if reply.whole and not reply.body and not kind:  # a detached start
            return
        assert kind in content, f"not a described type{about}"
        if kind != "application/json" or not made.newest:
            return
        validator = self._validator(made.operation, reply.status, content[kind]["schema"])
        for value in self._values(reply, answer, about):
            error = next(iter(validator.iter_errors(value)), None)
            assert error is None, f"{error.message} at {error.instance_path}{about}"

    def _values(self, reply: Reply, answer: dict[str, Any], about: str) -> list[Any]:
        lines = reply.body.split(b"\n") if answer.get("x-each-line") else [reply.body]
        if not reply.whole:
            lines.pop()
        try:
            return [json.loads(line) for line in lines if line.strip()]
        except ValueError as e:
            raise AssertionError(f"{e}{about}") from None

    def _validator(self, operation: str, status: int, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        key = (operation, status, json.dumps(schema, sort_keys=True))
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator({**schema, "components": self._components})
        found = self._validators[key]
        assert found
        return found
