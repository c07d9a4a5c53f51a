"""Forgetting connections that the kernel tracks (ctnetlink, linux/netfilter/nfnetlink_conntrack.h).

The kernel decides on address translation once, with the first packet of a flow. A UDP client that keeps sending from
one port is one flow for ever: it must be forgotten when a port begins or ceases to be translated.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection
from ipaddress import ip_address

from pogu.linux.netlink import NETLINK_NETFILTER, Message, NetlinkSocket, attribute, parse_attributes
from pogu.linux.rtnetlink import RouteSocket

_SUBSYSTEM = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_GET, _DELETE = _SUBSYSTEM | 1, _SUBSYSTEM | 2
_CTA_TUPLE_ORIG = 1
_CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 1, 2
_CTA_IP_V4_DST, _CTA_IP_V6_DST = 2, 4
_CTA_PROTO_NUM, _CTA_PROTO_DST_PORT = 1, 3
_NLA_F_NESTED = 0x8000
_GENERIC = struct.Struct("=BBH")  # family, version, resource


def forget_udp(ports: Collection[int]) -> int:
    """Forget the UDP flows to `ports` on addresses of this host; return how many there were. Blocking.

    Raises:
        OSError: the kernel does not track connections, or refuses.
    """
    with RouteSocket() as route:
        own = {a.ip for addresses in route.all_addresses().values() for a in addresses}
    forgotten = 0
    with NetlinkSocket(NETLINK_NETFILTER) as sock:
        for family in (socket.AF_INET, socket.AF_INET6):
            header = _GENERIC.pack(family, 0, 0)
            for payload in sock.dump(Message(_GET, header)):
                flow = parse_attributes(payload, _GENERIC.size).get(_CTA_TUPLE_ORIG, b"")
                address, port = _udp_destination(flow)
                if port in ports and address and ((a := ip_address(address)) in own or a.is_loopback):
                    forgotten += _forget(sock, header, flow)
    return forgotten


def _udp_destination(flow: bytes) -> tuple[bytes, int]:
    """Return where a flow's first packet went; nothing if it is not UDP."""
    parts = parse_attributes(flow)
    protocol = parse_attributes(parts.get(_CTA_TUPLE_PROTO, b""))
    if protocol.get(_CTA_PROTO_NUM) != bytes([socket.IPPROTO_UDP]):
        return b"", 0
    addresses = parse_attributes(parts.get(_CTA_TUPLE_IP, b""))
    address = addresses.get(_CTA_IP_V4_DST) or addresses.get(_CTA_IP_V6_DST) or b""
    return address, int.from_bytes(protocol.get(_CTA_PROTO_DST_PORT, b""), "big")


def _forget(sock: NetlinkSocket, header: bytes, flow: bytes) -> int:
    try:
        sock.execute(Message(_DELETE, header + attribute(_CTA_TUPLE_ORIG | _NLA_F_NESTED, flow)))
    except OSError as e:
        if e.errno == errno.ENOENT:  # it ended by itself meanwhile
            return 0
        raise
    return 1
