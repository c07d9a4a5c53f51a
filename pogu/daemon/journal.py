"""The daemon's own log: levels, the text and JSON forms dockerd writes, and the last lines kept for a bug report."""

from __future__ import annotations

import datetime
import json
import logging
import sys
from collections import deque
from pathlib import Path

KEPT_LINES = 500

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_NAMES = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}
_recent: deque[str] = deque(maxlen=KEPT_LINES)


class LogfmtFormatter(logging.Formatter):
    """`time="…" level=info msg="…"`, as dockerd writes to standard error."""

    def format(self, record: logging.LogRecord) -> str:
        text = " ".join(f"{key}={_quoted(value)}" for key, value in _fields(self, record))
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the keys `time`, `level`, `msg`, `module` and `stack`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = dict(_fields(self, record))
        if record.exc_info:
            fields["stack"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> list[tuple[str, str]]:
    moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    return [
        ("time", moment.isoformat(timespec="microseconds").replace("+00:00", "Z")),
        ("level", _NAMES.get(record.levelno, "info")),
        ("msg", record.getMessage()),
        ("module", record.name.removeprefix("pogu.")),
    ]


def _quoted(value: str) -> str:
    plain = value and all(c.isalnum() or c in "-._/@^+" for c in value)
    return value if plain else json.dumps(value, ensure_ascii=False)


class _Recent(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _recent.append(self.format(record))


def recent_lines() -> list[str]:
    """Return the last lines that were logged, at most `KEPT_LINES`."""
    return list(_recent)


def set_up(level: str, form: str, file: Path | None = None) -> None:
    """Send the log to standard error, or to `file`, in `form` (text or json), from `level` on."""
    formatter: logging.Formatter = JsonFormatter() if form == "json" else LogfmtFormatter()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file),
        _Recent(),
    ]
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    set_level(level)


def set_level(level: str) -> None:
    """Change the level of a running daemon. Libraries speak only of warnings: their debugging is not ours."""
    logging.getLogger().setLevel(max(_LEVELS[level], logging.WARNING))
    logging.getLogger("pogu").setLevel(_LEVELS[level])
