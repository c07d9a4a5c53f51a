"""Command lines are read as Go's pflag reads them."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.cli.pflag import Command, UsageError, argument, command, many, switch, value
from pogu.cli.usage import usage_error


def _command() -> Command:
    @command("try", rest=True, help="Try it")
    @switch("-t", "--tty", help="A terminal")
    @switch("-i", "--interactive", help="Input")
    @switch("--init", default=None)
    @many("-e", "--env", help="Variables")
    @many("-p", "--publish", help="Ports")
    @value("--name", default="nobody", help="The name")
    @value("--count", type=int, help="How many")
    @value("--kind", choices=("a", "b"), hidden=True)
    @argument("image", metavar="IMAGE")
    @argument("words", nargs=-1, required=False, metavar="[ARG...]")
    def try_(**given: Any) -> None:
        raise AssertionError("it is only parsed")

    return try_


def _parse(*args: str) -> dict[str, Any]:
    return _command().parse(args)[0]


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
        (["-te"], "flag needs an argument: 'e' in -e", 125),
        (["--name"], "flag needs an argument: --name", 125),
        (["--kind", "c", "x"], 'invalid argument "c" for "--kind" flag: must be one of a, b', 125),
        ([], "pogu: 'pogu try' requires at least 1 argument", 1),
    ],
)
def test_refused_in_dockers_words(args: list[str], first: str, code: int) -> None:
    with pytest.raises(UsageError) as e:
        _parse(*args)
    text = usage_error(e.value, _command(), "pogu try")
    assert (text.splitlines()[0], e.value.code) == (first, code)
    assert "Usage:  pogu try [OPTIONS] IMAGE [ARG...]" in text
    assert text.endswith(f"{'See' if not args else 'Run'} 'pogu try --help' for more information")
