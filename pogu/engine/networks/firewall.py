"""The engine's own nftables table: published ports, masquerading and the walls between bridges.

    prerouting, output (nat)   what is addressed to this host → maps of published ports → dnat
    postrouting (nat)          leaving a bridge → masquerade; to a published port from the same bridge or from
                               127.0.0.0/8 → masquerade, so that the answer comes back this way
    forward (filter)           into a bridge: answers and published ports only; between ends of one bridge: free
    raw (filter)               nothing on a wire may claim to be 127.0.0.0/8 (the price of route_localnet)

There is no rule per container: a published port is one map element. Published ports on all addresses are keyed by
(protocol, port), those on one address by (protocol, address, port).
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from pogu.engine.networks.firewall_listing import elements, plain
from pogu.engine.networks.obstacles import Obstacle, find_obstacles
from pogu.errors import PoguError
from pogu.linux.nftables import Nftables, NftablesError

log = logging.getLogger(__name__)

Element = tuple[str, str]  # the name of a set or map, and a member of it in nft's notation

_TYPES = {
    "any4": "map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }",
    "addr4": "map addr4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }",
    "any6": "map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }",
    "addr6": "map addr6 { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }",
    "bridges": "set bridges { type ifname; }",
    "internal": "set internal { type ifname; }",
    "within": "set within { type ifname . ifname; }",
    "masquerade4": "set masquerade4 { type ipv4_addr; flags interval; }",
    "masquerade6": "set masquerade6 { type ipv6_addr; flags interval; }",
    "hairpin4": "set hairpin4 { type ifname . ipv4_addr; flags interval; }",
    "hairpin6": "set hairpin6 { type ifname . ipv6_addr; flags interval; }",
}
_CHAINS = {
    "publish": "",
    "into": "",
    "prerouting": "type nat hook prerouting priority -100; policy accept;",
    "output": "type nat hook output priority -100; policy accept;",
    "postrouting": "type nat hook postrouting priority 100; policy accept;",
    "raw": "type filter hook prerouting priority -300; policy accept;",
    "forward": "type filter hook forward priority 0; policy accept;",
}
_PORTS = "meta l4proto { tcp, udp, sctp }"
_RULES = (
    ("prerouting", "fib daddr type local jump publish"),
    ("output", "fib daddr type local jump publish"),
    ("publish", f"meta nfproto ipv4 {_PORTS} dnat ip to meta l4proto . ip daddr . th dport map @addr4"),
    ("publish", f"meta nfproto ipv4 {_PORTS} dnat ip to meta l4proto . th dport map @any4"),
    ("publish", "ip6 daddr ::1 return"),  # there is no route_localnet for IPv6: the sockets of the ports take these
    ("publish", f"meta nfproto ipv6 {_PORTS} dnat ip6 to meta l4proto . ip6 daddr . th dport map @addr6"),
    ("publish", f"meta nfproto ipv6 {_PORTS} dnat ip6 to meta l4proto . th dport map @any6"),
    ("postrouting", "ip saddr @masquerade4 oifname != @bridges masquerade"),
    ("postrouting", "ip6 saddr @masquerade6 oifname != @bridges masquerade"),
    ("postrouting", "ct status dnat oifname . ip saddr @hairpin4 masquerade"),
    ("postrouting", "ct status dnat oifname . ip6 saddr @hairpin6 masquerade"),
    ("postrouting", "oifname @bridges ip saddr 127.0.0.0/8 masquerade"),
    ("raw", "iifname @bridges ip daddr 127.0.0.0/8 drop"),
    ("raw", "iifname @bridges ip saddr 127.0.0.0/8 drop"),
    ("forward", "iifname . oifname @within accept"),
    ("forward", "oifname @bridges jump into"),
    ("forward", "iifname @internal drop"),
    ("into", "oifname @internal drop"),
    ("into", "iifname @internal drop"),
    ("into", "ct state established,related accept"),
    ("into", "ct status dnat accept"),
    ("into", "drop"),
)


@dataclass(frozen=True, slots=True)
class BridgeRules:
    """What the table must know of one bridge."""

    name: str
    ipv4: IPv4Network | None
    ipv6: IPv6Network | None
    masquerade: bool = True
    icc: bool = True
    internal: bool = False

    def elements(self) -> list[Element]:
        name = f'"{self.name}"'
        found = [("bridges", name)]
        if self.icc:
            found.append(("within", f"{name} . {name}"))
        if self.internal:
            found.append(("internal", name))
        for version, subnet in (("4", self.ipv4), ("6", self.ipv6)):
            if subnet is not None:
                found.append((f"hairpin{version}", f"{name} . {subnet}"))
                if self.masquerade and not self.internal:
                    found.append((f"masquerade{version}", str(subnet)))
        return found


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port of this host that leads to one of a container; an unspecified host address means all of its family."""

    protocol: str
    host_address: IPv4Address | IPv6Address
    host_port: int
    address: IPv4Address | IPv6Address  # same family
    port: int

    def element(self) -> Element:
        version = self.address.version
        target = f"{self.address} . {self.port}"
        if self.host_address.is_unspecified:
            return f"any{version}", f"{self.protocol} . {self.host_port} : {target}"
        return f"addr{version}", f"{self.protocol} . {self.host_address} . {self.host_port} : {target}"


