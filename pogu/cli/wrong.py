"""The value of a flag that makes no sense: shown with the command's usage, exit code 125, as pflag does."""

from __future__ import annotations

from pogu.cli.pflag import UsageError


class WrongValue(UsageError):
    """`invalid argument "VALUE" for "FLAG" flag: REASON`; `flag` is as docker names it, `-e, --env`."""

    def __init__(self, flag: str, value: str, reason: str) -> None:
        super().__init__(f'invalid argument "{value}" for "{flag}" flag: {reason}')
