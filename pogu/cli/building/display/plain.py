"""A build as lines, for logs and pipes: `#5 [2/3] RUN make`, `#5 0.123 output`, `#5 DONE 0.2s`."""

from __future__ import annotations

import time
from typing import TextIO

from pogu.cli.building.display.board import Board, Line, Part, Step
from pogu.cli.units import human_size
from pogu.dialects.buildkit.messages.control import StatusResponse

_EVERY = 5.0  # seconds


class PlainDisplay:
    """Writes lines as things happen. A step that another one interrupts is named again when it goes on."""

    def __init__(self, out: TextIO) -> None:
        self.board = Board()
        self._out = out
        self._last: Step | None = None
        self._ended: set[str] = set()
        self._told: dict[tuple[str, str], float] = {}  # when a part was shown last

    def update(self, parcel: StatusResponse) -> None:
        """Show what was told."""
        for step, lines, parts in self.board.take(parcel):
            if not step.number or step.digest in self._ended:
                continue
            due = [part for part in parts if self._due(step, part)]
            if not step.internal:
                if lines or due or _ending(step) or step is not self._last:
                    self._show(step, lines, due)
            elif step.completed is not None:  # these are short: told whole, they do not interrupt one another
                self._show(step, list(step.lines), list(step.parts.values()))
        self._out.flush()

    def close(self) -> None:
        """Write no more."""

    def _show(self, step: Step, lines: list[Line], parts: list[Part]) -> None:
        self._begin(step)
        for part in parts:
            self._write(step, part_text(part))
        for line in lines:
            self._write(step, f"{line.offset:.3f} {line.text}")
        if ending := _ending(step):
            self._write(step, ending)
            self._ended.add(step.digest)

    def _due(self, step: Step, part: Part) -> bool:
        """Tell whether a part is to be shown: at its end, and every few seconds until then."""
        now, key = time.monotonic(), (step.digest, part.name)
        if part.completed is None and now - self._told.setdefault(key, now) < _EVERY:
            return False
        self._told[key] = now
        return True

    def _begin(self, step: Step) -> None:
        if self._last is step:
            return
        if self._last is not None:
            if self._last.digest not in self._ended:
                self._write(self._last, "...")
            self._out.write("\n")
        self._last = step
        self._write(step, step.name)

    def _write(self, step: Step, text: str) -> None:
        self._out.write(f"#{step.number} {text}\n")


def part_text(part: Part) -> str:
    """Return how far a part has come: `transferring context: 12kB 0.1s done`."""
    text = part.name
    if part.total:
        text += f" {human_size(part.current, 4)} / {human_size(part.total, 4)}"
    elif part.current:
        text += f" {human_size(part.current, 4)}"
    if part.seconds >= 0.1:
        text += f" {part.seconds:.1f}s"
    return f"{text} done" if part.completed is not None else text


def _ending(step: Step) -> str:
    if step.error:
        return "CANCELED" if step.cancelled else f"ERROR: {step.error}"
    if step.cached:
        return "CACHED"
    return f"DONE {step.elapsed():.1f}s" if step.completed is not None else ""
