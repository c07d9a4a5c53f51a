"""Request targets (RFC 9112, section 3.2): which part is the path, which the query, and how a path decodes.

An encoded slash stays inside its segment: `/containers/%2Fweb/json` has three segments, the second being `/web`, which
is how some Docker clients name a container.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_SCHEME_AND_AUTHORITY = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
ENCODED_SLASH = "\0"
"""Stands for an encoded slash in a routing path; cannot occur otherwise, because `%00` in a target is refused."""


def split_target(target: str) -> tuple[str, str] | None:
    """The still encoded (path, query) of a target in origin, absolute or asterisk form; None for anything else."""
    if not target.startswith("/"):
        if target == "*":
            return target, ""
        absolute = _SCHEME_AND_AUTHORITY.match(target)
        if absolute is None:
            return None
        target = target[absolute.end() :]
        if not target.startswith("/"):
            target = "/" + target
    target, _, _ = target.partition("#")
    path, _, query = target.partition("?")
    return path, query


def routing_path(raw_path: str) -> str:
    """The decoded path, with `ENCODED_SLASH` for every slash that was written as %2F."""
    if "%" not in raw_path:
        return raw_path
    return unquote(raw_path.replace("%2F", ENCODED_SLASH).replace("%2f", ENCODED_SLASH))


def plain_path(path: str) -> str:
    """What a person would call the path (or a parameter cut from it): encoded slashes are slashes."""
    return path.replace(ENCODED_SLASH, "/")
