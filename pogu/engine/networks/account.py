"""What the networks room believes, for whoever compares it with the kernel."""

from __future__ import annotations

from dataclasses import dataclass

from pogu.engine.model import Network
from pogu.engine.networks.addresses import Address
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.sandboxes import Sandbox


@dataclass(frozen=True, slots=True)
class Account:
    """`bridges` and `interfaces` are by the names of the kernel's objects on the host.

    `leaked` are addresses that are taken and that no endpoint has, by network ID. While the room is `busy` with a
    network nothing can be said of bridges, addresses and the firewall.
    """

    bridges: dict[str, Network]
    interfaces: dict[str, Endpoint]
    sandboxes: list[Sandbox]
    leaked: list[tuple[str, Address]]
    ending: set[str]  # interfaces that are being deleted
    busy: bool
