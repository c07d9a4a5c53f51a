"""Progress of pulls and loads as lines, or an error that ends the command."""

from __future__ import annotations

import json

import pytest

from pogu.cli.client import Client
from pogu.cli.invoke import Failed
from pogu.cli.progress import show_message, show_progress
from tests.cli.test_client import client

__all__ = ["client"]


def _reply(client: Client, *messages: dict[str, object]):  # type: ignore[no-untyped-def]
    body = "".join(json.dumps(m) for m in messages).encode()
    return client.request("PUT", "/back", body=body)


def test_lines(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    messages = [
        {"status": "Pulling", "id": "latest"},
        {"status": "Downloading", "id": "abc", "progress": "[=>  ]"},
        {"status": "Done", "id": "abc"},
        {"stream": "Loaded image: x\\n"},
    ]
    show_progress(_reply(client, *messages))
    assert capsys.readouterr().out == "latest: Pulling\nabc: Done\nLoaded image: x\\n"
    show_progress(_reply(client, *messages), quiet=True)
    assert capsys.readouterr().out == ""


def test_an_error_ends_it(client: Client) -> None:
    with pytest.raises(Failed, match="no space"):
        show_progress(_reply(client, {"status": "x"}, {"errorDetail": {"message": "no space"}, "error": "no space"}))


def test_a_terminal_has_a_line_for_each_layer(capsys: pytest.CaptureFixture[str]) -> None:
    lines: dict[str, int] = {}
    for message in (
        {"id": "a", "status": "1"},
        {"id": "b", "status": "2"},
        {"id": "a", "status": "3", "progress": "[>]"},
    ):
        show_message(message, lines, terminal=True)
    shown = capsys.readouterr().out
    assert lines == {"a": 0, "b": 1}
    assert "\033[2A\r\033[Ka: 3 [>]\033[2B\r" in shown
