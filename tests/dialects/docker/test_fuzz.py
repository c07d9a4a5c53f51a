"""Made-up requests for every operation, from our own description: none may crash or hang the daemon.

Names in paths are now and then those of real objects, so that requests reach deep; the daemon is the test's own.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pogu.dialects.docker.absent import absent_routes
from pogu.dialects.docker.api import all_routes
from pogu.dialects.docker.openapi import describe
from pogu.engine.engine import Engine
from tests.running import RunningDaemon

from .http_client import Client

NO_ENGINE = cast("Engine", SimpleNamespace(containers=None, images=None, networks=None, volumes=None))
ALWAYS_NO = {route.operation for route in absent_routes()}
ROUTES = [route for route in all_routes(NO_ENGINE) if route.operation not in ALWAYS_NO]
TAKE_ARCHIVES = {route.operation for route in ROUTES if isinstance(route.body, str)}
SCHEMA = schemathesis.openapi.from_dict(
    describe(replace(route, body=None) if route.operation in TAKE_ARCHIVES else route for route in ROUTES)
)
OPERATIONS = {operation.label: operation for operation in (found.ok() for found in SCHEMA.get_all_operations())}
PATIENT = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]  # ends at once when it is told to


@pytest.fixture(scope="module")
def own() -> Iterator[Client]:
    """A daemon that may be left in any state."""
    running = RunningDaemon()
    try:
        running.start()
        running.load_image("busybox")
        yield Client(running.socket)
    finally:
        running.close()


def furnish(api: Client) -> dict[str, list[str]]:
    """Make what the names in paths can mean; return those names by the kind of path."""
    for name in ("running", "stopped"):
        api.post("/containers/create", {"Image": "busybox", "Cmd": PATIENT, "OpenStdin": True}, name=name)
    api.post("/containers/running/unpause")
    api.post("/containers/running/start")
    api.post("/volumes/create", {"Name": "volume"})
    api.post("/networks/create", {"Name": "network"})
    api.post("/images/busybox/tag", repo="image")
    exec_id = str(api.post("/containers/running/exec", {"Cmd": ["true"], "AttachStdout": True}).json["Id"])
    return {
        "containers": ["running", "stopped"],
        "volumes": ["volume"],
        "networks": ["network"],
        "images": ["image", "busybox"],
        "distribution": ["image"],
        "exec": [exec_id],
    }


def ask(api: Client, method: str, path: str, query: dict[str, Any], body: Any) -> tuple[int, str, bytes]:
    """Send a request and return the status, the type and the beginning of the answer; bodies may be endless."""
    with api.stream(method, path, body, **query) as answer:
        head = answer.getheader("Content-Type") or ""
        data = answer.read(4096) if answer.status >= 400 else b""
        return answer.status, head, data


@pytest.mark.soak
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_an_operation_stands_everything(own: Client, soak: Callable[[float, float], float], label: str) -> None:
    operation = OPERATIONS[label]
    kind = operation.path.split("/")[1]
    names = furnish(own).get(kind, ["x"])

    @settings(
        max_examples=int(soak(8, 400)),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(), st.sampled_from(names), st.booleans(), st.binary(max_size=2000))
    def check(case: Any, name: str, real: bool, archive: bytes) -> None:
        parameters = {key: name if real else str(value) for key, value in (case.path_parameters or {}).items()}
        path = operation.path.format(**parameters)
        body = case.body if isinstance(case.body, dict | list) else None
        if operation.definition.raw["operationId"] in TAKE_ARCHIVES:
            body = archive
        if label == "POST /containers/create" and isinstance(body, dict):
            body = {**body, "Image": "busybox"}
        try:
            status, kind_of_answer, answer = ask(own, operation.method, path, dict(case.query or {}), body)
        except (http.client.InvalidURL, UnicodeError):  # the client cannot even say it
            return
        assert status < 500 or status in (501, 503), (status, answer, operation.method, path, case.query, body)
        if status >= 400 and operation.method.upper() != "HEAD" and kind_of_answer == "application/json":
            assert set(json.loads(answer)) == {"message"}

    check()


def test_the_daemon_is_still_well(own: Client) -> None:
    furnish(own)
    assert own.get("/_ping").status == 200
    assert own.get("/containers/running/json").json["State"]["Running"]
