"""`pb`: the parts of a low-level build's definition that are spoken of elsewhere."""

from __future__ import annotations

from typing import Annotated

from pogu.dialects.buildkit.protobuf import Message


class Platform(Message):
    architecture: Annotated[str, 1] = ""
    os: Annotated[str, 2] = ""
    variant: Annotated[str, 3] = ""


class Definition(Message):
    """A graph of operations, each as its own encoded message."""

    definition: Annotated[list[bytes], 1] = []


class SourceInfo(Message):
    filename: Annotated[str, 1] = ""
    data: Annotated[bytes, 2] = b""
    language: Annotated[str, 4] = ""


class Position(Message):
    line: Annotated[int, 1] = 0
    """From 1 on."""
    character: Annotated[int, 2] = 0


class Range(Message):
    start: Annotated[Position | None, 1] = None
    end: Annotated[Position | None, 2] = None
