"""Networks of one machine: bridges, sandboxes (network namespaces), addresses, published ports and names.

`Networks` is what other rooms call; `resolver_files` writes a container's hosts and resolv.conf. Drivers (bridge, host,
null) stand behind `driver.NetworkDriver`. All kernel objects carry the engine's identity in their name or alias, so
that several engines live on one host and each cleans up after itself alone.
"""

from pogu.engine.networks.service import Networks

__all__ = ["Networks"]
