"""Rows as a table, as JSON lines and through a template."""

from __future__ import annotations

import pytest

from pogu.cli.output import columns, print_rows, render_rows
from pogu.errors import InvalidArgument

ROWS = [{"ID": "1", "LongName": "first"}, {"ID": "22", "LongName": "<second>"}]


def test_tables() -> None:
    default = "{{.ID}}\t{{.LongName}}"
    headers = {"ID": "CONTAINER ID"}
    assert render_rows(None, ROWS, default, headers).splitlines() == [
        "CONTAINER ID   LONG NAME",
        "1              first",
        "22             <second>",
    ]
    assert render_rows("table", [], default, {}) == "ID        LONG NAME"
    assert render_rows("table {{.LongName}}\\t{{.ID}}", ROWS[:1], default, {}).splitlines() == [
        "LONG NAME   ID",
        "first       1",
    ]


def test_json_and_templates() -> None:
    assert render_rows("json", ROWS, "", {}).splitlines() == [
        '{"ID":"1","LongName":"first"}',
        '{"ID":"22","LongName":"\\u003csecond\\u003e"}',
    ]
    assert render_rows("{{json .LongName}}", ROWS, "", {}) == '"first"\n"<second>"'
    assert render_rows("{{.ID}}\\t{{upper .LongName}}", ROWS, "", {}) == "1\tFIRST\n22\t<SECOND>"
    with pytest.raises(InvalidArgument):
        render_rows("{{.Nope}}", ROWS, "", {})


def test_nothing_is_printed_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("{{.ID}}", [], "")
    assert capsys.readouterr().out == ""


def test_columns() -> None:
    assert columns([["a", "b"], ["long enough text", "c"]]) == "a                  b\nlong enough text   c"
    assert columns([["a", "b"]], least=5) == "a    b"
    assert columns([]) == ""
