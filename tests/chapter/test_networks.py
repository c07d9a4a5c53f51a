"""Sections 도커네트워크 and 네임스페이스와 브리지 네트워크."""

from __future__ import annotations

import ipaddress
import json
import subprocess

from tests.running import RunningDaemon


def test_network_ls(harbour: RunningDaemon) -> None:
    rows = harbour.docker("network", "ls", "--format", "{{.Name}} {{.Driver}}").out.splitlines()
    assert sorted(rows) == ["bridge bridge", "host host", "none null"]


def test_net_host_shares_the_hosts_interfaces(harbour: RunningDaemon) -> None:
    inside = harbour.docker("run", "--rm", "--net", "host", "debian", "readlink", "/proc/self/ns/net").out
    assert inside == subprocess.check_output(["readlink", "/proc/self/ns/net"], text=True).strip()


def test_net_none_has_only_loopback(harbour: RunningDaemon) -> None:
    assert harbour.docker("run", "--rm", "--net", "none", "debian", "ls", "/sys/class/net").out == "lo"


def test_ip_addr_shows_the_bridge_and_a_veth_pair(harbour: RunningDaemon) -> None:
    harbour.docker("run", "-d", "--name", "nginx", "debian", "sleep", "100")
    links = json.loads(subprocess.check_output(["ip", "-j", "addr", "show"]))
    (bridge,) = [link for link in links if link["ifname"] == harbour.bridge]
    assert any(a["family"] == "inet" for a in bridge["addr_info"])
    assert [link for link in links if link.get("master") == harbour.bridge]


def test_inspect_shows_the_address(harbour: RunningDaemon) -> None:
    harbour.docker("run", "-d", "--name", "nginx", "debian", "sleep", "100")
    shown = json.loads(harbour.docker("inspect", "-f", "{{ json .NetworkSettings.Networks.bridge }}", "nginx").out)
    network = ipaddress.ip_network(f"{shown['IPAddress']}/{shown['IPPrefixLen']}", strict=False)
    assert ipaddress.ip_address(shown["Gateway"]) in network
    assert shown["MacAddress"].count(":") == 5


def test_containers_of_one_bridge_reach_each_other(harbour: RunningDaemon) -> None:
    harbour.docker("run", "-d", "--name", "one", "debian", "sleep", "100")
    address = harbour.docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "one").out
    probe = f"exec 3<>/dev/tcp/{address}/9"  # nobody listens there: the refusal comes from the other container
    refused = harbour.docker("run", "--rm", "debian", "bash", "-c", probe, check=False)
    assert "Connection refused" in refused.err
