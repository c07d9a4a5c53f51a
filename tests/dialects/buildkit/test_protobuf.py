"""The codec against bytes worked out by hand from the specification, and against whatever hypothesis makes."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.dialects.buildkit.protobuf import (
    NAME,
    UNSIGNED,
    Message,
    decode,
    decode_varint,
    encode,
    encode_varint,
)
from pogu.errors import InvalidArgument


class Inner(Message):
    name: Annotated[str, 1] = ""


class Everything(Message):
    signed: Annotated[int, 1] = 0
    unsigned: Annotated[int, 2, UNSIGNED] = 0
    flag: Annotated[bool, 3] = False
    ratio: Annotated[float, 4] = 0.0
    text: Annotated[str, 5] = ""
    raw: Annotated[bytes, 6] = b""
    inner: Annotated[Inner | None, 7] = None
    many: Annotated[list[Inner], 8] = []
    numbers: Annotated[list[int], 9] = []
    words: Annotated[list[str], 10] = []
    attributes: Annotated[dict[str, bytes], 200] = {}
    named: Annotated[dict[str, Inner], 201] = {}
    by_number: Annotated[dict[int, str], 202] = {}
    path: Annotated[str, 20000, NAME] = ""


class Empty(Message):
    pass


int64 = st.integers(-(2**63), 2**63 - 1)
words = st.text()
inners = st.builds(Inner, name=words)
everything = st.builds(
    Everything,
    signed=int64,
    unsigned=st.integers(0, 2**64 - 1),
    flag=st.booleans(),
    ratio=st.floats(allow_nan=False),
    text=words,
    raw=st.binary(),
    inner=st.none() | inners,
    many=st.lists(inners),
    numbers=st.lists(int64),
    words=st.lists(words),
    attributes=st.dictionaries(words, st.binary()),
    named=st.dictionaries(words, inners),
    by_number=st.dictionaries(int64, words),
    path=st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)


@settings(deadline=None)
@given(everything)
def test_what_was_written_is_read_again(message: Everything) -> None:
    assert decode(Everything, encode(message)) == message
    assert decode(Everything, memoryview(encode(message))) == message


@settings(deadline=None)
@given(everything)
def test_fields_that_nobody_knows_are_skipped(message: Everything) -> None:
    assert decode(Empty, encode(message)) == Empty()


@settings(deadline=None)
@given(st.binary())
def test_rubbish_is_refused_or_read_and_nothing_else(data: bytes) -> None:
    try:
        decode(Everything, data)
    except InvalidArgument:
        pass


@settings(deadline=None)
@given(everything, st.data())
def test_a_message_cut_short_is_refused_or_is_a_shorter_one(message: Everything, data: st.DataObject) -> None:
    whole = encode(message)
    cut = data.draw(st.integers(0, len(whole)))
    try:
        decode(Everything, whole[:cut])
    except InvalidArgument:
        pass


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_numbers(value: int) -> None:
    raw = encode_varint(value)
    assert decode_varint(raw, 0) == (value, len(raw))


@pytest.mark.parametrize(
    ("message", "raw"),
    [
        (Everything(signed=150), "08 96 01"),
        (Everything(signed=-2), "08 fe ff ff ff ff ff ff ff ff 01"),
        (Everything(text="testing"), "2a 07 74 65 73 74 69 6e 67"),
        (Everything(inner=Inner()), "3a 00"),
        (Everything(numbers=[3, 270, 86942]), "4a 06 03 8e 02 9e a7 05"),
        (Everything(ratio=1.0), "21 00 00 00 00 00 00 f0 3f"),
        (Everything(attributes={"a": b"b"}), "c2 0c 06 0a 01 61 12 01 62"),
    ],
)
def test_the_specifications_examples(message: Everything, raw: str) -> None:
    assert encode(message) == bytes.fromhex(raw)
    assert decode(Everything, bytes.fromhex(raw)) == message


def test_repeated_numbers_need_not_be_packed() -> None:
    assert decode(Everything, bytes.fromhex("48 03 48 8e 02")).numbers == [3, 270]


def test_a_part_of_a_map_that_was_left_out_is_empty() -> None:
    assert decode(Everything, bytes.fromhex("c2 0c 03 0a 01 61 ca 0c 00")) == Everything(
        attributes={"a": b""}, named={"": Inner()}
    )


def test_groups_are_skipped() -> None:
    assert decode(Inner, bytes.fromhex("13 18 05 14 0a 01 61")) == Inner(name="a")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("0a 05 61", "middle of a field"),
        ("08", "middle of a number"),
        ("08 ff ff ff ff ff ff ff ff ff ff 01", "longer than 64 bits"),
        ("0f", "unknown type 7"),
        ("02 00", "number 0"),
        ("2a 01 ff", "holds no such value"),
        ("0a 01 61", "holds no such value"),
        ("13 1c", "not closed"),
        ("13" * 200, "levels"),
    ],
)
def test_what_is_wrong_is_said(raw: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        decode(Everything, bytes.fromhex(raw))


class Nested(Message):
    below: Annotated[Nested | None, 1] = None


def test_a_message_cannot_be_so_deep_that_reading_it_ends_the_process() -> None:
    raw = b""
    for _ in range(3000):
        raw = b"\x0a" + encode_varint(len(raw)) + raw
    with pytest.raises(InvalidArgument, match="levels"):
        decode(Nested, raw)
