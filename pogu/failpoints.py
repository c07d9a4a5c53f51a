"""Named steps at which a test lets the daemon fail. Off in normal use: a step then costs one call that does nothing.

Armed by the environment variable POGU_FAILPOINTS, which is read once, when the daemon starts:

    POGU_FAILPOINTS=NAME=ACTION[@NUMBER][;…]
    POGU_FAILPOINTS=@FILE

With `@FILE` the file holds the same, and may be replaced at any time: a test then needs no new daemon for each failure.

`NAME` is a step as it stands in the code (`container.start.mounted`), or `*` for every step. The action happens at the
NUMBERth time that the step is reached (1 unless given) and once only. Actions are

    kill            the daemon ends with SIGKILL, as in a crash
    ENOSPC, EIO, …  the step raises OSError with that number (errno(3))
    pause:SECONDS   the thread that reached it sleeps
    note:FILE       the name is appended to a file, every time
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "POGU_FAILPOINTS"


@dataclass(frozen=True, slots=True)
class _Action:
    """What happens at a step: `word` and its argument, at the `number`th time."""

    word: str
    argument: str
    number: int


_armed: dict[str, _Action] = {}
_files: list[_File] = []
_reached: Counter[str] = Counter()
_lock = threading.Lock()


def step(name: str) -> None:
    """Say that a step has been reached; whatever is armed for it happens here.

    Raises:
        OSError: a failure is armed for it.
    """
    if _armed or _files:
        _act(name)


def arm(environment: Mapping[str, str]) -> bool:
    """Arm what the variable in an environment says, in place of what was armed before; True if that is anything.

    Raises:
        ValueError: it does not have the form above.
    """
    text = environment.get(VARIABLE, "")
    _files[:] = [_File(Path(text[1:]))] if text.startswith("@") else []
    _replace("" if _files else text)
    return bool(_armed or _files)


@dataclass(slots=True)
class _File:
    """A file with what is armed, as it was when it was last looked at."""

    path: Path
    version: tuple[int, int] = (0, 0)

    def look(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        if self.version != (status.st_ino, status.st_mtime_ns):
            self.version = status.st_ino, status.st_mtime_ns
            _replace(self.path.read_text())


def _replace(text: str) -> None:
    actions = dict(_parse(part) for part in text.strip().split(";") if part)
    _armed.clear()
    _reached.clear()
    _armed.update(actions)


def _parse(text: str) -> tuple[str, _Action]:
    name, equals, what = text.partition("=")
    action, at, number = what.partition("@")
    word, _, argument = action.partition(":")
    known = word in ("kill", "pause", "note") or hasattr(errno, word)
    if not (name and equals and known) or (at and not number.isdigit()):
        raise ValueError(f"{VARIABLE}: {text!r} is not NAME=ACTION[@NUMBER]")
    return name, _Action(word, argument, int(number or 1))


def _act(name: str) -> None:
    for file in _files:
        file.look()
    for key in (name, "*"):
        action = _armed.get(key)
        if action is None:
            continue
        with _lock:
            _reached[key] += 1
            now = action.word == "note" or _reached[key] == action.number
        if now:
            _happen(action, name)


def _happen(action: _Action, name: str) -> None:
    if action.word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action.word == "pause":
        time.sleep(float(action.argument))
    elif action.word == "note":
        with open(action.argument, "a") as file:  # noqa: PTH123 # one write for each line, whoever else writes
            file.write(f"{name}\n")
    else:
        number = int(getattr(errno, action.word))
        raise OSError(number, os.strerror(number), name)
