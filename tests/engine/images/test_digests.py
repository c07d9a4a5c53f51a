"""Digests and chain IDs."""

import hashlib

import pytest

from pogu.engine.images.digests import EMPTY_TAR, chain_ids, check_digest, is_digest, sha256, short_id
from pogu.errors import InvalidArgument


def test_chain_ids_follow_the_specification() -> None:
    a, b, c = (sha256(x) for x in (b"a", b"b", b"c"))
    ab = "sha256:" + hashlib.sha256(f"{a} {b}".encode()).hexdigest()
    abc = "sha256:" + hashlib.sha256(f"{ab} {c}".encode()).hexdigest()
    assert chain_ids([a, b, c]) == [a, ab, abc]
    assert chain_ids([]) == []


def test_the_empty_layer_is_two_blocks_of_zeros() -> None:
    assert sha256(bytes(1024)) == EMPTY_TAR


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid checksum digest format"),
        ("sha256", "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        (":abc", "invalid checksum digest format"),
        ("sha256:abc", "invalid checksum digest length"),
        ("sha256:" + "g" * 64, "invalid checksum digest format"),
        ("sha256:" + "A" * 64, "invalid checksum digest format"),
        ("sha256:" + "a" * 63 + "\n", "invalid checksum digest format"),
        ("crc:abc", "unsupported digest algorithm"),
        ("c rc:abc", "invalid checksum digest format"),
    ],
)
def test_faults_are_named(text: str, why: str) -> None:
    assert not is_digest(text)
    with pytest.raises(InvalidArgument) as error:
        check_digest(text)
    assert error.value.message == why


def test_digests_of_three_lengths_are_accepted() -> None:
    for algorithm, length in (("sha256", 64), ("sha384", 96), ("sha512", 128)):
        assert check_digest(f"{algorithm}:{'a' * length}")


def test_short_ids_have_twelve_digits() -> None:
    assert short_id("sha256:" + "0123456789abcdef" * 4) == "0123456789ab"
    assert short_id("0123456789abcdef") == "0123456789ab"
