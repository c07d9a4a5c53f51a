"""`pogu info`, laid out as docker lays it out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from pogu import __version__
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import object_template, print_rendered
from pogu.cli.pflag import command, value
from pogu.cli.target import current_context
from pogu.cli.units import human_binary
from pogu.errors import PoguError


@command("info", help="Display system-wide information")
@value("-f", "--format", "form", help="Format output using a template: json, TEMPLATE")
def info(session: Session, /, *, form: str | None) -> None:
    """Print what the daemon says of itself and of its host."""
    render = object_template(form, misfit="", kind="system.dockerInfo") if form else None
    client = {
        "Debug": "debug" in session.options,
        "Version": __version__,
        "Context": current_context(session.options),
        "Plugins": [],
        "Warnings": None,
    }
    error: PoguError | None = None
    found: dict[str, Any] | None = None
    try:
        found = connect(session).get("/info")
    except PoguError as e:
        error = e
    if render:
        print_rendered(render, {**(found or {}), "ClientInfo": client})
    else:
        print("\n".join([*_client(client), "", "Server:", *(_server(found) if found else [])]))
        if found:
            print()
    for warning in (found or {}).get("Warnings") or []:
        print(warning, file=sys.stderr)
    if error:
        raise Failed(str(error))


def _client(client: dict[str, Any]) -> Iterator[str]:
    yield "Client:"
    yield f" Version:    {client['Version']}"
    yield f" Context:    {client['Context']}"
    yield f" Debug Mode: {_word(client['Debug'])}"


def _word(on: Any) -> str:
    return str(bool(on)).lower()


def _server(found: dict[str, Any]) -> Iterator[str]:
    yield f" Containers: {found['Containers']}"
    for state in ("Running", "Paused", "Stopped"):
        yield f"  {state}: {found[f'Containers{state}']}"
    yield f" Images: {found['Images']}"
    yield from _given(found, ("Server Version", "ServerVersion"), ("Storage Driver", "Driver"))
    for name, text in found.get("DriverStatus") or []:
        yield f"  {name}: {text}"
    yield from _given(
        found,
        ("Logging Driver", "LoggingDriver"),
        ("Cgroup Driver", "CgroupDriver"),
        ("Cgroup Version", "CgroupVersion"),
    )
    yield from _plugins(found.get("Plugins") or {})
    yield f" Swarm: {(found.get('Swarm') or {}).get('LocalNodeState') or 'inactive'}"
    yield f" Runtimes: {' '.join(sorted(found.get('Runtimes') or {}))}"
    yield from _given(found, ("Default Runtime", "DefaultRuntime"), ("Init Binary", "InitBinary"))
    for title, key in (("containerd", "Containerd"), ("runc", "Runc"), ("init", "Init")):
        yield f" {title} version: {(found.get(f'{key}Commit') or {}).get('ID', '')}"
    yield from _security(found.get("SecurityOptions") or [])
    yield from _host(found)
    yield from _settings(found)


def _given(found: dict[str, Any], *pairs: tuple[str, str]) -> Iterator[str]:
    for title, key in pairs:
        if found.get(key) not in {None, ""}:
            yield f" {title}: {found[key]}"


def _plugins(plugins: dict[str, Any]) -> Iterator[str]:
    yield " Plugins:"
    for kind in ("Volume", "Network", "Authorization", "Log"):
        if plugins.get(kind) or kind in {"Volume", "Network"}:
            yield f"  {kind}: {' '.join(plugins.get(kind) or [])}"


def _security(options: list[str]) -> Iterator[str]:
    """Turn `name=seccomp,profile=builtin` into the name and what belongs to it."""
    if not options:
        return
    yield " Security Options:"
    for option in options:
        fields = dict(part.partition("=")[::2] for part in option.split(","))
        yield f"  {fields.pop('name', option)}"
        for key, text in fields.items():
            yield f"   {key.capitalize()}: {text}"


def _host(found: dict[str, Any]) -> Iterator[str]:
    yield from _given(
        found,
        ("Kernel Version", "KernelVersion"),
        ("Operating System", "OperatingSystem"),
        ("OSType", "OSType"),
        ("Architecture", "Architecture"),
    )
    yield f" CPUs: {found['NCPU']}"
    yield f" Total Memory: {human_binary(found['MemTotal'])}"
    yield from _given(found, ("Name", "Name"), ("ID", "ID"), ("Docker Root Dir", "DockerRootDir"))
    yield f" Debug Mode: {_word(found['Debug'])}"
    if found["Debug"]:
        yield from _given(
            found,
            ("File Descriptors", "NFd"),
            ("Goroutines", "NGoroutines"),
            ("System Time", "SystemTime"),
            ("EventsListeners", "NEventsListener"),
        )


def _settings(found: dict[str, Any]) -> Iterator[str]:
    yield from _given(found, ("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy"))
    if found.get("Labels"):
        yield " Labels:"
        yield from (f"  {label}" for label in found["Labels"])
    yield f" Experimental: {_word(found.get('ExperimentalBuild'))}"
    registries = found.get("RegistryConfig") or {}
    insecure = [name for name, each in (registries.get("IndexConfigs") or {}).items() if not each.get("Secure", True)]
    if ranges := [*sorted(insecure), *(registries.get("InsecureRegistryCIDRs") or [])]:
        yield " Insecure Registries:"
        yield from (f"  {name}" for name in ranges)
    if registries.get("Mirrors"):
        yield " Registry Mirrors:"
        yield from (f"  {name}" for name in registries["Mirrors"])
    yield f" Live Restore Enabled: {_word(found.get('LiveRestoreEnabled'))}"
    if found.get("ProductLicense"):
        yield f" Product License: {found['ProductLicense']}"
    if found.get("DefaultAddressPools"):
        yield " Default Address Pools:"
        yield from (f"   Base: {pool['Base']}, Size: {pool['Size']}" for pool in found["DefaultAddressPools"])
