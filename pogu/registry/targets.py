"""Which endpoint a path names. A repository's name has slashes of its own, so paths are read from their end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pogu.http.targets import ENCODED_SLASH

Kind = Literal["base", "catalog", "manifest", "blob", "uploads", "upload", "tags", "referrers"]

# The greedy name takes as much as it can: `a/manifests/b/tags/list` is the tags of `a/manifests/b`.
_PATTERN = re.compile(
    r"/v2/(?P<name>.+)/(?:"
    r"manifests/(?P<manifest>[^/]+)"
    r"|blobs/uploads/(?P<upload>[^/]+)"
    r"|blobs/uploads(?P<uploads>/?)"
    r"|blobs/(?P<blob>[^/]+)"
    r"|tags/(?P<tags>list)/?"
    r"|referrers/(?P<referrers>[^/]+)"
    r")",
    re.DOTALL,
)
_KINDS: tuple[Kind, ...] = ("manifest", "upload", "uploads", "blob", "tags", "referrers")

METHODS: dict[Kind, tuple[str, ...]] = {
    "base": ("GET", "HEAD"),
    "catalog": ("GET", "HEAD"),
    "manifest": ("GET", "HEAD", "PUT", "DELETE"),
    "blob": ("GET", "HEAD", "DELETE"),
    "uploads": ("POST",),
    "upload": ("GET", "HEAD", "PATCH", "PUT", "DELETE"),
    "tags": ("GET", "HEAD"),
    "referrers": ("GET", "HEAD"),
}
"""The methods of each endpoint (specification, "Endpoints"; HEAD wherever GET is)."""


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint, the repository it is about and the last part: a tag, digest or upload identifier. Unchecked."""

    kind: Kind
    name: str = ""
    reference: str = ""


def parse_target(path: str) -> Target | None:
    """The endpoint of a routing path (see `Request.route_path`), None if it names none."""
    if ENCODED_SLASH in path:
        return None
    if path in ("/v2/", "/v2"):
        return Target("base")
    if path in ("/v2/_catalog", "/v2/_catalog/"):
        return Target("catalog")
    match = _PATTERN.fullmatch(path)
    if match is None:
        return None
    for kind in _KINDS:
        reference = match[kind]
        if reference is not None:
            return Target(kind, match["name"], reference)
    return None
