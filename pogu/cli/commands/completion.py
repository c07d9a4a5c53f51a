"""`pogu completion`, and what its scripts call: `pogu __complete`."""

from __future__ import annotations

import importlib
import itertools

from pogu.cli import catalog
from pogu.cli.completion.scripts import SCRIPTS
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import Command, argument, command


@command("completion", help="Print the completion script for a shell: bash, zsh or fish")
@argument("shell", metavar="SHELL")
def completion(_session: Session, /, *, shell: str) -> None:
    """Print a script that makes a shell complete pogu's command lines."""
    if shell not in SCRIPTS:
        raise Failed(f"there is no completion for {shell}: use one of {', '.join(SCRIPTS)}")
    print(SCRIPTS[shell], end="")


@command("__complete", rest=True, help="Answer the completion scripts")
@argument("words", nargs=-1, required=False, metavar="[WORD...]")
def complete(session: Session, /, *, words: tuple[str, ...]) -> None:
    """Print what may stand for the last word."""
    from pogu.cli.completion import candidates
    from pogu.cli.completion.names import Names
    from pogu.cli.connect import connect

    for name, value in itertools.pairwise(words):  # whom to ask
        if name in _ASKED:
            session.options[_ASKED[name]] = value
        elif not name.startswith("-"):
            break
    found = candidates(words, Names(session, connect), _load)
    for candidate in found.candidates:
        print(f"{candidate.word}\t{candidate.help}" if candidate.help else candidate.word)
    print(":0" if found.files else ":4")


_ASKED = {"-H": "host", "--host": "host", "-c": "context", "--context": "context", "--config": "config"}


def _load(target: str) -> Command:
    module, _, attribute = target.partition(":")
    loaded: Command = getattr(importlib.import_module(module), attribute)
    assert target in {entry.target for entry in catalog.entries()}
    return loaded
