"""Running one command: imports it, gives it what the global options said, turns errors into words and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Any

from pogu.errors import PoguError


class Session:
    """What the global options and the command line said; the first argument of every command."""

    def __init__(self, options: dict[str, str] | None = None) -> None:
        self.options = options or {}
        self.command = ""  # as it was called: `pogu images`
        self.given: set[str] = set()  # the flags that were on the command line
        self._settings: dict[str, Any] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What the configuration file says (`config.json`, read when it is asked for)."""
        if self._settings is None:
            from pogu.cli import configuration

            self._settings = configuration.load(configuration.folder(self.options))
        return self._settings

    def listing_form(self, form: str | None, setting: str, *, quiet: bool) -> str | None:
        """Return the form of a list: `--format`, else what the configuration file has unless only names are wanted."""
        return form or (None if quiet else self.settings.get(setting))


class Exit(Exception):
    """End the command with this exit code, quietly."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Failed(Exception):
    """End the command with a message on standard error and an exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def invoke(target: str, name: str, arguments: list[str], options: dict[str, str]) -> int:
    """Run the command at `target` (`module:attribute`), which is called `name`; return the exit code."""
    import importlib

    from pogu.cli.pflag import HelpWanted, UsageError

    module, _, attribute = target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    session = Session(options)
    session.command = name
    try:
        given, session.given = command.parse(arguments)
        command.function(session, **given)
        sys.stdout.flush()
    except HelpWanted:
        from pogu.cli.usage import help_text

        return _printed(help_text(command, name, target))
    except UsageError as e:
        from pogu.cli.usage import usage_error

        print(usage_error(e, command, name), file=sys.stderr)
        return e.code
    except Exit as e:
        return e.code
    except (Failed, PoguError) as e:
        print(e, file=sys.stderr)
        return e.code if isinstance(e, Failed) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `pogu ps | head -1`
        return _reader_has_gone()
    except OSError as e:
        print(f"pogu: {e.strerror or e}{f': {e.filename}' if e.filename else ''}", file=sys.stderr)
        return 1
    return 0


def _printed(text: str) -> int:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        return _reader_has_gone()
    return 0


def _reader_has_gone() -> int:
    """Leave nothing to be written when this process ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        pass
    return 141
