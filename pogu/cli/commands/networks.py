"""`pogu network …`."""

from __future__ import annotations

from typing import Any

from pogu.cli.client import ApiError, segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.flags.pairs import labels, pairs
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import Listing, label_fields, natural, print_rows
from pogu.cli.pflag import argument, command, many, switch, value


@command("ls", help="List networks")
@many("-f", "--filter", "filters", help="Provide filter values (e.g. driver=bridge)")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("--no-trunc", help="Do not truncate the output")
@switch("-q", "--quiet", help="Only display network IDs")
def list_(session: Session, /, **given: Any) -> None:
    """List networks by name."""
    found = connect(session).get("/networks", filters=parse_filters(given["filters"]))
    rows = [_row(entry, trunc=not given["no_trunc"]) for entry in sorted(found, key=lambda n: natural(n["Name"]))]
    form = session.listing_form(given["form"], "networksFormat", quiet=given["quiet"])
    print_rows(form, rows, _LISTING, quiet=given["quiet"])


_LISTING = Listing(
    "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
    {"ID": "NETWORK ID"},
    quiet="ID",
    raw="network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
    quiet_raw="network_id: {{.ID}}",
    kind="*network.networkContext",
)


def _row(entry: dict[str, Any], *, trunc: bool) -> dict[str, Any]:
    return {
        "ID": entry["Id"][:12] if trunc else entry["Id"],
        "Name": entry["Name"],
        "Driver": entry["Driver"],
        "Scope": entry["Scope"],
        "IPv4": str(entry.get("EnableIPv4", True)).lower(),
        "IPv6": str(entry["EnableIPv6"]).lower(),
        "Internal": str(entry["Internal"]).lower(),
        **label_fields(entry.get("Labels")),
        "CreatedAt": _go_time(entry["Created"]),
    }


def _go_time(text: str) -> str:
    """Return an RFC 3339 time as Go prints one: `2024-05-01 12:00:00.5 +0000 UTC`."""
    head, _, _ = text.partition("+")
    moment = head.removesuffix("Z").replace("T", " ")
    return f"{moment} +0000 UTC"


@command("create", help="Create a network")
@switch("--attachable", help="Enable manual container attachment")
@many("--aux-address", help="Auxiliary IPv4 or IPv6 addresses used by Network driver")
@value("--config-from", help="The network from which to copy the configuration")
@switch("--config-only", help="Create a configuration only network")
@value("-d", "--driver", default="bridge", help="Driver to manage the Network")
@many("--gateway", help="IPv4 or IPv6 Gateway for the master subnet")
@switch("--ingress", help="Create swarm routing-mesh network")
@switch("--internal", help="Restrict external access to the network")
@many("--ip-range", help="Allocate container ip from a sub-range")
@value("--ipam-driver", default="default", help="IP Address Management Driver")
@many("--ipam-opt", help="Set IPAM driver specific options")
@switch("--ipv4", default=None, help="Enable or disable IPv4 address assignment")
@switch("--ipv6", default=None, help="Enable or disable IPv6 address assignment")
@many("--label", help="Set metadata on a network")
@many("-o", "--opt", help="Set driver specific options")
@value("--scope", help="Control the network's scope")
@many("--subnet", help="Subnet in CIDR format that represents a network segment")
@argument("name", metavar="NETWORK")
def create(session: Session, /, name: str, **given: Any) -> None:
    """Make a network and print its ID."""
    body = {
        "Name": name,
        "Driver": given["driver"],
        "Internal": given["internal"],
        "Attachable": given["attachable"],
        "Ingress": given["ingress"],
        "Options": pairs(given["opt"]),
        "Labels": labels((), given["label"], "--label"),
        "IPAM": {
            "Driver": given["ipam_driver"],
            "Options": pairs(given["ipam_opt"]),
            "Config": _pools(given),
        },
    }
    body.update({f"EnableIP{v}": given[f"ip{v}"] for v in ("v4", "v6") if given[f"ip{v}"] is not None})
    if given["scope"]:
        body["Scope"] = given["scope"]
    if given["config_only"]:
        body["ConfigOnly"] = True
    if given["config_from"]:
        body["ConfigFrom"] = {"Network": given["config_from"]}
    print(connect(session).post("/networks/create", body)["Id"])


