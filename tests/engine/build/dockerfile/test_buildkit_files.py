"""BuildKit's own test files, fetched for the run where that can be: they are not ours to keep here.

`POGU_BUILDKIT_DOCKERFILE` may name a copy of its folder `frontend/dockerfile` instead. What these files cover, our own
cases beside this file cover too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pogu.engine.build.dockerfile import DockerfileError, expand, expand_words
from pogu.engine.build.dockerfile.statements import Statement, StatementReader, split_lines

pytestmark = pytest.mark.xdist_group("buildkit-files")  # fetched once
_ADDRESS = "https://github.com/moby/buildkit"
_WANTED = ("frontend/dockerfile/parser", "frontend/dockerfile/shell")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are; the test is skipped where they cannot be had."""
    named = os.environ.get("POGU_BUILDKIT_DOCKERFILE")
    if named:
        return Path(named)
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    clone = tmp_path_factory.mktemp("buildkit") / "clone"
    sparse = ("clone", "-q", "--depth=1", "--filter=blob:none", "--sparse", _ADDRESS, str(clone))
    for words in (sparse, ("-C", str(clone), "sparse-checkout", "set", *_WANTED)):
        try:
            subprocess.run(("git", *words), check=True, capture_output=True, timeout=20, env=_without_questions())
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip(f"{_ADDRESS} cannot be fetched")
    return clone / "frontend/dockerfile"


def _without_questions() -> dict[str, str]:
    return {**os.environ, "GIT_TERMINAL_PROMPT": "0"}


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


def test_files_that_parse(folder: Path) -> None:
    results = sorted(folder.glob("parser/testfiles/*/result"))
    assert len(results) > 20
    for result in results:
        told = "".join(f"({_dump(statement)})\n" for statement in _statements(result.with_name("Dockerfile")))
        assert told == result.read_text(), result.parent.name


def test_files_that_do_not_parse(folder: Path) -> None:
    files = sorted(folder.glob("parser/testfiles-negative/*/Dockerfile"))
    assert len(files) > 3
    for file in files:
        try:
            assert _statements(file) == [], file
        except DockerfileError:
            continue


def test_lines_of_instructions(folder: Path) -> None:
    found = [(s.first_line, s.last_line) for s in _statements(folder / "parser/testfile-line/Dockerfile")]
    assert found == [(5, 5), (11, 12), (17, 31)]


def test_variables(folder: Path) -> None:
    env = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""}
    rows = [line for line in (folder / "shell/envVarTest").read_text().splitlines() if line.strip() and line[0] != "#"]
    assert len(rows) > 200
    for row in rows:
        platform, source, expected = (cell.strip() for cell in row.split("|"))
        if platform != "W":
            assert _or_error(lambda word=source: expand(word, env)) == expected, row


def test_words(folder: Path) -> None:
    env: dict[str, str] = {}
    for row in (folder / "shell/wordsTest").read_text().splitlines():
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
