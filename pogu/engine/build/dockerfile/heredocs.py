"""Which heredocs a line asks for: `<<EOF`, `<<-EOF`, `<<"EOF"`."""

from __future__ import annotations

import re

from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.expansion import expansion
from pogu.engine.build.dockerfile.instructions import Heredoc
from pogu.engine.build.dockerfile.lexing import Quotes

_HEREDOC = re.compile(r"\d*<<(-?)[\t\n\f\r ]*([^<]*)", re.ASCII)


def heredocs_of(line: str) -> list[Heredoc]:
    """Return the heredocs of a line in order, without content. A line whose quotes do not close has none."""
    if "<<" not in line:
        return []
    try:
        words = expansion(line, {}, quotes=Quotes.KEEP, keep_escapes=True, keep_unset=True).words
    except DockerfileError:
        return []
    return [heredoc for word in words if (heredoc := _heredoc(word)) is not None]


def heredoc_of(word: str) -> Heredoc | None:
    """Return the heredoc that a word asks for, without content; None if it asks for none."""
    try:
        return _heredoc(word)
    except DockerfileError:
        return None


def _heredoc(word: str) -> Heredoc | None:
    match = _HEREDOC.fullmatch(word)
    if match is None or not match[2]:
        return None
    names = expansion(match[2], {}, keep_unset=True).words
    if len(names) != 1:
        return None
    as_written = expansion(match[2], {}, quotes=Quotes.KEEP, keep_unset=True).text
    expand = _quote_count(names[0]) == _quote_count(as_written)
    return Heredoc(name=names[0], content="", expand=expand, chomp=bool(match[1]))


def _quote_count(text: str) -> int:
    return text.count("'") + text.count('"')
