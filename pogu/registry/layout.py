"""Under which keys the records of a registry are kept. A part that begins with `_` is no part of a repository's name.

catalog/<name, with : for />                       a repository exists
repositories/<name>/_blobs/<digest>                a blob is in it; its size in bytes, as text
repositories/<name>/_manifests/<digest>            a manifest is in it; `Link`
repositories/<name>/_tags/<tag>                    what a tag points to; `Tag`
repositories/<name>/_referrers/<subject>/<digest>  a manifest is about another; its descriptor
events/<time>-<number>                             an event that has not been delivered
"""

from __future__ import annotations

import msgspec

CATALOG = "catalog/"
EVENTS = "events/"


class Link(msgspec.Struct):
    """A manifest in a repository: its media type, its size in bytes, and the digest of its subject if it has one."""

    media_type: str
    size: int
    subject: str | None = None


class Tag(msgspec.Struct):
    """What a tag points to, and since when (seconds since the epoch)."""

    digest: str
    time: float


_link = msgspec.json.Decoder(Link)
_tag = msgspec.json.Decoder(Tag)


def read_link(data: bytes) -> Link:
    """The link in a record."""
    return _link.decode(data)


def read_tag(data: bytes) -> Tag:
    """The tag in a record."""
    return _tag.decode(data)


def catalog_entry(name: str) -> str:
    return CATALOG + name.replace("/", ":")


def name_of_entry(entry: str) -> str:
    return entry.replace(":", "/")


def blobs(name: str) -> str:
    return f"repositories/{name}/_blobs/"


def manifests(name: str) -> str:
    return f"repositories/{name}/_manifests/"


def tags(name: str) -> str:
    return f"repositories/{name}/_tags/"


def referrers(name: str, subject: str) -> str:
    return f"repositories/{name}/_referrers/{subject}/"
