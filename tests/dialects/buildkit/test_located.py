"""What a client of gRPC is told of a failure, beside the reason."""

from __future__ import annotations

import base64
import json

from pogu.dialects.buildkit.grpc.statuses import trailers_of
from pogu.dialects.buildkit.located import located
from pogu.dialects.buildkit.messages.status import Status
from pogu.dialects.buildkit.protobuf import decode
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.failures import BuildFailed
from pogu.errors import NotFound


def test_the_lines_of_a_failure_come_with_the_dockerfile() -> None:
    trailers = dict(trailers_of(located(DockerfileError("why", 2, 3), b"FROM x\nRUN \\\n y\n", "Containerfile")))
    assert trailers["grpc-status"] == "2"
    assert trailers["grpc-message"] == "why"
    details = trailers["grpc-status-details-bin"]
    status = decode(Status, base64.b64decode(details + "=" * (-len(details) % 4)))
    assert (status.code, status.message) == (2, "why")
    assert status.details[0].type_url == "github.com/moby/buildkit/errdefs.Source+json"
    source = json.loads(status.details[0].value)
    assert source["ranges"] == [{"start": {"line": 2}, "end": {"line": 3}}]
    assert source["info"]["filename"] == "Containerfile"
    assert base64.b64decode(source["info"]["data"]) == b"FROM x\nRUN \\\n y\n"


def test_a_failure_that_is_about_no_line_has_only_its_reason() -> None:
    for error in (BuildFailed("why"), NotFound("why")):
        assert trailers_of(located(error, b"FROM x\n", "Dockerfile")) == [("grpc-status", "2"), ("grpc-message", "why")]
