"""Patterns of paths mean what Go's and moby's mean, whether a regular expression or an automaton reads them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.build.globs import Automaton, expression_of, ignore_tokens, path_matcher
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.go", "main.go", True),
        ("*.go", "cmd/main.go", False),
        ("cmd/*.go", "cmd/main.go", True),
        ("a?c", "a/c", False),
        ("a?c", "a한c", True),
        ("x[0-9a]", "x7", True),
        ("x[^0-9a]", "xa", False),
        ("x[!a]", "x!", True),
        ("x[z-a]", "xb", False),
        ("x[^z-a]", "xb", True),
        ("x[\\]]", "x]", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("a.c", "abc", False),
        ("*a*b*c*d", "1a2b3c4d", True),
        ("*a*b*c*d", "1a2b3c4", False),
        ("]", "]", True),
    ],
)
def test_paths(pattern: str, path: str, matches: bool) -> None:
    assert path_matcher(pattern)(path) is matches


@pytest.mark.parametrize("pattern", ["[", "[]", "[]a]", "[-]", "[x-]", "[-x]", "a[", "a[^", "a[^bc", "\\", "[\\"])
def test_malformed_patterns(pattern: str) -> None:
    with pytest.raises(InvalidArgument, match="syntax error in pattern"):
        path_matcher(pattern)


def test_many_wildcards_are_read_in_linear_time() -> None:
    """Backtracking would try some 10^30 ways here, and so never come to an end."""
    assert not path_matcher("*a" * 20 + "b")("a" * 255)


@given(
    st.lists(st.sampled_from(["a", "b", "/", "*", "**", "?", "**/", "[ab]", "[^a]", "."]), max_size=8).map("".join),
    st.text("ab/.", max_size=10),
)
def test_automaton_and_expression_agree(pattern: str, path: str) -> None:
    tokens = ignore_tokens(pattern)
    automaton = Automaton(tokens)
    assert automaton.matches(path) == bool(re.fullmatch(expression_of(tokens), path, re.DOTALL))
    if automaton.matches(path):
        assert all(automaton.may_continue(path[:end]) for end in range(len(path)))
