"""Which of a directory goes to the daemon: what is included and not left out, with the directories above it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from pogu.engine.build.ignore import Ignore
from pogu.linux.trees import Found, walk


def chosen(root: int, ignore: Ignore, include: Ignore | None = None, keep: Collection[str] = ()) -> Iterator[Found]:
    """Yield what is chosen of the tree below `root` (a descriptor), sorted as `walk` does, directories before content.

    All that `ignore` does not match is, of that all that `include` matches where there is one; paths in `keep` are in
    any case. A directory that is not comes with the first thing in it that is, so that it keeps its mode.
    """
    above = {str(parent) for path in keep for parent in PurePosixPath(path).parents}
    missing: list[str] = []
    for found in walk(root):
        while missing and not found.path.startswith(f"{missing[-1]}/"):
            missing.pop()
        path = found.path
        if path in keep or ((include is None or include.ignored(path)) and not ignore.ignored(path)):
            for directory in missing:
                yield Found(root, directory, directory, os.stat(directory, dir_fd=root, follow_symlinks=False))
            missing.clear()
            yield found
        elif found.is_dir:
            wanted = (include is None or include.reaches(path)) and not ignore.skippable(path)
            found.enter = wanted or path in above
            if found.enter:
                missing.append(path)
