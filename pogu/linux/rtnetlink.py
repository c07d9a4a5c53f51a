"""Links, addresses and routes of one network namespace (rtnetlink(7), linux/if_link.h).

Every operation takes what it needs by value and is one or two messages. `EEXIST` and `ENODEV` are left to the
caller, who knows whether they are errors.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

from pogu.linux.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Message,
    NetlinkSocket,
    attribute,
    nested,
    parse_attributes,
    text,
    u8,
    u32,
)

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Subnet = IPv4Network | IPv6Network

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK, _RTM_SETLINK = 16, 17, 18, 19
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_PROTINFO, _IFLA_LINKINFO, _IFLA_STATS64, _IFLA_NET_NS_FD, _IFLA_EXT_MASK = 12, 18, 23, 28, 29
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_IFLA_IFALIAS = 20
_IFLA_BRPORT_STATE, _IFLA_BRPORT_MODE, _IFLA_BRPORT_FLUSH, _IFLA_BRPORT_ISOLATED = 1, 4, 24, 33
_BR_STATE_DISABLED = 0
_VETH_INFO_PEER = 1
_RTEXT_FILTER_SKIP_STATS = 8
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 4, 8
_IFA_F_NODAD = 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_RT_TABLE_MAIN, _RT_TABLE_LOCAL = 254, 255
_RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 3, 0, 1

IFF_UP = 0x1
_IFINFO = struct.Struct("=BxHiII")  # family, device type, index, flags, change mask
_IFADDR = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_RTMSG = struct.Struct("=BBBBBBBBI")  # family, dst len, src len, tos, table, protocol, scope, type, flags
_STATS64 = struct.Struct("=8Q")  # the first eight counters of struct rtnl_link_stats64


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """Traffic of an interface since it was made."""

    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """An interface.

    `kind` is "" for a device, else veth, bridge…; `alias` is the note that whoever made it left; `peer_index` is the
    other end's index in its own namespace (veth).
    """

    index: int
    name: str
    kind: str
    alias: str
    mac: str
    mtu: int
    up: bool
    master_index: int
    peer_index: int
    counters: LinkCounters


@dataclass(frozen=True, slots=True)
class Route:
    """A route; `destination` of length 0 is the default route."""

    destination: Subnet
    link_index: int
    gateway: Address | None
    table: int


@dataclass(frozen=True, slots=True)
class VethPeer:
    """The end of a veth pair that goes into another namespace."""

    name: str
    namespace_fd: int
    mac: str


def _family(address: Address | Interface | Subnet) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", "").replace("-", ""))


def _link_header(index: int = 0, up: bool = False, family: int = socket.AF_UNSPEC) -> bytes:
    flags = IFF_UP if up else 0
    return _IFINFO.pack(family, 0, index, flags, flags)


def _parse_link(payload: bytes) -> Link:
    _af, _type, index, flags, _change = _IFINFO.unpack_from(payload)
    found = parse_attributes(payload, _IFINFO.size)
    info = parse_attributes(found.get(_IFLA_LINKINFO, b""))
    statistics = found.get(_IFLA_STATS64, b"")
    return Link(
        index=index,
        name=found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode(),
        kind=info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode(),
        alias=found.get(_IFLA_IFALIAS, b"").rstrip(b"\0").decode(errors="replace"),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=_number(found.get(_IFLA_MTU)),
        up=bool(flags & IFF_UP),
        master_index=_number(found.get(_IFLA_MASTER)),
        peer_index=_number(found.get(_IFLA_LINK)),
        counters=LinkCounters(*_STATS64.unpack_from(statistics))
        if len(statistics) >= _STATS64.size
        else LinkCounters(),
    )


def _number(data: bytes | None) -> int:
    return int.from_bytes(data, "little") if data else 0


def _parse_route(payload: bytes) -> Route | None:
    family, length, _src, _tos, table, _protocol, _scope, kind, _flags = _RTMSG.unpack_from(payload)
    if family not in (socket.AF_INET, socket.AF_INET6) or kind != _RTN_UNICAST:
        return None
    found = parse_attributes(payload, _RTMSG.size)
    empty = bytes(4 if family == socket.AF_INET else 16)
    gateway = found.get(_RTA_GATEWAY)
    return Route(
        destination=ip_network((found.get(_RTA_DST, empty), length)),
        link_index=_number(found.get(_RTA_OIF)),
        gateway=ip_address(gateway) if gateway else None,
        table=_number(found.get(_RTA_TABLE)) or table,
    )


class RouteSocket(NetlinkSocket):
    """rtnetlink in the network namespace of the thread that opens it.

    All methods block for a moment and raise OSError with the kernel's errno.
    """

    def links(self) -> list[Link]:
        """Return every interface with its counters."""
        return [_parse_link(p) for p in self.dump(Message(_RTM_GETLINK, _link_header()))]

    def link(self, name: str) -> Link | None:
        """Return the interface called `name`, or None."""
        wanted = _link_header() + text(_IFLA_IFNAME, name) + u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
        try:
            return _parse_link(self.get(Message(_RTM_GETLINK, wanted)))
        except OSError as e:
            if e.errno in (errno.ENODEV, errno.EINVAL, errno.ERANGE):  # the last two: nothing can have such a name
                return None
            raise

    def add_bridge(self, name: str, *, mac: str, mtu: int, alias: str, draft: str = "") -> None:
        """Make a bridge that is up. A fixed address keeps it from taking those of its ports in turn.

        The kernel takes no alias with a new link. So it is made under the name `draft`, by which one that died in
        between can be known, and gets name and alias together.
        """
        body = (
            _link_header()
            + text(_IFLA_IFNAME, draft or name)
            + attribute(_IFLA_ADDRESS, _mac_bytes(mac))
            + u32(_IFLA_MTU, mtu)
            + nested(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "bridge"))
        )
        self.execute(Message(_RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL))
        made = self.link(draft or name)
        if made is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), draft or name)
        try:
            final = _link_header(made.index, up=True) + text(_IFLA_IFNAME, name) + text(_IFLA_IFALIAS, alias)
            self.execute(Message(_RTM_SETLINK, final))
        except OSError:
            self.delete_link(draft or name)
            raise

    def add_veth(self, name: str, *, master_index: int, mtu: int, peer: VethPeer) -> None:
        """Make a pair: this end up and a port of the bridge, the other born in its own namespace.

        The other end must be set up there: veth refuses (ENOTCONN) to raise an end whose pair is not complete.
        """
        far_end = (
            _link_header()
            + text(_IFLA_IFNAME, peer.name)
            + attribute(_IFLA_ADDRESS, _mac_bytes(peer.mac))
            + u32(_IFLA_MTU, mtu)
            + u32(_IFLA_NET_NS_FD, peer.namespace_fd)
        )
        body = (
            _link_header(up=True)
            + text(_IFLA_IFNAME, name)
            + u32(_IFLA_MTU, mtu)
            + u32(_IFLA_MASTER, master_index)
            + nested(
                _IFLA_LINKINFO,
                text(_IFLA_INFO_KIND, "veth"),
                nested(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, far_end)),
            )
        )
        self.execute(Message(_RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL))

    def delete_link(self, name: str) -> None:
        """Delete an interface (and the other end of a pair)."""
        self.execute(Message(_RTM_DELLINK, _link_header() + text(_IFLA_IFNAME, name)))

    def set_up(self, index: int) -> None:
        self.execute(_up(index))

    def configure(self, index: int, addresses: Iterable[Interface], gateways: Iterable[Address]) -> None:
        """Set an interface up, give it addresses and default routes to the gateways, in one datagram.

        Raises OSError: the first failure; the rest may have been done.
        """
        more = [self._new_address(index, address) for address in addresses]
        self.execute(_up(index), *more, *(_default_route(gateway, index) for gateway in gateways))

    def set_mtu(self, index: int, mtu: int) -> None:
        self.execute(Message(_RTM_SETLINK, _link_header(index) + u32(_IFLA_MTU, mtu)))

    def set_master(self, index: int, master_index: int) -> None:
        """Make an interface a port of a bridge."""
        self.execute(Message(_RTM_SETLINK, _link_header(index) + u32(_IFLA_MASTER, master_index)))

    def set_isolated(self, index: int, isolated: bool) -> None:
        """Let a bridge port reach the bridge itself but no other isolated port (linux/if_link.h, since 4.18)."""
        self._set_port(index, u8(_IFLA_BRPORT_ISOLATED, int(isolated)))

    def set_hairpin(self, index: int, hairpin: bool) -> None:
        """Let a bridge port receive what it sent itself."""
        self._set_port(index, u8(_IFLA_BRPORT_MODE, int(hairpin)))

    def disable_port(self, index: int) -> None:
        """Stop a bridge port at once and forget the addresses learned on it.

        Deleting the interface has the same effect but takes an RCU grace period (15 to 30 ms) under the lock that
        every other change of an interface waits for; this takes microseconds.
        """
        self._set_port(index, u8(_IFLA_BRPORT_STATE, _BR_STATE_DISABLED), attribute(_IFLA_BRPORT_FLUSH, b""))

    def _set_port(self, index: int, *settings: bytes) -> None:
        body = _link_header(index, family=socket.AF_BRIDGE) + nested(_IFLA_PROTINFO, *settings)
        self.execute(Message(_RTM_SETLINK, body))

    def add_address(self, index: int, address: Interface) -> None:
        """Give an interface an address, IPv4 with the subnet's broadcast address.

        IPv6 skips duplicate detection: the engine hands out each address once.
        """
        self.execute(self._new_address(index, address))

    def _new_address(self, index: int, address: Interface) -> Message:
        if address.version == 6:
            more = u32(_IFA_FLAGS, _IFA_F_NODAD)
        else:
            more = attribute(_IFA_BROADCAST, address.network.broadcast_address.packed)
        body = self._address_body(index, address) + more
        return Message(_RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_EXCL)

    def delete_address(self, index: int, address: Interface) -> None:
        self.execute(Message(_RTM_DELADDR, self._address_body(index, address)))

    def _address_body(self, index: int, address: Interface) -> bytes:
        header = _IFADDR.pack(_family(address), address.network.prefixlen, 0, _RT_SCOPE_UNIVERSE, index)
        packed = address.ip.packed
        return header + attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)

    def addresses(self, index: int) -> list[Interface]:
        """Return the addresses of one interface, IPv4 first."""
        return sorted(self.all_addresses().get(index, []), key=lambda a: a.version)

    def all_addresses(self) -> dict[int, list[Interface]]:
        """Return the addresses of every interface that has any, by its index."""
        found: dict[int, list[Interface]] = {}
        for payload in self.dump(Message(_RTM_GETADDR, _IFADDR.pack(socket.AF_UNSPEC, 0, 0, 0, 0))):
            _af, length, _flags, _scope, index = _IFADDR.unpack_from(payload)
            attributes = parse_attributes(payload, _IFADDR.size)
            packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
            if packed:
                found.setdefault(index, []).append(ip_interface((packed, length)))
        return found

    def routes(self) -> list[Route]:
        """Return the unicast routes of both families in every table but the kernel's own local one."""
        found = [
            _parse_route(p)
            for family in (socket.AF_INET, socket.AF_INET6)
            for p in self.dump(Message(_RTM_GETROUTE, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)))
        ]
        return [r for r in found if r is not None and r.table != _RT_TABLE_LOCAL]

    def set_default_route(self, gateway: Address, index: int) -> None:
        """Send everything that has no better route to `gateway`, instead of wherever it went before."""
        self.execute(_default_route(gateway, index))


def _up(index: int) -> Message:
    return Message(_RTM_SETLINK, _link_header(index, up=True))


def _default_route(gateway: Address, index: int) -> Message:
    header = _RTMSG.pack(_family(gateway), 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, 0)
    body = header + attribute(_RTA_GATEWAY, gateway.packed) + u32(_RTA_OIF, index)
    return Message(_RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_REPLACE)
