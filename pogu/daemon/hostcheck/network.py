"""Networking: the kernel's parts, IP forwarding, and firewalls of others that would drop containers' packets."""

from __future__ import annotations

import gzip
import platform
from collections.abc import Iterator
from pathlib import Path

from pogu.daemon.hostcheck.finding import Finding, found
from pogu.engine.config import EngineConfig
from pogu.engine.networks.obstacles import Obstacle, find_obstacles
from pogu.linux.nftables import Nftables, NftablesError

_PARTS = {
    "bridge": "CONFIG_BRIDGE",
    "veth": "CONFIG_VETH",
    "nf_tables": "CONFIG_NF_TABLES",
    "nft_chain_nat": "CONFIG_NFT_NAT",
    "nft_masq": "CONFIG_NFT_MASQ",
}


def check() -> Iterator[Finding]:
    """Yield what is found."""
    yield from _modules()
    yield _forwarding()
    yield from _forward_policy()


def _modules() -> Iterator[Finding]:
    config = _kernel_config()
    unknown = []
    for module, symbol in _PARTS.items():
        if Path(f"/sys/module/{module}").exists() or symbol in config or _on_disk(module):
            continue
        if config:
            yield Finding(
                f"kernel part {module}",
                "missing",
                "neither built in nor available as a module",
                f"Install the kernel's modules, or boot a kernel with {symbol}.",
            )
        else:
            unknown.append(module)
    if unknown:
        yield Finding("kernel parts", "note", f"cannot tell whether the kernel has {', '.join(unknown)}")
    else:
        yield found("kernel parts", ", ".join(_PARTS))


def _kernel_config() -> set[str]:
    """Return the options the running kernel was built with (y or m); empty where it does not tell."""
    packed, plain = Path("/proc/config.gz"), Path(f"/boot/config-{platform.release()}")
    try:
        text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else plain.read_text()
    except OSError:
        return set()
    return {line.partition("=")[0] for line in text.splitlines() if line.endswith(("=y", "=m"))}


def _on_disk(module: str) -> bool:
    folder = Path("/lib/modules") / platform.release()
    for name in ("modules.builtin", "modules.dep"):
        try:
            if f"/{module}.ko" in (folder / name).read_text():
                return True
        except OSError:
            continue
    return False


def _forwarding() -> Finding:
    try:
        on = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1"
    except OSError as e:
        return Finding("IP forwarding", "warning", f"cannot be read: {e.strerror}")
    if on:
        return found("IP forwarding", "on")
    return Finding(
        "IP forwarding",
        "note",
        "off: the daemon switches it on when it starts, unless told --ip-forward=false",
        "sysctl -w net.ipv4.ip_forward=1",
    )


def _forward_policy() -> Iterator[Finding]:
    """Look for chains of others that drop what is forwarded: an accept of ours cannot override them."""
    try:
        nft = Nftables()
    except (OSError, NftablesError):
        return  # its absence is another finding
    config = EngineConfig()
    try:
        obstacles = find_obstacles(nft, config.table)
    except NftablesError as e:
        yield Finding("firewall", "note", f"the rules of others cannot be read: {e}")
        return
    finally:
        nft.close()
    for obstacle in obstacles:
        yield _advice(obstacle, config.bridge)
    if not obstacles:
        yield found("firewall", "no chain of others drops forwarded packets")


def _advice(obstacle: Obstacle, bridge: str) -> Finding:
    return Finding(
        "firewall",
        "warning",
        f"the chain {obstacle.place} drops forwarded packets by default: containers reach neither other hosts nor each "
        "other's networks, and published ports do not answer",
        obstacle.remedy(bridge),
    )
