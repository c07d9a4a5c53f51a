"""What somebody meant."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile.suggest import did_you_mean, suggestion


@pytest.mark.parametrize(
    ("name", "options", "meant"),
    [
        ("platfrm", ["platform", "from"], "platform"),
        ("fromm", ["chown", "from"], "from"),
        ("from", ["from", "form"], ""),
        ("entirely", ["other"], ""),
        ("", ["ab"], "ab"),
        ("", ["abc"], ""),
        ("x" * 100_000, ["platform"], ""),
    ],
)
def test_nearest(name: str, options: list[str], meant: str) -> None:
    assert suggestion(name, options) == meant


def test_case_is_that_of_the_name() -> None:
    assert suggestion("RNU", ["RUN", "COPY"], case=False) == "RUN"
    assert suggestion("rnu", ["RUN", "COPY"], case=False) == "run"
    assert suggestion("RNU", ["run"]) == ""
    assert did_you_mean("unknown: cpoy", "cpoy", ["copy"]) == "unknown: cpoy (did you mean copy?)"
    assert did_you_mean("unknown: x1y2", "x1y2", ["copy"]) == "unknown: x1y2"
