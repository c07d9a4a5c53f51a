"""The plot: how many times faster than the other, on a logarithmic scale, beside the target."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from bench.case import Row

_ROW, _LEFT, _WIDTH, _TOP = 24, 430, 420, 50
_LEAST, _MOST = 0.25, 64.0


def bars(rows: Sequence[Row]) -> str:
    """Return an SVG with a bar for each row that has a ratio to another program."""
    shown = [row for row in rows if row.ratio and row.theirs]
    height = _TOP + _ROW * len(shown) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="{_LEFT}" y="18">times faster, or smaller, than the '
        "other (black line: target)</text>",
    ]
    for tick in (0.5, 1, 2, 4, 8, 16, 32):
        x = _x(tick)
        parts.append(f'<line x1="{x}" y1="{_TOP - 12}" x2="{x}" y2="{height - 10}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{_TOP - 16}" text-anchor="middle" fill="#666">{tick:g}</text>')
    for number, row in enumerate(shown):
        parts += _bar(row, _TOP + _ROW * number)
    return "\n".join([*parts, "</svg>", ""])


def _bar(row: Row, y: int) -> list[str]:
    assert row.ratio
    one, end, target = _x(1), _x(row.ratio), _target(row)
    colour = "#2a7" if row.met else "#c44"
    name = row.name if len(row.name) < 68 else row.name[:66] + "…"
    found = [
        f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{min(one, end)}" y="{y}" width="{max(1.0, abs(end - one))}" height="16" fill="{colour}"/>',
        f'<text x="{max(one, end) + 6}" y="{y + 12}">{row.ratio:g}</text>',
    ]
    if target:
        found.append(f'<line x1="{_x(target)}" y1="{y - 2}" x2="{_x(target)}" y2="{y + 18}" stroke="#000"/>')
    return found


def _target(row: Row) -> float:
    """Return the ratio that was wanted, read from its words; 0 where it is not a ratio."""
    if row.target == "≤ a half":
        return 2.0
    number = re.search(r"([\d.]+) times", row.target)
    if not number:
        return 0.0
    return float(number[1]) if row.target.startswith("≥") else 1 / float(number[1])


def _x(ratio: float) -> float:
    share = math.log(min(max(ratio, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return round(_LEFT + share * _WIDTH, 1)
