"""Variables and quotes, after the reference: https://docs.docker.com/reference/dockerfile/#environment-replacement."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile import DockerfileError, expand, expand_heredoc, expand_words, expansion
from pogu.engine.build.dockerfile.lexing import Quotes

_ENV = {"foo": "bar", "empty": "", "two": "a  b", "str": "foobarbaz", "path": "/usr/bin:/bin", "한": "글", "_1": "u"}

_TEXTS = [
    ("plain", "plain"),
    ("$foo", "bar"),
    ("${foo}", "bar"),
    ("${foo}_x", "bar_x"),
    ("$foo_x", ""),
    ("$foo-x", "bar-x"),
    ("a${foo}b$foo", "abarbbar"),
    ("$한$_1", "글u"),
    ("${two}", "a  b"),
    (r"\$foo", "$foo"),
    (r"\\$foo", r"\bar"),
    (r"\${foo}", "${foo}"),
    ("'$foo'", "$foo"),
    ('"$foo"', "bar"),
    ("\"'$foo'\"", "'bar'"),
    ("'\"$foo\"'", '"$foo"'),
    (r'"\$foo"', "$foo"),
    (r'"a\tb"', r"a\tb"),
    (r"a\tb", "atb"),
    (r'"a\"b\\c"', r'a"b\c'),
    (r"'a\b'", r"a\b"),
    ("a'b'\"c\"d", "abcd"),
    ("end\\", "end"),
    ("''", ""),
    ("$", "$"),
    ("$.x", "$.x"),
    ("a$ b", "a$ b"),
    ("$1x", "x"),
    ("$12x", "x"),
    ("$@$*$?$!$-$#", ""),
    ("a < b << c", "a < b << c"),
    # with a default, where it is unset, or empty too
    ("${no:-word}", "word"),
    ("${no-word}", "word"),
    ("${empty:-word}", "word"),
    ("${empty-word}", ""),
    ("${foo:-word}", "bar"),
    ("${no:-}", ""),
    ("${no:-$foo}", "bar"),
    ("${no:-${nope:-${foo}}}", "bar"),
    ("${no:-'$foo'}", "$foo"),
    (r"${no:-a\}b}", "a}b"),
    ("${no:-a b}", "a b"),
    ('"${no:-"x}y"}"', "x}y"),
    # with another word, where it is set
    ("${foo:+word}", "word"),
    ("${empty:+word}", ""),
    ("${empty+word}", "word"),
    ("${no+word}", ""),
    ("${no:+word}", ""),
    # must be set
    ("${foo:?gone}", "bar"),
    ("${empty?gone}", ""),
    # without the shortest or longest match at the beginning
    ("${str#f*b}", "arbaz"),
    ("${str##f*b}", "az"),
    ("${str#x}", "foobarbaz"),
    ("${str#???}", "barbaz"),
    ("${str##*}", ""),
    ("${str#*}", "foobarbaz"),
    ("${no#a}", ""),
    ("${path##*/}", "bin"),
    ("${path#${foo:+/usr}}", "/bin:/bin"),
    # or at the end
    ("${str%b*}", "foobar"),
    ("${str%%b*}", "foo"),
    ("${str%z}", "foobarba"),
    ("${path%:*}", "/usr/bin"),
    ("${str%%*}", ""),
    # with the first match, or all, replaced
    ("${str/ba/fo}", "fooforbaz"),
    ("${str//ba/fo}", "fooforfoz"),
    ("${str/b*/X}", "fooX"),
    ("${str//?a/<>}", "foo<>r<>z"),
    (r"${path//\//_}", "_usr_bin:_bin"),
    ("${str/o/}", "fobarbaz"),
    ("${no/a/b}", ""),
    ("${str//a/$foo}", "foobbarrbbarz"),
    ("${str//*/x}", "x"),
    (r"${path/\*/x}", "/usr/bin:/bin"),
]


@pytest.mark.parametrize(("word", "text"), _TEXTS)
def test_text(word: str, text: str) -> None:
    assert expand(word, _ENV) == text


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("${foo", "syntax error: missing '}'"),
        ("${", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${:-x}", "syntax error: bad substitution"),
        ("${{foo}}", "syntax error: bad substitution"),
        ("${foo:-x", "syntax error: missing '}'"),
        ("${foo/x}", "syntax error: missing '/' in ${}"),
        ("${foo/x/y", "syntax error: missing '}'"),
        ("${foo:=x}", "unsupported modifier (:=) in substitution"),
        ("${foo=x}", "unsupported modifier (=) in substitution"),
        ("${foo^}", "unsupported modifier (^) in substitution"),
        ("${foo:#x}", "unsupported modifier (:#) in substitution"),
        ("${foo:x}", "unsupported modifier (:x) in substitution"),
        ("${no?}", "no: is not allowed to be unset"),
        ("${no:?}", "no: is not allowed to be unset"),
        ("${empty:?}", "empty: is not allowed to be empty"),
        ("${no:?needs $foo}", "no: needs bar"),
        (r"${foo#\a}", r"invalid pattern (\a) in substitution: invalid escape '\a'"),
        ("'a", "unexpected end of statement while looking for matching single-quote"),
        ('"a', "unexpected end of statement while looking for matching double-quote"),
        ("${a:-" * 60 + "}" * 60, "syntax error: substitutions are nested too deeply"),
    ],
)
def test_errors(word: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        expand(word, _ENV)
    assert caught.value.message.endswith(f": {message}")
    assert caught.value.message.startswith("failed to process ")


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("  a\tb ", ["a", "b"]),
        ("$two", ["a", "b"]),
        ('"$two"', ["a  b"]),
        ("x${two}y", ["xa", "by"]),
        ("$empty", []),
        ('""', []),
        ('a ""b', ["a", "b"]),
        (r"a\ b", ["a b"]),
        ("'a b' c", ["a b", "c"]),
        ("1${no:-2}3", ["123"]),
        ("x ${no:-a b} y", ["x", "a", "b", "y"]),
    ],
)
def test_words(word: str, words: list[str]) -> None:
    assert expand_words(word, _ENV) == words


def test_backtick_escapes_where_it_is_asked_to() -> None:
    assert expand(r"c:\dir\$foo", _ENV, "`") == r"c:\dir\bar"
    assert expand('`$foo "`"`$" ``', _ENV, "`") == '$foo "$ `'
    assert expand(r"${no:-a`}b\}", _ENV, "`") == "a}b\\"


def test_variables_that_were_asked_for_are_told() -> None:
    found = expansion("$foo ${no:-$nope} ${empty:+$never} '$quoted' \\$escaped", _ENV)
    assert found.used == {"foo", "empty"}
    assert found.unset == {"no", "nope", "never"}


def test_quotes_of_heredocs_stay() -> None:
    assert expand_heredoc('say "$foo" \'or ${no:-"x"}\'\n\\$foo \\\\ $$\n', _ENV) == (
        'say "bar" \'or "x"\'\n$foo \\ \n'
    )


def test_quotes_escapes_and_unset_variables_can_be_kept() -> None:
    text = r"""a "$foo" '$foo' \$x $no ${no} ${no:-y} ${no#z} ${no//a/b}"""
    kept = expansion(text, _ENV, quotes=Quotes.KEEP, keep_escapes=True, keep_unset=True)
    assert kept.text == text.replace('"$foo"', '"bar"')


def test_patterns_stay_within_lines() -> None:
    env = {"lines": "one\ntwo\nthree"}
    assert expand("${lines#*}", env) == "one\ntwo\nthree"
    assert expand("${lines##*}", env) == "\ntwo\nthree"
    assert expand("${lines%%*}", env) == "one\ntwo\n"
    assert expand("${lines//t*/x}", env) == "one\nx\nx"
