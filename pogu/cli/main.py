"""The entry point: finds the command by name, imports it and runs it; help and version import nothing at all."""

from __future__ import annotations

import sys

from pogu import __version__
from pogu.cli import catalog

USAGE_ERROR = 125  # what the docker command ends with after a flag it does not know


def main() -> None:
    """Run the command line of this process and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code."""
    try:
        options, rest = _global_options(arguments)
    except ValueError as e:
        print(
            f"{e}\n\nUsage:  pogu [OPTIONS] COMMAND [ARG...]\n\nRun 'pogu --help' for more information", file=sys.stderr
        )
        return USAGE_ERROR
    if "version" in options:
        print(f"Pogu version {__version__}")
        return 0
    if not rest or "help" in options or rest == ["help"]:
        print(catalog.root_help())
        return 0
    if rest[0] == "help":
        rest = [*rest[1:], "--help"]
    return _dispatch(rest, options)


def _dispatch(words: list[str], options: dict[str, str]) -> int:
    name, *rest = words
    if name in catalog.GROUPS:
        if not rest or rest[0] in {"--help", "-h"}:
            print(catalog.group_help(name))
            return 0
        entry = catalog.GROUPS[name][1].get(rest[0])
        if entry is None:
            print(f"pogu: unknown command: pogu {name} {rest[0]}\n", file=sys.stderr)
            print(f"Usage:  pogu {name} COMMAND\n\nRun 'pogu {name} --help' for more information", file=sys.stderr)
            return 1
        return _invoke(entry.target, f"pogu {name} {rest[0]}", rest[1:], options)
    entry = catalog.ROOT.get(name)
    if entry is None:
        print(f"pogu: unknown command: pogu {name}\n\nRun 'pogu --help' for more information", file=sys.stderr)
        return 1
    return _invoke(entry.target, f"pogu {name}", rest, options)


def _invoke(target: str, name: str, arguments: list[str], options: dict[str, str]) -> int:
    from pogu.cli.invoke import invoke

    return invoke(target, name, arguments, options)


def _global_options(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split the options before the command from the rest. Raises ValueError for one that is unknown."""
    options: dict[str, str] = {}
    i = 0
    while i < len(arguments) and arguments[i].startswith("-"):
        name, eq, value = arguments[i].partition("=")
        i += 1
        if name in _SWITCHES:
            options[_SWITCHES[name]] = value if eq else "true"
        elif name in _VALUES:
            if not eq:
                if i == len(arguments):
                    raise ValueError(f"flag needs an argument: {name}")
                value = arguments[i]
                i += 1
            options[_VALUES[name]] = value
        elif name.startswith("-H") and not name.startswith("--"):
            options["host"] = arguments[i - 1][2:].removeprefix("=")
        else:
            raise ValueError(
                f"unknown flag: {name}" if name.startswith("--") else f"unknown shorthand flag: '{name[1:2]}' in {name}"
            )
    return options, arguments[i:]


_SWITCHES = {
    "-D": "debug",
    "--debug": "debug",
    "--tls": "tls",
    "--tlsverify": "tlsverify",
    "-v": "version",
    "--version": "version",
    "--help": "help",
    "-h": "help",
}
_VALUES = {
    "-H": "host",
    "--host": "host",
    "--tlscacert": "tlscacert",
    "--tlscert": "tlscert",
    "--tlskey": "tlskey",
    "-l": "log-level",
    "--log-level": "log-level",
}

if __name__ == "__main__":
    main()
