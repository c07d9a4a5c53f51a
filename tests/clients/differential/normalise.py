"""What may differ from run to run is replaced by a word: IDs, moments, measured times, paths, process numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_SPAN = r"(?:Less than a|About an?|\d+) (?:second|minute|hour)s?"

_RULES: tuple[tuple[str, str], ...] = (
    (r"\b[0-9a-f]{64}\b", "<id>"),
    (r"\b[0-9a-f]{12}\b", "<short-id>"),
    (rf"(?!0001){_TIME}\.\d+Z", "<time>"),
    (rf"(?!0001){_TIME}\.\d+[+-]\d\d:\d\d", "<time with zone>"),
    (rf"(?!0001){_TIME}Z", "<time in seconds>"),
    (rf"(?!0001){_TIME}[+-]\d\d:\d\d", "<time in seconds with zone>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC", "<date>"),
    (rf"{_SPAN} ago", "<age>"),
    (rf"\bUp {_SPAN}", "Up <span>"),
    (r"\bexecDuration=\d+", "execDuration=<seconds>"),
    (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
    (r"(?<=:)(?:3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|6[0-5]\d{3})\b", "<port>"),
    (r"\b172\.(?:1[89]|2\d|3[01])\.", "172.<n>."),  # the next free subnet: which, depends on what was before
    (r"(?:pogu|docker)-differential\.\w+", "<folder>"),
    (r" {2,}", "  "),  # column widths follow the values
)
_COMPILED = tuple((re.compile(pattern), word) for pattern, word in _RULES)
_UNIX_SECONDS = re.compile(r"1[5-9]\d{8}")
_NANOSECONDS = re.compile(r"1[5-9]\d{17}")


class Normaliser:
    """Normalises what one daemon shows; `paths` are its own directories and the words for them."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._paths = sorted(paths.items(), key=lambda item: -len(item[0]))

    def lines(self, text: str) -> list[str]:
        """Return the text's lines; JSON, whole or as single lines, becomes one line a value: `.Path.To[0] = value`."""
        whole = _json(text)
        if whole is not None:
            return list(self._flat("", whole))
        found: list[str] = []
        for line in text.splitlines():
            value = _json(line)
            found += [self._text(line)] if value is None else self._flat("", value)
        return found

    def _text(self, text: str) -> str:
        for path, word in self._paths:
            text = text.replace(path, word)
        for pattern, word in _COMPILED:
            text = pattern.sub(word, text)
        return text.rstrip()

    def _flat(self, path: str, value: Any) -> Iterator[str]:
        if isinstance(value, dict) and value:
            for key in sorted(value):
                yield from self._flat(f"{path}.{self._text(key)}", value[key])
        elif isinstance(value, list) and value:
            if path.endswith((".Mounts", ".Binds", "].Ports")):  # maps in Go: in any order
                value = sorted(value, key=lambda item: json.dumps(item, sort_keys=True))
            for number, item in enumerate(value):
                yield from self._flat(f"{path}[{number}]", item)
        else:
            yield f"{path} = {self._leaf(path, value)}"

    def _leaf(self, path: str, value: Any) -> str:
        if isinstance(value, str):
            if path.endswith(".HostPort") and len(value) == 5:
                return '"<port>"'
            if path.endswith(".execDuration"):
                return '"<seconds>"'
            return json.dumps(self._text(value), ensure_ascii=False)
        if isinstance(value, int) and not isinstance(value, bool):
            if re.search(r"\.(Pid|PID|PPID)$", path) and value:
                return "<pid>"
            if path.endswith(".PublicPort") and value >= 32768:
                return "<port>"
            if _UNIX_SECONDS.fullmatch(str(value)):
                return "<seconds>"
            if _NANOSECONDS.fullmatch(str(value)):
                return "<nanoseconds>"
        return json.dumps(value)


def _json(text: str) -> Any:
    """Return the value of JSON text that is an object or an array, else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
