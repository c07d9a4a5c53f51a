"""What the daemon tells, as JSON."""

from __future__ import annotations

import base64
import io
import json

from pogu.cli.building.display.raw import QuietDisplay, RawDisplay
from tests.cli.building.display.telling import log, parcel, vertex


def test_a_line_for_each_parcel() -> None:
    out = io.StringIO()
    display = RawDisplay(out)
    display.update(parcel(vertex("a", 1.5)))
    display.update(parcel(log("a", "text", 2)))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first == {"vertexes": [{"digest": "a", "name": "a", "started": "1970-01-01T00:00:01.500000000Z"}]}
    assert base64.b64decode(second["logs"][0]["data"]) == b"text"
    assert [step.name for step in display.board.steps()] == ["a"]


def test_quiet_keeps_what_an_error_is_explained_with() -> None:
    display = QuietDisplay()
    display.update(parcel(vertex("a", 1, 2, error="no")))
    failed = display.board.failed()
    assert failed is not None
    assert failed.error == "no"
