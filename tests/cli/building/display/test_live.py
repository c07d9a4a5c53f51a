"""A build on a terminal: what is drawn."""

from __future__ import annotations

import io

from pogu.cli.building.display.board import Board
from pogu.cli.building.display.live import LiveDisplay, frame
from tests.cli.building.display.telling import log, parcel, part, vertex


def _board(*told: object) -> Board:
    board = Board()
    for _ in board.take(parcel(*told)):  # type: ignore[arg-type]
        pass
    return board


def _texts(board: Board, columns: int = 40, rows: int | None = 20, *, ended: bool = False) -> list[str]:
    return [text for _, text in frame(board, 1.5, columns, rows, ended=ended)]


def test_steps_with_their_times_parts_and_output() -> None:
    board = _board(
        vertex("one", 1, 2.5), vertex("two"), part("two", "sha256:x", 1000, 2000),
        log("two", "".join(f"{number}\n" for number in range(9)), 1),
        vertex("old", None, None, cached=True), vertex("bad", 1, 2, error="x"),
    )  # fmt: skip
    lines = _texts(board)
    assert lines[0] == "[+] Building 1.5s (2/4)"
    assert lines[1] == " => one                            1.5s"
    assert lines[2].startswith(" => two ")
    assert lines[3] == " => => sha256:x 1kB / 2kB          1.0s"
    assert lines[4:10] == [f" => => # {number}" for number in range(3, 9)]
    assert [line.split("  ")[0] for line in lines[10:]] == [" => CACHED old", " => ERROR bad"]
    assert all(len(line) < 40 for line in lines)


def test_output_cannot_move_the_cursor() -> None:
    board = _board(vertex("a"), log("a", "10%\r\x1b[2J90%\x1b]0;title\x07\tend\n", 1))
    assert _texts(board)[2] == " => => # 90% end"


def test_what_is_done_leaves_first_where_there_is_no_room() -> None:
    board = _board(*(vertex(f"s{number}", 1, None if number == 3 else 2) for number in range(30)))
    lines = _texts(board, rows=12)
    assert len(lines) <= 11
    assert any("s3 " in line for line in lines)
    assert "s29" in lines[-1]
    assert len(_texts(board, rows=None, ended=True)) == 31


def test_running_steps_share_what_room_there_is() -> None:
    board = _board(*(each for n in range(8) for each in (vertex(f"s{n}"), log(f"s{n}", "1\n2\n3\n", 1))))
    lines = _texts(board, rows=12)
    assert len(lines) <= 12
    assert len(_texts(board, rows=4)) <= 4


def test_the_cursor_is_given_back_and_colours_can_be_forbidden() -> None:
    out = io.StringIO()
    display = LiveDisplay(out, {"NO_COLOR": "1"})
    display.update(parcel(vertex("one", 1, 2)))
    display.close()
    display.close()
    shown = out.getvalue()
    assert shown.startswith("\x1b[?25l")
    assert shown.endswith("\x1b[?25h")
    assert shown.count("\x1b[?25h") == 1
    assert "(1/1) FINISHED" in shown
    assert "\x1b[34m" not in shown
    out = io.StringIO()
    display = LiveDisplay(out, {})
    display.update(parcel(vertex("one", 1, 2)))
    display.close()
    assert "\x1b[34m => one" in out.getvalue()
