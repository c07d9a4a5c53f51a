"""Platforms as requests name them: as text in some places, as a JSON object in others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pogu.errors import InvalidArgument

_TEXT = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]+){0,2}")


class _Json(msgspec.Struct):
    os: str = ""
    architecture: str = ""
    variant: str = ""


def parse_platform(text: str) -> str:
    """Return an `os[/architecture[/variant]]` as it is, or "".

    Raises:
        InvalidArgument: it has another form.
    """
    if text and not _TEXT.fullmatch(text):
        raise InvalidArgument(f'"{text}" is not a platform: must be os[/architecture[/variant]]')
    return text


def one_platform(values: Sequence[str]) -> str:
    """Return the value of a parameter that several could be given of only from API 1.52 on."""
    if len(values) > 1:
        raise InvalidArgument(
            "multiple platform parameters are not supported in this API version; use API version 1.52 or later"
        )
    return values[0] if values else ""


def decode_platform(text: str) -> str:
    """Return the text form of a platform given as JSON (`{"os": "linux", "architecture": "amd64"}`), or "".

    Raises:
        InvalidArgument: it is not JSON, or one of the two is missing.
    """
    if not text:
        return ""
    try:
        given = msgspec.json.decode(text, type=_Json)
    except (msgspec.MsgspecError, UnicodeError) as e:
        raise InvalidArgument(f"failed to parse platform: {e}") from None
    if not given.os or not given.architecture:
        raise InvalidArgument("both OS and Architecture must be provided")
    return parse_platform("/".join(filter(None, (given.os, given.architecture, given.variant))))
