"""`pogu system df`."""

from __future__ import annotations

from typing import Any

from pogu.cli.commands.images import LISTING as IMAGES
from pogu.cli.commands.ps import container_row
from pogu.cli.commands.volumes import volume_row
from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.output import Listing, object_template, print_rows, render_rows
from pogu.cli.pflag import command, switch, value
from pogu.cli.units import human_age, human_moment, human_size

_LISTING = Listing(
    "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
    {"TotalCount": "TOTAL", "Reclaimable": "RECLAIMABLE"},
    raw="type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n"
    "reclaimable: {{.Reclaimable}}\n",
    kind="*formatter.diskUsageImagesContext",
)


@command("df", help="Show disk usage")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("-v", "--verbose", help="Show detailed information on space usage")
def df(session: Session, /, *, form: str | None, verbose: bool) -> None:
    """Show what images, containers, volumes and the build cache take, and what could be freed."""
    found = connect(session).get("/system/df")
    if verbose:
        _verbose(found, form)
        return
    print_rows(form, [_images(found), _containers(found), _volumes(found), _cache(found)], _LISTING)


def _row(kind: str, total: int, active: int, size: int, free: int) -> dict[str, Any]:
    share = f" ({free * 100 // size}%)" if size > 0 and kind != "Build Cache" else ""
    return {
        "Type": kind,
        "TotalCount": str(total),
        "Active": str(active),
        "Size": human_size(size, 4),
        "Reclaimable": f"{human_size(free, 4)}{share}",
    }


def _images(found: dict[str, Any]) -> dict[str, Any]:
    images = found.get("Images") or []
    used = [image for image in images if image.get("Containers", 0) > 0]
    unique = sum(image["Size"] - max(0, image.get("SharedSize") or 0) for image in used)
    size = found.get("LayersSize") or 0
    return _row("Images", len(images), len(used), size, max(0, size - unique))


def _containers(found: dict[str, Any]) -> dict[str, Any]:
    containers = found.get("Containers") or []
    active = [c for c in containers if c["State"] in {"running", "paused", "restarting"}]
    size, busy = (sum(c.get("SizeRw") or 0 for c in group) for group in (containers, active))
    return _row("Containers", len(containers), len(active), size, size - busy)


def _volumes(found: dict[str, Any]) -> dict[str, Any]:
    usage = [volume.get("UsageData") or {} for volume in found.get("Volumes") or []]
    size = sum(max(0, u.get("Size", 0)) for u in usage)
    used = [u for u in usage if u.get("RefCount", 0) > 0]
    return _row("Local Volumes", len(usage), len(used), size, size - sum(max(0, u.get("Size", 0)) for u in used))


def _cache(found: dict[str, Any]) -> dict[str, Any]:
    entries = found.get("BuildCache") or []
    size = sum(entry.get("Size") or 0 for entry in entries if not entry.get("Shared"))
    busy = sum(entry.get("Size") or 0 for entry in entries if entry.get("InUse"))
    return _row("Build Cache", len(entries), sum(bool(e.get("InUse")) for e in entries), size, size - busy)


_PARTS: dict[str, Listing] = {
    "Images": Listing(
        "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}"
        "\t{{.Containers}}",
        {**IMAGES.headers, "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE"},
    ),
    "Containers": Listing(
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
        {"ID": "CONTAINER ID", "RunningFor": "CREATED", "LocalVolumes": "LOCAL VOLUMES"},
    ),
    "Volumes": Listing("{{.Name}}\t{{.Links}}\t{{.Size}}", {"Name": "VOLUME NAME"}),
    "BuildCache": Listing(
        "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
        {
            "ID": "CACHE ID",
            "CacheType": "CACHE TYPE",
            "CreatedSince": "CREATED",
            "LastUsedSince": "LAST USED",
            "UsageCount": "USAGE",
        },
    ),
}


def _verbose(found: dict[str, Any], form: str | None) -> None:
    table = form in {None, "", "table"}
    parts = {
        "Images": [row for image in found.get("Images") or [] for row in _image_rows(image, trunc=table)],
        "Containers": [container_row({**c, "SizeRootFs": 0}, trunc=table) for c in found.get("Containers") or []],
        "Volumes": [_volume_row(volume) for volume in found.get("Volumes") or []],
        "BuildCache": [_cache_row(entry) for entry in found.get("BuildCache") or []],
    }
    if not table:
        print(_templated(form or "", parts), end="")
        return
    for name, title in (("Images", "Images"), ("Containers", "Containers"), ("Volumes", "Local Volumes")):
        print(f"{title} space usage:\n\n{render_rows(None, parts[name], _PARTS[name])}\n")
    cached = sum(entry.get("Size") or 0 for entry in found.get("BuildCache") or [])
    print(f"Build cache usage: {human_size(cached, 4)}\n")
    print(render_rows(None, parts["BuildCache"], _PARTS["BuildCache"]))


def _templated(form: str, parts: dict[str, list[dict[str, Any]]]) -> str:
    """Return what a template makes of all rows together; docker ends it without a newline."""
    from pogu.cli.templates.values import Row

    rows = {name: [Row(row, "*formatter.row") for row in found] for name, found in parts.items()}
    return object_template(form, "", kind="*formatter.diskUsageContext")(rows)


def _image_rows(image: dict[str, Any], *, trunc: bool) -> list[dict[str, Any]]:
    shared = max(0, image.get("SharedSize") or 0)
    common = {
        "ID": image["Id"].removeprefix("sha256:")[:12] if trunc else image["Id"],
        "CreatedSince": human_age(float(image["Created"])),
        "CreatedAt": human_moment(image["Created"]),
        "Digest": "",
        "Size": human_size(image["Size"]),
        "SharedSize": human_size(shared, 4),
        "UniqueSize": human_size(image["Size"] - shared, 4),
        "VirtualSize": human_size(image["Size"], 4),
        "Containers": str(max(0, image.get("Containers") or 0)),
    }
    found = []
    for tag in image.get("RepoTags") or ["<none>:<none>"]:
        name, _, label = tag.rpartition(":")
        found.append({**common, "Repository": name, "Tag": label})
    return found


def _volume_row(volume: dict[str, Any]) -> dict[str, Any]:
    usage = volume.get("UsageData") or {}
    sizes = {"Links": str(usage.get("RefCount", 0)), "Size": human_size(max(0, usage.get("Size", 0)))}
    return {**volume_row(volume), **sizes}


def _cache_row(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "ID": entry["ID"][:12],
        "CacheType": entry.get("Type", ""),
        "Size": human_size(entry.get("Size") or 0),
        "CreatedSince": human_age(entry.get("CreatedAt") or ""),
        "LastUsedSince": human_age(entry.get("LastUsedAt") or ""),
        "UsageCount": str(entry.get("UsageCount", 0)),
        "Shared": str(bool(entry.get("Shared"))).lower(),
    }
