"""DNS on the wire, without sockets."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.networks.dns import messages
from pogu.engine.networks.dns.messages import MalformedMessage, parse_query
from tests.engine.networks.dns.asking import question, read_answer


def test_a_question_is_read() -> None:
    found = parse_query(question("Web.Example.ORG", 28))
    assert (found.name, found.kind, found.family, found.is_standard) == ("web.example.org", 28, 1, True)
    assert not parse_query(question("x", flags=0x2800)).is_standard


def test_answers_carry_what_was_asked_for() -> None:
    both = [ip_address("10.0.0.2"), ip_address("fd00::2"), ip_address("10.0.0.3")]
    assert read_answer(messages.addresses_answer(parse_query(question("web", 1)), both)) == (
        0,
        ["10.0.0.2", "10.0.0.3"],
    )
    assert read_answer(messages.addresses_answer(parse_query(question("web", 28)), both)) == (0, ["fd00::2"])
    assert read_answer(messages.addresses_answer(parse_query(question("web", 28)), both[:1])) == (0, [])
    assert read_answer(messages.addresses_answer(parse_query(question("web", 15)), both)) == (0, [])
    assert read_answer(messages.name_answer(parse_query(question("x", 12)), "web.net")) == (0, ["web.net"])
    assert read_answer(messages.failure(parse_query(question("web")), messages.NXDOMAIN)) == (3, [])


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("2.0.17.172.in-addr.arpa", "172.17.0.2"),
        ("2." + "0." * 23 + "7.0.0.0.0.0.d.f.ip6.arpa", "fd00:7::2"),
        ("17.172.in-addr.arpa", None),
        ("a.b.c.d.in-addr.arpa", None),
        ("web", None),
    ],
)
def test_reverse_names(name: str, address: str | None) -> None:
    found = parse_query(question(name, 12)).reverse_address()
    assert found == (ip_address(address) if address else None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 11,
        question("web")[:-1],
        question("web", flags=0x8000),
        struct.pack("!6H", 1, 0, 2, 0, 0, 0) + question("web")[12:] * 2,
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\1\0\1",
    ],
)
def test_what_is_no_question(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_query(data)


@given(st.binary(max_size=600))
def test_garbage_is_refused_and_never_worse(data: bytes) -> None:
    try:
        parse_query(data)
    except MalformedMessage:
        pass


def test_a_long_answer_is_cut_off_for_udp() -> None:
    many = [ip_address(f"10.0.0.{i}") for i in range(1, 60)]
    whole = messages.addresses_answer(parse_query(question("web")), many)
    short = messages.truncated(whole, 512)
    assert len(short) < 512
    assert short[2] & 0x02
    assert read_answer(short) == (0, [])
    assert messages.truncated(whole, 65535) is whole
