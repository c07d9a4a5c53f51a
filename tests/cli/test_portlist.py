"""Ports in a cell: neighbours join, mapped ones are shown whole."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.cli.portlist import port_list


def _port(inner: int, outer: int = 0, address: str = "", kind: str = "tcp") -> dict[str, Any]:
    return {"PrivatePort": inner, "PublicPort": outer, "IP": address, "Type": kind}


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ([], ""),
        ([_port(80)], "80/tcp"),
        ([_port(80), _port(81), _port(83)], "80-81/tcp, 83/tcp"),
        ([_port(80, 8080, "0.0.0.0")], "0.0.0.0:8080->80/tcp"),
        ([_port(90, 90, "0.0.0.0", "udp"), _port(91, 91, "0.0.0.0", "udp")], "0.0.0.0:90-91->90-91/udp"),
        ([_port(80, 8080, "::")], "[::]:8080->80/tcp"),
        ([_port(53), _port(53, kind="udp")], "53/tcp, 53/udp"),
    ],
)
def test_lists(ports: list[dict[str, Any]], text: str) -> None:
    assert port_list(ports) == text
