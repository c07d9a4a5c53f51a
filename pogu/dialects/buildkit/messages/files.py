"""Packets of a transfer of files (`fsutil.types`)."""

from __future__ import annotations

import enum
from typing import Annotated

from pogu.dialects.buildkit.protobuf import NAME, UNSIGNED, VIEW, Bytes, Message


class PacketType(enum.IntEnum):
    """What a packet is about."""

    STAT = 0
    """The sender has this; without `stat`: that was all."""
    REQUEST = 1
    """The receiver wants the content of the file of this number."""
    DATA = 2
    """A piece of it; an empty one ends it."""
    FIN = 3
    """The receiver has all; the sender says the same and ends the call."""
    ERROR = 4
    """It cannot go on; `data` says why."""


class Stat(Message):
    """What a sender says of a file. Files are numbered from 0 in the order in which they are told."""

    path: Annotated[str, 1, NAME] = ""
    """From the root, without a leading slash."""
    mode: Annotated[int, 2, UNSIGNED] = 0
    """As Go's `fs.FileMode`, whose bits for the type are not the kernel's."""
    uid: Annotated[int, 3, UNSIGNED] = 0
    gid: Annotated[int, 4, UNSIGNED] = 0
    size: Annotated[int, 5] = 0
    modified: Annotated[int, 6] = 0
    """Nanoseconds since 1970."""
    linkname: Annotated[str, 7, NAME] = ""
    """Where a symbolic link leads; of a regular file the path of the earlier one that it is a hard link to."""
    devmajor: Annotated[int, 8] = 0
    devminor: Annotated[int, 9] = 0
    xattrs: Annotated[dict[str, bytes], 10] = {}


class Packet(Message):
    type: Annotated[int, 1] = 0
    stat: Annotated[Stat | None, 2] = None
    id: Annotated[int, 3, UNSIGNED] = 0
    data: Annotated[Bytes, 4, VIEW] = b""
