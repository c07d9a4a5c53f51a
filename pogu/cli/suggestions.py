"""What was probably meant, where a name is not known."""

from __future__ import annotations

from collections.abc import Iterable

_FAR = 2  # edits; more is another word


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that `name` is a small mistake for, or the beginning of, nearest first."""
    plain = name.lstrip("-").lower()
    if not plain:
        return []
    found = []
    for each in known:
        word = each.lstrip("-").lower()
        distance = _distance(plain, word)
        if distance <= min(_FAR, len(plain) // 3) or word.startswith(plain):
            found.append((distance, each))
    return [each for _, each in sorted(found)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a paragraph that names what was probably meant, "" where nothing is near."""
    found = closest(name, known)
    return "Did you mean this?\n" + "".join(f"\t{each}\n" for each in found[:3]) if found else ""


def _distance(a: str, b: str) -> int:
    """Return how many letters must be put in, taken out, replaced or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
