"""How the classic builder's history names what COPY and ADD brought: `file:`, `dir:` or `multi:`, and a digest."""

from __future__ import annotations

from collections.abc import Mapping

from pogu.engine.build.files.selection import is_directory
from pogu.engine.build.solving.placing import Opened, selected
from pogu.engine.build.steps import Copy, Inline, Remote, Source, StageFiles
from pogu.linux.paths import open_root, opened


def content_name(step: Copy, here: Mapping[Source, Opened], digest: str) -> str:
    """Return the name of what a step brings; what comes of a URL is named by its digest alone. Raises BuildFailed.

    What a stage has is not looked at for this: a path there is taken for a file unless it ends with `/`.
    """
    if len(step.sources) > 1:
        return f"multi:{digest}"
    source = step.sources[0]
    if isinstance(source, Remote):
        return digest
    if isinstance(source, Inline):
        return f"file:{digest}"
    if isinstance(source, StageFiles):
        return f"{_kind(len(source.patterns), directory=source.patterns[0].endswith('/'))}:{digest}"
    found = here[source]
    assert found.root is not None
    with opened(open_root(found.root)) as root:
        paths = selected(found, root, step.line)
        return f"{_kind(len(paths), directory=bool(paths) and is_directory(root, paths[0]))}:{digest}"


def _kind(number: int, *, directory: bool) -> str:
    if number > 1:
        return "multi"
    return "dir" if directory else "file"
