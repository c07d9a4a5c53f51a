"""Rows as a table, as JSON lines and through a template."""

from __future__ import annotations

import re

import pytest

from pogu.cli.invoke import Failed
from pogu.cli.output import Listing, columns, natural, print_rows, render_rows

ROWS = [{"ID": "1", "LongName": "first"}, {"ID": "22", "LongName": "<second>"}]


TABLE = Listing("{{.ID}}\t{{.LongName}}", {"ID": "CONTAINER ID"}, quiet="ID", raw="id: {{.ID}}\n", quiet_raw="{{.ID}}!")


def test_tables() -> None:
    assert render_rows(None, ROWS, TABLE).splitlines() == [
        "CONTAINER ID   LONG NAME",
        "1              first",
        "22             <second>",
    ]
    assert render_rows("table", [], TABLE._replace(headers={})) == "ID        LONG NAME"
    assert render_rows("table {{.LongName}}\\t{{.ID}}", ROWS[:1], TABLE._replace(headers={})).splitlines() == [
        "LONG NAME   ID",
        "first       1",
    ]


def test_functions_leave_the_names_of_columns_alone() -> None:
    rows = [{"ID": "aB", "Label": {"x": "1"}.get}]
    form = 'table {{lower .ID}}\t{{upper .ID}} {{truncate .ID 1}}\t{{json .ID}}\t{{.Label "x"}}'
    assert render_rows(form, rows, TABLE).splitlines() == [
        "CONTAINER ID   CONTAINER ID CONTAINER ID   CONTAINER ID   x",
        'ab             AB a                        "aB"           1',
    ]


def test_json_and_templates() -> None:
    assert render_rows("json", ROWS, TABLE).splitlines() == [
        '{"ID":"1","LongName":"first"}',
        '{"ID":"22","LongName":"\\u003csecond\\u003e"}',
    ]
    assert render_rows("{{json .LongName}}", ROWS, TABLE) == '"first"\n"<second>"'
    assert render_rows("{{.ID}}\\t{{upper .LongName}}", ROWS, TABLE) == "1\tFIRST\n22\t<SECOND>"
    assert render_rows("raw", ROWS, TABLE) == "id: 1\n\nid: 22\n"


def test_quiet_shows_what_names_the_object() -> None:
    assert render_rows(None, ROWS, TABLE, quiet=True) == "1\n22"
    assert render_rows("raw", ROWS, TABLE, quiet=True) == "1!\n22!"
    assert render_rows("{{.LongName}}", ROWS, TABLE, quiet=True) == "first\n<second>"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{{.Nope}}", 'template: :1:2: executing "" at <.Nope>: can\'t evaluate field Nope in type *formatter.row'),
        ("x {{index .ID 9}}", 'executing "" at <index .ID 9>: error calling index: index out of range: 9'),
        ("table {{.ID", "template: :1: unclosed action"),
        ("{{nope .ID}}", 'template: :1: function "nope" not defined'),
    ],
)
def test_templates_that_are_wrong(form: str, message: str) -> None:
    with pytest.raises(Failed, match=re.escape(message)):
        render_rows(form, ROWS, TABLE)


def test_nothing_is_printed_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("{{.ID}}", [], TABLE)
    assert capsys.readouterr().out == ""


def test_names_are_sorted_by_the_numbers_in_them() -> None:
    names = ["net", "net-1", "net2", "net10", "net10a", "neta"]
    assert sorted(sorted(names), key=natural) == names


def test_columns() -> None:
    assert columns([["a", "b"], ["long enough text", "c"]]) == "a                  b\nlong enough text   c"
    assert columns([["a", "b"]], least=5) == "a    b"
    assert columns([]) == ""
