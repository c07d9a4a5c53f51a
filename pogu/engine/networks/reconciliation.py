"""Interfaces that this engine, or an earlier daemon of it, has made. All functions block."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from pogu.engine.networks.identity import Identity
from pogu.linux.rtnetlink import Link, RouteSocket


def host_links() -> list[Link]:
    """Return all interfaces of the host."""
    with RouteSocket() as sock:
        return sock.links()


def engine_links(identity: Identity) -> list[Link]:
    """Return the engine's interfaces on the host: pairs and drafts are told by their names, bridges by their alias.

    Interfaces of other engines and programs are never among them.
    """
    return [link for link in host_links() if _is_ours(link, identity)]


def delete_links(names: Iterable[str]) -> None:
    """Delete interfaces; one that is gone already is no error.

    Raises:
        OSError: the kernel refuses a deletion.
    """
    with RouteSocket() as sock:
        for name in names:
            try:
                sock.delete_link(name)
            except OSError as e:
                if e.errno != errno.ENODEV:
                    raise


def _is_ours(link: Link, identity: Identity) -> bool:
    if link.kind == "bridge" and link.alias.startswith(identity.alias_prefix):
        return True
    return link.kind in ("veth", "bridge") and link.name.startswith(identity.veth_prefix)
