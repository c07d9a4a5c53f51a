"""Doing one thing to several objects: all are tried, each error is printed, the exit code is 1 if there was one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from pogu.cli.client import ApiError
from pogu.cli.invoke import Exit


def each(refs: Iterable[str], act: Callable[[str], Any], *, show: bool = True, summary: str = "") -> None:
    """Call `act` with each of `refs` and print it afterwards (`show`); `summary` stands before the names that failed.

    Raises:
        Exit: with code 1, after all were tried, when one failed.
    """
    failed = []
    for ref in refs:
        try:
            act(ref)
        except ApiError as e:
            print(e, file=sys.stderr)
            failed.append(ref)
        else:
            if show:
                print(ref, flush=True)
    if failed and summary:
        print(f"{summary}{', '.join(failed)}", file=sys.stderr)
    if failed:
        raise Exit(1)
