"""Content digests: their syntax, and the chain IDs that name a stack of layers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path

from pogu.errors import InvalidArgument

_ENCODED = {"sha256": 64, "sha384": 96, "sha512": 128}  # hexadecimal digits
_SYNTAX = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = re.compile(r"[a-f0-9]+")

EMPTY_TAR = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"  # 1024 zero bytes


def check_digest(text: str) -> str:
    """Return `text` if it is a digest `algorithm:hex` that OCI registers (image-spec, descriptor.md, Digests).

    Raises:
        InvalidArgument: with the words that Docker uses for each kind of fault.
    """
    algorithm, colon, encoded = text.partition(":")
    if not algorithm or not colon or not encoded:
        raise InvalidArgument("invalid checksum digest format")
    length = _ENCODED.get(algorithm)
    if length is None:
        raise InvalidArgument(
            "unsupported digest algorithm" if _SYNTAX.fullmatch(text) else "invalid checksum digest format"
        )
    if len(encoded) != length:
        raise InvalidArgument("invalid checksum digest length")
    if not _HEX.fullmatch(encoded):
        raise InvalidArgument("invalid checksum digest format")
    return text


def is_digest(text: str) -> bool:
    """Tell whether `check_digest` accepts the text."""
    try:
        check_digest(text)
    except InvalidArgument:
        return False
    return True


def sha256_of(file: BufferedReader) -> str:
    """Return the digest of what is left of an open file, `sha256:<hex>`. Blocks."""
    return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the digest of a file, `sha256:<hex>`. Blocks."""
    with path.open("rb") as file:
        return sha256_of(file)


def sha256(data: bytes) -> str:
    """Return the digest of `data` as `sha256:hex`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """Return the chain ID of each layer, bottom first.

    The first is the diff ID itself, each next the digest of "parent's chain ID, space, diff ID"
    (image-spec, config.md, Layer ChainID).
    """
    chains: list[str] = []
    for diff_id in diff_ids:
        chains.append(sha256(f"{chains[-1]} {diff_id}".encode()) if chains else diff_id)
    return chains


def short_id(identifier: str) -> str:
    """Return the twelve digits that people are shown of an ID or digest."""
    return identifier.rpartition(":")[2][:12]
