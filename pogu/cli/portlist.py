"""A container's ports in one cell: neighbours join into ranges (docker's `DisplayablePorts`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_Group = tuple[str, str]  # what can join: address and protocol


def port_list(ports: Iterable[dict[str, Any]]) -> str:
    """Return `0.0.0.0:8080-8081->80-81/tcp, 90/udp` for entries with PrivatePort, PublicPort, IP and Type."""
    found: list[str] = []
    groups: dict[_Group, tuple[int, int]] = {}
    finished: list[str] = []
    for port in sorted(ports, key=_order):
        address, kind, inner, outer = (
            port.get("IP") or "",
            port["Type"],
            port["PrivatePort"],
            port.get("PublicPort") or 0,
        )
        if outer and outer != inner:
            found.append(f"{_host(address, outer)}->{inner}/{kind}")
            continue
        key = (address if outer else "", kind)
        if key in groups and groups[key][1] == inner - 1:
            groups[key] = (groups[key][0], inner)
            continue
        if key in groups:
            finished.append(_group(key, groups[key]))
        groups[key] = (inner, inner)
    finished += [_group(key, span) for key, span in groups.items()]
    return ", ".join([*finished, *found])


def _order(port: dict[str, Any]) -> tuple[Any, ...]:
    return (port["PrivatePort"], port.get("IP") or "", port.get("PublicPort") or 0, port["Type"])


def _host(address: str, port: object) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _group(key: _Group, span: tuple[int, int]) -> str:
    address, kind = key
    text = str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"
    return f"{_host(address, text)}->{text}/{kind}" if address else f"{text}/{kind}"
