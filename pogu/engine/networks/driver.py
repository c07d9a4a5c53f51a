"""What a kind of network must be able to do. Drivers are stateless: all they need is in the records they are given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path

from pogu.engine.model import Network
from pogu.engine.networks.endpoint import Endpoint

Versions = Collection[int]  # of {4, 6}


class NetworkDriver(ABC):
    """One kind of network.

    Every method may be called again after a crash in the middle of it, and brings about the same end. None leaves
    anything half made when it raises. Failures of the kernel are PoguErrors that say what was being done.
    """

    name: str
    addressed: bool  # endpoints have addresses of the network's subnets, and an interface of their own
    creatable: bool  # people may make networks of this kind

    def check(self, network: Network) -> None:  # noqa: B027 # many kinds accept everything
        """Raise InvalidArgument where the options of a new network are wrong for this kind."""

    @abstractmethod
    async def create(self, network: Network) -> None:
        """Make or repair the kernel objects of a network whose subnets are known."""

    @abstractmethod
    async def remove(self, network: Network) -> None:
        """Delete the kernel objects of a network that has no endpoints."""

    @abstractmethod
    async def attach(self, endpoint: Endpoint, sandbox: Path, *, default: Versions) -> None:
        """Put an interface with the endpoint's addresses into a sandbox.

        `default` holds the IP versions whose default routes lead to the endpoint's gateways from now on.
        """

    @abstractmethod
    async def detach(self, endpoint: Endpoint, sandbox: Path) -> None:
        """Take the interface away from a sandbox that goes on."""

    @abstractmethod
    async def abandon(self, endpoint: Endpoint) -> None:
        """Cut an endpoint off at once because its sandbox ends; what remains goes with the sandbox."""

    @abstractmethod
    async def adopt(self, endpoint: Endpoint, sandbox: Path, *, default: Versions) -> None:
        """Recognise the endpoint of a running sandbox after a restart of the daemon, and repair it if needed.

        Sets the name of the interface inside.
        """

    @abstractmethod
    async def set_default(self, endpoint: Endpoint, sandbox: Path, default: Versions) -> None:
        """Let the sandbox's default routes of these IP versions lead to the endpoint's gateways."""

    @abstractmethod
    async def allow_hairpin(self, endpoint: Endpoint) -> None:
        """Let the endpoint reach its own published ports through the host."""