def _pools(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one pool for each subnet; ranges, gateways and other addresses go to the subnet they are in."""
    import ipaddress

    subnets = given["subnet"]
    if len(subnets) < len(given["ip_range"]) or len(subnets) < len(given["gateway"]):
        raise Failed("every ip-range or gateway must have a corresponding subnet")
    if not any(given[name] for name in ("ip_range", "gateway", "aux_address")) and len(subnets) < 2:
        return [{"Subnet": text} for text in subnets]  # what is wrong with it, the daemon says
    try:
        pools = [(ipaddress.ip_network(text, strict=False), {"Subnet": text}) for text in subnets]
    except ValueError as e:
        raise Failed(f"invalid subnet: {e}") from e
    if any(a.overlaps(b) for i, (a, _) in enumerate(pools) for b, _ in pools[:i] if a.version == b.version):
        raise Failed("multiple overlapping subnet configuration is not supported")
    for option, key, noun in (("ip_range", "IPRange", "range"), ("gateway", "Gateway", "gateway")):
        for text in given[option]:
            pool = _pool_of(pools, text, f"no matching subnet for {noun} {text}")
            if key in pool:
                joined = (
                    f"({text}, {pool[key]}) {'on' if noun == 'range' else 'for'} the same subnet ({pool['Subnet']})"
                )
                raise Failed(f"cannot configure multiple {noun}s {joined}")
            pool[key] = text
    for text in given["aux_address"]:
        name, _, number = text.partition("=")
        pool = _pool_of(pools, number, f"no matching subnet for aux-address {number}")
        pool.setdefault("AuxiliaryAddresses", {})[name] = number
    return [pool for _, pool in pools]


def _pool_of(pools: list[Any], text: str, message: str) -> dict[str, Any]:
    import ipaddress

    try:
        address = ipaddress.ip_interface(text).ip
    except ValueError:
        raise Failed(message) from None
    for network, pool in pools:
        if address.version == network.version and address in network:
            found: dict[str, Any] = pool
            return found
    raise Failed(message)


@command("rm", help="Remove one or more networks", bare=True)
@switch("-f", "--force", help="Do not error if the network does not exist")
@argument("names", nargs=-1, required=True, metavar="NETWORK [NETWORK...]")
def remove(session: Session, /, *, names: tuple[str, ...], force: bool) -> None:
    """Remove networks."""
    client = connect(session)

    def delete(name: str) -> None:
        try:
            client.delete(f"/networks/{segment(name)}")
        except ApiError as e:
            if not (force and e.status == 404):
                raise
        else:
            print(name, flush=True)

    each(names, delete, show=False)


@command("connect", help="Connect a container to a network")
@many("--alias", help="Add network-scoped alias for the container")
@many("--driver-opt", help="driver options for the network")
@value("--gw-priority", type=int, help="Highest gw-priority provides the default gateway")
@value("--ip", help="IPv4 address")
@value("--ip6", help="IPv6 address")
@many("--link", help="Add link to another container")
@many("--link-local-ip", help="Add a link-local address for the container")
@argument("network", metavar="NETWORK")
@argument("container", metavar="CONTAINER")
def connect_(session: Session, /, network: str, container: str, **given: Any) -> None:
    """Connect a container."""
    ipam = {"IPv4Address": given["ip"], "IPv6Address": given["ip6"], "LinkLocalIPs": list(given["link_local_ip"])}
    endpoint = {
        "Aliases": list(given["alias"]),
        "Links": list(given["link"]) or None,
        "DriverOpts": pairs(given["driver_opt"]),
        "GwPriority": given["gw_priority"] or 0,
        "IPAMConfig": {key: content for key, content in ipam.items() if content},
    }
    body = {"Container": container, "EndpointConfig": endpoint}
    connect(session).post(f"/networks/{segment(network)}/connect", body)


@command("disconnect", help="Disconnect a container from a network")
@switch("-f", "--force", help="Force the container to disconnect from a network")
@argument("network", metavar="NETWORK")
@argument("container", metavar="CONTAINER")
def disconnect(session: Session, /, *, network: str, container: str, force: bool) -> None:
    """Disconnect a container."""
    connect(session).post(f"/networks/{segment(network)}/disconnect", {"Container": container, "Force": force})
