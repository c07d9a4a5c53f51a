"""Layers without times after a given one, so that the same build gives the same bytes on another day.

See https://reproducible-builds.org/docs/source-date-epoch/: times that are earlier stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from pogu.engine.archive import (
    REGULAR,
    FileReader,
    TarReader,
    ThreadReader,
    build_header,
    decompress,
    padding,
    produce_in_thread,
)
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.images.layers import Layers, Lease
from pogu.engine.moments import format_ns


async def clamped(
    layers: Layers, lease: Lease, blob: Callable[[str], Path], whole: Snapshot, *, below: int, latest: int
) -> list[Snapshot]:
    """Return what the stack is after each of its layers above the first `below`, no time after `latest` (ns)."""
    done = Snapshot(whole.layers[:below], whole.created)
    made: list[Snapshot] = []
    for layer in whole.layers[below:]:
        async with layers.adding():
            archive = _rewritten(blob(layer.digest), latest)
            done = done.on_top(await layers.add_plain(ThreadReader(archive), done.chain), format_ns(latest))
            lease.stacks.append(done.layers)
        made.append(done)
    return made


def _rewritten(path: Path, latest: int) -> AsyncIterator[bytes]:
    def work(emit: Callable[[bytes], None]) -> None:
        with path.open("rb", buffering=0) as file:
            reader = TarReader(decompress(FileReader(file)))
            for entry in reader:
                entry.mtime_ns = min(entry.mtime_ns, latest)
                emit(build_header(entry))
                if entry.type == REGULAR:
                    for piece in reader.content():
                        emit(bytes(piece))
                    emit(bytes(padding(entry.stored)))
        emit(bytes(1024))

    return produce_in_thread(work, "clamp")
