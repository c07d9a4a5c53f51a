"""Detach keys in typed input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.containers.detach import DetachScanner, parse_detach_keys
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (None, b"\x10\x11"),
        ("", b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-a,b", b"\x01b"),
        ("ctrl-@,ctrl-[,ctrl-_", b"\0\x1b\x1f"),
    ],
)
def test_parsing(text: str | None, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-aa", "ab", ",", "ctrl-A", "é"])
def test_refusals(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid detach keys"):
        parse_detach_keys(text)


def test_the_beginning_of_the_keys_is_held_back_until_it_is_decided() -> None:
    scanner = DetachScanner(b"\x10\x11")
    assert scanner.feed(b"a\x10") == (b"a", False)
    assert scanner.feed(b"b") == (b"\x10b", False)
    assert scanner.feed(b"\x10\x10\x11z") == (b"\x10", True)


@given(st.lists(st.binary(max_size=6)), st.sampled_from([b"ab", b"aab", b"a"]))
def test_however_it_is_cut_the_same_is_found(pieces: list[bytes], keys: bytes) -> None:
    whole = b"".join(pieces)
    scanner, passed, found = DetachScanner(keys), b"", False
    for piece in pieces:
        data, found = scanner.feed(piece)
        passed += data
        if found:
            break
    assert found == (keys in whole)
    assert passed == whole[: whole.find(keys)] if found else whole.startswith(passed)
