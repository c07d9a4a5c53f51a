"""Removing what is not used: `prune` of each group, and `pogu system prune`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from pogu.cli.client import Client
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import command, many, switch
from pogu.cli.units import human_size

_FORCE = switch("-f", "--force", help="Do not prompt for confirmation")
_FILTER = many("--filter", "filters", help='Provide filter values (e.g. "until=<timestamp>")')


def _confirm(text: str, *, force: bool) -> bool:
    """Ask unless `force`; only `y` is a yes."""
    if force:
        return True
    print(f"WARNING! {text}\nAre you sure you want to continue? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _prune(client: Client, noun: str, filters: dict[str, list[str]] | None) -> tuple[Sequence[str], int]:
    """Prune one kind; return the lines to show and the bytes freed."""
    answer = client.post(f"/{noun}/prune", filters=filters) or {}
    lines: list[str] = []
    for key in ("ContainersDeleted", "NetworksDeleted", "VolumesDeleted"):
        lines += answer.get(key) or []
    for item in answer.get("ImagesDeleted") or []:
        lines += [f"{what.lower()}: {name}" for what, name in item.items()]
    return lines, int(answer.get("SpaceReclaimed") or 0)


def _report(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"Deleted {title}:")
        for line in lines:
            print(line)
        print()


def _one(session: Session, noun: str, title: str, filters: dict[str, list[str]] | None, *, space: bool = True) -> None:
    lines, freed = _prune(connect(session), noun, filters)
    _report(title, lines)
    if space:
        print(f"Total reclaimed space: {human_size(freed, 4)}")


@command("prune", help="Remove all stopped containers")
@_FORCE
@_FILTER
@click.pass_obj
def prune_containers(session: Session, /, *, force: bool, filters: tuple[str, ...]) -> None:
    """Remove stopped containers."""
    if _confirm("This will remove all stopped containers.", force=force):
        _one(session, "containers", "Containers", parse_filters(filters))


@command("prune", help="Remove unused images")
@switch("-a", "--all", "all_", help="Remove all unused images, not just dangling ones")
@_FORCE
@_FILTER
@click.pass_obj
def prune_images(session: Session, /, *, all_: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove images without a name, or all that no container uses."""
    text = "all images without at least one container associated to them." if all_ else "all dangling images."
    if _confirm(f"This will remove {text}", force=force):
        _one(session, "images", "Images", {**(parse_filters(filters) or {}), "dangling": ["false" if all_ else "true"]})


@command("prune", help="Remove all unused networks")
@_FORCE
@_FILTER
@click.pass_obj
def prune_networks(session: Session, /, *, force: bool, filters: tuple[str, ...]) -> None:
    """Remove networks that no container uses."""
    if _confirm("This will remove all custom networks not used by at least one container.", force=force):
        _one(session, "networks", "Networks", parse_filters(filters), space=False)


@command("prune", help="Remove unused local volumes")
@switch("-a", "--all", "all_", help="Remove all unused volumes, not just anonymous ones")
@_FORCE
@_FILTER
@click.pass_obj
def prune_volumes(session: Session, /, *, all_: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove anonymous volumes that no container uses, or all such."""
    which = "all local volumes" if all_ else "anonymous local volumes"
    if _confirm(f"This will remove {which} not used by at least one container.", force=force):
        wanted = parse_filters(filters) or {}
        if all_:
            wanted["all"] = ["1"]
        _one(session, "volumes", "Volumes", wanted or None)


@command("prune", help="Remove unused data")
@switch("-a", "--all", "all_", help="Remove all unused images not just dangling ones")
@_FORCE
@_FILTER
@switch("--volumes", help="Prune anonymous volumes")
@click.pass_obj
def prune_system(session: Session, /, **given: Any) -> None:
    """Remove stopped containers, unused networks, images and build cache, and volumes where asked."""
    filters = parse_filters(given["filters"])
    if given["volumes"] and filters and "until" in filters:
        raise Failed('ERROR: The "until" filter is not supported with "--volumes"')
    images = "all images without at least one container" if given["all_"] else "all dangling images"
    text = "This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
    text += "  - all anonymous volumes not used by at least one container\n" if given["volumes"] else ""
    if not _confirm(f"{text}  - {images}\n", force=given["force"]):
        return
    client = connect(session)
    total = 0
    dangling = {**(filters or {}), "dangling": ["false" if given["all_"] else "true"]}
    steps = [("containers", "Containers", filters), ("networks", "Networks", filters)]
    if given["volumes"]:
        steps.append(("volumes", "Volumes", filters))
    steps.append(("images", "Images", dangling))
    for noun, title, wanted in steps:
        lines, freed = _prune(client, noun, wanted)
        _report(title, lines)
        total += freed
    print(f"Total reclaimed space: {human_size(total, 4)}")
