"""`moby.buildkit.v1.frontend`: what a client asks for in the middle of a build that it directs itself."""

from __future__ import annotations

from typing import Annotated

from pogu.dialects.buildkit.messages.control import WorkerRecord
from pogu.dialects.buildkit.messages.ops import Definition, Range
from pogu.dialects.buildkit.messages.status import Status
from pogu.dialects.buildkit.protobuf import Message

BUILD_ID = "buildkit-controlapi-buildid"
"""The metadata that says which build a call is part of."""


class Capability(Message):
    id: Annotated[str, 1] = ""
    enabled: Annotated[bool, 2] = False


class PingRequest(Message):
    pass


class PongResponse(Message):
    frontend_capabilities: Annotated[list[Capability], 1] = []
    definition_capabilities: Annotated[list[Capability], 2] = []
    workers: Annotated[list[WorkerRecord], 3] = []


class Ref(Message):
    id: Annotated[str, 1] = ""


class RefMap(Message):
    refs: Annotated[dict[str, Ref], 1] = {}


class Result(Message):
    ref_deprecated: Annotated[str, 1] = ""
    ref: Annotated[Ref | None, 3] = None
    refs: Annotated[RefMap | None, 4] = None
    metadata: Annotated[dict[str, bytes], 10] = {}


class SolveRequest(Message):
    definition: Annotated[Definition | None, 1] = None
    frontend: Annotated[str, 2] = ""
    frontend_opt: Annotated[dict[str, str], 3] = {}
    evaluate: Annotated[bool, 14] = False


class SolveResponse(Message):
    ref: Annotated[str, 1] = ""
    result: Annotated[Result | None, 3] = None


class ReturnRequest(Message):
    result: Annotated[Result | None, 1] = None
    error: Annotated[Status | None, 2] = None


class ReturnResponse(Message):
    pass


class InputsRequest(Message):
    pass


class InputsResponse(Message):
    pass


class WarnRequest(Message):
    digest: Annotated[str, 1] = ""
    level: Annotated[int, 2] = 0
    short: Annotated[bytes, 3] = b""
    detail: Annotated[list[bytes], 4] = []
    url: Annotated[str, 5] = ""
    ranges: Annotated[list[Range], 7] = []


class WarnResponse(Message):
    pass
