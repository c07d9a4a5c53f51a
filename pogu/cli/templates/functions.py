"""The functions a template may call: text/template's own, and those of the docker command."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any

from pogu.cli.templates.syntax import TemplateError
from pogu.cli.templates.values import printed, to_json, truth

_VERB = re.compile(r"%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*))?([a-zA-Z%])")


def index(value: Any, *keys: Any) -> Any:
    """Return `value[keys[0]][keys[1]]…`; a missing key of a map is its zero, a missing place of a list an error."""
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, _zero(value))
        elif value is None and isinstance(key, str):  # a Go map that was never made: `null` in JSON
            value = ""
        elif value is None:
            raise TemplateError("error calling index: index of untyped nil")
        elif isinstance(value, (list, tuple, str)):
            if not isinstance(key, int):
                raise TemplateError(f"error calling index: cannot index slice/array with type {type(key).__name__}")
            if not 0 <= key < len(value):
                raise TemplateError(f"error calling index: index out of range: {key}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise TemplateError(f"error calling index: can't index item of type {type(value).__name__}")
    return value


def _zero(value: dict[str, Any]) -> str | None:
    """Return what a key that is missing gives: an empty text in a map of texts (labels, options), nil in others."""
    return "" if all(isinstance(item, str) for item in value.values()) else None


def slice_(value: Any, *bounds: int) -> Any:
    """Return `value[i:j]`."""
    if not isinstance(value, (str, list)):
        raise TemplateError(f"error calling slice: can't slice item of type {type(value).__name__}")
    low, high = (*bounds, *([0] if not bounds else []), len(value))[:2]
    if not 0 <= low <= high <= len(value):
        raise TemplateError(f"error calling slice: index out of range: {high}")
    return value[low:high]


def length(value: Any) -> int:
    """Return the number of items, or of bytes of a string."""
    if isinstance(value, str):
        return len(value.encode())
    if value is None:
        raise TemplateError("error calling len: len of nil pointer")
    if not isinstance(value, (list, dict, tuple)):
        raise TemplateError(f"error calling len: len of type {type(value).__name__}")
    return len(value)


def printf(form: str, *values: Any) -> str:
    """Return `form` with Go's verbs filled in."""
    rest = list(values)

    def fill(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        width = str(rest.pop(0)) if width == "*" else width or ""
        if not rest:
            return f"%!{verb}(MISSING)"
        return _verb(flags, width, precision, verb, rest.pop(0))

    text = _VERB.sub(fill, form)
    if rest:
        text += "%!(EXTRA " + ", ".join(f"{go_type(v)}={printed(v)}" for v in rest) + ")"
    return text


def _verb(flags: str, width: str, precision: str | None, verb: str, value: Any) -> str:
    if verb in "dxXobc" and isinstance(value, int):
        text = format(value, {"d": "d", "c": "c"}.get(verb, verb))
        text = f"+{text}" if "+" in flags and value >= 0 else text
    elif verb in "fFeEgG" and isinstance(value, (int, float)) and not isinstance(value, bool):
        text = format(float(value), f".{precision or (6 if verb in 'fFeE' else 17)}{verb}")
        text = printed(float(value)) if verb in "gG" and precision is None else text
    elif verb == "q":
        text = to_json(str(value))
    elif verb == "T":
        text = go_type(value)
    elif verb in "svt":
        text = printed(value)[: int(precision)] if precision and verb == "s" else printed(value)
    elif verb in "xX" and isinstance(value, str):
        text = format(value.encode().hex(), "s")
        text = text.upper() if verb == "X" else text
    else:
        return f"%!{verb}({go_type(value)}={printed(value)})"
    if "-" in flags:
        return text.ljust(int(width or 0))
    return text.rjust(int(width or 0), "0" if "0" in flags and verb not in "sqv" else " ")


def go_type(value: Any) -> str:
    """Return the name of the type that Go gives a value of JSON."""
    names = {bool: "bool", int: "int", float: "float64", str: "string", list: "[]interface {}", type(None): "<nil>"}
    return names.get(type(value), "map[string]interface {}")


def equal(first: Any, *others: Any) -> bool:
    """Return whether `first` equals any of the others."""
    if not others:
        raise TemplateError("error calling eq: missing argument for comparison")
    for other in others:
        if first is not None and other is not None and _kind(first) != _kind(other):
            raise TemplateError("error calling eq: incompatible types for comparison")
        if first == other:
            return True
    return False


def _kind(value: Any) -> str:
    return "number" if type(value) in {int, float} else type(value).__name__


def _ordered(name: str, test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        if _kind(a) != _kind(b) or _kind(a) not in {"number", "str"}:
            raise TemplateError(f"error calling {name}: incompatible types for comparison")
        return test(a, b)

    return compare


def join(values: Sequence[Any] | None, separator: str = "") -> str:
    """Return the items with `separator` between."""
    return separator.join(str(v) if isinstance(v, str) else printed(v) for v in values or ())


def _println(*values: Any) -> str:
    return " ".join(printed(v) for v in values) + "\n"


def _print(*values: Any) -> str:
    """Go puts a space between operands when neither is a string."""
    out = ""
    for i, value in enumerate(values):
        spaced = i and not isinstance(value, str) and not isinstance(values[i - 1], str)
        out += (" " if spaced else "") + printed(value)
    return out


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else text


def _truncate(text: str, size: int) -> str:
    return text[:size] if len(text) > size else text


def _escape(text: Any) -> str:
    table = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
    return "".join(table.get(c, c) for c in printed(text))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "index": index,
    "slice": slice_,
    "len": length,
    "printf": printf,
    "print": _print,
    "println": _println,
    "not": lambda value: not truth(value),
    "eq": equal,
    "ne": lambda a, b: not equal(a, b),
    "lt": _ordered("lt", lambda a, b: bool(a < b)),
    "le": _ordered("le", lambda a, b: bool(a <= b)),
    "gt": _ordered("gt", lambda a, b: bool(a > b)),
    "ge": _ordered("ge", lambda a, b: bool(a >= b)),
    "html": _escape,
    "js": lambda value: to_json(printed(value))[1:-1],
    "urlquery": lambda value: urllib.parse.quote_plus(printed(value)),
    "json": to_json,
    "join": join,
    "split": lambda text, separator: text.split(separator),
    "lower": lambda text: str(text).lower(),
    "upper": lambda text: str(text).upper(),
    "title": lambda text: re.sub(r"\b([a-z])", lambda m: m[1].upper(), str(text)),
    "pad": _pad,
    "truncate": _truncate,
}
