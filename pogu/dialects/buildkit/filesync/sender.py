"""The sending side of a transfer: it tells what a tree holds, and sends the files that are asked for."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pogu.dialects.buildkit.messages.files import Packet, PacketType, Stat
from pogu.dialects.buildkit.protobuf import Bytes, decode, encode
from pogu.engine.archive.go_modes import go_mode
from pogu.errors import InvalidArgument, PoguError
from pogu.linux.paths import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, attribute_path, open_in_root
from pogu.linux.trees import Found, walk

_PIECE = 1 << 20  # bytes of a file in one packet; well below what receivers take
_STATS = 500  # entries told at a time
_CONFINED = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS


@dataclass(slots=True)
class _Sending:
    number: int
    fd: int


class Sender:
    """Sends what is below the directory `root` (a descriptor). Blocks: use it in one thread at a time.

    Sockets are left out. Give what the receiver says to `take`, and send what `more` returns until it returns nothing;
    then wait for the receiver.
    """

    def __init__(self, root: int, chosen: Iterator[Found] | None = None, *, as_root: bool = False) -> None:
        """`chosen` is what to send of the tree, in the order of `walk`; everything where it is None.

        With `as_root` everything is told to be root's.
        """
        self._root = root
        self._chosen = walk(root) if chosen is None else chosen
        self._as_root = as_root
        self._entries = self._told()
        self._told_all = False
        self._paths: dict[int, str] = {}  # regular files, which can be asked for
        self._asked: deque[int] = deque()
        self._sending: _Sending | None = None
        self.finished = False
        """Whether the receiver has everything; what `more` then returns last says so to it, too."""
        self._said_fin = False

    def close(self) -> None:
        """Give everything that is open back."""
        self._entries.close()  # type: ignore[attr-defined]
        if self._sending is not None:
            os.close(self._sending.fd)
            self._sending = None

    def take(self, messages: Iterable[Bytes]) -> None:
        """Take what the receiver says. Raises InvalidArgument for a rule broken, PoguError for a failure of its own."""
        for message in messages:
            packet = decode(Packet, message)
            if packet.type == PacketType.REQUEST:
                if packet.id not in self._paths:
                    raise InvalidArgument(f"invalid file id {packet.id}")
                self._asked.append(packet.id)
            elif packet.type == PacketType.FIN:
                self.finished = True
            elif packet.type == PacketType.ERROR:
                raise PoguError(f"error from receiver: {bytes(packet.data).decode(errors='replace')}")
            else:
                raise InvalidArgument(f"the receiver sent a packet of the type {packet.type}")

    def more(self) -> list[bytes]:
        """Return what is to be sent next, nothing while there is nothing to do. Raises OSError."""
        if self.finished:
            if self._said_fin:
                return []
            self._said_fin = True
            return [encode(Packet(type=PacketType.FIN))]
        if self._sending is not None or self._asked:
            return self._content()
        if self._told_all:
            return []
        return self._next_entries()

    def _next_entries(self) -> list[bytes]:
        packets: list[bytes] = []
        for told in self._entries:
            packets.append(encode(Packet(type=PacketType.STAT, stat=told)))
            if len(packets) == _STATS:
                return packets
        self._told_all = True
        packets.append(encode(Packet(type=PacketType.STAT)))
        return packets

    def _content(self) -> list[bytes]:
        """Return pieces of what was asked for: of a large file one, of small ones as many as come to about as much."""
        packets: list[bytes] = []
        size = 0
        while size < _PIECE and (self._sending is not None or self._asked):
            data = self._read()
            packets.append(data)
            size += len(data)
        return packets

    def _read(self) -> bytes:
        if self._sending is None:
            number = self._asked.popleft()
            path = self._paths.pop(number)
            self._sending = _Sending(number, open_in_root(self._root, path, os.O_RDONLY, resolve=_CONFINED))
        data = os.read(self._sending.fd, _PIECE)
        packet = encode(Packet(type=PacketType.DATA, id=self._sending.number, data=data))
        if not data:
            os.close(self._sending.fd)
            self._sending = None
        return packet

    def _told(self) -> Iterator[Stat]:
        number = 0
        first_names: dict[tuple[int, int], str] = {}
        for found in self._chosen:
            if stat.S_ISSOCK(found.status.st_mode):
                continue
            told = _told(found, first_names)
            if self._as_root:
                told.uid = told.gid = 0
            if stat.S_ISREG(found.status.st_mode):
                self._paths[number] = told.path
            number += 1
            yield told


def _told(found: Found, first_names: dict[tuple[int, int], str]) -> Stat:
    status = found.status
    told = Stat(
        path=found.path, mode=go_mode(status.st_mode), uid=status.st_uid, gid=status.st_gid, modified=status.st_mtime_ns
    )
    if stat.S_ISREG(status.st_mode):
        first = first_names.setdefault((status.st_dev, status.st_ino), found.path) if status.st_nlink > 1 else None
        if first is not None and first != found.path:
            told.linkname = first
        else:
            told.size = status.st_size
            told.xattrs = _attributes(found)
    elif stat.S_ISLNK(status.st_mode):
        told.linkname = os.readlink(found.name, dir_fd=found.parent)
    elif stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
        told.devmajor, told.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    elif stat.S_ISDIR(status.st_mode):
        told.xattrs = _attributes(found)
    return told


def _attributes(found: Found) -> dict[str, bytes]:
    path = attribute_path(found.parent, found.name)
    try:
        return {
            name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
        }
    except OSError:
        return {}
