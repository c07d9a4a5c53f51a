"""`WWW-Authenticate`: how a server wants to be asked (RFC 9110, 11.6.1; distribution, "Token Authentication")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?:\s+(?!=)|(?=,)|$)")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way: `scheme` in lower case (basic, bearer) and its parameters (realm, service, scope)."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of a header, in order; what is malformed ends the list."""
    found: list[Challenge] = []
    at = 0
    while at < len(header):
        scheme = _SCHEME.match(header, at)
        if scheme is None:
            break
        at = scheme.end()
        parameters: dict[str, str] = {}
        while match := _PARAMETER.match(header, at):
            parameters[match[1].lower()] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
            at = match.end()
        found.append(Challenge(scheme[1].lower(), parameters))
        while at < len(header) and header[at] in ", ":
            at += 1
    return found
