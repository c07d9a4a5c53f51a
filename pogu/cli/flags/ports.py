"""`-p` and `--expose` (docker/go-connections' `nat` and its ranges)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pogu.errors import InvalidArgument

Bindings = dict[str, list[dict[str, str]]]


def publish(specs: Iterable[str]) -> tuple[set[str], Bindings]:
    """Return the exposed ports and the bindings of `[[ip:]host:]container[/proto]` specs, with ranges.

    Raises:
        InvalidArgument: in docker's words.
    """
    exposed: set[str] = set()
    bindings: Bindings = {}
    for spec in specs:
        for port, binding in _publish_one(spec):
            exposed.add(port)
            bindings.setdefault(port, []).append(binding)
    return exposed, bindings


def expose(specs: Iterable[str]) -> set[str]:
    """Return the ports of `port[-port][/proto]` specs."""
    ports: set[str] = set()
    for spec in specs:
        if ":" in spec:
            raise InvalidArgument(f"invalid port format for --expose: {spec}")
        text, proto = _protocol(spec)
        start, end = _exposed(text, spec)
        ports.update(f"{port}/{proto}" for port in range(start, end + 1))
    return ports


def _exposed(text: str, spec: str) -> tuple[int, int]:
    words = f"invalid range format for --expose: {spec}, error: "
    for part in text.split("-"):
        if not part.isdigit():
            raise InvalidArgument(f'{words}strconv.ParseUint: parsing "{part}": invalid syntax')
    return _range(text, f"{words}invalid range specified for port: {text}")


def _publish_one(spec: str) -> Iterator[tuple[str, dict[str, str]]]:
    if "=" in spec:
        spec = _long_form(spec)
    text, proto = _protocol(spec)
    address, host, container = _split(text, spec)
    if not container:
        raise InvalidArgument(f"no port specified: {spec}<empty>")
    first, last = _range(container, f"invalid containerPort: {container}")
    if not host:
        for port in range(first, last + 1):
            yield f"{port}/{proto}", {"HostIp": address, "HostPort": ""}
        return
    low, high = _range(host, f"invalid hostPort: {host}")
    if last - first != high - low:
        if first != last:
            raise InvalidArgument(f"invalid ranges specified for container and host Ports: {container} and {host}")
        yield f"{first}/{proto}", {"HostIp": address, "HostPort": f"{low}-{high}"}
        return
    for offset in range(last - first + 1):
        yield f"{first + offset}/{proto}", {"HostIp": address, "HostPort": str(low + offset)}


def _long_form(spec: str) -> str:
    """Return `published:target/protocol` of `target=80,published=8080,protocol=tcp,host_ip=…`."""
    fields = dict(part.partition("=")[::2] for part in spec.split(","))
    address = fields.get("host_ip", "")
    host = f"{address}:{fields.get('published', '')}" if address else fields.get("published", "")
    return f"{host}:{fields.get('target', '')}/{fields.get('protocol', 'tcp')}".lstrip(":")


def _protocol(spec: str) -> tuple[str, str]:
    text, _, proto = spec.partition("/")
    proto = proto.lower() or "tcp"
    if proto not in {"tcp", "udp", "sctp"}:
        raise InvalidArgument(f"invalid proto: {proto}")
    return text, proto


def _split(text: str, spec: str) -> tuple[str, str, str]:
    """Return (address, host port, container port)."""
    if text.startswith("["):
        address, _, rest = text[1:].partition("]:")
        parts = [address, *rest.split(":")]
    else:
        parts = text.rsplit(":", 2) if text.count(":") > 2 else text.split(":")
    if len(parts) == 1:
        return "", "", parts[0]
    if len(parts) == 2 and not text.startswith("["):
        return "", parts[0], parts[1]
    address, host, container = parts if len(parts) == 3 else (parts[0], "", parts[1])
    import ipaddress

    try:
        if address:
            ipaddress.ip_address(address)
    except ValueError:
        raise InvalidArgument(f"invalid IP address: {address}") from None
    return address, host, container


def _range(text: str, message: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    if not low.isdigit() or (dash and not high.isdigit()):
        raise InvalidArgument(message)
    start, end = int(low), int(high) if dash else int(low)
    if start > end or end > 65535:
        raise InvalidArgument(message)
    return start, end
