"""A DNS client for tests: questions as bytes, answers as (code, records)."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

QUESTION_ID = 0x1234


def question(name: str, kind: int = 1, family: int = 1, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    return struct.pack("!6H", QUESTION_ID, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, family)


def read_answer(data: bytes) -> tuple[int, list[str]]:
    """Return the code and the data of the records: addresses or names."""
    number, flags, questions, answers, _, _ = struct.unpack_from("!6H", data)
    assert number == QUESTION_ID
    assert flags & 0x8000
    assert questions == 1
    offset = 12
    while data[offset]:
        offset += data[offset] + 1
    offset += 5
    found = []
    for _ in range(answers):
        assert data[offset : offset + 2] == b"\xc0\x0c"
        kind, _family, _ttl, length = struct.unpack_from("!HHIH", data, offset + 2)
        payload = data[offset + 12 : offset + 12 + length]
        found.append(_name(payload) if kind == 12 else str(ip_address(payload)))
        offset += 12 + length
    assert offset == len(data)
    return flags & 0xF, found


def _name(payload: bytes) -> str:
    labels, offset = [], 0
    while payload[offset]:
        labels.append(payload[offset + 1 : offset + 1 + payload[offset]].decode())
        offset += payload[offset] + 1
    return ".".join(labels)


def ask_udp(data: bytes, server: str = "127.0.0.11") -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((server, 53))
        sock.send(data)
        return sock.recv(65535)


def ask_tcp(data: bytes, server: str = "127.0.0.11") -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect((server, 53))
        sock.sendall(struct.pack("!H", len(data)) + data)
        file = sock.makefile("rb")
        (length,) = struct.unpack("!H", file.read(2))
        answer = file.read(length)
        file.close()
        return answer
