"""The same operations in the hands of schemathesis, which reads our description its own way and judges by it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.dialects.docker.fuzz.ground import ENDLESS, Ground
from tests.dialects.docker.fuzz.making import Made
from tests.dialects.docker.fuzz.verdict import ANYWHERE
from tests.dialects.docker.fuzz.wire import Reply

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.soak, pytest.mark.timeout(600)]

schemathesis.serializer.alias("application/x-tar", "application/octet-stream")

CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]


def made_from(case: Any) -> tuple[Made, requests.PreparedRequest]:
    """Return what schemathesis would send."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://docker/v1.50")).prepare()
    parts = urlsplit(prepared.url or "")
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = [(n, v) for n, v in prepared.headers.items() if n.lower() not in ("content-length", "connection")]
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    name = case.operation.definition.raw["operationId"]
    return Made(name, str(prepared.method), target.encode(), headers, body, plain=False), prepared


def second_opinion(case: Any, reply: Reply, prepared: requests.PreparedRequest) -> None:
    """Let schemathesis hold the answer against the description."""
    headers = {name: reply.headers.get_all(name) or [] for name in set(reply.headers)}
    response = Response(reply.status, headers, reply.body, prepared, reply.seconds, verify=False)
    case.validate_response(response, checks=CHECKS)


def test_schemathesis_finds_nothing(
    ground: Ground, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    schema = schemathesis.openapi.from_dict(ground.description)
    operations = [found.ok() for found in schema.get_all_operations()]
    served = [o for o in operations if o.definition.raw["summary"] != "Not available"]
    for operation in served[:: int(soak(7, 1))]:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(ground, operation, mode, int(soak(2, 25)))
    evidence(answers=dict(sorted(ground.counts.items())))


def _try(ground: Ground, operation: Any, mode: GenerationMode, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        made, prepared = made_from(case)
        reply = ground.try_out(made)
        odd = reply is None or reply.status in ANYWHERE or made.operation in ENDLESS or not reply.whole
        if not odd and "x-each-line" not in case.operation.definition.raw["responses"].get(str(reply.status), {}):
            second_opinion(case, reply, prepared)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries below schemathesis
        ground.furnish()
        with contextlib.suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
            ask()
