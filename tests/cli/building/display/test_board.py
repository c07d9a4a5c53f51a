"""What is known of a build's steps."""

from __future__ import annotations

from pogu.cli.building.display.board import Board
from tests.cli.building.display.telling import log, parcel, part, vertex


def _take(board: Board, *told: object) -> None:
    for _ in board.take(parcel(*told)):  # type: ignore[arg-type]
        pass


def test_steps_are_numbered_as_they_begin() -> None:
    board = Board()
    _take(board, vertex("later", None), vertex("first"))
    _take(board, vertex("cached", None, None, cached=True), vertex("later", 2, 3.5))
    assert [(step.number, step.name) for step in board.steps()] == [(1, "first"), (2, "cached"), (3, "later")]
    assert board.steps()[2].elapsed() == 1.5
    assert board.counts() == (1, 3)


def test_output_is_put_together_to_lines() -> None:
    board = Board()
    _take(board, vertex("a", 10), log("a", "one\ntw", 11), log("a", "o\nrest", 12))
    [step] = board.steps()
    assert [(line.offset, line.text) for line in step.lines] == [(1, "one"), (2, "two")]
    _take(board, vertex("a", 10, 13))
    assert step.lines[-1].text == "rest"


def test_only_the_last_lines_are_kept() -> None:
    board = Board()
    _take(board, vertex("a"), log("a", "".join(f"{number}\n" for number in range(2500)), 1))
    [step] = board.steps()
    assert (len(step.lines), step.dropped, step.lines[0].text) == (2000, 500, "500")


def test_the_step_that_failed_is_not_one_that_was_cancelled_for_it() -> None:
    board = Board()
    _take(board, vertex("a", 1, 2, error="context canceled"), vertex("b", 1, 3, error="later"))
    _take(board, vertex("c", 1, 2.5, error="it"), part("c", "x", 1, 2))
    failed = board.failed()
    assert failed is not None
    assert failed.name == "c"
