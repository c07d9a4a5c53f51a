"""Names of kernel objects: they tell which engine made them, and nothing else on the host has them.

An interface name has at most 15 bytes (IFNAMSIZ, linux/if.h).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from pogu.engine.config import EngineConfig
from pogu.engine.model import Network

BRIDGE_NAME = "com.docker.network.bridge.name"


@dataclass(frozen=True, slots=True)
class Identity:
    """Four hexadecimal digits that tell this engine's interfaces from those of others."""

    digits: str

    @classmethod
    def of(cls, config: EngineConfig) -> Identity:
        text = "\0".join((str(config.root.absolute()), config.bridge, config.table))
        return cls(hashlib.sha256(text.encode()).hexdigest()[:4])

    @property
    def veth_prefix(self) -> str:
        """What the host end of every veth pair of this engine starts with, and no finished bridge."""
        return f"vp{self.digits}"

    def veth(self, endpoint_id: str) -> str:
        """Return the name of an endpoint's interface on the host."""
        return f"{self.veth_prefix}{endpoint_id[:8]}"

    def draft(self, network_id: str) -> str:
        """Return the name of a network's bridge until it has its own name and its note."""
        return f"{self.veth_prefix}b{network_id[:8]}"

    @property
    def alias_prefix(self) -> str:
        return f"pogu:{self.digits}:"

    def alias(self, network_id: str) -> str:
        """Return the note left on a bridge that this engine made."""
        return f"{self.alias_prefix}{network_id}"


def bridge_name(network: Network) -> str:
    """Return the name of a bridge network's interface: what its options say, else from its ID, as Docker does."""
    return network.options.get(BRIDGE_NAME) or f"br-{network.id[:12]}"


def mac_for(address: IPv4Address | IPv6Address) -> str:
    """Return the MAC address that Docker derives from an address: `02:42` and the last four bytes of it.

    As long as an address means the same MAC, no neighbour's ARP cache goes stale when the address is given out again.
    """
    return (b"\x02\x42" + address.packed[-4:]).hex(":")
