"""`google.rpc.Status`: how a call ended, with details that a client may know how to show."""

from __future__ import annotations

from typing import Annotated

from pogu.dialects.buildkit.protobuf import Message


class AnyMessage(Message):
    """`google.protobuf.Any`."""

    type_url: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


class Status(Message):
    code: Annotated[int, 1] = 0
    message: Annotated[str, 2] = ""
    details: Annotated[list[AnyMessage], 3] = []
