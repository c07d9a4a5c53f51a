"""Networks: bridges, interfaces, addresses, published ports and the firewall's table against the engine's beliefs."""

from __future__ import annotations

import asyncio
from functools import partial

from pogu.engine.networks.account import Account
from pogu.engine.networks.sandboxes import Sandbox
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene
from pogu.linux import namespaces
from pogu.linux.rtnetlink import Link, RouteSocket


async def check(scene: Scene) -> None:
    """Find kernel objects that are missing or nobody's."""
    networks = scene.rooms.networks
    account = networks.account()
    links = {link.name: link for link in await networks.all_links()}
    own = {link.name for link in await networks.own_links()}
    _check_interfaces(scene, account, links)
    for sandbox in account.sandboxes:
        if not scene.may_run(sandbox.id):
            text = f"a network namespace is kept for {sandbox.id}, which does not run"
            work = partial(networks.close_sandbox, sandbox.id)
            scene.found(Problem("namespace", sandbox.id, text, sandbox.id, work, "it was ended"))
        elif sandbox.id in scene.live:
            await _check_inside(scene, sandbox)
            _check_ports(scene, sandbox)
    if account.busy:
        return
    for name, network in account.bridges.items():
        scene.checked["bridges"] += 1
        link = links.get(name)
        if link is None or not link.up:
            text = f"the bridge {name} of network {network.name} is {'down' if link else 'gone'}"
            work = partial(networks.rebuild, network)
            scene.found(Problem("bridge", name, text, "", work, "it was made again and its interfaces put back"))
    for name in sorted(own - account.bridges.keys() - account.interfaces.keys() - account.ending):
        text = f"the interface {name} belongs to no network or container"
        scene.found(Problem("interface", name, text, "", partial(networks.delete_link, name), "it was deleted"))
    for network_id, address in account.leaked:
        text = f"the address {address} is taken, and no container has it"
        remedy = "it was given back"
        work = partial(networks.free_address, network_id, address)
        scene.found(Problem("address", str(address), text, "", work, remedy))
    scene.checked["firewall"] += 1
    for difference in await networks.firewall_differences():
        remedy = "the table was written anew"
        scene.found(Problem("firewall", difference, difference, "", networks.rewrite_firewall, remedy))


def _check_interfaces(scene: Scene, account: Account, links: dict[str, Link]) -> None:
    networks = scene.rooms.networks
    masters = {name: link.index for name, link in links.items()}
    bridges = {network.id: masters.get(name) for name, network in account.bridges.items()}
    for name, endpoint in account.interfaces.items():
        if endpoint.sandbox_id not in scene.live:
            if not scene.may_run(endpoint.sandbox_id):
                text = f"network {endpoint.network.name} keeps a place for {endpoint.name}, which does not run"
                work = partial(networks.close_sandbox, endpoint.sandbox_id)
                scene.found(Problem("interface", name, text, endpoint.sandbox_id, work, "it was given up"))
            continue
        scene.checked["interfaces"] += 1
        link, bridge = links.get(name), bridges.get(endpoint.network.id)
        if link is None or (bridge is not None and link.master_index != bridge):
            what = "has lost its interface" if link is None else "is not on the bridge"
            text = f"container {endpoint.name} {what} of network {endpoint.network.name}"
            work = partial(networks.reconnect, endpoint)
            scene.found(Problem("interface", name, text, endpoint.sandbox_id, work, "it was connected again"))


async def _check_inside(scene: Scene, sandbox: Sandbox) -> None:
    wanted = {str(a) for e in sandbox.endpoints.values() for a in (e.ipv4, e.ipv6) if a is not None}
    try:
        present = await asyncio.to_thread(namespaces.inside, sandbox.path, _addresses)
    except OSError:
        return  # told as a missing namespace
    name = scene.live[sandbox.id].record.name
    for address in sorted(wanted - present):
        scene.found(Problem("address", address, f"container {name} has lost its address {address}", sandbox.id))


def _addresses() -> set[str]:
    with RouteSocket() as sock:
        return {str(a) for found in sock.all_addresses().values() for a in found}


def _check_ports(scene: Scene, sandbox: Sandbox) -> None:
    record = scene.live[sandbox.id].record
    shown = sandbox.publication.shown() if sandbox.publication else {}
    for port, bindings in record.ports.items():
        for binding in bindings or []:
            scene.checked["ports"] += 1
            if binding.host_port not in {b.host_port for b in shown.get(port) or []}:
                text = f"port {binding.host_port} of container {record.name} is not published: restart it"
                scene.found(Problem("port", f"{binding.host_port} {port}", text, sandbox.id))
    for published in sandbox.publication.ports if sandbox.publication else []:
        if published.claim.released:
            text = f"port {published.claim.port} of container {record.name} is held by another program of this host"
            scene.found(Problem("port", f"{published.claim.port} {published.port}", text, sandbox.id))
