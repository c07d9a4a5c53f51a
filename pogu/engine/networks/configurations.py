"""Configuration-only networks: a name for subnets and options that other networks of this machine take theirs from.

`docker network create --config-only` makes one, `--config-from` uses it. No container joins it.
"""

from __future__ import annotations

import copy

from pogu.engine.model import Network
from pogu.engine.networks.records import NetworkRecords
from pogu.errors import Forbidden, NotFound


def check_configuration(network: Network) -> None:
    """Raise Forbidden where a configuration says what only networks in use have, or depends on another."""
    if network.ingress or network.internal or network.attachable:
        raise Forbidden(
            "configuration network can only contain network specific fields. Network operator fields like "
            "[ ingress | internal | attachable | scope ] are not supported."
        )
    if network.config_from:
        raise Forbidden("a configuration network cannot depend on another configuration network")


def apply_configuration(network: Network, records: NetworkRecords) -> None:
    """Give a new network what the configuration that it names has.

    Raises:
        Forbidden: it has settings of its own besides.
        NotFound: there is no such configuration.
    """
    if network.ipam.config or network.ipam.options or network.enable_ipv6 or network.labels:
        raise Forbidden(
            "user specified configurations are not supported if the network depends on a configuration network"
        )
    if network.options:
        raise Forbidden("network driver options are not supported if the network depends on a configuration network")
    source = records.named(network.config_from)
    if source is None or not source.config_only:
        raise NotFound(f'configuration network "{network.config_from}" does not exist')
    network.ipam = copy.deepcopy(source.ipam)
    network.options, network.labels = dict(source.options), dict(source.labels)
    network.enable_ipv4, network.enable_ipv6 = source.enable_ipv4, source.enable_ipv6


def check_unused(network: Network, records: NetworkRecords) -> None:
    """Raise Forbidden where other networks have their configuration from `network`."""
    if network.config_only and any(other.config_from == network.name for other in records.list()):
        raise Forbidden(f'error while removing network: configuration network "{network.name}" is in use')
