"""A build on a terminal: a line for each step, drawn over until it is done, with its last output below it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from pogu.cli.building.display.board import Board, Part, Step
from pogu.cli.building.display.plain import part_text
from pogu.cli.terminal import size
from pogu.dialects.buildkit.messages.control import StatusResponse

_EVERY = 0.1  # seconds between two drawings
_TAIL = 6  # lines of a running step's output
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)|[\x00-\x08\x0b-\x1f\x7f]")
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_BLUE, _RED, _YELLOW, _PLAIN = "\x1b[34m", "\x1b[31m", "\x1b[33m", "\x1b[0m"


class LiveDisplay:
    """Draws again ten times a second, in a thread. `close` draws a last time and gives the terminal back."""

    def __init__(self, out: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self.board = Board()
        self._out = out
        self._colours = not environ.get("NO_COLOR")
        self._started = time.monotonic()
        self._drawn = 0  # lines that the next drawing goes over
        self._width = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._out.write(_HIDE)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def update(self, parcel: StatusResponse) -> None:
        """Take what was told; the next drawing shows it."""
        with self._lock:
            for _ in self.board.take(parcel):
                pass

    def close(self) -> None:
        """Draw the end."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._thread.join()
        self._draw(ended=True)
        self._out.write(_SHOW)
        self._out.flush()

    def _run(self) -> None:
        while not self._ending.wait(_EVERY):
            self._draw()

    def _draw(self, *, ended: bool = False) -> None:
        rows, columns = size() or (24, 80)
        with self._lock:
            lines = frame(self.board, time.monotonic() - self._started, columns, None if ended else rows, ended=ended)
        over = self._drawn
        if columns < self._width:  # the terminal has wrapped what is there: go over all of it
            over = sum(-(-self._width // columns) for _ in range(self._drawn))
        text = f"\r\x1b[{over}A" if over else "\r"
        text += "".join(f"{self._coloured(line)}\x1b[K\n" for line in lines) + "\x1b[J"
        self._drawn, self._width = len(lines), columns
        self._out.write(text)
        self._out.flush()

    def _coloured(self, line: tuple[str, str]) -> str:
        colour, text = line
        return f"{colour}{text}{_PLAIN}" if colour and self._colours else text


def frame(board: Board, elapsed: float, columns: int, rows: int | None, *, ended: bool) -> list[tuple[str, str]]:
    """Return one drawing: lines of `columns` at most, each with its colour.

    With more steps than `rows`, those that are done leave first, the oldest before the others; None: no limit.
    """
    done, total = board.counts()
    state = " FINISHED" if ended and done == total else ""
    head = [("", _fitted(f"[+] Building {elapsed:.1f}s ({done}/{total}){state}", "", columns))]
    blocks = [(step, _block(step, columns, ended=ended)) for step in board.steps()]
    if rows is not None:
        blocks = _within(blocks, rows - 2)
    return head + [line for _, block in blocks for line in block]


_Block = list[tuple[str, str]]


def _within(blocks: list[tuple[Step, _Block]], rows: int) -> list[tuple[Step, _Block]]:
    excess = sum(len(block) for _, block in blocks) - rows
    kept = []
    for number, (step, block) in enumerate(blocks):
        if excess > 0 and step.completed is not None and number < len(blocks) - 1:
            excess -= len(block)
        else:
            kept.append((step, block))
    for _, block in kept:  # all of them run: their output goes, then the later ones
        if excess > 0:
            cut = min(excess, len(block) - 1)
            del block[len(block) - cut :]
            excess -= cut
    return kept if excess <= 0 else kept[: max(1, rows)]


def _block(step: Step, columns: int, *, ended: bool) -> _Block:
    running = step.completed is None
    mark, colour = _mark(step)
    block = [(colour, _fitted(f" => {mark}{_cleaned(step.name)}", _time(step.elapsed()), columns))]
    for part in step.parts.values():
        if running or not step.internal or ended:
            block.append((colour, _fitted(f" => => {part_text(_untimed(part))}", _time(part.seconds), columns)))
    if running and not ended:
        for line in list(step.lines)[-_TAIL:]:
            block.append(("", _fitted(f" => => # {_cleaned(line.text)}", "", columns)))
    return block


def _mark(step: Step) -> tuple[str, str]:
    if step.error:
        return ("CANCELED ", _YELLOW) if step.cancelled else ("ERROR ", _RED)
    if step.cached:
        return "CACHED ", _BLUE
    return "", "" if step.completed is None else _BLUE


def _untimed(part: Part) -> Part:
    """The time has a column of its own here."""
    return Part(part.name, part.current, part.total, None, part.completed)


def _time(seconds: float) -> str:
    return f"{seconds:.1f}s"


def _cleaned(text: str) -> str:
    """Return what may stand in a line: the last of what a bar has drawn over itself, nothing that moves the cursor."""
    return _ESCAPES.sub("", text.rpartition("\r")[2]).expandtabs(4)


def _fitted(text: str, right: str, columns: int) -> str:
    room = max(1, columns - 1 - len(right) - bool(right))
    if len(text) > room:
        text = f"{text[: max(0, room - 3)]}..." if room > 3 else text[:room]
    return f"{text:<{room}} {right}" if right else text
