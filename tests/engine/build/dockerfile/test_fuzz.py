"""Whatever a Dockerfile holds, it is read or refused: no other exception, and nothing that grows out of bounds."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.engine.build.dockerfile import (
    DockerfileError,
    Heredoc,
    Instruction,
    expand,
    expand_heredoc,
    expand_words,
    parse,
    parse_instruction,
    parse_mount,
    parse_ports,
)
from pogu.engine.build.dockerfile.checks import Setting, checks
from pogu.engine.build.ignore import Ignore, parse_ignore
from pogu.errors import InvalidArgument

_KEYWORDS = (
    "FROM RUN ENV LABEL ARG COPY ADD CMD ENTRYPOINT HEALTHCHECK EXPOSE VOLUME USER WORKDIR SHELL STOPSIGNAL MAINTAINER "
    "ONBUILD"
).split()
_PIECES = (
    *(
        "a",
        " ",
        "\n",
        "\\\n",
        "=",
        "${",
        "}",
        "$a",
        ":-",
        ":?",
        "#",
        "%%",
        "/",
        "*",
        "?",
        "'",
        '"',
        "\\",
        "`",
        "<<E",
        "\nE\n",
    ),
    *(
        "--mount=type=",
        "cache",
        ",",
        "size=",
        "9" * 500,
        "--interval=",
        "h",
        "-",
        ":",
        "[",
        "]",
        "AS",
        "\0",
        "é",
        "\u2028",
    ),
    *(
        "--from=",
        "--chmod",
        "CMD",
        "RUN",
        "ONBUILD",
        "# escape=`\n",
        "# check=error=x\n",
        "tcp",
        "--retries=",
        "!",
        "**",
    ),
)
_TEXT = st.lists(st.sampled_from((*_PIECES, *(f"\n{keyword} " for keyword in _KEYWORDS))), max_size=30).map("".join)
_ENV = {"a": "some  value/with*", "é": "", "9": "x"}


def _read_through(text: bytes) -> None:
    dockerfile = parse(text)
    checks(dockerfile, Setting(arguments=_ENV, environments={"a": _ENV}, ignore=Ignore(["a"])))
    for stage in dockerfile.stages:
        previous = stage.start.first_line
        for instruction in stage.instructions:
            assert previous < instruction.first_line <= instruction.last_line <= text.count(b"\n") + 1
            previous = instruction.last_line
            _read_again(instruction)


def _read_again(instruction: Instruction) -> None:
    """The line that people see is the instruction still, where nothing beside it belongs to it."""
    if instruction.heredocs or "\n" in instruction.text or instruction.text.endswith(("\\", "`")):
        return
    with suppress(DockerfileError):  # an escape character other than the default one
        again = parse_instruction(instruction.text)
        assert isinstance(again, Instruction)


@settings(max_examples=300, deadline=None)
@given(st.one_of(_TEXT.map(lambda t: f"FROM a{t}".encode()), _TEXT.map(str.encode), st.binary(max_size=200)))
def test_files(text: bytes) -> None:
    with suppress(DockerfileError):
        _read_through(text)


@settings(max_examples=300, deadline=None)
@given(st.one_of(_TEXT, st.text(max_size=40)))
def test_words(text: str) -> None:
    for read in (expand, expand_words):
        with suppress(DockerfileError):
            read(text, _ENV)
    for single in (parse_mount, lambda t: parse_ports([t]), parse_instruction, lambda t: expand_heredoc(t, _ENV)):
        with suppress(DockerfileError):
            single(text)


@settings(max_examples=200, deadline=None)
@given(st.one_of(_TEXT.map(str.encode), st.binary(max_size=60)), st.text(min_size=1, max_size=20))
def test_ignore_files(patterns: bytes, path: str) -> None:
    with suppress(InvalidArgument):
        ignore = Ignore(parse_ignore(patterns))
        assert not (ignore.skippable(path) and not ignore.ignored(path))


def test_long_files_are_read() -> None:
    """Each of these is a second's work at most when time grows as the text does, and days when it grows faster."""
    size = 200_000
    long = "x" * size
    for line in (
        f"LABEL a={long}",
        f"LABEL a='{long}",
        "ENV " + "a=b " * (size // 4),
        'ENV a="' + '\\"' * (size // 2),
        "RUN --a='" + "\\'" * (size // 2),
        "RUN " + "a \\\n" * (size // 4) + "b",
        "RUN " + "\\\n\n" * (size // 4) + "b",
        'CMD ["' + '", "'.join("a" * (size // 4)) + '"]',
        "CMD " + "[" * size,
        "COPY " + "<<a " * 1000 + "/b" + "\na" * 1000,
        "RUN cat <<E\n" + "\t\\${a}\n" * (size // 6) + "E",
        "HEALTHCHECK " + " " * size,
    ):
        with suppress(DockerfileError):
            parse(f"FROM a\n{line}\n".encode())


def test_long_words_are_expanded() -> None:
    size = 100_000
    env = {"v": "a" * size, "lines": "a\n" * (size // 2)}
    stars = "*a" * 50
    for word in (
        *(
            "$v" * 20,
            "${v}" * 20,
            "${v:+" * 30 + "}" * 30,
            f"${{v//{stars}b/}}",
            f"${{v%%{stars}b}}",
            f"${{v#{stars}b*}}",
        ),
        *("${v//a/bb}", "${lines//a*b/}", "${lines/?b/}", "'" + "$v" * size, "\\a" * size, "<" * size, "${v//*/x}"),
    ):
        with suppress(DockerfileError):
            expand_words(word, env)


def test_heredocs_of_any_size_keep_their_content() -> None:
    body = "line of text $a\n" * 50_000
    (copy,) = parse(f"FROM a\nCOPY <<'E' /x\n{body}E\n".encode()).stages[0].instructions
    assert copy.heredocs == (Heredoc(name="E", content=body, expand=False),)
