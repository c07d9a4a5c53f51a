"""Manual pages, made from what the help is made from, in man(7)'s language.

`python -m pogu.cli.manual DIRECTORY` writes `pogu.1`, `pogu-run.1`, `pogu-volume-ls.1` and all the others.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pogu import __version__
from pogu.cli import catalog
from pogu.cli.pflag import Command
from pogu.cli.usage import flag_help, flag_names, visible_flags

_SOURCE = f"Pogu {__version__}"
_ENVIRONMENT = (
    ("POGU_HOST, DOCKER_HOST", "The daemon's address: unix://PATH, tcp://HOST:PORT or ssh://USER@HOST."),
    ("DOCKER_CONTEXT", "The context to use where no address is given."),
    ("DOCKER_CONFIG", "The folder of the client's settings, contexts and certificates."),
    ("POGU_TLS_VERIFY, DOCKER_TLS_VERIFY", "Use TLS and verify the daemon."),
    ("POGU_CERT_PATH, DOCKER_CERT_PATH", "The folder of ca.pem, cert.pem and key.pem."),
    ("DOCKER_BUILDKIT", "0: build in the classic builder's way."),
    ("BUILDKIT_PROGRESS", "How a build is shown where --progress does not say: plain, tty, rawjson or quiet."),
    ("DOCKER_API_VERSION", "The version of the API to speak; without it the newest that both know."),
)


def pages() -> Iterator[tuple[str, str]]:
    """Yield the names of all pages (`pogu-run`) and their text."""
    yield "pogu", _root()
    for group, (text, commands) in sorted(catalog.GROUPS.items()):
        yield f"pogu-{group}", _group(group, text, commands)
        for name, entry in sorted(commands.items()):
            yield f"pogu-{group}-{name}", _command(f"{group} {name}", entry)
    for name, entry in sorted(catalog.ROOT.items()):
        yield f"pogu-{name}", _command(name, entry)


def _root() -> str:
    rows = [(name, text) for name, (text, _) in sorted(catalog.GROUPS.items())]
    commands = [(name, entry.help) for name, entry in sorted(catalog.ROOT.items())]
    return _page(
        "pogu",
        "the whole container stack in one program",
        ["pogu [OPTIONS] COMMAND"],
        ("COMMANDS", _terms(commands)),
        ("GROUPS OF COMMANDS", _terms(rows)),
        ("OPTIONS", _terms(tuple((flags.strip(), text) for flags, text in catalog.GLOBAL_OPTIONS))),
        ("ENVIRONMENT", _terms(_ENVIRONMENT)),
        ("FILES", _terms((("~/.docker/config.json", "Settings that are shared with the docker command."),))),
    )


def _group(name: str, text: str, commands: dict[str, catalog.Entry]) -> str:
    rows = [(command, entry.help) for command, entry in sorted(commands.items())]
    return _page(f"pogu {name}", text, [f"pogu {name} COMMAND"], ("COMMANDS", _terms(rows)))


def _command(name: str, entry: catalog.Entry) -> str:
    module, _, attribute = entry.target.partition(":")
    command: Command = getattr(importlib.import_module(module), attribute)
    flags = [(flag_names(flag).strip(), flag_help(flag)) for flag in visible_flags(command)]
    others = [f"pogu {other}" for other in catalog.names_of(entry.target) if other != name]
    sections = [("OPTIONS", _terms(flags))] if flags else []
    if others:
        sections.append(("OTHER NAMES", _plain(", ".join(others))))
    return _page(f"pogu {name}", command.help, command.usage_lines(f"pogu {name}"), *sections)


def _page(name: str, text: str, forms: Sequence[str], *sections: tuple[str, str]) -> str:
    title = name.replace(" ", "-")
    lines = [
        f'.TH "{_escaped(title.upper())}" 1 "" "{_escaped(_SOURCE)}" "Pogu"',
        ".SH NAME",
        f"{_escaped(title)} \\- {_escaped(text.rstrip('.'))}",
        ".SH SYNOPSIS",
    ]
    for number, form in enumerate(forms):
        lines += [*([".br"] if number else []), _bold_beginning(form, name)]
    for heading, body in sections:
        lines += [f".SH {heading}", body]
    see = [] if title == "pogu" else [".SH SEE ALSO", ".BR pogu (1)"]
    return "\n".join([*lines, *see, ""])


def _bold_beginning(form: str, name: str) -> str:
    return f"\\fB{_escaped(name)}\\fR{_escaped(form.removeprefix(name))}"


def _terms(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f".TP\n\\fB{_escaped(term)}\\fR\n{_plain(text)}" for term, text in rows)


def _plain(text: str) -> str:
    """Return text in which nothing is a request: those begin a line with a dot or an apostrophe."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped[:1] in {".", "'"} else escaped


def _escaped(text: str) -> str:
    table = {"\\": "\\e", "-": "\\-", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq", "…": "...", "’": "\\(cq"}
    return "".join(table.get(letter, letter) for letter in text)


def main(directory: str) -> None:
    """Write all pages into a directory."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / f"{name}.1").write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
