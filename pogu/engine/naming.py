"""Identifiers and names as Docker forms them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable

from pogu.errors import InvalidArgument, NotFound

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")

_LEFT = (
    "amber brave bright calm clever cosy crisp deft eager early fair fond gentle glad golden hardy humble "
    "jolly keen kind lively lucid mellow merry misty modest noble patient placid plucky proud quick quiet "
    "ready serene shiny silent silver snug solid steady stout sunny swift tidy true upbeat vivid warm "
    "wise witty zesty"
).split()
_RIGHT = (
    "anchor barge bay beacon boat breeze buoy canoe cape captain clipper coast coral cove crane crew "
    "current cutter delta dinghy dock ferry fjord galley gull harbour heron hull inlet island jetty kayak "
    "keel lagoon lantern lighthouse marina mast mooring oar otter pelican pier pilot quay raft reef "
    "rudder sail schooner seal shore sloop starfish strait tern tide trawler tug wave wharf yacht"
).split()


def new_id() -> str:
    """Return a random 64-digit hexadecimal object ID whose first twelve digits are not all decimal.

    An all-decimal short ID would be taken for a number by tools that read it (moby does the same).
    """
    while True:
        candidate = secrets.token_hex(32)
        if not candidate[:12].isdigit():
            return candidate


def new_name(taken: Callable[[str], bool]) -> str:
    """Return a random two-word name for which `taken` is false."""
    for _ in range(20):
        candidate = f"{secrets.choice(_LEFT)}_{secrets.choice(_RIGHT)}"
        if not taken(candidate):
            return candidate
    return f"{secrets.choice(_LEFT)}_{secrets.choice(_RIGHT)}_{secrets.token_hex(3)}"


def check_name(name: str, kind: str, shown: str = "") -> str:
    """Return `name`, or raise InvalidArgument where Docker's rule `[a-zA-Z0-9][a-zA-Z0-9_.-]+` refuses it.

    The message has `shown`, the name as it was given.
    """
    if not NAME.fullmatch(name):
        raise InvalidArgument(f"Invalid {kind} name ({shown or name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return name


def match_prefix(prefix: str, ids: Iterable[str], kind: str) -> str | None:
    """Return the one ID that starts with `prefix`, None if there is none.

    Raises:
        NotFound: several IDs start with it (Docker's own answer to an ambiguous prefix is a client error).
    """
    found = [i for i in ids if i.startswith(prefix)]
    if len(found) > 1:
        raise NotFound(f"multiple {kind}s found with provided prefix: {prefix}")
    return found[0] if found else None
