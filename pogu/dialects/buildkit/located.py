"""A build's failure with the lines of the Dockerfile that it is about, so that buildx shows them."""

from __future__ import annotations

import base64

import msgspec

from pogu.dialects.buildkit.grpc.statuses import Code, Explained
from pogu.dialects.buildkit.messages.status import AnyMessage, Status
from pogu.dialects.buildkit.protobuf import encode
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.failures import BuildFailed
from pogu.errors import PoguError

_SOURCE = "github.com/moby/buildkit/errdefs.Source+json"


def located(error: PoguError, dockerfile: bytes, filename: str) -> PoguError:
    """Return the error as a client gets it: without a kind, whose name it would put before the reason, as BuildKit's.

    Source: `errdefs.Source` of BuildKit, as its gRPC errors carry it (JSON in an `Any`).
    """
    first, last = _lines(error)
    if not first:
        return PoguError(error.message)
    source = {
        "info": {"filename": filename, "data": base64.b64encode(dockerfile).decode(), "language": "Dockerfile"},
        "ranges": [{"start": {"line": first}, "end": {"line": last}}],
    }
    details = [AnyMessage(type_url=_SOURCE, value=msgspec.json.encode(source))]
    return Explained(error.message, encode(Status(code=Code.UNKNOWN, message=error.message, details=details)))


def _lines(error: PoguError) -> tuple[int, int]:
    if isinstance(error, DockerfileError):
        return error.line, max(error.line, error.last_line)
    return (error.line, error.line) if isinstance(error, BuildFailed) else (0, 0)
