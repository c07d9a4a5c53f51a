"""`pogu images --tree`: images with what is here of each for which platform, as docker 28 draws it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pogu.cli.terminal import is_terminal, size
from pogu.cli.units import human_size

_SPACE = 3  # columns between two columns
_LEAST, _USUAL = 20, 80  # columns of the page: the fewest, and where there is no terminal
_NARROWEST_NAME = 12
_TITLES = (("IMAGE", 0), ("ID", 12), ("DISK USAGE", 10), ("CONTENT SIZE", 12), ("EXTRA", 5))
_RIGHT = frozenset(("DISK USAGE", "CONTENT SIZE"))
_BLUE, _BOLD, _FAINT, _CHIP, _END = "\x1b[34m\x1b[1m", "\x1b[1m", "\x1b[2m", "\x1b[38;5;0m\x1b[48;5;14m", "\x1b[0m"
_UNTAGGED = "<untagged>"


class Line(NamedTuple):
    """One line of figures: of an image, or of what it is for a platform."""

    name: str
    cells: tuple[str, str, str]  # ID, disk usage, content size
    used: bool
    available: bool = True


class _Paint(NamedTuple):
    """The colours of a line, "" for none."""

    fancy: bool
    name: str = ""
    cells: str = ""


class Tree(NamedTuple):
    """One image: its other names stand above its line, what it is for platforms below."""

    names: Sequence[str]
    line: Line
    children: Sequence[Line]


def print_tree(found: Sequence[dict[str, Any]], *, all_: bool) -> None:
    """Print a list of the API that was asked for manifests; images without any name only with `all_`."""
    shown = [image for image in found if all_ or image.get("RepoTags") or image.get("RepoDigests")]
    trees = [_tree(image) for image in sorted(shown, key=lambda image: -int(image["Created"]))]
    fancy = is_terminal(sys.stdout)
    width = max(_LEAST, (size() or (0, 0))[1] or _USUAL) if fancy else _USUAL
    print("\n".join(line for line in lines(trees, width, fancy=fancy)))


def _tree(image: dict[str, Any]) -> Tree:
    manifests = image.get("Manifests") or []
    children = [_child(manifest) for manifest in manifests if manifest.get("Kind") == "image"]
    *others, name = sorted(image.get("RepoTags") or [_UNTAGGED], key=len, reverse=True)
    content = sum(manifest["Size"]["Content"] for manifest in manifests)
    used = image.get("Containers", 0) > 0 or any(child.used for child in children)
    return Tree(others, Line(name, _figures(image["Id"], image["Size"], content), used), children)


def _child(manifest: dict[str, Any]) -> Line:
    data = manifest.get("ImageData") or {}
    platform = data.get("Platform") or {}
    parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    sizes = manifest["Size"]
    return Line(
        "/".join(part for part in parts if part),
        _figures(manifest["ID"], sizes["Total"], sizes["Content"]),
        bool(data.get("Containers")),
        bool(manifest.get("Available")),
    )


def _figures(id_: str, usage: int, content: int) -> tuple[str, str, str]:
    return id_.removeprefix("sha256:")[:12], human_size(usage), human_size(content)


def lines(trees: Sequence[Tree], width: int, *, fancy: bool) -> Iterator[str]:
    """Yield the lines of the page, `width` columns wide; `fancy` is for a terminal that knows colours."""
    legend = f"{_BOLD}i Info → {_END} {_CHIP} U {_END} In Use " if fancy else " Info ->  U In Use "
    plain = "i Info →   U  In Use " if fancy else legend
    yield " " * max(0, width - len(plain)) + legend
    yield ""
    used = any(child.used for tree in trees for child in tree.children)
    widths = _widths(trees, width)
    titles = _TITLES[: len(widths)]
    yield (" " * _SPACE).join(
        _cell(title, columns, title in _RIGHT, _BOLD if fancy else "")
        for (title, _), columns in zip(titles, widths, strict=True)
    )
    spaced = any(tree.children for tree in trees)
    for tree in trees:
        yield from (f"{_BLUE}{name}{_END}" if fancy else name for name in tree.names)
        yield _row(tree.line, tree.line.name, widths, used, _Paint(fancy, _BLUE if fancy else ""))
        for child in tree.children:
            mark = "└─" if child is tree.children[-1] else "├─"
            faint = _FAINT if fancy and not child.available else ""
            yield _row(child, f"{mark} {child.name}", widths, used, _Paint(fancy, faint, faint))
        if spaced:
            yield ""


def _widths(trees: Sequence[Tree], width: int) -> list[int]:
    """Return the columns' widths: columns that would leave too little for the names are left out."""
    left, found = width, [0]
    for _, columns in _TITLES[1:]:
        if left - columns - _SPACE < _NARROWEST_NAME:
            break
        left -= columns + _SPACE
        found.append(columns)
    names = [name for tree in trees for name in (*tree.names, tree.line.name)]
    children = [child.name for tree in trees for child in tree.children]
    found[0] = min(left, max([len("IMAGE"), *map(len, names), *(len(name) + 3 for name in children)]))
    return found


def _row(line: Line, name: str, widths: Sequence[int], chips: bool, paint: _Paint) -> str:
    cells = [_cell(name, widths[0], False, paint.name)]
    for (title, _), text, columns in zip(_TITLES[1:4], line.cells, widths[1:], strict=False):
        cells.append(_cell(text, columns, title in _RIGHT, paint.cells))
    if len(widths) == len(_TITLES):
        cells.append(_chip(line, widths[-1], paint.fancy) if chips else " " * widths[-1])
    return (" " * _SPACE).join(cells)


def _chip(line: Line, columns: int, fancy: bool) -> str:
    plain = " U " if fancy else "U"
    text = plain if line.used else " " * len(plain)
    return (f"{_CHIP}{text}{_END}" if fancy and line.used else text) + " " * (columns - len(plain))


def _cell(text: str, columns: int, right: bool, colour: str) -> str:
    shown = text if len(text) <= columns else text[: columns - 1] + "…"
    space = " " * (columns - len(shown))
    painted = f"{colour}{shown}{_END}" if colour else shown
    return space + painted if right else painted + space
