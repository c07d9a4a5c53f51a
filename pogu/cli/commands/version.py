"""`pogu version`."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

from pogu import __version__
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import object_template, print_rendered
from pogu.cli.pflag import command, value
from pogu.cli.target import current_context
from pogu.errors import PoguError

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # Go's names


@command("version", help="Show the Pogu version information")
@value("-f", "--format", "form", help="Format output using a template: json, TEMPLATE")
def version(session: Session, /, *, form: str | None) -> None:
    """Print the versions of the command and of the daemon."""
    render = object_template(form, name="version", misfit="", kind="system.versionInfo") if form else None
    connection = connect(session)
    error: PoguError | None = None
    try:
        server = connection.get("/version")
        for component in server.get("Components") or []:
            if not component.get("Details"):
                component.pop("Details", None)
        if not server.get("BuildTime"):
            server.pop("BuildTime", None)
    except PoguError as e:
        server, error = None, e
    client = {
        "Version": __version__,
        "ApiVersion": connection.version,
        "DefaultAPIVersion": connection.newest,
        "GitCommit": "",
        "PythonVersion": platform.python_version(),
        "Os": "linux",
        "Arch": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "BuildTime": "",
        "Context": current_context(session.options),
    }
    if render:
        print_rendered(render, {"Client": client, "Server": server})
    else:
        print("\n".join(_lines(client, server)))
    if error:
        raise Failed(str(error))


def _lines(client: dict[str, Any], server: dict[str, Any] | None) -> Iterator[str]:
    yield "Client:"
    default = client["DefaultAPIVersion"]
    downgraded = "" if client["ApiVersion"] == default else f" (downgraded from {default})"
    yield f" Version:           {client['Version']}"
    yield f" API version:       {client['ApiVersion']}{downgraded}"
    yield f" Python version:    {client['PythonVersion']}"
    yield f" OS/Arch:           {client['Os']}/{client['Arch']}"
    yield f" Context:           {client['Context']}"
    if server is None:
        return
    name = (server.get("Platform") or {}).get("Name")
    yield f"\nServer: {name}" if name else "\nServer:"
    for component in server.get("Components") or []:
        yield from _component(component)


_DETAILS = (("Go version", "GoVersion"), ("Git commit", "GitCommit"), ("Built", "BuildTime"))


def _component(component: dict[str, Any]) -> Iterator[str]:
    details = component.get("Details") or {}
    yield f" {component['Name']}:"
    yield f"  Version:          {component['Version']}"
    if "ApiVersion" in details:
        yield f"  API version:      {details['ApiVersion']} (minimum version {details['MinAPIVersion']})"
    for title, key in _DETAILS:
        if key in details:
            yield f"  {title + ':':<17} {details[key]}"
    if "Os" in details:
        yield f"  OS/Arch:          {details['Os']}/{details['Arch']}"
        yield f"  Experimental:     {details.get('Experimental', 'false')}"
