"""Rows of results as people ask for them: a table, JSON lines, or their own template (docker's `--format`)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pogu.cli.invoke import Failed

if TYPE_CHECKING:
    from pogu.cli.templates import Template

Rows = Sequence[Mapping[str, Any]]

_MIN_WIDTH, _PADDING = 10, 3  # docker's settings of Go's tabwriter
BAD_TEMPLATE = 64  # exit code


class Listing(NamedTuple):
    """How one kind of object is listed.

    `table` is the template of the table, `headers` names the columns whose header is not the field's name in capitals,
    `quiet` is shown of each with `-q`, `raw` the template of `--format raw`, and `kind` Go's type, as errors name it.
    """

    table: str
    headers: Mapping[str, str] = {}
    quiet: str = ""
    raw: str = ""
    quiet_raw: str = ""
    kind: str = "*formatter.row"
    wrong: tuple[str, str] = (
        "template parsing error: ",
        "template parsing error: ",
    )  # before an error of parsing, of use


def print_rows(form: str | None, rows: Rows, listing: Listing, *, quiet: bool = False) -> None:
    """Print `rows` as `form` says; None and `table` are the table."""
    text = render_rows(form, rows, listing, quiet=quiet)
    if text:
        print(text)


def render_rows(form: str | None, rows: Rows, listing: Listing, *, quiet: bool = False) -> str:
    """Return the lines for `rows`, without the last newline."""
    if form in {None, "", "table"}:
        if not quiet:
            return _table(listing.table, rows, listing)
        if listing.quiet.isidentifier():  # in nearly every use of -q: no template is needed
            return "\n".join(str(row[listing.quiet]) for row in rows)
        form = listing.quiet
    assert form is not None
    if form == "raw" and listing.raw:
        form = listing.quiet_raw if quiet else listing.raw
    if form == "json":
        form = "{{json .}}"
    if form.startswith("table "):
        return _table(form.removeprefix("table "), rows, listing)
    from pogu.cli.templates import TemplateError

    template = _template(form, listing)
    try:
        return "\n".join(template.render(row) for row in _typed(rows, listing))
    except TemplateError as e:
        raise Failed(listing.wrong[1] + e.message) from e


def label_fields(labels: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what a row shows of labels: all of them as `Labels`, and a function `Label` that gives one."""
    found = labels or {}
    return {
        "Labels": ",".join(f"{key}={text}" for key, text in sorted(found.items())),
        "Label": lambda name: found.get(name, ""),
    }


def columns(rows: Sequence[Sequence[str]], least: int = _MIN_WIDTH) -> str:
    """Return rows of cells as columns of at least `least`, three spaces apart; the last is not padded."""
    count = max((len(row) for row in rows), default=0)
    widths = [max(least, *(len(row[i]) + _PADDING for row in rows if i < len(row) - 1), 0) for i in range(count - 1)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("".join([*padded, row[-1] if row else ""]))
    return "\n".join(lines)


def natural(text: str) -> list[tuple[int, int]]:
    """Return a key that sorts names as docker does: by letters, and by the value of numbers in them."""
    runs = re.findall(r"[0-9]+|[^0-9]", text)
    return [(ord("0"), int(run)) if run[0] in "0123456789" else (ord(run), 0) for run in runs]


def shortened(text: str, width: int) -> str:
    """Return at most `width` letters of a text; the last stands for what was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"


def quoted(text: str) -> str:
    """Return a text in quotation marks as Go writes it."""
    import json

    return json.dumps(text, ensure_ascii=False)


def object_template(
    form: str, prefix: str = "template parsing error: ", *, misfit: str | None = None, kind: str = "", name: str = ""
) -> Callable[[Any], str]:
    """Return what renders single objects by the template `form`; `json` is `{{json .}}`.

    `prefix` stands before an error of the template, `misfit` (the same where it is None) before one of its use with a
    value, whose type is called `kind`. `name` is the template's, for errors.

    Raises:
        Failed: the template is wrong, with docker's exit code for that; the renderer raises it where a value does
            not fit.
    """
    from pogu.cli.templates import ParseError, Struct, Template, TemplateError

    try:
        template = Template("{{json .}}" if form == "json" else _unescaped(form), name)
    except ParseError as e:
        raise Failed(f"{prefix}{e.message}", BAD_TEMPLATE) from e

    def render(value: Any) -> str:
        try:
            return template.render(Struct(value, kind) if kind else value)
        except TemplateError as e:
            raise Failed((prefix if misfit is None else misfit) + e.message) from e

    return render


def print_rendered(render: Callable[[Any], str], value: Any) -> None:
    """Print what a template makes of a value; of one that does not fit it, an empty line."""
    try:
        text = render(value)
    except Failed:
        print()
        raise
    print(text)


def warn_of_both(form: str | None, *, quiet: bool) -> None:
    """Say that `--quiet` has the last word over a template."""
    if form and quiet:
        print("WARNING: Ignoring custom format, because both --format and --quiet are set.", file=sys.stderr)


def _table(form: str, rows: Rows, listing: Listing) -> str:
    if form == listing.table and (names := _plain_columns(form)):  # without a template, which takes longer to load
        known = _header_names(listing, names)
        return columns([[known[n] for n in names], *([_cell(row[n]) for n in names] for row in rows)])
    from pogu.cli.templates import TemplateError

    template = _template(form, listing)
    known = {**_header_names(listing, template.fields()), "Label": lambda name: name}
    try:
        header = template.render(known, _header_functions())
        texts = [template.render(row) for row in _typed(rows, listing)]
    except TemplateError as e:
        raise Failed(listing.wrong[1] + e.message) from e
    return columns([text.split("\t") for text in (header, *texts)])


def _plain_columns(form: str) -> list[str]:
    """Return the names of a template that is `{{.A}}` and tabs alone, else none."""
    names = [part.removeprefix("{{.").removesuffix("}}") for part in form.split("\t")]
    return names if all(name.isidentifier() for name in names) else []


def _header_names(listing: Listing, fields: Sequence[str]) -> dict[str, Any]:
    return {name: listing.headers.get(name) or _spaced(name) for name in (*listing.headers, *fields)}


def _header_functions() -> dict[str, Callable[..., Any]]:
    """Return what functions do to a column's name: nothing, where they would change it as text."""
    from pogu.cli.templates.functions import FUNCTIONS

    same = dict.fromkeys(
        ("lower", "upper", "title", "split", "join", "truncate", "pad"), lambda text, *_: text
    )  # fmt: skip
    return {**FUNCTIONS, **same, "json": lambda value: value if isinstance(value, str) else ""}


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _spaced(name: str) -> str:
    """Return `CreatedAt` as `CREATED AT`, as docker does for columns."""
    out = ""
    for i, letter in enumerate(name):
        if i and letter.isupper() and not name[i - 1].isupper():
            out += " "
        out += letter.upper()
    return out


def _template(form: str, listing: Listing) -> Template:
    from pogu.cli.templates import Template, TemplateError

    try:
        return Template(_unescaped(form))
    except TemplateError as e:
        raise Failed(listing.wrong[0] + e.message) from e


def _unescaped(form: str) -> str:
    return form.replace("\\t", "\t").replace("\\n", "\n")


def _typed(rows: Rows, listing: Listing) -> Sequence[Mapping[str, Any]]:
    from pogu.cli.templates import Row

    return [Row(row, listing.kind) for row in rows]
