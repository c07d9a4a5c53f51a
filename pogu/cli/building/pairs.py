"""`key=value,key=value`: the form of `--secret`, `--output` and their like. It is one line of CSV."""

from __future__ import annotations

import csv
from collections.abc import Collection

from pogu.cli.wrong import WrongValue


def read_pairs(flag: str, text: str, known: Collection[str] | None = None) -> dict[str, str]:
    """Return the pairs of one value of a flag; where `known` is given, others are wrong. Raises WrongValue."""
    found: dict[str, str] = {}
    for field in split_fields(flag, text):
        key, eq, value = field.partition("=")
        if not eq:
            raise WrongValue(flag, text, f"invalid field '{field}' must be a key=value pair")
        key = key.strip().lower()
        if known is not None and key not in known:
            raise WrongValue(flag, text, f"unexpected key '{key}' in '{field}'")
        found[key] = value
    return found


def split_fields(flag: str, text: str) -> list[str]:
    """Return the fields between the commas; a field in double quotes may have commas itself. Raises WrongValue."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as e:
        raise WrongValue(flag, text, str(e)) from None
