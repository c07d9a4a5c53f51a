"""The receiving side of a transfer: fed with the sender's packets, it makes the tree and gives what to answer."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pogu.dialects.buildkit.filesync.target import Target
from pogu.dialects.buildkit.messages.files import Packet, PacketType, Stat
from pogu.dialects.buildkit.protobuf import Bytes, decode, encode
from pogu.engine.archive.go_modes import TYPE
from pogu.errors import InvalidArgument

_VECTOR = 1000  # pieces in one call; IOV_MAX is 1024
_AT_ONCE = 128  # files asked for and not complete: so many descriptors may be open
FIN = encode(Packet(type=PacketType.FIN))


@dataclass(slots=True)
class _File:
    """A file on its way; `fd` is -1 before its first piece."""

    told: Stat
    fd: int = -1
    pieces: list[Bytes] = field(default_factory=list)  # not written yet


class Receiver:
    """Makes the directory `root` (a descriptor) equal to what is told. Blocks: use it in one thread at a time.

    After a failure, or when done, `close` it.
    """

    def __init__(
        self,
        root: int,
        *,
        merge: bool = False,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """`merge` and `owner` are those of `Target`."""
        self._target = Target(root, merge=merge, owner=owner)
        self.received = 0
        """Bytes of content that have come."""
        self._number = 0
        self._wanted: deque[tuple[int, Stat]] = deque()
        self._files: dict[int, _File] = {}
        self._unwritten: dict[int, _File] = {}
        self._told_all = False
        self._complete = False
        self.finished = False
        """Whether the sender has confirmed the end."""

    def close(self) -> None:
        """Give everything that is open back."""
        for file in self._files.values():
            if file.fd >= 0:
                os.close(file.fd)
        self._files.clear()
        self._target.close()

    def feed(self, messages: Iterable[Bytes]) -> list[bytes]:
        """Take what the sender says, and return what to answer.

        Raises:
            InvalidArgument: the sender breaks the rules, or has failed itself.
            OSError: the tree cannot be made.
        """
        for message in messages:
            packet = decode(Packet, message)
            if packet.type == PacketType.STAT:
                self._take_stat(packet.stat)
            elif packet.type == PacketType.DATA:
                self._take_data(packet.id, packet.data)
            elif packet.type == PacketType.FIN:
                self.finished = True
            elif packet.type == PacketType.ERROR:
                raise InvalidArgument(f"error from sender: {bytes(packet.data).decode(errors='replace')}")
            else:
                raise InvalidArgument(f"the sender sent a packet of the unknown type {packet.type}")
        self._write_all()
        return self._answers()

    def _answers(self) -> list[bytes]:
        answers: list[bytes] = []
        while self._wanted and len(self._files) < _AT_ONCE:
            number, told = self._wanted.popleft()
            self._files[number] = _File(told)
            answers.append(encode(Packet(type=PacketType.REQUEST, id=number)))
        if self._told_all and not self._files and not self._complete:
            self._complete = True
            self._target.finish()
            answers.append(FIN)
        return answers

    def _take_stat(self, told: Stat | None) -> None:
        if self._told_all:
            raise InvalidArgument("the sender tells of a file after the end of its list")
        if told is None:
            self._told_all = True
            self._target.finish_entries()
            return
        number = self._number
        self._number += 1
        if self._target.put(told):
            assert not told.mode & TYPE
            self._wanted.append((number, told))

    def _take_data(self, number: int, data: Bytes) -> None:
        file = self._files.get(number)
        if file is None:
            raise InvalidArgument(f"the sender sends file {number}, which nobody asked for")
        if data:
            file.pieces.append(data)
            self._unwritten[number] = file
            return
        self._write(file)
        self._unwritten.pop(number, None)
        self._target.settle(file.fd, file.told)
        os.close(file.fd)
        del self._files[number]

    def _write_all(self) -> None:
        for file in self._unwritten.values():
            self._write(file)
        self._unwritten.clear()

    def _write(self, file: _File) -> None:
        """Write what has come of a file, all in few calls: each one lets another thread run, and waits for it."""
        if file.fd < 0:
            file.fd = self._target.open(file.told.path)
        pieces, file.pieces = file.pieces, []
        for at in range(0, len(pieces), _VECTOR):
            write_all(file.fd, pieces[at : at + _VECTOR])
        self.received += sum(map(len, pieces))


def write_all(fd: int, pieces: list[Bytes]) -> None:
    """Write all the pieces, at most IOV_MAX of them. Raises OSError."""
    written = os.writev(fd, pieces)
    for piece in pieces:
        if written >= len(piece):
            written -= len(piece)
            continue
        rest = memoryview(piece)[written:]
        written = 0
        while rest:
            rest = rest[os.write(fd, rest) :]