class Firewall:
    """The table, kept equal to what is wanted. Methods block; threads take turns.

    What is wanted is held in memory. A change is applied alone where the table is as expected, and where it is not
    (someone flushed the ruleset, the daemon crashed) the whole table is written anew in one transaction.
    """

    def __init__(self, table: str, *, enabled: bool = True) -> None:
        self._table = f"inet {table}"
        self._enabled = enabled  # False: the administrator makes the rules
        self._nft: Nftables | None = None
        self._bridges: dict[str, BridgeRules] = {}
        self._ports: dict[str, list[PortMapping]] = {}
        self._current = False
        self._held = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the library; the table stays."""
        if self._nft is not None:
            self._nft.close()
            self._nft = None

    def hold(self) -> None:
        """Only note changes from now on, until `rebuild`: the table serves what an earlier daemon left running."""
        self._held = True

    @property
    def held(self) -> bool:
        return self._held

    def add_bridge(self, bridge: BridgeRules) -> None:
        """Let a bridge take part. Raises PoguError."""
        with self._lock:
            before = self._bridges.get(bridge.name)
            if before != bridge:
                self._bridges[bridge.name] = bridge
                self._change(before.elements() if before else [], bridge.elements())

    def remove_bridge(self, name: str) -> None:
        """Forget a bridge; idempotent. Raises PoguError."""
        with self._lock:
            bridge = self._bridges.pop(name, None)
            if bridge is not None:
                self._change(bridge.elements(), [])

    def publish(self, owner: str, mappings: Sequence[PortMapping]) -> None:
        """Replace the ports of one owner. Raises PoguError, and then its former ports stay."""
        with self._lock:
            before = self._ports.get(owner, [])
            if before == list(mappings):
                return
            self._ports[owner] = list(mappings)
            try:
                self._change([m.element() for m in before], [m.element() for m in mappings])
            except PoguError:
                self._ports[owner] = before
                raise
            finally:
                if not self._ports[owner]:
                    del self._ports[owner]

    def rebuild(self) -> None:
        """Write the whole table in one transaction: no packet sees a state between the old and the new.

        Raises:
            PoguError: the kernel refuses it; the message is nft's.
        """
        with self._lock:
            self._rebuild()

    def _rebuild(self) -> None:
        self._held = False
        if not self._enabled:
            return
        script = "\n".join([f"add table {self._table}", *self._objects(), *self._contents()])
        try:
            self._library().apply(script)
        except NftablesError as first:
            # An older release may have made sets of other types, which cannot be changed in place.
            log.info("table %s is written from nothing: %s", self._table, first)
            anew = "\n".join([f"add table {self._table}", f"delete table {self._table}", script])
            try:
                self._library().apply(anew)
            except NftablesError as e:
                raise PoguError(f"cannot write the nftables table {self._table}: {e}") from e
        self._current = True

    def obstacles(self) -> list[Obstacle]:
        """Return the chains of others that drop forwarded packets; none where the administrator makes the rules."""
        if not self._enabled:
            return []
        try:
            with self._lock:
                return find_obstacles(self._library(), "pogu")
        except NftablesError as e:
            log.warning("the firewall rules of others cannot be read: %s", e)
            return []

    def differences(self) -> list[str]:
        """Return in words what the kernel's table has too much or too little, [] where there is none to have.

        Raises:
            PoguError: the kernel cannot be asked.
        """
        with self._lock:
            if not self._enabled or self._held or not self._current:
                return []
            try:
                found = self._library().query(f"list table {self._table}")
            except NftablesError as e:
                return [f"table {self._table} cannot be read: {e}"]
            wanted = {f"{name} {{ {plain(element)} }}" for name, element in self._wanted()}
        present = set(elements(found))
        rules = Counter(o["rule"]["chain"] for o in found if "rule" in o)
        expected = Counter(chain for chain, _ in _RULES)
        return [
            *(f"{e} is missing" for e in sorted(wanted - present)),
            *(f"{e} is too much" for e in sorted(present - wanted)),
            *(f"chain {c} has {rules[c]} rules instead of {n}" for c, n in expected.items() if rules[c] != n),
        ]

    def delete_table(self) -> None:
        """Remove the table and all that is in it. Idempotent. Raises PoguError."""
        with self._lock:
            if not self._enabled:
                return
            try:
                self._library().apply(f"add table {self._table}\ndelete table {self._table}")
            except NftablesError as e:
                raise PoguError(f"cannot delete the nftables table {self._table}: {e}") from e
            self._current = False

    def _library(self) -> Nftables:
        if self._nft is None:
            self._nft = Nftables()
        return self._nft

    def _change(self, removed: list[Element], added: list[Element]) -> None:
        if self._held:
            return
        if self._current:
            try:
                self._library().apply("\n".join([*self._commands("delete", removed), *self._commands("add", added)]))
            except NftablesError as e:
                log.warning("table %s is not as it was left, it is written anew: %s", self._table, e)
            else:
                return
        self._rebuild()

    def _commands(self, verb: str, elements: list[Element]) -> Iterable[str]:
        """Return one command for each set or map."""
        members: dict[str, list[str]] = {}
        for name, element in elements:
            members.setdefault(name, []).append(element)
        for name, found in members.items():
            yield f"{verb} element {self._table} {name} {{ {', '.join(found)} }}"

    def _objects(self) -> Iterable[str]:
        for name, declaration in _TYPES.items():
            kind, _, definition = declaration.partition(" ")
            yield f"add {kind} {self._table} {definition}"
            yield f"flush {kind} {self._table} {name}"
        for name, hook in _CHAINS.items():
            yield f"add chain {self._table} {name}" + (f" {{ {hook} }}" if hook else "")
            yield f"flush chain {self._table} {name}"
        for chain, rule in _RULES:
            yield f"add rule {self._table} {chain} {rule}"

    def _contents(self) -> Iterable[str]:
        return self._commands("add", self._wanted())

    def _wanted(self) -> list[Element]:
        wanted = [e for bridge in self._bridges.values() for e in bridge.elements()]
        return wanted + [m.element() for mappings in self._ports.values() for m in mappings]
