"""Command lines are read as Go's pflag reads them."""

from __future__ import annotations

from typing import Any

import click
import pytest

from pogu.cli.pflag import command, many, switch, usage_error, value


def _parse(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    @command("try", rest=True, help="Try it")
    @switch("-t", "--tty")
    @switch("-i", "--interactive")
    @switch("--init", default=None)
    @many("-e", "--env")
    @many("-p", "--publish")
    @value("--name", help="The name")
    @value("--count", type=int)
    @click.argument("image")
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def try_(**given: Any) -> None:
        found.update(given)

    try_.main(list(args), prog_name="pogu try", standalone_mode=False)
    return found


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["x"], {"tty": False, "init": None, "image": "x", "words": ()}),
        (["-it", "x"], {"tty": True, "interactive": True}),
        (["--tty=false", "--init=false", "x"], {"tty": False, "init": False}),
        (["-t=true", "--init", "x"], {"tty": True, "init": True}),
        (["--tty=1", "--tty=F", "x"], {"tty": False}),
        (["-e", "A=1", "-eB=2", "-e=C=3", "--env", "D=4", "--env=E=5", "x"],
         {"env": ("A=1", "B=2", "C=3", "D=4", "E=5")}),
        (["-itp", "80:80", "x"], {"publish": ("80:80",), "image": "x"}),
        (["-itp80:80", "x"], {"publish": ("80:80",), "image": "x"}),
        (["x", "-t", "--name", "y", "--", "z"], {"tty": False, "words": ("-t", "--name", "y", "--", "z")}),
        (["--name", "-t", "x"], {"name": "-t", "tty": False, "image": "x"}),
        (["--", "x", "-t"], {"image": "x", "words": ("-t",)}),
        (["-e", "--tty=false", "x"], {"env": ("--tty=false",)}),
    ],
)  # fmt: skip
def test_accepted(args: list[str], expected: dict[str, Any]) -> None:
    found = _parse(*args)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("args", "first", "code"),
    [
        (["--nope", "x"], "unknown flag: --nope", 125),
        (["-z", "x"], "unknown shorthand flag: 'z' in -z", 125),
        (
            ["--tty=maybe", "x"],
            'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
            125,
        ),
        (
            ["--count", "x", "y"],
            'invalid argument "x" for "--count" flag: strconv.ParseInt: parsing "x": invalid syntax',
            125,
        ),
        ([], "pogu: 'pogu try' requires at least 1 argument", 1),
    ],
)
def test_refused_in_dockers_words(args: list[str], first: str, code: int) -> None:
    with pytest.raises(click.UsageError) as e:
        _parse(*args)
    text, found = usage_error(e.value)
    assert (text.splitlines()[0], found) == (first, code)
    assert "Usage:  pogu try [OPTIONS]" in text
    assert text.endswith(f"{'See' if not args else 'Run'} 'pogu try --help' for more information")
