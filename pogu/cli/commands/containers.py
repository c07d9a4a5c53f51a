"""Questions about containers and small changes: `port`, `rename`, `top`, `wait`."""

from __future__ import annotations

from pogu.cli.client import ApiError, Client, segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import columns
from pogu.cli.pflag import argument, command


@command("port", help="List port mappings or a specific mapping for the container")
@argument("container", metavar="CONTAINER")
@argument("port_", required=False, metavar="[PRIVATE_PORT[/PROTO]]")
def port(session: Session, /, *, container: str, port_: str | None) -> None:
    """Print where a container's ports are published."""
    found = connect(session).get(f"/containers/{segment(container)}/json")
    ports = found["NetworkSettings"]["Ports"] or {}
    if port_ is None:
        lines = [f"{inner} -> {_outer(b)}" for inner, bound in ports.items() for b in bound or []]
        for line in sorted(lines, key=_natural):
            print(line)
        return
    _check_port(port_)
    key = port_ if "/" in port_ else f"{port_}/tcp"
    if not ports.get(key):
        raise Failed(f"Error: No public port '{port_}' published for {container}")
    for binding in ports[key]:
        print(_outer(binding))


def _check_port(text: str) -> None:
    number = text.partition("/")[0]
    if number.isdigit() and int(number) <= 65535:
        return
    reason = "value out of range" if number.isdigit() else "invalid syntax"
    raise Failed(f'Error: invalid port ({number}): strconv.ParseUint: parsing "{number}": {reason}')


def _outer(binding: dict[str, str]) -> str:
    address = binding["HostIp"]
    return f"[{address}]:{binding['HostPort']}" if ":" in address else f"{address}:{binding['HostPort']}"


def _natural(line: str) -> tuple[int, str]:
    return int(line.split("/", 1)[0]), line


@command("rename", help="Rename a container")
@argument("container", metavar="CONTAINER")
@argument("name", metavar="NEW_NAME")
def rename(session: Session, /, *, container: str, name: str) -> None:
    """Give a container another name."""
    if not container.strip() or not name.strip():
        raise Failed("Error: Neither old nor new names may be empty")
    try:
        connect(session).post(f"/containers/{segment(container)}/rename", name=name)
    except ApiError as e:
        raise Failed(f"{e}\nError: failed to rename container named {container}") from e


@command("top", rest=True, help="Display the running processes of a container")
@argument("container", metavar="CONTAINER")
@argument("options", nargs=-1, metavar="[ps OPTIONS]")
def top(session: Session, /, *, container: str, options: tuple[str, ...]) -> None:
    """List a container's processes."""
    found = connect(session).get(f"/containers/{segment(container)}/top", ps_args=" ".join(options) or None)
    print(columns([found["Titles"], *found["Processes"]], least=20))


@command("wait", help="Block until one or more containers stop, then print their exit codes")
@argument("containers", nargs=-1, required=True, metavar="CONTAINER [CONTAINER...]")
def wait(session: Session, /, *, containers: tuple[str, ...]) -> None:
    """Print exit codes as containers end."""
    client = connect(session)
    each(containers, lambda ref: print(_wait(client, ref), flush=True), show=False)


def _wait(client: Client, ref: str) -> int:
    return int(client.post(f"/containers/{segment(ref)}/wait")["StatusCode"])
