"""File systems between the steps of a build: stacks of layers."""

from __future__ import annotations

import msgspec

from pogu.engine.images.digests import chain_ids
from pogu.engine.images.record import StoredLayer


class Snapshot(msgspec.Struct, frozen=True):
    """A stack of layers, bottom first, and when its last one was made (RFC 3339; empty for nothing)."""

    layers: tuple[StoredLayer, ...] = ()
    created: str = ""

    @property
    def chains(self) -> list[str]:
        """The chain ID of each layer."""
        return chain_ids([layer.diff_id for layer in self.layers])

    @property
    def chain(self) -> str | None:
        """The chain ID of the top; None for nothing."""
        return self.chains[-1] if self.layers else None

    def on_top(self, layer: StoredLayer, created: str) -> Snapshot:
        """Return this with a layer more."""
        return Snapshot((*self.layers, layer), created)
