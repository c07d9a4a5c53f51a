"""BuildKit's own test files, from a copy of its folder `frontend/dockerfile` that `POGU_BUILDKIT_DOCKERFILE` names.

They are not ours to keep here; `git clone --depth 1 https://github.com/moby/buildkit` brings them. What they cover, our
own cases beside this file cover too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pogu.engine.build.dockerfile import DockerfileError, expand, expand_words
from pogu.engine.build.dockerfile.statements import Statement, StatementReader, split_lines

_FOLDER = Path(os.environ.get("POGU_BUILDKIT_DOCKERFILE", "/nonexistent"))
pytestmark = pytest.mark.skipif(
    not _FOLDER.is_dir(), reason="POGU_BUILDKIT_DOCKERFILE names no copy of BuildKit's files"
)


def _statements(path: Path) -> list[Statement]:
    return list(StatementReader(split_lines(path.read_bytes())).statements())


def _dump(statement: Statement) -> str:
    """Return a statement in the form of their result files."""
    words: list[str] = list(statement.arguments)
    for pair in statement.pairs:
        words += (pair.name, pair.value, "" if pair.legacy else "=")
    flags = " [" + " ".join(map(_quoted, statement.flags)) + "]" if statement.flags else ""
    inner = f" ({_dump(statement.inner)})" if statement.inner else ""
    return statement.keyword.lower() + flags + inner + "".join(f" {_quoted(word)}" for word in words)


def _quoted(text: str) -> str:
    for written, meant in (
        ("\\", "\\\\"),
        ('"', '\\"'),
        *((c, f"\\{n}") for c, n in zip("\b\f\n\r\t", "bfnrt", strict=True)),
    ):
        text = text.replace(written, meant)
    return '"' + text.replace("\0", "\\x00") + '"'


def test_files_that_parse() -> None:
    results = sorted(_FOLDER.glob("parser/testfiles/*/result"))
    assert len(results) > 20
    for result in results:
        told = "".join(f"({_dump(statement)})\n" for statement in _statements(result.with_name("Dockerfile")))
        assert told == result.read_text(), result.parent.name


def test_files_that_do_not_parse() -> None:
    files = sorted(_FOLDER.glob("parser/testfiles-negative/*/Dockerfile"))
    assert len(files) > 3
    for file in files:
        try:
            assert _statements(file) == [], file
        except DockerfileError:
            continue


def test_lines_of_instructions() -> None:
    found = [(s.first_line, s.last_line) for s in _statements(_FOLDER / "parser/testfile-line/Dockerfile")]
    assert found == [(5, 5), (11, 12), (17, 31)]


def test_variables() -> None:
    env = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""}
    rows = [line for line in (_FOLDER / "shell/envVarTest").read_text().splitlines() if line.strip() and line[0] != "#"]
    assert len(rows) > 200
    for row in rows:
        platform, source, expected = (cell.strip() for cell in row.split("|"))
        if platform != "W":
            assert _or_error(lambda word=source: expand(word, env)) == expected, row


def test_words() -> None:
    env: dict[str, str] = {}
    for row in (_FOLDER / "shell/wordsTest").read_text().splitlines():
        if row.startswith("ENV "):
            name, _, value = row[3:].lstrip(" ").partition("=")
            env[name] = value
        elif not row.startswith("#"):
            source, expected = row.split("|")
            assert _or_error(lambda word=source: ",".join(expand_words(word.strip(), env))) == expected.lstrip(" "), row


def _or_error(expanded: Callable[[], str]) -> str:
    try:
        return expanded()
    except DockerfileError:
        return "error"
