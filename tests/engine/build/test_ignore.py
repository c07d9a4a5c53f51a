"""`.dockerignore`: the last pattern that matches decides, and no file that is taken back in is missed by a walk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.build.ignore import Ignore, parse_ignore
from pogu.errors import InvalidArgument


def test_file_is_read_to_patterns() -> None:
    text = b"\xef\xbb\xbf# comment\n\n  *.log  \r\n/abs/\n! /back/in\n./a/../b//c/\n #kept\n/\nx\xff\n"
    assert parse_ignore(text) == ["*.log", "abs", "!back/in", "b/c", "#kept", "/", "x\udcff"]


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["docs"], "docs", True),
        (["docs"], "docs/a/b", True),
        (["docs/"], "docs/a", True),
        (["docs"], "docs2", False),
        (["*"], "a/b", True),
        (["*/temp*"], "somedir/temporary.txt", True),
        (["*/temp*"], "temporary.txt", False),
        (["*/*/temp*"], "somedir/subdir/temporary.txt", True),
        (["temp?"], "tempa", True),
        (["**/*.go"], "main.go", True),
        (["**/*.go"], "a/b/main.go", True),
        (["**/go"], "ago", False),
        (["**go"], "a/ago", True),
        (["a/**"], "a", False),
        (["a/**"], "a/b/c", True),
        (["a/**/c"], "a/c", True),
        (["a/**/c"], "a/b/b/c/d", True),
        (["**"], "a", True),
        (["."], "a", False),
        (["*.md", "!README.md"], "README.md", False),
        (["*.md", "!README.md"], "OTHER.md", True),
        (["*.md", "!README*.md", "README-secret.md"], "README-secret.md", True),
        (["*.md", "README-secret.md", "!README*.md"], "README-secret.md", False),
        (["!a", "a"], "a", True),
        (["dir", "!dir/keep"], "dir/keep/x", False),
        (["dir", "!dir/keep", "dir/keep/x"], "dir/keep/x", True),
        (["dir", "!dir/keep"], "dir/other", True),
        (["dir", "!dir/a", "dir"], "dir/a", True),
        (["a(b|c)"], "ab", False),
        (["a(b|c)"], "a(b|c)", True),
        ([], "a", False),
        (["  ", "a"], "a", True),
    ],
)
def test_last_match_decides(patterns: list[str], path: str, ignored: bool) -> None:
    assert Ignore(patterns).ignored(path) is ignored


def test_root_is_never_ignored() -> None:
    assert not Ignore(["**"]).ignored("")
    assert not Ignore(["**"]).ignored(".")


@pytest.mark.parametrize("pattern", ["!", "[", "a\\", " ! "])
def test_malformed_patterns(pattern: str) -> None:
    with pytest.raises(InvalidArgument):
        Ignore([pattern])


def test_ignored_directory_is_walked_where_something_in_it_is_wanted() -> None:
    ignore = Ignore(["node_modules", "vendor", "!vendor/*/keep", "!**/LICENSE", "node_modules/cache"])
    assert ignore.ignored("vendor")
    assert not ignore.skippable("vendor")
    assert not ignore.skippable("vendor/a")
    assert ignore.skippable("node_modules/cache")
    assert not ignore.skippable("src")
    only = Ignore(["vendor", "!vendor/a/keep"])
    assert not only.skippable("vendor")
    assert only.skippable("vendor/b")


def test_walk_for_matches_enters_what_may_hold_them() -> None:
    include = Ignore(["src/*/main.py", "docs"])
    assert [d for d in ("", "src", "src/a", "src/a/b", "docs", "docs/x", "etc") if include.reaches(d)] == [
        *("", "src", "src/a", "docs", "docs/x"),
    ]


def test_very_deep_paths() -> None:
    deep = "a/" * 2000 + "b"
    assert Ignore(["**/b"]).ignored(deep)
    assert not Ignore(["**/c"]).ignored(deep)


_PATTERN = (
    st.lists(st.sampled_from(["a", "b", "/", "*", "**", "?"]), min_size=1, max_size=5)
    .map("".join)
    .filter(lambda p: p.strip("/"))
)
_PATH = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4).map("/".join)


@given(st.lists(st.tuples(st.booleans(), _PATTERN), max_size=5), _PATH, _PATH)
def test_what_a_walk_skips_is_ignored_whole(rules: list[tuple[bool, str]], directory: str, below: str) -> None:
    ignore = Ignore([("!" if negated else "") + pattern for negated, pattern in rules])
    path = f"{directory}/{below}"
    if ignore.skippable(directory):
        assert ignore.ignored(path)
    include = Ignore([pattern for _, pattern in rules])
    if include.ignored(path):
        assert include.reaches(directory)


@given(st.lists(st.tuples(st.booleans(), _PATTERN), max_size=5), _PATH)
def test_each_pattern_alone_gives_the_same(rules: list[tuple[bool, str]], path: str) -> None:
    """What the groups and the memory of directories make quick is the plain rule: the last match decides."""
    together = Ignore([("!" if negated else "") + pattern for negated, pattern in rules]).ignored(path)
    decided = False
    for negated, pattern in rules:
        if Ignore([pattern]).ignored(path):
            decided = not negated
    assert together is decided
