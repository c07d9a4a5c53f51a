"""Removing what is not used: `prune` of each group, and `pogu system prune`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pogu.cli.client import Client
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.flags.body import size
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import command, many, switch, value
from pogu.cli.units import human_size

_FORCE = switch("-f", "--force", help="Do not prompt for confirmation")
_FILTER = many("--filter", "filters", help='Provide filter values (e.g. "until=<timestamp>")')


def _confirm(text: str, *, force: bool, separator: str = "\n") -> bool:
    """Ask unless `force`; only `y` is a yes."""
    if force:
        return True
    print(f"WARNING! {text}{separator}Are you sure you want to continue? [y/N] ", end="", flush=True)
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


def _filters(given: Sequence[str]) -> dict[str, list[str]] | None:
    return parse_filters(given, "--filter")


@command("prune", help="Remove all stopped containers")
@_FORCE
@_FILTER
def prune_containers(session: Session, /, *, force: bool, filters: tuple[str, ...]) -> None:
    """Remove stopped containers."""
    wanted = _filters(filters)
    if _confirm("This will remove all stopped containers.", force=force):
        _one(session, "containers", "Containers", wanted)


@command("prune", help="Remove unused images")
@switch("-a", "--all", "all_", help="Remove all unused images, not just dangling ones")
@_FORCE
@_FILTER
def prune_images(session: Session, /, *, all_: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove images without a name, or all that no container uses."""
    wanted = {**(_filters(filters) or {}), "dangling": ["false" if all_ else "true"]}
    text = "all images without at least one container associated to them." if all_ else "all dangling images."
    if _confirm(f"This will remove {text}", force=force):
        _one(session, "images", "Images", wanted)


@command("prune", help="Remove all unused networks")
@_FORCE
@_FILTER
def prune_networks(session: Session, /, *, force: bool, filters: tuple[str, ...]) -> None:
    """Remove networks that no container uses."""
    wanted = _filters(filters)
    if _confirm("This will remove all custom networks not used by at least one container.", force=force):
        _one(session, "networks", "Networks", wanted, space=False)


@command("prune", help="Remove unused local volumes")
@switch("-a", "--all", "all_", help="Remove all unused volumes, not just anonymous ones")
@_FORCE
@_FILTER
def prune_volumes(session: Session, /, *, all_: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove anonymous volumes that no container uses, or all such."""
    wanted = _filters(filters) or {}
    if all_:
        if "all" in wanted:
            raise Failed("conflicting options: cannot specify both --all and --filter all=1")
        wanted["all"] = ["true"]
    which = "all local volumes" if "all" in wanted else "anonymous local volumes"
    if _confirm(f"This will remove {which} not used by at least one container.", force=force):
        _one(session, "volumes", "Volumes", wanted or None)


@command("prune", help="Remove build cache")
@switch("-a", "--all", "all_", help="Remove all unused build cache, not just dangling ones")
@_FORCE
@_FILTER
@value("--keep-storage", metavar="bytes", help="Amount of disk space to keep for cache")
def prune_builder(
    session: Session, /, *, all_: bool, force: bool, filters: tuple[str, ...], keep_storage: str | None
) -> None:
    """Remove what builds have left for the next ones."""
    wanted = _filters(filters)
    keep = size("--keep-storage", keep_storage) or None
    which = "all build cache" if all_ else "all dangling build cache"
    if _confirm(f"This will remove {which}.", force=force, separator=" "):
        lines, freed = _prune_cache(connect(session), wanted, all_=all_, keep=keep)
        _report("build cache objects", lines)
        print(f"Total reclaimed space: {human_size(freed, 4)}")


def _prune_cache(
    client: Client, filters: dict[str, list[str]] | None, *, all_: bool, keep: int | None = None
) -> tuple[Sequence[str], int]:
    answer = client.post("/build/prune", filters=filters, all=all_ or None, **{"keep-storage": keep}) or {}
    return answer.get("CachesDeleted") or [], int(answer.get("SpaceReclaimed") or 0)


@command("prune", help="Remove unused data")
@switch("-a", "--all", "all_", help="Remove all unused images not just dangling ones")
@_FORCE
@_FILTER
@switch("--volumes", help="Prune anonymous volumes")
def prune_system(session: Session, /, *, all_: bool, force: bool, filters: tuple[str, ...], volumes: bool) -> None:
    """Remove stopped containers, unused networks, images and build cache, and volumes where asked."""
    wanted = _filters(filters)
    if volumes and wanted and "until" in wanted:
        raise Failed('ERROR: The "until" filter is not supported with "--volumes"')
    if not _confirm(_plan(filters, all_=all_, volumes=volumes), force=force):
        return
    client = connect(session)
    dangling = {**(wanted or {}), "dangling": ["false" if all_ else "true"]}
    steps = [("containers", "Containers", wanted), ("networks", "Networks", wanted)]
    if volumes:
        steps.append(("volumes", "Volumes", wanted))
    steps.append(("images", "Images", dangling))
    total = 0
    for noun, title, chosen in steps:
        lines, freed = _prune(client, noun, chosen)
        _report(title, lines)
        total += freed
    lines, freed = _prune_cache(client, wanted, all_=all_)
    _report("build cache objects", lines)
    print(f"Total reclaimed space: {human_size(total + freed, 4)}")


def _plan(filters: Sequence[str], *, all_: bool, volumes: bool) -> str:
    unused = "not used by at least one container"
    lines = ["This will remove:", "  - all stopped containers", f"  - all networks {unused}"]
    if volumes:
        lines.append(f"  - all anonymous volumes {unused}")
    if all_:
        lines += ["  - all images without at least one container associated to them", "  - all build cache"]
    else:
        lines += ["  - all dangling images", "  - unused build cache"]
    if filters:
        lines += ["", "  Items to be pruned will be filtered with:", *(f"  - {text}" for text in sorted(filters))]
    return "\n".join([*lines, ""])
