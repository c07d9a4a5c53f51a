"""What the daemon tells, as a line of JSON each, in buildx's form (`--progress rawjson`)."""

from __future__ import annotations

import base64
import json
from typing import Any, TextIO

import msgspec

from pogu.cli.building.display.board import Board
from pogu.dialects.buildkit.messages.control import StatusResponse, Timestamp


class RawDisplay:
    """Writes each parcel as it comes."""

    def __init__(self, out: TextIO) -> None:
        self.board = Board()
        self._out = out

    def update(self, parcel: StatusResponse) -> None:
        """Write what was told."""
        for _ in self.board.take(parcel):
            pass
        self._out.write(json.dumps(_plain(parcel)) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Write no more."""


class QuietDisplay:
    """Shows nothing, and keeps what an error is explained with."""

    def __init__(self) -> None:
        self.board = Board()

    def update(self, parcel: StatusResponse) -> None:
        """Take what was told."""
        for _ in self.board.take(parcel):
            pass

    def close(self) -> None:
        """Nothing was begun."""


_NAMES = {"msg": "data"}  # what buildx calls them


def _plain(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return _moment(value)
    if isinstance(value, msgspec.Struct):
        fields = ((_NAMES.get(name, name), getattr(value, name)) for name in value.__struct_fields__)
        return {name: _plain(each) for name, each in fields if each not in (None, "", [], 0, False, b"")}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _moment(value: Timestamp) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(value.seconds, UTC):%Y-%m-%dT%H:%M:%S}.{value.nanos:09d}Z"
