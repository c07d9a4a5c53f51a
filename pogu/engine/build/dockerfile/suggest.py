"""What somebody meant who misspelt a name."""

from __future__ import annotations

from collections.abc import Iterable

_TOO_FAR = 3  # edits from which on two names are not taken for one another


def suggestion(name: str, options: Iterable[str], *, case: bool = True) -> str:
    """Return the option nearest to `name` with fewer than three letters changed, added or left out; empty if none.

    An option equal to the name means that the name is not at fault: nothing is suggested then. Without `case`, capital
    and small letters are alike and the answer is written as the name is.
    """
    wanted = name if case else name.lower()
    best, nearest = "", _TOO_FAR
    for option in sorted(options):
        candidate = option if case else option.lower()
        if candidate == wanted:
            return ""
        distance = _distance(wanted, candidate, nearest)
        if distance < nearest:
            best, nearest = candidate, distance
    if not case and name == name.upper() and name != name.lower():
        return best.upper()
    return best


def did_you_mean(message: str, name: str, options: Iterable[str], *, case: bool = True) -> str:
    """Return the message, with the suggestion at its end if there is one."""
    meant = suggestion(name, options, case=case)
    return f"{message} (did you mean {meant}?)" if meant else message


def _distance(one: str, other: str, limit: int) -> int:
    """Return the Levenshtein distance, or any number from `limit` on if it is not below that."""
    if abs(len(one) - len(other)) >= limit:
        return limit
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, counterpart in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (letter != counterpart))
    return row[-1]
