"""`pogu ps`."""

from __future__ import annotations

import re
from typing import Any

from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.invoke import Session
from pogu.cli.output import Listing, label_fields, print_rows, quoted, shortened, warn_of_both
from pogu.cli.pflag import command, many, switch, value
from pogu.cli.portlist import port_list
from pogu.cli.units import human_age, human_moment, human_size

_TABLE = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
_RAW = (
    "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n"
    "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\n"
    "ports: {{- pad .Ports 1 0}}\n"
)
_LISTING = Listing(
    _TABLE,
    {"ID": "CONTAINER ID", "RunningFor": "CREATED", "LocalVolumes": "LOCAL VOLUMES"},
    quiet="ID",
    raw=_RAW,
    quiet_raw="container_id: {{.ID}}",
    kind="*formatter.ContainerContext",
    wrong=("failed to parse template: ", "failed to execute template: "),
)


@command("ps", help="List containers")
@switch("-a", "--all", "all_", help="Show all containers (default shows just running)")
@many("-f", "--filter", "filters", help="Filter output based on conditions provided")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@value("-n", "--last", type=int, default=-1, help="Show n last created containers (includes all states)")
@switch("-l", "--latest", help="Show the latest created container (includes all states)")
@switch("--no-trunc", help="Don't truncate output")
@switch("-q", "--quiet", help="Only display container IDs")
@switch("-s", "--size", help="Display total file sizes")
def ps(session: Session, /, **given: Any) -> None:
    """List containers."""
    last = 1 if given["latest"] else given["last"]
    form = given["form"]
    warn_of_both(form, quiet=given["quiet"])
    if form and given["quiet"] and form not in {"table", "raw"}:
        form = None
    form = session.listing_form(form, "psFormat", quiet=given["quiet"])
    sized = given["size"] or _shows_size(form or "")
    found = connect(session).get(
        "/containers/json",
        all=given["all_"] or last > 0 or None,
        limit=last if last > 0 else None,
        size=sized or None,
        filters=parse_filters(given["filters"]),
    )
    rows = [container_row(entry, trunc=not given["no_trunc"]) for entry in found]
    listing = _LISTING
    if given["size"]:
        listing = listing._replace(table=_TABLE + "\t{{.Size}}", raw=_RAW + "size: {{.Size}}\n")
    print_rows(form, rows, listing, quiet=given["quiet"])


def _shows_size(form: str) -> bool:
    """Return whether a template uses the size, which the daemon gives only when it is asked to."""
    return ".Size" in form or bool(re.search(r"\bjson\s+\.\W", form))


def container_row(entry: dict[str, Any], *, trunc: bool = True) -> dict[str, Any]:
    """Return what `docker ps` shows of an entry of `GET /containers/json`, under its names."""
    command_ = entry.get("Command") or ""
    names = [name.lstrip("/") for name in entry.get("Names") or []]
    names = [name for name in names if "/" not in name] if trunc else names  # links have a slash
    image = entry["Image"] or "<no image>"
    if trunc and image.startswith("sha256:"):
        image = image.removeprefix("sha256:")[:12]
    return {
        "ID": entry["Id"][:12] if trunc else entry["Id"],
        "Names": ",".join(names),
        "Image": image,
        "Command": quoted(shortened(command_, 20) if trunc else command_),
        "CreatedAt": human_moment(entry["Created"]),
        "RunningFor": human_age(float(entry["Created"])),
        "Ports": port_list(entry.get("Ports") or []),
        "State": entry["State"],
        "Status": entry["Status"],
        "Size": _size(entry),
        **label_fields(entry.get("Labels")),
        "Mounts": ",".join(_mount(mount, trunc=trunc) for mount in entry.get("Mounts") or []),
        "LocalVolumes": str(sum(mount.get("Driver") == "local" for mount in entry.get("Mounts") or [])),
        "Networks": ",".join(sorted((entry.get("NetworkSettings") or {}).get("Networks") or {})),
        "Platform": None,
    }


def _size(entry: dict[str, Any]) -> str:
    text = human_size(entry.get("SizeRw") or 0)
    total = entry.get("SizeRootFs") or 0
    return f"{text} (virtual {human_size(total)})" if total > 0 else text


def _mount(mount: dict[str, Any], *, trunc: bool) -> str:
    name = mount.get("Name") or mount.get("Source") or ""
    return shortened(name, 15) if trunc else name
