"""Command lines read as Go's pflag reads them, because that is how people write docker commands.

`--rm=false` and `--rm` are both right, `-p=80:80` is `-p 80:80`, and what is wrong is said in pflag's words. A command
is a function with decorators: `command` on top, then `switch`, `value`, `many` and `argument`. It is our own because
click takes 30 ms to load and to declare the flags of `run`, half of what a whole command may take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pogu.errors import InvalidArgument

USAGE_ERROR = 125

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))

_Function = Callable[..., Any]
_Decorator = Callable[[_Function], _Function]


class UsageError(InvalidArgument):
    """The command line is wrong. `code` is the exit code."""

    def __init__(self, message: str, code: int = USAGE_ERROR) -> None:
        super().__init__(message)
        self.code = code


class HelpWanted(Exception):
    """`--help` was given."""


class Flag:
    """One flag: a `switch` (on or off; `default` is what it is when it was not given), a `value`, or `many` of them."""

    __slots__ = ("choices", "default", "dest", "help", "hidden", "kind", "metavar", "opts", "type")

    def __init__(
        self,
        names: Sequence[str],
        kind: str = "value",
        *,
        default: Any = None,
        type: type = str,
        metavar: str = "",
        help: str = "",
        hidden: bool = False,
        choices: Sequence[str] = (),
    ) -> None:
        self.opts = tuple(name for name in names if name.startswith("-"))
        own = [name for name in names if not name.startswith("-")]
        self.dest = own[0] if own else self.long.lstrip("-").replace("-", "_")
        self.kind = kind
        self.default = () if kind == "many" else default
        self.type = type
        self.metavar = metavar or {int: "int", float: "float"}.get(type, "list" if kind == "many" else "string")
        self.help = help
        self.hidden = hidden
        self.choices = choices

    @property
    def long(self) -> str:
        return next((o for o in self.opts if o.startswith("--")), self.opts[0])

    @property
    def short(self) -> str:
        return next((o for o in self.opts if len(o) == 2), "")

    @property
    def shown(self) -> str:
        """The names as errors have them: `-a, --all`."""
        return f"{self.short}, {self.long}" if self.short and self.short != self.long else self.long

    def read(self, text: str) -> Any:
        """Return what a text means for this flag. Raises UsageError."""
        if self.kind == "switch":
            if text not in _TRUE | _FALSE:
                raise self._wrong(text, f'strconv.ParseBool: parsing "{text}": invalid syntax')
            return text in _TRUE
        if self.choices and text not in self.choices:
            raise self._wrong(text, f"must be one of {', '.join(self.choices)}")
        try:
            return self.type(text)
        except ValueError:
            function = "ParseInt" if self.type is int else "ParseFloat"
            raise self._wrong(text, f'strconv.{function}: parsing "{text}": invalid syntax') from None

    def _wrong(self, text: str, reason: str) -> UsageError:
        return UsageError(f'invalid argument "{text}" for "{self.shown}" flag: {reason}')


class Argument:
    """A word, or all the words that are left (`nargs` -1)."""

    __slots__ = ("metavar", "name", "nargs", "required")

    def __init__(self, name: str, *, nargs: int = 1, required: bool | None = None, metavar: str = "") -> None:
        self.name = name
        self.nargs = nargs
        self.required = nargs > 0 if required is None else required
        self.metavar = metavar or name.upper()


class Command:
    """One command: what it takes, and the function that does it.

    With `rest` the first word that is no flag ends the flags: what follows is a container's own command. `usage` are
    the forms of its arguments where there is more than one; `bare` leaves `[OPTIONS]` out of them.
    """

    def __init__(
        self,
        function: _Function,
        name: str,
        help: str,
        *,
        rest: bool = False,
        usage: tuple[str, ...] = (),
        bare: bool = False,
    ) -> None:
        declared = getattr(function, "declared", [])[::-1]
        self.name = name
        self.help = help
        self.function = function
        self.flags: list[Flag] = [each for each in declared if isinstance(each, Flag)]
        self.arguments: list[Argument] = [each for each in declared if isinstance(each, Argument)]
        self.usage = usage
        self.bare = bare
        self.rest = rest

    def parse(self, args: Sequence[str]) -> tuple[dict[str, Any], set[str]]:
        """Return the function's keyword arguments, and the names of the flags that were given.

        Raises:
            UsageError: in pflag's words.
            HelpWanted: help was asked for, and nothing is wrong.
        """
        return _Reading(self, args).result()

    def usage_lines(self, path: str) -> list[str]:
        """Return the forms of the command that is called `path` (`pogu volume ls`)."""
        options = "" if self.bare or not self.flags else "[OPTIONS] "
        forms = self.usage or (" ".join(a.metavar for a in self.arguments),)
        return [f"{path} {options}{form}".rstrip() for form in forms]


class _Reading:
    """One command line on its way to values."""

    def __init__(self, command_: Command, args: Sequence[str]) -> None:
        self._command = command_
        self._flags = {opt: flag for flag in command_.flags for opt in flag.opts}
        self._words = list(args)
        self._positional: list[str] = []
        self._help = False
        self.values: dict[str, Any] = {flag.dest: flag.default for flag in command_.flags}
        self.given: set[str] = set()

    def result(self) -> tuple[dict[str, Any], set[str]]:
        words = self._words
        while words:
            word = words.pop(0)
            if word == "--":
                self._positional += words
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._shorts(word)
            else:
                self._positional.append(word)
                if self._command.rest:
                    self._positional += words
                    break
        if self._help:
            raise HelpWanted
        self.values.update(self._placed())
        return self.values, self.given

    def _long(self, word: str) -> None:
        name, eq, text = word.partition("=")
        flag = self._flags.get(name)
        if flag is None:
            if name == "--help":
                self._help = True
                return
            raise UsageError(f"unknown flag: {name}{self._meant(name)}")
        self._set(flag, text if eq else self._next(flag, name))

    def _shorts(self, word: str) -> None:
        letters = word[1:]
        while letters:
            flag = self._flags.get(f"-{letters[0]}")
            if flag is None:
                if letters[0] != "h":
                    raise UsageError(f"unknown shorthand flag: '{letters[0]}' in -{letters}")
                self._deprecated_help()
                return
            if letters[1:2] == "=":
                self._set(flag, letters[2:])
                return
            if flag.kind == "switch":
                self._set(flag, "true")
                letters = letters[1:]
                continue
            self._set(flag, letters[1:] or self._next(flag, f"'{letters[0]}' in -{letters}"))
            return

    def _deprecated_help(self) -> None:
        import sys

        print("Flag shorthand -h has been deprecated, use --help", file=sys.stderr)
        self._help = True

    def _next(self, flag: Flag, shown: str) -> str:
        if flag.kind == "switch":
            return "true"
        if not self._words:
            raise UsageError(f"flag needs an argument: {shown}")
        return self._words.pop(0)

    def _set(self, flag: Flag, text: str) -> None:
        value_ = flag.read(text)
        self.values[flag.dest] = (*self.values[flag.dest], value_) if flag.kind == "many" else value_
        self.given.add(flag.dest)

    def _meant(self, name: str) -> str:
        from pogu.cli.suggestions import did_you_mean

        text = did_you_mean(name, [flag.long for flag in self._command.flags if not flag.hidden])
        return f"\n\n{text}".rstrip() if text else ""

    def _placed(self) -> Iterator[tuple[str, Any]]:
        """Give each argument its words. Raises UsageError where there are too few or too many."""
        arguments, words = self._command.arguments, self._positional
        least = sum(argument.required for argument in arguments)
        most = None if any(a.nargs < 0 for a in arguments) else len(arguments)
        if len(words) < least or (most is not None and len(words) > most):
            raise UsageError(_wanted(least, most), 1)
        for number, argument in enumerate(arguments):
            if argument.nargs < 0:
                yield argument.name, tuple(words[number:])
            else:
                yield argument.name, words[number] if number < len(words) else None


def _wanted(least: int, most: int | None) -> str:
    if most == 0:
        return "accepts no arguments"
    if most is None:
        return f"requires at least {_counted(least)}"
    if least == most:
        return f"requires {_counted(most)}"
    return f"requires at least {least} and at most {_counted(most)}" if least else f"requires at most {_counted(most)}"


def _counted(number: int) -> str:
    return f"{number} argument{'' if number == 1 else 's'}"


def command(name: str, *, help: str, **attrs: Any) -> Callable[[_Function], Command]:
    """Declare a command; `attrs` are Command's. The function gets the session, and its values as keywords."""
    return lambda function: Command(function, name, help, **attrs)


def switch(*names: str, default: bool | None = False, **attrs: Any) -> _Decorator:
    """Declare a flag that is on or off."""
    return _declare(Flag(names, "switch", default=default, **attrs))


def many(*names: str, **attrs: Any) -> _Decorator:
    """Declare a flag that may be given many times."""
    return _declare(Flag(names, "many", **attrs))


def value(*names: str, **attrs: Any) -> _Decorator:
    """Declare a flag with one value."""
    return _declare(Flag(names, "value", **attrs))


def argument(name: str, **attrs: Any) -> _Decorator:
    """Declare an argument."""
    return _declare(Argument(name, **attrs))


def _declare(thing: Flag | Argument) -> _Decorator:
    def add(function: _Function) -> _Function:
        function.__dict__.setdefault("declared", []).append(thing)
        return function

    return add
