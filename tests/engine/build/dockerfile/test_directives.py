"""Directives at the top of a file, and nowhere else."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile import Directives, DockerfileError, parse, read_directives


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("# syntax=docker/dockerfile:1\nFROM a\n", Directives(syntax="docker/dockerfile:1")),
        ("#syntax = docker/dockerfile:1.7-labs  \r\nFROM a\n", Directives(syntax="docker/dockerfile:1.7-labs")),
        ("# syntax=other/frontend with=words\nFROM a\n", Directives(syntax="other/frontend")),
        ("# escape=`\n# SYNTAX=x\n# check=skip=all\nFROM a\n", Directives(syntax="x", escape="`", check="skip=all")),
        ("  # syntax=x\nFROM a\n", Directives(syntax="")),
        ("# a comment\n# syntax=x\n# escape=`\nFROM a\n", Directives()),
        ("\n# syntax=x\n# escape=`\nFROM a\n", Directives()),
        ("# unknown=y\n# escape=`\nFROM a\n", Directives()),
        ("FROM a\n# escape=`\n", Directives()),
        ("\ufeff# syntax=x\nFROM a\n", Directives(syntax="x")),
        ("#!/usr/bin/env builder\n# syntax=x\nFROM a\n", Directives(syntax="x")),
    ],
)
def test_directives(text: str, directives: Directives) -> None:
    assert parse(text.encode()).directives == directives


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("// syntax=x\nwhatever {\n", "x"),
        ('{"syntax": "x", "more": [1]}', "x"),
        ('{"syntax": 1}', ""),
        ("{" * 5000, ""),
        ("not a Dockerfile", ""),
        ("", ""),
    ],
)
def test_front_end_of_what_is_no_dockerfile(text: str, syntax: str) -> None:
    assert read_directives(text.encode()).syntax == syntax


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("# escape=x\nFROM a\n", "invalid escape token 'x' does not match ` or \\", 1),
        ("# syntax=x\n# syntax=y\nFROM a\n", "only one syntax parser directive can be used", 2),
    ],
)
def test_errors(text: str, message: str, line: int) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text.encode())
    assert (caught.value.message, caught.value.line) == (message, line)
