"""Chains of others that drop what is forwarded.

An accept in a table of ours cannot override them: every base chain of a hook has a say (nft(8), "verdict statement").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pogu.linux.nftables import Nftables


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A base chain with hook forward and policy drop; `place` is its family, table and name."""

    place: str

    def remedy(self, bridge: str) -> str:
        """Return the nft commands that let the packets of one bridge pass."""
        return (
            f'nft insert rule {self.place} iifname "{bridge}" accept; '
            f'nft insert rule {self.place} oifname "{bridge}" accept'
        )


def find_obstacles(nft: Nftables, own_table: str) -> list[Obstacle]:
    """Return the chains that drop forwarded packets by default; blocks for about a millisecond.

    Args:
        own_table: tables whose name begins with this are the engine's (and other engines') own.

    Raises:
        NftablesError: the rules cannot be read.
    """
    chains = (o.get("chain", {}) for o in nft.query("list chains"))
    return [
        Obstacle(f"{c['family']} {c['table']} {c['name']}")
        for c in chains
        if _drops(c) and not c["table"].startswith(own_table)
    ]


def _drops(chain: dict[str, Any]) -> bool:
    return chain.get("hook") == "forward" and chain.get("policy") == "drop"
