"""How a command is explained: its help, and the text under an error about how it was called."""

from __future__ import annotations

from collections.abc import Iterator

from pogu.cli import catalog
from pogu.cli.pflag import Command, Flag, UsageError

_NARROW, _WIDE = 34, 78  # columns: the widest that flags may be, and the page


def usage(command: Command, path: str) -> str:
    """Return `Usage:  pogu ps [OPTIONS]`."""
    return "Usage:  " + "\n\t".join(command.usage_lines(path))


def usage_error(error: UsageError, command: Command, path: str) -> str:
    """Return what docker says under an error of its usage."""
    text = error.message
    counted = text.startswith(("requires ", "accepts "))
    look = "See" if text.startswith("requires at least ") and " at most " not in text else "Run"  # as docker has it
    first = f"pogu: '{path}' {text}" if counted else text
    return f"{first}\n\n{usage(command, path)}\n\n{look} '{path} --help' for more information"


def help_text(command: Command, path: str, target: str = "") -> str:
    """Return the help of a command; `target` is the catalogue's, for its other names."""
    names = catalog.names_of(target)
    lines = [usage(command, path), "", command.help.strip()]
    if len(names) > 1:
        lines += ["", "Aliases:", f"  {', '.join(f'pogu {name}' for name in names)}"]
    if flags := visible_flags(command):
        rows = [(flag_names(flag), flag_help(flag)) for flag in flags]
        width = min(max(len(names_) for names_, _ in rows), _NARROW)
        lines += ["", "Options:", *(line for row in rows for line in _row(*row, width))]
    return "\n".join(lines)


def visible_flags(command: Command) -> list[Flag]:
    """Return the flags to show, sorted by their long names."""
    return sorted((flag for flag in command.flags if not flag.hidden), key=lambda flag: flag.long)


def flag_names(flag: Flag) -> str:
    """Return `-f, --filter list`."""
    kind = "" if flag.kind == "switch" else f" {flag.metavar}"
    return f"{flag.short + ', ' if flag.short and flag.short != flag.long else '    '}{flag.long}{kind}"


def flag_help(flag: Flag) -> str:
    """Return the help of a flag, with its default where that says something."""
    default = flag.default
    if default in {None, "", False, ()} or flag.kind == "many":
        return flag.help
    shown = f'"{default}"' if isinstance(default, str) else str(default).lower()
    return f"{flag.help} (default {shown})" if "(default" not in flag.help else flag.help


def _row(flags: str, text: str, width: int) -> Iterator[str]:
    import textwrap

    lines = textwrap.wrap(text, _WIDE - width) or [""]
    if len(flags) > width:
        yield f"  {flags}"
        flags = ""
    for i, line in enumerate(lines):
        yield f"  {flags if i == 0 else '':<{width}}   {line}".rstrip()
