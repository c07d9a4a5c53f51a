"""Signals by name and number, as Docker reads them."""

from __future__ import annotations

import re
import signal

from pogu.errors import InvalidArgument

_RTMIN, _RTMAX = 34, 64  # glibc's range, which the names RTMIN+n and RTMAX-n count from
_NAMES = {s.name[3:]: int(s) for s in signal.Signals if s.name.startswith("SIG") and "_" not in s.name}
_NAMES |= {"CLD": 17, "POLL": 29, "IOT": 6, "STKFLT": 16, "RTMIN": _RTMIN, "RTMAX": _RTMAX}


def parse_signal(text: str) -> int:
    """Return the number of `KILL`, `SIGKILL`, `sigkill`, `9` or `RTMIN+3`.

    Raises:
        InvalidArgument: it names no signal.
    """
    raw = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", raw):
        number = int(raw)
        if number == 0:
            raise InvalidArgument(f"invalid signal: {text}")
        if number > _RTMAX:
            raise InvalidArgument(f"the linux daemon does not support signal {number}")
        return number
    name = raw.upper().removeprefix("SIG")
    if name in _NAMES:
        return _NAMES[name]
    if m := re.fullmatch(r"RTMIN\+([0-9]{1,2})", name):
        number = _RTMIN + int(m[1])
    elif m := re.fullmatch(r"RTMAX-([0-9]{1,2})", name):
        number = _RTMAX - int(m[1])
    else:
        raise InvalidArgument(f"invalid signal: {text}")
    if not _RTMIN <= number <= _RTMAX:
        raise InvalidArgument(f"invalid signal: {text}")
    return number
