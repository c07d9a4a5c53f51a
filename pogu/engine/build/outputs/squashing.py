"""Several layers as one, for `--squash`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pogu.engine.archive import ExtractOptions, Whiteouts, decompress, extract
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.images import Image
from pogu.engine.images.imageconfig import History
from pogu.engine.moments import now_rfc3339
from pogu.linux.paths import open_root, opened


def put_together(archives: Sequence[Path], root: Path) -> None:
    """Unpack the archives of layers one over the other. Blocks."""
    options = ExtractOptions(whiteouts=Whiteouts.DELETE, root_metadata=True)
    for archive in archives:
        with archive.open("rb") as file, opened(open_root(root)) as fd:
            extract(decompress(file), fd, options)


def squashed(image: Image, final: Snapshot, base_id: str) -> bytes:
    """Return the configuration of an image whose layers above its base are one now.

    Its history keeps the steps, without layers, and tells of the merge.
    """
    document = image.document
    base = len(final.layers) - 1
    seen, entries = 0, []
    for entry in image.history:
        layered = not entry.empty_layer
        seen += layered
        entries.append(msgspec.structs.replace(entry, empty_layer=True) if layered and seen > base else entry)
    comment = f"merge {image.id} to {base_id}" if base_id else f"create new from {image.id}"
    entries.append(History(created=now_rfc3339(), comment=comment))
    document["history"] = msgspec.to_builtins(entries)
    document["rootfs"] = {"type": "layers", "diff_ids": [layer.diff_id for layer in final.layers]}
    return msgspec.json.encode(document, order="sorted")
