"""Conditional requests on entity tags, which are digests (RFC 9110, 13.1)."""

from __future__ import annotations

from pogu.http import Request
from pogu.registry.names import check_digest
from pogu.registry.repositories import Condition


def not_modified(request: Request, digest: str) -> bool:
    """Whether the client has this content already (`If-None-Match`)."""
    values = request.headers.get_all("if-none-match")
    return bool(values) and any(tag in ("*", digest) for tag in _tags(values))


def condition_of(request: Request) -> Condition | None:
    """What a request that writes a tag asks to be true of it (`If-Match`, `If-None-Match: *`), None if nothing."""
    match = _tags(request.headers.get_all("if-match"))
    absent = "*" in _tags(request.headers.get_all("if-none-match"))
    if not match and not absent:
        return None
    digest = match[0] if match else None
    return Condition(digest if digest in (None, "*") else check_digest(digest or ""), absent)


def _tags(values: list[str]) -> list[str]:
    texts = (text.strip() for value in values for text in value.split(","))
    return [text.removeprefix("W/").strip('"') for text in texts if text]
