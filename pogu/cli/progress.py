"""Progress of pulls and loads, as the daemon reports it in JSON lines."""

from __future__ import annotations

import sys
from typing import Any

from pogu.cli.client import Reply
from pogu.cli.invoke import Failed
from pogu.cli.terminal import is_terminal


def show_progress(reply: Reply, *, quiet: bool = False) -> None:
    """Print messages as they come; on a terminal a layer's line changes in place.

    Raises:
        Failed: the stream ended with an error.
    """
    terminal = is_terminal(sys.stdout)
    lines: dict[str, int] = {}
    for message in reply.json_lines():
        if error := message.get("error") or (message.get("errorDetail") or {}).get("message"):
            raise Failed(str(error))
        if not quiet:
            show_message(message, lines, terminal=terminal)


def show_message(message: dict[str, Any], lines: dict[str, int], *, terminal: bool) -> None:
    """Print one message. `lines` has the place of each layer's line on a terminal, and is the caller's to keep."""
    if "stream" in message:
        sys.stdout.write(str(message["stream"]))
        sys.stdout.flush()
        return
    name, status, bar = message.get("id", ""), message.get("status", ""), message.get("progress", "")
    text = f"{name}: {status}" if name else str(status)
    if not terminal:
        if not bar:
            print(text, flush=True)
        return
    if not name:
        lines.clear()
        print(text, flush=True)
        return
    if name not in lines:
        lines[name] = len(lines)
        print()
    up = len(lines) - lines[name]
    sys.stdout.write(f"\033[{up}A\r\033[K{text} {bar}".rstrip() + f"\033[{up}B\r")
    sys.stdout.flush()
