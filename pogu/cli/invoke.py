"""Running one command: imports it, gives it what the global options said, turns errors into words and exit codes."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from dataclasses import dataclass, field
from typing import Any

import click

from pogu.cli.pflag import usage_error
from pogu.cli.wrong import WrongValue
from pogu.errors import PoguError


@dataclass(slots=True)
class Session:
    """What the global options said; the context object of every command."""

    options: dict[str, str] = field(default_factory=dict)
    _settings: dict[str, Any] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What the configuration file says (`config.json`, read when it is asked for)."""
        if self._settings is None:
            from pogu.cli import configuration

            self._settings = configuration.load(configuration.folder(self.options))
        return self._settings


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
    """Run the click command at `target` (`module:attribute`); return the exit code."""
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    try:
        command.main(arguments, prog_name=name, standalone_mode=False, obj=Session(options))
        sys.stdout.flush()
    except click.UsageError as e:
        text, code = usage_error(e)
        print(text, file=sys.stderr)
        return code
    except Exit as e:
        return e.code
    except WrongValue as e:
        text, code = usage_error(click.BadOptionUsage("", e.message, click.Context(command, info_name=name)))
        print(text, file=sys.stderr)
        return code
    except (Failed, PoguError) as e:
        print(e, file=sys.stderr)
        return e.code if isinstance(e, Failed) else 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:  # `pogu ps | head -1`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as e:
        print(f"pogu: {e.strerror or e}{f': {e.filename}' if e.filename else ''}", file=sys.stderr)
        return 1
    return 0
