"""What every asyncio task of this process is waiting for: the daemon's answer to a dump of goroutines."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any


def describe_tasks(loop: asyncio.AbstractEventLoop | None = None) -> str:
    """Return a text with each task's chain of awaits, outermost first, then each thread's stack."""
    parts = []
    for task in sorted(asyncio.all_tasks(loop), key=lambda t: t.get_name()):
        parts.append(f"task {task.get_name()}:\n" + "".join(f"    {line}\n" for line in _awaits(task.get_coro())))
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        stack = "".join(traceback.format_stack(frame)).rstrip()
        parts.append(f"thread {names.get(ident, ident)}:\n{stack}\n")
    return "\n".join(parts)


def _awaits(awaited: Any) -> list[str]:
    lines: list[str] = []
    while awaited is not None and len(lines) < 50:
        frame, following = _step(awaited)
        if frame is None:
            lines.append(repr(awaited)[:200])
            break
        code = frame.f_code
        lines.append(f"{code.co_qualname} at {code.co_filename}:{frame.f_lineno}")
        awaited = following
    return lines


def _step(awaited: Any) -> tuple[FrameType | None, Any]:
    if isinstance(awaited, CoroutineType):
        return awaited.cr_frame, awaited.cr_await
    if isinstance(awaited, GeneratorType):
        return awaited.gi_frame, awaited.gi_yieldfrom
    if isinstance(awaited, AsyncGeneratorType):
        return awaited.ag_frame, awaited.ag_await
    return None, None
