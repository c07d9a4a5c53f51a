"""Which form a build's progress is shown in."""

from __future__ import annotations

import os
import sys

from pogu.cli.building.display.failure import Display
from pogu.cli.building.display.live import LiveDisplay
from pogu.cli.building.display.plain import PlainDisplay
from pogu.cli.building.display.raw import QuietDisplay, RawDisplay
from pogu.cli.invoke import Failed
from pogu.cli.terminal import is_terminal


def choose_display(kind: str | None, *, quiet: bool) -> Display:
    """Return the display for `--progress`, which goes to standard error. Raises Failed.

    `auto`, or what BUILDKIT_PROGRESS says, is taken where there is none: live on a terminal, lines elsewhere.
    """
    kind = kind or os.environ.get("BUILDKIT_PROGRESS") or "auto"
    terminal = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
    if quiet or kind == "quiet":
        return QuietDisplay()
    if kind == "rawjson":
        return RawDisplay(sys.stderr)
    if kind == "tty" and not terminal:
        raise Failed("failed to get console: standard error is not a terminal")
    return LiveDisplay(sys.stderr) if terminal and kind in ("auto", "tty") else PlainDisplay(sys.stderr)
