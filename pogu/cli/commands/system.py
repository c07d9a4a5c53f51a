"""The daemon itself: `version`, `info`, `events`."""

from __future__ import annotations

import datetime
import platform
import sys
from collections.abc import Iterator
from typing import Any

import click

from pogu import __version__
from pogu.cli.client import API
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import one_line
from pogu.cli.pflag import command, many, value
from pogu.cli.units import api_time, human_binary
from pogu.errors import PoguError

_FORMAT = value("-f", "--format", "form", help="Format output using a template: json, TEMPLATE")


@command("version", help="Show the Pogu version information")
@_FORMAT
@click.pass_obj
def version(session: Session, /, *, form: str | None) -> None:
    """Print the versions of the command and of the daemon."""
    client = {
        "Version": __version__,
        "ApiVersion": API.removeprefix("/v"),
        "DefaultAPIVersion": API.removeprefix("/v"),
        "PythonVersion": platform.python_version(),
        "Os": "linux",
        "Arch": platform.machine(),
    }
    error: PoguError | None = None
    try:
        server = connect(session).get("/version")
    except PoguError as e:
        server, error = None, e
    if form:
        _render(form, {"Client": client, "Server": server})
    else:
        print("\n".join(_version_lines(client, server)))
    if error:
        raise Failed(str(error))


def _render(form: str, value_: Any) -> None:
    from pogu.cli.templates import Template

    print(Template(str(one_line(form)).replace("\\t", "\t").replace("\\n", "\n")).render(value_))


def _version_lines(client: dict[str, Any], server: dict[str, Any] | None) -> Iterator[str]:
    yield "Client:"
    yield f" Version:           {client['Version']}"
    yield f" API version:       {client['ApiVersion']}"
    yield f" Python version:    {client['PythonVersion']}"
    yield f" OS/Arch:           linux/{client['Arch']}"
    if server is None:
        return
    yield f"\nServer: {server['Platform']['Name']}"
    for component in server.get("Components") or []:
        details = component.get("Details") or {}
        yield f" {component['Name']}:"
        yield f"  Version:          {component['Version']}"
        if "ApiVersion" in details:
            yield f"  API version:      {details['ApiVersion']} (minimum version {details['MinAPIVersion']})"
        if "KernelVersion" in details:
            yield f"  OS/Arch:          {details['Os']}/{details['Arch']}"
            yield f"  Kernel:           {details['KernelVersion']}"


@command("info", help="Display system-wide information")
@_FORMAT
@click.pass_obj
def info(session: Session, /, *, form: str | None) -> None:
    """Print what the daemon says of itself and of its host."""
    found = connect(session).get("/info")
    if form:
        _render(form, {**found, "ClientInfo": {"Version": __version__}})
        return
    for line in _info_lines(found):
        print(line)
    for warning in found.get("Warnings") or []:
        print(warning, file=sys.stderr)


_INFO = (
    ("Storage Driver", "Driver"),
    ("Logging Driver", "LoggingDriver"),
    ("Cgroup Driver", "CgroupDriver"),
    ("Cgroup Version", "CgroupVersion"),
    ("Default Runtime", "DefaultRuntime"),
    ("Init Binary", "InitBinary"),
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("OSType", "OSType"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
    ("Name", "Name"),
    ("ID", "ID"),
    ("Pogu Root Dir", "DockerRootDir"),
    ("HTTP Proxy", "HttpProxy"),
    ("HTTPS Proxy", "HttpsProxy"),
    ("No Proxy", "NoProxy"),
)


def _info_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"Client:\n Version:    {__version__}\n\nServer:"
    yield f" Containers: {found['Containers']}"
    for state in ("Running", "Paused", "Stopped"):
        yield f"  {state}: {found[f'Containers{state}']}"
    yield f" Images: {found['Images']}"
    yield f" Server Version: {found['ServerVersion']}"
    for title, key in _INFO:
        if found.get(key) not in {None, ""}:
            yield f" {title}: {found[key]}"
    yield f" Total Memory: {human_binary(found['MemTotal'])}"
    plugins = found.get("Plugins") or {}
    for kind in ("Volume", "Network", "Log"):
        yield f" {kind} drivers: {' '.join(plugins.get(kind) or [])}"
    yield f" Runtimes: {' '.join(sorted(found.get('Runtimes') or {}))}"
    yield f" Security Options: {' '.join(found.get('SecurityOptions') or []) or 'none'}"
    yield f" Debug Mode: {str(found['Debug']).lower()}"
    for label in found.get("Labels") or []:
        yield f" Label: {label}"
    yield f" Live Restore Enabled: {str(found['LiveRestoreEnabled']).lower()}"


@command("events", help="Get real time events from the server")
@many("-f", "--filter", "filters", help="Filter output based on conditions provided")
@value("--format", "form", help="Format output using a template: json, TEMPLATE")
@value("--since", help="Show all events created since timestamp")
@value("--until", help="Stream events until this timestamp")
@click.pass_obj
def events(
    session: Session, /, *, filters: tuple[str, ...], form: str | None, since: str | None, until: str | None
) -> None:
    """Print events as they happen."""
    query = {
        "filters": parse_filters(filters),
        "since": api_time(since) if since else None,
        "until": api_time(until) if until else None,
    }
    for event in connect(session).request("GET", "/events", query=query).json_lines():
        if form:
            _render(form, event)
        else:
            print(_event_line(event))
        sys.stdout.flush()


def _event_line(event: dict[str, Any]) -> str:
    """Return `2024-05-01T12:00:00.000000000+02:00 container start ID (image=…, name=…)`."""
    nanos = int(event["timeNano"])
    moment = datetime.datetime.fromtimestamp(nanos // 10**9, datetime.UTC).astimezone()
    zone = moment.strftime("%z")
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{nanos % 10**9:09d}{zone[:3]}:{zone[3:]}"
    actor = event.get("Actor") or {}
    pairs = ", ".join(f"{key}={text}" for key, text in sorted((actor.get("Attributes") or {}).items()))
    return f"{stamp} {event['Type']} {event['Action']} {actor.get('ID', '')}" + (f" ({pairs})" if pairs else "")
