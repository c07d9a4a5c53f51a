"""Framing of netlink messages, and errors as the kernel explains them."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.linux.netlink import Message, NetlinkSocket, attribute, nested, parse_attributes, text, u8, u16, u32

RTM_NEWLINK, RTM_GETLINK = 16, 18
HEADER = struct.pack("=BxHiII", 0, 0, 0, 0, 0)


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=8))
def test_attributes_come_back_as_they_were_packed(wanted: dict[int, bytes]) -> None:
    data = b"".join(attribute(kind, payload) for kind, payload in wanted.items())
    assert len(data) % 4 == 0
    assert parse_attributes(data) == wanted


def test_the_kernels_own_layout() -> None:
    assert u8(1, 7) == b"\x05\x00\x01\x00\x07\x00\x00\x00"
    assert u16(2, 0x0102) == b"\x06\x00\x02\x00\x02\x01\x00\x00"
    assert u32(3, 5) == b"\x08\x00\x03\x00\x05\x00\x00\x00"
    assert text(4, "lo") == b"\x07\x00\x04\x00lo\x00\x00"
    assert nested(18, u32(3, 5)) == b"\x0c\x00\x12\x80\x08\x00\x03\x00\x05\x00\x00\x00"
    assert parse_attributes(nested(18, u32(3, 5))) == {18: u32(3, 5)}


@given(st.binary(max_size=64))
def test_garbage_is_read_without_end_or_error(data: bytes) -> None:
    assert isinstance(parse_attributes(data), dict)


def test_a_dump_has_the_loopback_interface(own_network: None) -> None:
    with NetlinkSocket() as sock:
        found = [parse_attributes(p, len(HEADER)) for p in sock.dump(Message(RTM_GETLINK, HEADER))]
    assert b"lo\x00" in [a.get(3) for a in found]


def test_a_refusal_carries_errno_and_the_kernels_reason(own_network: None) -> None:
    with NetlinkSocket() as sock:
        with pytest.raises(OSError) as missing:
            sock.get(Message(RTM_GETLINK, HEADER + text(3, "nothere")))
        assert missing.value.errno == errno.ENODEV
        with pytest.raises(OSError, match=r"\(.+\)") as unknown:  # the text in brackets is the kernel's own
            sock.execute(Message(RTM_NEWLINK, HEADER + text(3, "x0") + nested(18, text(1, "nosuchkind")), 0x600))
        assert unknown.value.errno == errno.EOPNOTSUPP


def test_of_several_messages_the_first_failure_is_raised_and_the_others_are_carried_out(own_network: None) -> None:
    def bridge(name: str) -> Message:
        return Message(RTM_NEWLINK, HEADER + text(3, name) + nested(18, text(1, "bridge")), 0x600)

    with NetlinkSocket() as sock:
        with pytest.raises(OSError) as refused:
            sock.execute(bridge("b0"), bridge("b0"), bridge("b1"))
        assert refused.value.errno == errno.EEXIST
        assert sock.get(Message(RTM_GETLINK, HEADER + text(3, "b1")))
