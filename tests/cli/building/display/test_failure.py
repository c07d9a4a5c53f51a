"""Why a build failed, and warnings."""

from __future__ import annotations

import pytest

from pogu.cli.building.display.board import Board, Step
from pogu.cli.building.display.failure import excerpt, place, step_report, warning_report
from pogu.dialects.buildkit.messages.control import VertexWarning
from pogu.dialects.buildkit.messages.ops import Position, Range
from tests.cli.building.display.telling import log, parcel, vertex

_TEXT = b"""FROM a AS build
RUN make \\
    all
RUN twice

FROM b
RUN twice
RUN <<E
heredoc
E
"""


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("[build 2/3] RUN make     all", (2, 3)),
        ("[build 3/3] RUN twice", (4, 4)),
        ("[stage-1 2/3] RUN twice", (7, 7)),
        ("[2/3] RUN twice", (0, 0)),
        ("[stage-1 3/3] RUN <<E", (8, 10)),
        ("[internal] load metadata for docker.io/library/b:latest", (6, 6)),
        ("[internal] load metadata for docker.io/library/c:latest", (0, 0)),
    ],
)
def test_the_lines_of_a_step(name: str, lines: tuple[int, int]) -> None:
    assert place(_TEXT, Step("d", name)) == lines


def test_a_file_that_cannot_be_read_says_its_line_itself() -> None:
    assert place(b"FROM a\nNOPE x\n", None) == (2, 2)
    assert place(_TEXT, None) == (0, 0)


def test_an_excerpt() -> None:
    assert list(excerpt("Dockerfile", b"one\ntwo\nthree\nfour\nfive\nsix\n", 3, 4)) == [
        "Dockerfile:3",
        "--------------------",
        "   1 |     one",
        "   2 |     two",
        "   3 | >>> three",
        "   4 | >>> four",
        "   5 |     five",
        "   6 |     six",
        "--------------------",
    ]
    assert list(excerpt("Dockerfile", b"one\n", 0, 0)) == list(excerpt("Dockerfile", b"one\n", 9, 9)) == []


def test_a_steps_output() -> None:
    board = Board()
    output = log("a", "".join(f"{number}\n" for number in range(45)), 1)
    [(step, _, _)] = list(board.take(parcel(vertex("a"), output)))
    lines = list(step_report(step))
    assert lines[:4] == ["------", " > a:", "(5 lines of output before these are not shown here)", "0.000 5"]
    assert lines[-2:] == ["0.000 44", "------"]


def test_warnings_have_their_lines() -> None:
    one = VertexWarning(short=b"Rule: it", url="http://x", ranges=[Range(start=Position(line=3), end=Position(line=3))])
    assert list(warning_report([])) == []
    assert list(warning_report([one])) == ["", "1 warning found:", " - Rule: it (line 3)", "   More: http://x"]
    assert list(warning_report([one, VertexWarning(short=b"b")]))[1:] == [
        "2 warnings found:", " - Rule: it (line 3)", "   More: http://x", " - b",
    ]  # fmt: skip
