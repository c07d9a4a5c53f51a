"""API versions: `1.50` in paths and headers, negotiated by clients from the `Api-Version` header of `/_ping`."""

from __future__ import annotations

import re

from pogu.errors import InvalidArgument

ApiVersion = tuple[int, ...]

MAXIMUM: ApiVersion = (1, 50)
MINIMUM: ApiVersion = (1, 24)

_PREFIX = re.compile(r"/v([0-9.]+)(/.*)", re.DOTALL)


def render(version: ApiVersion) -> str:
    """Return the text form: (1, 50) is `1.50`."""
    return ".".join(map(str, version))


def parse(text: str) -> ApiVersion:
    """Return the numbers of a dotted version; empty parts count as zero (`1.` is 1.0), as in moby."""
    return tuple(int(part[:9]) if part else 0 for part in text.split("."))


def split_path(path: str) -> tuple[str | None, str]:
    """Split `/v1.44/containers/json` into its version and the rest; the version is None where there is none."""
    found = _PREFIX.fullmatch(path)
    return (found[1], found[2]) if found else (None, path)


def negotiate(text: str | None) -> ApiVersion:
    """Return the version to answer in: the one asked for, the newest where none was.

    Raises:
        InvalidArgument: it is outside what this server speaks.
    """
    if text is None:
        return MAXIMUM
    version = parse(text)
    if version < MINIMUM:
        raise InvalidArgument(
            f"client version {text} is too old. Minimum supported API version is {render(MINIMUM)}, "
            "please upgrade your client to a newer version"
        )
    if version[:2] > MAXIMUM:
        raise InvalidArgument(f"client version {text} is too new. Maximum supported API version is {render(MAXIMUM)}")
    return version
