"""Identifiers and names."""

from __future__ import annotations

import re

import pytest

from pogu.engine.naming import check_name, match_prefix, new_id, new_name
from pogu.errors import InvalidArgument, NotFound


def test_ids_are_64_hexadecimal_digits_and_never_look_like_a_number() -> None:
    for _ in range(200):
        id_ = new_id()
        assert re.fullmatch("[0-9a-f]{64}", id_)
        assert not id_[:12].isdigit()


def test_a_random_name_is_not_one_that_is_taken() -> None:
    seen: set[str] = set()
    for _ in range(500):
        name = new_name(seen.__contains__)
        assert name not in seen
        assert check_name(name, "container") == name
        seen.add(name)


@pytest.mark.parametrize("name", ["", "a", "-ab", ".ab", "a b", "a/b", "ab\n", "é1"])
def test_names_that_docker_refuses_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed"):
        check_name(name, "container")


def test_a_prefix_finds_the_one_id_that_starts_with_it() -> None:
    ids = ["abc1", "abc2", "def1"]
    assert match_prefix("d", ids, "container") == "def1"
    assert match_prefix("x", ids, "container") is None
    with pytest.raises(NotFound, match="multiple containers found"):
        match_prefix("abc", ids, "container")
