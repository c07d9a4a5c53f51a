"""Archives of trees, as streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from pogu.engine.archive.streams import produce_in_thread
from pogu.engine.archive.writer import TarWriter
from pogu.linux.paths import open_root, opened, parent_of


async def pack(
    root: Path | int, path: str = "/", name: str | None = None, *, whiteouts: bool = False
) -> AsyncGenerator[bytes, None]:
    """Yield an uncompressed tar archive of `path` inside `root` (a host path or a descriptor of a directory).

    The members are named after `name` ("" puts a directory's content at the top; None: by the last component of
    `path`, "" for the root). A symlink at the end of `path` is archived, not followed, unless `/` follows it. Closing
    the iterator early ends the work. A descriptor given as `root` must stay open until the iterator is.

    Raises:
        OSError: `path` does not exist in `root`.
    """
    archived = path.rstrip("/").rpartition("/")[2] if name is None else name
    with opened(open_root(root)) as fd:
        async for chunk in produce_in_thread(_packer(fd, path, archived, whiteouts), "pack"):
            yield chunk


def _packer(root: int, path: str, archived: str, whiteouts: bool) -> Callable[[Callable[[bytes], None]], None]:
    def work(emit: Callable[[bytes], None]) -> None:
        writer = TarWriter(emit, whiteouts=whiteouts)
        with parent_of(root, path) as (parent, name):
            if name == "." and not archived:
                writer.add_children(parent, "")
            else:
                writer.add_tree(parent, name, archived)
        writer.finish()

    return work
