"""The entry point: finds the command by name, imports it and runs it; help and version import nothing at all."""

from __future__ import annotations

import os
import sys

from pogu import __version__
from pogu.cli import catalog

USAGE_ERROR = 125  # what the docker command ends with after a flag it does not know


def main() -> None:
    """Run the command line of this process and exit with its code."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # whoever read has gone
        code = code or 1
    os._exit(code)  # taking the interpreter down in good order takes 5 ms, and there is nothing left to be put in order


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code."""
    try:
        options, rest = _global_options(arguments)
    except ValueError as e:
        return _wrong(
            f"{e}\n\nUsage:  pogu [OPTIONS] COMMAND [ARG...]\n\nRun 'pogu --help' for more information", USAGE_ERROR
        )
    if options.get("log-level", "info") not in _LEVELS:
        return _wrong(f"Unable to parse logging level: {options['log-level']}", 1)
    if "config" in options:
        os.environ["DOCKER_CONFIG"] = options["config"]  # also for what is started from here: credential helpers
    if "version" in options:
        print(f"Pogu version {__version__}")
        return 0
    if not rest or "help" in options or rest == ["help"]:
        print(catalog.root_help())
        return 0
    if rest[0] == "help":
        return _help(rest[1:], options)
    return _dispatch(rest, options)


def _help(words: list[str], options: dict[str, str]) -> int:
    if catalog.find(words) is None and words[0] not in catalog.GROUPS:
        return _wrong(f"unknown help topic: {' '.join(words)}", 1)
    return _dispatch([*words, "--help"], options)


def _dispatch(words: list[str], options: dict[str, str]) -> int:
    if words[0] == "__complete":
        return _invoke(catalog.COMPLETE.target, "pogu __complete", ["--", *words[1:]], options)
    found = catalog.find(words)
    if found is not None:
        name, entry, taken = found
        return _invoke(entry.target, f"pogu {name}", words[taken:], options)
    group, *rest = words
    if group not in catalog.GROUPS:
        return _unknown(group)
    if not rest:
        return _wrong(catalog.group_help(group), 0)
    if rest[0] in {"--help", "-h"}:
        print(catalog.group_help(group))
        return 0
    usage = f"Usage:  pogu {group}\n\nRun 'pogu {group} --help' for more information"
    if rest[0].startswith("-"):
        kind = "unknown flag: " if rest[0].startswith("--") else f"unknown shorthand flag: '{rest[0][1:2]}' in "
        return _wrong(f"{kind}{rest[0]}\n\n{usage}", USAGE_ERROR)
    from pogu.cli.suggestions import did_you_mean

    meant = did_you_mean(rest[0], catalog.GROUPS[group][1])
    return _wrong(f"pogu: unknown command: pogu {group} {rest[0]}\n\n{meant}{meant and chr(10)}{usage}", 1)


def _unknown(name: str) -> int:
    if name in catalog.ABSENT:
        return _wrong(f"pogu: there is no 'pogu {name}': this version of Pogu {catalog.ABSENT[name]}", 1)
    from pogu.cli.suggestions import did_you_mean

    meant = did_you_mean(name, {*catalog.ROOT, *catalog.GROUPS})
    return _wrong(
        f"pogu: unknown command: pogu {name}\n\n{meant}{meant and chr(10)}Run 'pogu --help' for more information", 1
    )


def _wrong(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


def _invoke(target: str, name: str, arguments: list[str], options: dict[str, str]) -> int:
    from pogu.cli.invoke import invoke

    return invoke(target, name, arguments, options)


def _global_options(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split the options before the command from the rest. Raises ValueError for one that is unknown."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word.startswith("--"):
            name, eq, value = word.partition("=")
            _set(options, name, value if eq else None, rest, name)
            continue
        if word == "-":
            raise ValueError("unknown command: pogu -")
        letters = word[1:]
        while letters:  # `-DH unix:///x`, `-Hunix:///x`, `-H=unix:///x`
            name, letters = f"-{letters[0]}", letters[1:]
            given = letters.removeprefix("=") if letters and name in _VALUES else None
            _set(options, name, given, rest, f"'{name[1]}' in {word}")
            letters = "" if name in _VALUES else letters
    return options, rest


def _set(options: dict[str, str], name: str, value: str | None, rest: list[str], shown: str) -> None:
    if name in _SWITCHES:
        text = "true" if value is None else value
        if text.lower() not in {"1", "t", "true", "0", "f", "false"}:
            reason = f'strconv.ParseBool: parsing "{text}": invalid syntax'
            raise ValueError(f'invalid argument "{text}" for "{name}" flag: {reason}')
        if text.lower() in {"1", "t", "true"} or _SWITCHES[name] == "tlsverify":
            options[_SWITCHES[name]] = text
    elif name in _VALUES:
        if value is None and not rest:
            raise ValueError(f"flag needs an argument: {shown}")
        options[_VALUES[name]] = rest.pop(0) if value is None else value
    else:
        raise ValueError(f"unknown flag: {name}" if name.startswith("--") else f"unknown shorthand flag: {shown}")


_LEVELS = ("debug", "info", "warn", "warning", "error", "fatal", "panic", "trace")
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
    "--config": "config",
    "-c": "context",
    "--context": "context",
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
