"""click made to read a command line as Go's pflag does, because that is how people write docker commands.

`--rm=false` and `--rm` are both right, `-p=80:80` is `-p 80:80`, an unknown flag is an error in pflag's words, and help
looks like docker's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

USAGE_ERROR = 125

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}
_OFF = ":false"  # second name of a switch, `--rm:false`, that `--rm=false` is rewritten to


class _Int(click.ParamType[int]):
    """A whole number, with pflag's words for what is none."""

    name = "int"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value)
        except ValueError:
            flag = _shown(param) if param else ""
            reason = f'strconv.ParseInt: parsing "{value}": invalid syntax'
            raise click.BadOptionUsage(flag, f'invalid argument "{value}" for "{flag}" flag: {reason}', ctx) from None


class Switch(click.Option):
    """A flag that is on, off with `=false`, or (`default=None`) not given."""

    def __init__(self, decls: Sequence[str], **attrs: Any) -> None:
        long = next(d for d in decls if d.startswith("--"))
        names = [f"{long}/{long}{_OFF}", *(d for d in decls if d != long)]
        attrs.setdefault("default", False)
        super().__init__(names, is_flag=True, **attrs)


class Command(click.Command):
    """A command with docker's usage line, help and errors."""

    usage: tuple[str, ...] = ()  # forms of its arguments, where there is more than one

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, self._as_click_writes(args))
        except click.NoSuchOption as e:
            if e.option_name == "-h":  # click names the letter of `-ah` so as well
                print("Flag shorthand -h has been deprecated, use --help", file=sys.stderr)
                return super().parse_args(ctx, ["--help"])
            e.ctx = e.ctx or ctx
            raise
        except click.UsageError as e:
            e.ctx = e.ctx or ctx  # so that the usage shown is this command's
            raise

    def _as_click_writes(self, args: Sequence[str]) -> list[str]:
        switches = {o for p in self.params if isinstance(p, Switch) for o in p.opts}
        valued = {o for p in self.params if isinstance(p, click.Option) and not p.is_flag for o in p.opts}
        optional = {o for p in self.params if isinstance(p, click.Option) and p._flag_needs_value for o in p.opts}
        interspersed = self.context_settings.get("allow_interspersed_args", True)
        out: list[str] = []
        i = 0
        while i < len(args):
            arg = args[i]
            i += 1
            if arg == "--" or not arg.startswith("-") or arg == "-":
                if arg == "--" or not interspersed:
                    return [*out, arg, *args[i:]]
                out.append(arg)
                continue
            name, eq, value = arg.partition("=")
            if eq and name in switches:
                out.append(_switched(name, value, self.params))
            elif eq and len(name) == 2 and name in valued:
                out += [name, value]
            else:
                out.append(arg)
                if i < len(args) and _takes_next(arg, switches, valued - optional):
                    out.append(args[i])
                    i += 1
        return out

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        pieces = super().collect_usage_pieces(ctx)
        return pieces if len(self.params) > sum(isinstance(p, click.Argument) for p in self.params) else pieces[1:]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = self.collect_usage_pieces(ctx)
        forms = self.usage or (" ".join(pieces[1:] if pieces[:1] == ["[OPTIONS]"] else pieces),)
        options = "[OPTIONS] " if pieces[:1] == ["[OPTIONS]"] else ""
        lines = [f"{ctx.command_path} {options}{form}".rstrip() for form in forms]
        formatter.write("Usage:  " + "\n\t".join(lines) + "\n")

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        if self.help:
            formatter.write(f"\n{self.help.strip()}\n")
        options = [p for p in self.params if isinstance(p, click.Option) and not p.hidden]
        if options:
            formatter.write("\nOptions:\n")
            rows = [(_flags(option), option.help or "") for option in sorted(options, key=_long)]
            width = min(max(len(flags) for flags, _ in rows), 34)
            for flags, text in rows:
                _write_row(formatter, flags, text, width)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.hidden = True
        return option


