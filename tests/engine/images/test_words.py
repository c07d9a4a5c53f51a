"""Quoting and variables in Dockerfile instructions."""

import pytest

from pogu.engine.images.words import expand, pairs
from pogu.errors import InvalidArgument

VARIABLES = {"A": "1", "EMPTY": "", "PATH_": "/usr/local/bin", "N2": "two words"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("$A", "1"),
        ("${A}b", "1b"),
        ("$Ab", ""),
        ("a$", "a$"),
        (r"\$A", "$A"),
        ("'$A'", "$A"),
        ('"$A"', "1"),
        (r'"\$A\""', '$A"'),
        (r'"a\b"', r"a\b"),
        (r"a\ b", "a b"),
        ('"it\'s"', "it's"),
        ("${X:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${A:+yes}${X:+no}", "yes"),
        ("${EMPTY+set}", "set"),
        ("${A:?gone}", "1"),
        ("${X:-${A}}", "1"),
        ("${PATH_#/usr}", "/local/bin"),
        ("${PATH_##*/}", "bin"),
        ("${PATH_%/*}", "/usr/local"),
        ("${PATH_%%/l*}", "/usr"),
        ("$N2", "two words"),
    ],
)
def test_expansion(text: str, result: str) -> None:
    assert expand(text, VARIABLES) == result


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("'a", "unexpected end of statement while looking for matching single-quote"),
        ('"a', "unexpected end of statement while looking for matching double-quote"),
        ("${A", "syntax error: missing '}'"),
        ("${", "syntax error: bad substitution"),
        ("${A:-x", "syntax error: missing '}'"),
        ("${A!x}", "unsupported modifier"),
        ("${X:?no X}", "X: no X"),
        ("${X:-" * 200 + "}" * 200, "variables are nested too deeply"),
    ],
)
def test_malformed_text_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        expand(text, VARIABLES)
    assert why in error.value.message


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a=1 b=2", [("a", "1"), ("b", "2")]),
        ("a='x y' b=\"z w\"", [("a", "'x y'"), ("b", '"z w"')]),
        (r"a=x\ y", [("a", r"x\ y")]),
        ("a x y", [("a", "x y")]),
        ("a=", [("a", "")]),
        ("a=b=c", [("a", "b=c")]),
        ("", []),
    ],
)
def test_pairs(text: str, result: list[tuple[str, str]]) -> None:
    assert pairs("ENV", text) == result


def test_a_word_without_equals_sign_is_refused() -> None:
    with pytest.raises(InvalidArgument, match='can\'t find = in "b"'):
        pairs("LABEL", "a=1 b")
    with pytest.raises(InvalidArgument, match=r"^ENV must have two arguments$"):
        pairs("ENV", "alone")
