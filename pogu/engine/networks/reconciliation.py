"""Interfaces that an earlier daemon of this engine left behind and nobody needs."""

from __future__ import annotations

import errno
from collections.abc import Collection

from pogu.engine.networks.identity import Identity
from pogu.linux.rtnetlink import Link, RouteSocket


def delete_orphan_links(identity: Identity, endpoints: Collection[str], bridges: Collection[str]) -> list[str]:
    """Delete this engine's veth pairs and bridges that are not named, and return the names of those deleted. Blocking.

    Interfaces of other engines and programs are never touched: pairs are told by their names, bridges by their alias.

    Raises:
        OSError: the kernel refuses a deletion.
    """
    deleted: list[str] = []
    with RouteSocket() as sock:
        for link in sock.links():
            if _is_orphan(link, identity, endpoints, bridges):
                try:
                    sock.delete_link(link.name)
                except OSError as e:
                    if e.errno != errno.ENODEV:  # it went with its namespace meanwhile
                        raise
                deleted.append(link.name)
    return deleted


def _is_orphan(link: Link, identity: Identity, endpoints: Collection[str], bridges: Collection[str]) -> bool:
    if link.kind == "veth":
        return link.name.startswith(identity.veth_prefix) and link.name not in endpoints
    if link.kind == "bridge":
        return link.alias.startswith(identity.alias_prefix) and link.name not in bridges
    return False
