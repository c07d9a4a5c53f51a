"""Our reading of Dockerfiles against BuildKit's own, which the package `dockerfile` brings along.

What is made up here is bent on what is easily got wrong: quotes, escapes at ends, continuations, comments between,
flags, heredocs, JSON that is nearly an array.
"""

from __future__ import annotations

import dockerfile
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pogu.engine.build.dockerfile import DockerfileError
from pogu.engine.build.dockerfile.statements import Statement, StatementReader, split_lines

_KEYWORDS = st.sampled_from(
    "FROM run Run ENV LABEL ARG COPY ADD CMD ENTRYPOINT HEALTHCHECK EXPOSE VOLUME USER WORKDIR SHELL STOPSIGNAL "
    "MAINTAINER ONBUILD NONSENSE".split()
)
_WORDS = [
    "a",
    "b=c",
    "=",
    "CMD",
    "NONE",
    "RUN",
    "COPY",
    "--from=x",
    "--",
    "--f='q r'",
    '--g="s\\"t"',
    "$v",
    "${w:-x y}",
]
_MARKS = ['"', "'", "\\", "`", "#", "[", ",", '"a"', "'b c'", "<x", "\\\\", "${", "}"]
_BLANKS = ["\\\n", "`\n", "\\ \t\n", "\n", "\n\n", "\n# c\n", " ", "  ", "\t", "\v", "\r\n"]
_HEREDOCS = ["<<E", "<<-E", "<<'E'", '<<"E F"', "3<<E", "\nE\n", "\n\tE\n"]
_PIECES = st.sampled_from([*_WORDS, *_MARKS, *_BLANKS, *_HEREDOCS])
_ENDS = st.sampled_from(["", "", '["a", "b"]', "[1]", "[]", '[ "\\u00e9\\n" ]  ', '["a",]', "['a']", '["a"'])
"""What follows an array in JSON is an error today; the package is of a time when it was passed over."""
_LINES = st.builds(
    lambda keyword, pieces, end: f"{keyword} {''.join(pieces)}{end}\n", _KEYWORDS, st.lists(_PIECES, max_size=7), _ENDS
)
_TOPS = st.sampled_from(["", "# escape=`\n", "#escape = \\\n", "# syntax=x\n# escape=`\n", "\n# escape=`\n", "# x\n"])
_FILES = st.builds(lambda top, lines: top + "".join(lines), _TOPS, st.lists(_LINES, min_size=1, max_size=4))

_Told = tuple[str, tuple[str, ...], tuple[str, ...], bool, int, int, list[tuple[str, str]]]


def _theirs(text: str) -> list[_Told] | None:
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return None
    return [
        (
            *((c.cmd or "").upper(), tuple(c.flags), _with_sub_command(c), c.json, c.start_line, c.end_line),
            [] if c.cmd == "ONBUILD" else [(h.name, h.content) for h in c.heredocs],
        )
        for c in commands
    ]


def _with_sub_command(command: dockerfile.Command) -> tuple[str, ...]:
    if tuple(command.value) == ("",):  # what it has of a keyword that it does not know
        return (command.sub_cmd.upper(),) if command.sub_cmd is not None else ()
    return (command.sub_cmd.upper(), *command.value) if command.sub_cmd is not None else tuple(command.value)


def _ours(text: str) -> list[_Told] | None:
    try:
        statements = list(StatementReader(split_lines(text.encode())).statements())
    except DockerfileError:
        return None
    return [
        (
            *(s.name, s.flags, _arguments(s), (s.inner or s).json, s.first_line, s.last_line),
            [] if s.inner else [(h.name, h.content) for h in s.heredocs],  # the package shows none of a trigger
        )
        for s in statements
    ] or None


def _arguments(statement: Statement) -> tuple[str, ...]:
    pairs = tuple(word for pair in statement.pairs for word in (pair.name, pair.value))
    inner = (statement.inner.name, *_arguments(statement.inner)) if statement.inner else ()
    return statement.arguments + pairs + inner


@settings(max_examples=400, deadline=None)
@given(_FILES)
@example("RUN a\\\n")
@example('ENV a="b\\')
@example("ONBUILD RUN <<E\nx\nE\n")
def test_statements_are_the_same(text: str) -> None:
    assume("`" not in text or "--" not in text)  # the package knows the backslash alone as what escapes in flags
    assert _ours(text) == _theirs(text)
