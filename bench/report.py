"""The table, and the page that holds it: what was written there by hand stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.case import Row

BEGIN, END = "<!-- table: written by `make bench` -->", "<!-- end of the table -->"


def line(row: Row) -> str:
    """Return one line of the table."""
    ratio = "" if row.ratio is None else f"{row.ratio:g}"
    mark = "" if row.met is None else " met" if row.met else " **missed**"
    theirs = f"{_cell(row.theirs)} ({row.peer})" if row.theirs else ""
    return f"| {row.name}, {row.unit} | {_cell(row.ours)} | {theirs} | {ratio} | {row.target}{mark} |"


def page(path: Path, rows: Sequence[Row], versions: Mapping[str, str]) -> str:
    """Return the page at `path` with a new table."""
    table = [
        BEGIN,
        f"dockerd {versions['docker']}, Linux {versions['kernel']}, {versions['processors']} processors.",
        "",
        "| case | Pogu | the other | ratio | target |",
        "|---|---|---|---|---|",
        *map(line, rows),
        END,
    ]
    text = path.read_text() if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join(table) + after


def _cell(values: tuple[float, float, float]) -> str:
    least, middle, largest = values
    return f"{middle:g}" if least == largest else f"{least:g} / **{middle:g}** / {largest:g}"
