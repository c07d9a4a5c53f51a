"""Rows of results as people ask for them: a table, JSON lines, or their own template (docker's `--format`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pogu.errors import InvalidArgument

Row = Mapping[str, Any]

_MIN_WIDTH, _PADDING = 10, 3  # docker's settings of Go's tabwriter


def print_rows(form: str | None, rows: Sequence[Row], default: str, headers: Mapping[str, str] | None = None) -> None:
    """Print `rows` as `form` says; None and `table` are the table of the template `default`."""
    text = render_rows(form, rows, default, headers or {})
    if text:
        print(text)


def render_rows(form: str | None, rows: Sequence[Row], default: str, headers: Mapping[str, str]) -> str:
    """Return the lines for `rows`, without the last newline.

    `headers` names the columns whose header is not the field's name in capitals.
    """
    if form in {None, "", "table"}:
        return _table(default, rows, headers)
    assert form is not None
    if form == "json":
        return "\n".join(_json_line(row) for row in rows)
    if form.startswith("table "):
        return _table(form.removeprefix("table "), rows, headers)
    template = _template(form)
    return "\n".join(template.render(_sorted(row)) for row in rows)


def columns(rows: Sequence[Sequence[str]], least: int = _MIN_WIDTH) -> str:
    """Return rows of cells as columns of at least `least`, three spaces apart; the last is not padded."""
    count = max((len(row) for row in rows), default=0)
    widths = [max(least, *(len(row[i]) + _PADDING for row in rows if i < len(row) - 1), 0) for i in range(count - 1)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("".join([*padded, row[-1] if row else ""]))
    return "\n".join(lines)


def one_line(form: str | None) -> str | None:
    """Return the template for a single object: `json` is `{{json .}}`."""
    return "{{json .}}" if form == "json" else form


def _table(form: str, rows: Sequence[Row], headers: Mapping[str, str]) -> str:
    template = _template(form)
    known = {name: headers.get(name) or _spaced(name) for name in (*headers, *template.fields())}
    texts = [_template(form).render(_Headers(known)), *(template.render(_sorted(row)) for row in rows)]
    return columns([text.split("\t") for text in texts])


class _Headers(dict[str, Any]):
    """What a header line is rendered from: each field is its column's name."""


def _spaced(name: str) -> str:
    """Return `CreatedAt` as `CREATED AT`, as docker does for columns."""
    out = ""
    for i, letter in enumerate(name):
        if i and letter.isupper() and not name[i - 1].isupper():
            out += " "
        out += letter.upper()
    return out


def _template(form: str) -> Any:
    from pogu.cli.templates import Template, TemplateError

    if not form:
        raise InvalidArgument("template parsing error: the format is empty")
    try:
        return Template(form.replace("\\t", "\t").replace("\\n", "\n"))
    except TemplateError as e:
        raise InvalidArgument(f"failed to parse template: {e.message.removeprefix('template parsing error: ')}") from e


def _json_line(row: Row) -> str:
    """Return a row as Go's encoder writes it, which makes `<`, `>` and `&` safe for HTML; `{{json .}}` does not."""
    import json

    text = json.dumps(_sorted(row), separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sorted(row: Row) -> dict[str, Any]:
    return {key: row[key] for key in sorted(row)}
