"""This side's terminal: raw while a container has it, given back whole however the command ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any

from pogu.errors import InvalidArgument, PoguError

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"

_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def is_terminal(stream: Any) -> bool:
    """Return whether a stream of this process is a terminal."""
    try:
        return os.isatty(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False


def size() -> tuple[int, int] | None:
    """Return (rows, columns) of the terminal on standard output, None where there is none."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    return (rows, columns) if rows and columns else None


@contextlib.contextmanager
def raw_input() -> Iterator[None]:
    """Put the terminal on standard input into raw mode for the time of the block."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    restored = False

    def restore() -> None:
        nonlocal restored
        if not restored:
            restored = True
            termios.tcsetattr(fd, termios.TCSADRAIN, before)

    def end(number: int, _: Any) -> None:  # a signal that ends the process must not leave the terminal raw
        restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)}
    try:
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        restore()
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def on_resize(tell: Callable[[int, int], None]) -> Iterator[None]:
    """Call `tell(rows, columns)` whenever the terminal changes its size during the block."""

    def changed(*_: Any) -> None:
        now = size()
        if now:
            tell(*now)

    previous = signal.signal(signal.SIGWINCH, changed)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, previous)


def set_first_size(tell: Callable[[int, int], None]) -> None:
    """Call `tell(rows, columns)` until it succeeds: a process that has just been started may not have its terminal yet.

    `tell` raises PoguError where it has none; after ten tries (half a second) that is left so.
    """
    for number in range(1, 11):
        now = size()
        if not now:
            return
        try:
            tell(*now)
        except PoguError:
            time.sleep(number / 100)
        else:
            return


def parse_detach_keys(text: str) -> bytes:
    """Return the bytes of `ctrl-p,ctrl-q`, `ctrl-\\` or `a,b`. Raises InvalidArgument."""
    keys = bytearray()
    for part in text.split(","):
        if len(part) == 1:
            keys += part.encode()
        elif part.startswith("ctrl-") and len(part) == 6:
            letter = part[5]
            if letter.isalpha() and letter.isascii():
                keys.append(ord(letter.lower()) - 96)
            elif letter in _CONTROL:
                keys.append(_CONTROL[letter])
            else:
                raise InvalidArgument(f"invalid detach keys provided: Unknown character: '{part}'")
        else:
            raise InvalidArgument(f"invalid detach keys provided: Unknown character: '{part}'")
    return bytes(keys)


class DetachScanner:
    """Looks for the detach keys in what is typed, also across reads."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def saw(self, data: bytes) -> bool:
        """Return whether the whole sequence has been typed, with `data` as its latest part."""
        for byte in data:
            if self._keys and byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    return True
            else:
                self._matched = 1 if self._keys and byte == self._keys[0] else 0
        return False