def command(
    name: str, *, rest: bool = False, usage: tuple[str, ...] = (), **attrs: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command. With `rest` the first argument ends the options: what follows is a container's own command.

    `usage` are the forms of the arguments, where there is more than one.
    """
    settings = {"help_option_names": ["--help"], "allow_interspersed_args": not rest}
    made = click.command(name, cls=Command, context_settings=settings, options_metavar="[OPTIONS]", **attrs)

    def declare(function: Callable[..., Any]) -> Command:
        command_: Command = made(function)
        command_.usage = usage
        return command_

    return declare


def switch(*decls: str, **attrs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a flag that is on or off."""
    return click.option(*decls, cls=Switch, **attrs)


def many(*decls: str, **attrs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an option that may be given many times."""
    return click.option(*decls, multiple=True, metavar=attrs.pop("metavar", "list"), **attrs)


def value(*decls: str, **attrs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an option with one value."""
    if attrs.get("type") is int:
        attrs["type"] = _Int()
        attrs.setdefault("metavar", "int")
    return click.option(*decls, metavar=attrs.pop("metavar", "string"), **attrs)


def was_given(name: str) -> bool:
    """Return whether the option `name` of the running command was on the command line."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def usage_error(error: click.UsageError) -> tuple[str, int]:
    """Return the text and exit code docker has for a wrong command line."""
    ctx = error.ctx
    path = ctx.command_path if ctx else "pogu"
    text, code = _words(error, path)
    usage = ctx.command.get_usage(ctx).strip() if ctx else "Usage:  pogu [OPTIONS] COMMAND [ARG...]"
    look = "See" if " requires at least " in text and " at most " not in text else "Run"  # docker's words differ so
    return f"{text}\n\n{usage}\n\n{look} '{path} --help' for more information", code


def _words(error: click.UsageError, path: str) -> tuple[str, int]:
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        if not name.startswith("--"):
            return f"unknown shorthand flag: '{name.lstrip('-')[:1]}' in {name}", USAGE_ERROR
        return f"unknown flag: {name}{_meant(name, error)}", USAGE_ERROR
    if isinstance(error, click.MissingParameter) or error.message.startswith("Got unexpected extra argument"):
        return f"pogu: '{path}' {_wanted_arguments(_arguments(error))}", 1
    if isinstance(error, click.BadOptionUsage):
        if error.message.endswith("requires an argument."):
            name = error.option_name
            return f"flag needs an argument: {name if name.startswith('--') else _in_group(name)}", USAGE_ERROR
        return error.message, USAGE_ERROR
    return error.format_message(), USAGE_ERROR


def _wanted_arguments(arguments: Sequence[click.Parameter]) -> str:
    least = sum(max(p.nargs, 1) for p in arguments if p.required)
    most = None if any(p.nargs < 0 for p in arguments) else sum(p.nargs for p in arguments)
    if most == 0:
        return "accepts no arguments"
    if most is None:
        return f"requires at least {_counted(least)}"
    if least == most:
        return f"requires {_counted(most)}"
    return f"requires at least {least} and at most {_counted(most)}" if least else f"requires at most {_counted(most)}"


def _counted(number: int) -> str:
    return f"{number} argument{'' if number == 1 else 's'}"


def _in_group(name: str) -> str:
    return f"'{name[1:]}' in {name}"


def _meant(name: str, error: click.UsageError) -> str:
    from pogu.cli.suggestions import did_you_mean

    options = [p for p in (error.ctx.command.params if error.ctx else []) if isinstance(p, click.Option)]
    text = did_you_mean(name, [_long(option) for option in options if not option.hidden])
    return f"\n\n{text}".rstrip() if text else ""


def _arguments(error: click.UsageError) -> list[click.Parameter]:
    return [p for p in (error.ctx.command.params if error.ctx else []) if isinstance(p, click.Argument)]


def _switched(name: str, value: str, params: Sequence[click.Parameter]) -> str:
    option = next(p for p in params if isinstance(p, Switch) and name in p.opts)
    if value in _TRUE:
        return name
    if value not in _FALSE:
        reason = f'strconv.ParseBool: parsing "{value}": invalid syntax'
        raise click.BadOptionUsage(name, f'invalid argument "{value}" for "{_shown(option)}" flag: {reason}')
    return option.secondary_opts[0]


def _shown(option: click.Parameter) -> str:
    """Return an option's names as errors have them: `-a, --all`."""
    short = next((o for o in option.opts if len(o) == 2), "")
    long = next((o for o in option.opts if o.startswith("--")), "")
    return f"{short}, {long}" if short else long


def _takes_next(arg: str, switches: set[str], valued: set[str]) -> bool:
    """Return whether the next word is the value of `arg`: `--name x`, `-p x`, `-itp x`."""
    if arg.startswith("--"):
        return arg in valued
    for i, letter in enumerate(arg[1:], 2):
        if f"-{letter}" in valued:
            return i == len(arg)
        if f"-{letter}" not in switches:
            return False
    return False


def _long(option: click.Option) -> str:
    return next((o for o in option.opts if o.startswith("--")), option.opts[0])


def _flags(option: click.Option) -> str:
    short = next((o for o in option.opts if len(o) == 2), "")
    kind = "" if isinstance(option, Switch) else f" {option.metavar or 'string'}"
    return f"{short + ', ' if short else '    '}{_long(option)}{kind}"


def _write_row(formatter: click.HelpFormatter, flags: str, text: str, width: int) -> None:
    import textwrap

    lines = textwrap.wrap(text, 78 - width) or [""]
    if len(flags) > width:
        formatter.write(f"  {flags}\n")
        flags = ""
    for i, line in enumerate(lines):
        formatter.write(f"  {flags if i == 0 else '':<{width}}   {line}".rstrip() + "\n")
