"""Networks without kernel objects of their own: the host's, and none at all."""

from __future__ import annotations

from pathlib import Path

from pogu.engine.model import Network
from pogu.engine.networks.driver import NetworkDriver, Versions
from pogu.engine.networks.endpoint import Endpoint


class _PlainDriver(NetworkDriver):
    addressed = False
    creatable = False

    async def create(self, network: Network) -> None:
        """Nothing to make."""

    async def remove(self, network: Network) -> None:
        """Nothing to remove."""

    async def attach(self, endpoint: Endpoint, sandbox: Path, *, default: Versions) -> None:
        """Nothing to attach: the sandbox is whole as it is."""

    async def detach(self, endpoint: Endpoint, sandbox: Path) -> None:
        """Nothing to detach."""

    async def abandon(self, endpoint: Endpoint) -> None:
        """Nothing to cut off."""

    async def adopt(self, endpoint: Endpoint, sandbox: Path, *, default: Versions) -> None:
        """Nothing to recognise."""

    async def set_default(self, endpoint: Endpoint, sandbox: Path, default: Versions) -> None:
        """There is no gateway."""

    async def allow_hairpin(self, endpoint: Endpoint) -> None:
        """There are no published ports."""


class HostDriver(_PlainDriver):
    """Containers share the host's network namespace."""

    name = "host"


class NullDriver(_PlainDriver):
    """Containers have a loopback interface alone."""

    name = "null"
