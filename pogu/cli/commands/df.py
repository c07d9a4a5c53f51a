"""`pogu system df`."""

from __future__ import annotations

from typing import Any

import click

from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.output import columns, print_rows
from pogu.cli.pflag import command, switch, value
from pogu.cli.units import human_age, human_size


@command("df", help="Show disk usage")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("-v", "--verbose", help="Show detailed information on space usage")
@click.pass_obj
def df(session: Session, /, *, form: str | None, verbose: bool) -> None:
    """Show what images, containers, volumes and the build cache take, and what could be freed."""
    found = connect(session).get("/system/df")
    if verbose:
        _verbose(found)
        return
    rows = [_images(found), _containers(found), _volumes(found), _cache(found)]
    headers = {"TotalCount": "TOTAL", "Reclaimable": "RECLAIMABLE"}
    print_rows(form, rows, "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", headers)


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


def _verbose(found: dict[str, Any]) -> None:
    print("Images space usage:\n")
    rows = [["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"]]
    for image in found.get("Images") or []:
        shared = max(0, image.get("SharedSize") or 0)
        for tag in image.get("RepoTags") or ["<none>:<none>"]:
            name, _, label = tag.rpartition(":")
            sizes = [human_size(image["Size"])]
            sizes += [human_size(n, 4) for n in (shared, image["Size"] - shared)]
            age = human_age(float(image["Created"]))
            id_ = image["Id"].removeprefix("sha256:")[:12]
            rows.append([name, label, id_, age, *sizes, str(max(0, image.get("Containers") or 0))])
    print(columns(rows))
    print("\nContainers space usage:\n")
    rows = [["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"]]
    for c in found.get("Containers") or []:
        volumes = sum(mount.get("Type") == "volume" for mount in c.get("Mounts") or [])
        names = ",".join(name.lstrip("/") for name in c["Names"])
        size, age = human_size(c.get("SizeRw") or 0), human_age(float(c["Created"]))
        rows.append([c["Id"][:12], c["Image"], f'"{c["Command"]}"', str(volumes), size, age, c["Status"], names])
    print(columns(rows))
    print("\nLocal Volumes space usage:\n")
    rows = [["VOLUME NAME", "LINKS", "SIZE"]]
    for volume in found.get("Volumes") or []:
        usage = volume.get("UsageData") or {}
        rows.append([volume["Name"], str(usage.get("RefCount", 0)), human_size(max(0, usage.get("Size", 0)))])
    print(columns(rows))
    cached = sum(entry.get("Size") or 0 for entry in found.get("BuildCache") or [])
    print(f"\nBuild cache usage: {human_size(cached, 4)}")
