"""The grammar of repository names, tags, digests and upload identifiers; nothing else ever becomes part of a path.

Distribution specification, "Pulling manifests"; image specification, `descriptor.md#digests`.
"""

from __future__ import annotations

import hashlib
import re
import uuid

from pogu.registry.refusals import Refused

MAX_NAME = 255  # many clients refuse more, with the host's name included

_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = {"sha256": re.compile(r"[a-f0-9]{64}"), "sha512": re.compile(r"[a-f0-9]{128}")}
_UPLOAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

ALGORITHMS = tuple(_HEX)


def check_name(name: str) -> str:
    """Return a repository's name. Raises Refused (NAME_INVALID)."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        shown = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
        raise Refused("NAME_INVALID", f"invalid repository name: {shown!r}", {"name": shown})
    return name


def is_name(name: str) -> bool:
    """Whether this is a repository's name."""
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def is_tag(text: str) -> bool:
    """Whether this is a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether this is a digest of an algorithm that is supported."""
    algorithm, _, encoded = text.partition(":")
    form = _HEX.get(algorithm)
    return form is not None and form.fullmatch(encoded) is not None


def check_digest(text: str) -> str:
    """Return a digest. Raises Refused (DIGEST_INVALID) for a malformed one or an unknown algorithm."""
    if is_digest(text):
        return text
    shown = text[:200]
    if _DIGEST.fullmatch(text) and text.partition(":")[0] not in _HEX:
        raise Refused("DIGEST_INVALID", f"unsupported digest algorithm: {shown!r}: use {' or '.join(ALGORITHMS)}")
    raise Refused("DIGEST_INVALID", f"invalid digest: {shown!r}", {"digest": shown})


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def new_upload() -> str:
    """A fresh upload identifier, a random UUID as the specification asks."""
    return str(uuid.uuid4())


def is_upload(text: str) -> bool:
    """Whether this can be an upload identifier of ours."""
    return _UPLOAD.fullmatch(text) is not None
