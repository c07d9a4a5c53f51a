"""`pogu volume …`."""

from __future__ import annotations

from typing import Any

from pogu.cli.client import segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.flags.pairs import labels, pairs
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import Listing, label_fields, natural, print_rows
from pogu.cli.pflag import argument, command, many, switch, value


@command("ls", help="List volumes")
@many("-f", "--filter", "filters", help="Provide filter values (e.g. dangling=true)")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("-q", "--quiet", help="Only display volume names")
def list_(session: Session, /, **given: Any) -> None:
    """List volumes by name."""
    found = connect(session).get("/volumes", filters=parse_filters(given["filters"]))
    rows = [volume_row(entry) for entry in sorted(found.get("Volumes") or [], key=lambda v: natural(v["Name"]))]
    form = session.listing_form(given["form"], "volumesFormat", quiet=given["quiet"])
    print_rows(form, rows, _LISTING, quiet=given["quiet"])


_LISTING = Listing(
    "{{.Driver}}\t{{.Name}}",
    {"Name": "VOLUME NAME"},
    quiet="Name",
    raw="name: {{.Name}}\ndriver: {{.Driver}}\n",
    quiet_raw="name: {{.Name}}",
    kind="*formatter.volumeContext",
)


def volume_row(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what is listed of a volume."""
    return {
        "Name": entry["Name"],
        "Driver": entry["Driver"],
        "Mountpoint": entry["Mountpoint"],
        "Scope": entry["Scope"],
        **label_fields(entry.get("Labels")),
        "Availability": "N/A",
        "Group": "N/A",
        "Links": "N/A",
        "Size": "N/A",
        "Status": "N/A",
    }


@command("create", help="Create a volume")
@value("-d", "--driver", default="local", help="Specify volume driver name")
@many("--label", help="Set metadata for a volume")
@value("--name", "old_name", help="Specify volume name", hidden=True)
@many("-o", "--opt", help="Set driver specific options")
@argument("name", required=False, metavar="[VOLUME]")
def create(session: Session, /, name: str | None, **given: Any) -> None:
    """Make a volume and print its name."""
    if name and given["old_name"]:
        raise Failed("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
    body = {
        "Name": name or given["old_name"] or "",
        "Driver": given["driver"],
        "DriverOpts": pairs(given["opt"]),
        "Labels": labels((), given["label"], "--label"),
    }
    print(connect(session).post("/volumes/create", body)["Name"])


@command("rm", help="Remove one or more volumes")
@switch("-f", "--force", help="Force the removal of one or more volumes")
@argument("names", nargs=-1, required=True, metavar="VOLUME [VOLUME...]")
def remove(session: Session, /, *, names: tuple[str, ...], force: bool) -> None:
    """Remove volumes."""
    client = connect(session)
    each(names, lambda name: client.delete(f"/volumes/{segment(name)}", force=force or None))
