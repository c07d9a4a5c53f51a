"""Where the context and the Dockerfile come from."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

from pogu.cli.building.source import find_source
from pogu.cli.invoke import Failed


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A context with a Dockerfile, below the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ctx").mkdir()
    (tmp_path / "ctx" / "Dockerfile").write_text("FROM a\n")
    return tmp_path / "ctx"


def _standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_directory(context: Path) -> None:
    found = find_source("ctx", None)
    assert (found.directory, found.dockerfile, found.text) == (context, "Dockerfile", None)
    (context / "Dockerfile").rename(context / "dockerfile")
    assert find_source("ctx", None).dockerfile == "dockerfile"


def test_a_named_dockerfile_is_looked_for_where_the_command_runs(context: Path) -> None:
    (context / "other").write_text("FROM b\n")
    assert find_source("ctx", "ctx/other").dockerfile == "other"
    (context.parent / "outside").write_text("FROM c\n")
    found = find_source("ctx", "outside")
    assert (found.directory, found.dockerfile, found.text) == (context, "", b"FROM c\n")


def test_a_link_out_of_the_context_is_followed(context: Path) -> None:
    (context.parent / "outside").write_text("FROM c\n")
    (context / "link").symlink_to("../outside")
    assert find_source("ctx", "ctx/link").text == b"FROM c\n"


@pytest.mark.parametrize(
    ("path", "file", "message"),
    [
        ("nowhere", None, 'unable to prepare context: path "nowhere" not found'),
        ("ctx/Dockerfile", None, "unable to prepare context: context must be a directory: {cwd}/ctx/Dockerfile"),
        (
            "ctx",
            "no",
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: "
            "lstat {cwd}/no: no such file or directory",
        ),
        ("-", "-", "invalid argument: can't use stdin for both build context and dockerfile"),
    ],
)
def test_what_is_not_there(context: Path, path: str, file: str | None, message: str) -> None:
    with pytest.raises(Failed) as caught:
        find_source(path, file)
    assert str(caught.value) == message.format(cwd=context.parent)


def test_standard_input_has_an_archive_or_a_dockerfile(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(context, ".")
    _standard_input(monkeypatch, archive.getvalue())
    found = find_source("-", "sub/Dockerfile")
    assert found.dockerfile == "sub/Dockerfile"
    assert found.archive is not None
    assert found.begun + found.archive.read() == archive.getvalue()
    for text in (b"FROM a\n", b"FROM a\n" + b"# as long as a block\n" * 60):
        _standard_input(monkeypatch, text)
        assert find_source("-", None).text == text
    _standard_input(monkeypatch, b"FROM a\n")
    with pytest.raises(Failed, match="ambiguous Dockerfile source"):
        find_source("-", "Dockerfile")


@pytest.mark.parametrize("url", ["https://h/r.git#main:sub", "git@h:r.git", "github.com/a/b", "http://h/x.tar.gz"])
def test_what_the_daemon_fetches(url: str, context: Path) -> None:
    assert find_source(url, "a/Dockerfile").remote == url
    (context.parent / "github.com" / "a" / "b").mkdir(parents=True)
    (context.parent / "github.com" / "a" / "b" / "Dockerfile").write_text("FROM a\n")
    assert find_source("github.com/a/b", None).directory is not None
