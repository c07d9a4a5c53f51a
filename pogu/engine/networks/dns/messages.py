"""DNS messages (RFC 1035, section 4), as far as a server for addresses and names of containers needs them. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

A, PTR, AAAA, ANY = 1, 12, 28, 255
IN = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP = 0, 1, 2, 3, 4
MAXIMUM_UDP = 512  # bytes of an answer to a client that does not say more (RFC 1035, section 4.2.1)
TTL = 600  # seconds; what Docker's server gives

_HEADER = struct.Struct("!6H")  # ID, flags, questions, answers, authorities, additional
_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
_OPCODE = 0x7800
_QUESTION_NAME = b"\xc0\x0c"  # a pointer to the name in the question


class MalformedMessage(Exception):
    """The bytes are not a DNS message."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `name` is in lower case without the final dot; `question` is its bytes, for the answer."""

    id: int
    flags: int
    name: str
    kind: int
    family: int
    question: bytes

    @property
    def is_standard(self) -> bool:
        return self.flags & _OPCODE == 0

    def reverse_address(self) -> IPv4Address | IPv6Address | None:
        """Return the address that a question in `in-addr.arpa` or `ip6.arpa` is about."""
        labels = self.name.split(".")
        try:
            if self.name.endswith(".in-addr.arpa") and len(labels) == 6:
                return ip_address(".".join(reversed(labels[:4])))
            if self.name.endswith(".ip6.arpa") and len(labels) == 34:
                digits = "".join(reversed(labels[:32]))
                return ip_address(":".join(digits[i : i + 4] for i in range(0, 32, 4)))
        except ValueError:
            pass
        return None


def parse_query(data: bytes) -> Query:
    """Read a question from a client.

    Raises:
        MalformedMessage: it is none: too short, an answer, not exactly one question, or a broken name.
    """
    if len(data) < _HEADER.size:
        raise MalformedMessage("shorter than a header")
    number, flags, questions, _answers, _authorities, _additional = _HEADER.unpack_from(data)
    if flags & _QR:
        raise MalformedMessage("an answer")
    if questions != 1:
        raise MalformedMessage(f"{questions} questions")
    name, end = _read_name(data, _HEADER.size)
    if end + 4 > len(data):
        raise MalformedMessage("the question is cut off")
    kind, family = struct.unpack_from("!2H", data, end)
    return Query(number, flags, name, kind, family, data[_HEADER.size : end + 4])


def _read_name(data: bytes, offset: int) -> tuple[str, int]:
    """Read an uncompressed name (a question is the first name in a message, so nothing can be pointed to)."""
    labels: list[str] = []
    size = 1
    while True:
        if offset >= len(data):
            raise MalformedMessage("a name without end")
        length = data[offset]
        offset += 1
        if length == 0:
            return ".".join(labels), offset
        size += length + 1
        if length > 63 or size > 255 or offset + length > len(data):
            raise MalformedMessage("a broken name")
        labels.append(data[offset : offset + length].decode("latin-1").lower())
        offset += length


def addresses_answer(query: Query, addresses: Sequence[IPv4Address | IPv6Address]) -> bytes:
    """Answer with addresses of the kind that was asked for; with none of them, the name exists all the same."""
    wanted = {A: (4,), AAAA: (6,), ANY: (4, 6)}.get(query.kind, ())
    records = [
        _QUESTION_NAME + struct.pack("!HHIH", A if a.version == 4 else AAAA, IN, TTL, len(a.packed)) + a.packed
        for a in addresses
        if a.version in wanted
    ]
    return _answer(query, NOERROR, records)


def name_answer(query: Query, name: str) -> bytes:
    """Answer a reverse question with a name."""
    encoded = _write_name(name)
    return _answer(query, NOERROR, [_QUESTION_NAME + struct.pack("!HHIH", PTR, IN, TTL, len(encoded)) + encoded])


def failure(query: Query, code: int) -> bytes:
    """Answer with an error code and no records."""
    return _answer(query, code, [])


def truncated(answer: bytes, limit: int) -> bytes:
    """Return an answer as it may be sent by UDP: if it is over `limit` bytes, without records and marked as cut off."""
    if len(answer) <= limit:
        return answer
    number, flags, questions, *_counts = _HEADER.unpack_from(answer)
    _name, end = _read_name(answer, _HEADER.size)
    return _HEADER.pack(number, flags | _TC, questions, 0, 0, 0) + answer[_HEADER.size : end + 4]


def _answer(query: Query, code: int, records: Sequence[bytes]) -> bytes:
    flags = _QR | _RA | (query.flags & (_RD | _OPCODE)) | code
    if records:
        flags |= _AA
    return _HEADER.pack(query.id, flags, 1, len(records), 0, 0) + query.question + b"".join(records)


def _write_name(name: str) -> bytes:
    labels = [label.encode("latin-1", "replace")[:63] for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
