"""Platforms on the command line: `os[/arch[/variant]]`, a JSON object in requests."""

from __future__ import annotations

from pogu.cli.invoke import Failed


def platform_object(text: str | None, prefix: str = "invalid platform: ") -> dict[str, str] | None:
    """Return what a request names a platform with, None for none.

    Raises:
        Failed: it is no platform, in docker's words behind `prefix`.
    """
    if not text:
        return None
    from pogu.engine.images.platform import parse_platform
    from pogu.errors import InvalidArgument

    try:
        found = parse_platform(text)
    except InvalidArgument as e:
        known = "unknown operating system or architecture"
        reason = known if known in e.message else "cannot parse platform specifier"
        raise Failed(f'{prefix}"{text}": {reason}: invalid argument') from e
    named = {"architecture": found.architecture, "os": found.os, "variant": found.variant}
    return {key: word for key, word in named.items() if word}
