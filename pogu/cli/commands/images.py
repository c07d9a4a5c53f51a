"""`pogu images`, `pogu rmi`, `pogu tag`, `pogu history`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from pogu.cli.client import ApiError, segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import Listing, print_rows
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.cli.platforms import platform_object
from pogu.cli.units import human_age, human_moment, human_size

_TABLE = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
_DIGEST_TABLE = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
_RAW = (
    "repository: {{.Repository}}\ntag: {{.Tag}}\n{{digest}}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\n"
    "virtual_size: {{.Size}}\n"
)
LISTING = Listing(
    _TABLE,
    {"ID": "IMAGE ID", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT"},
    quiet="ID",
    raw=_RAW.replace("{{digest}}", ""),
    quiet_raw="image_id: {{.ID}}",
    kind="*formatter.imageContext",
)
_WITH_DIGESTS = LISTING._replace(table=_DIGEST_TABLE, raw=_RAW.replace("{{digest}}", "digest: {{.Digest}}\n"))
_NONE = "<none>"
_COMMANDS_OF_IMAGES = frozenset("build history import inspect list load ls prune pull push rm save tag".split())
_NOT_OF_TREES = {"quiet": "quiet", "no_trunc": "no-trunc", "digests": "show-digest", "form": "format"}


@command("images", help="List images")
@switch("-a", "--all", "all_", help="Show all images (default hides intermediate images)")
@switch("--digests", help="Show digests")
@many("-f", "--filter", "filters", help="Filter output based on conditions provided")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("--no-trunc", help="Don't truncate output")
@switch("-q", "--quiet", help="Only show image IDs")
@switch("--tree", help="List what is here of each image for which platform as a tree")
@argument("repository", required=False, metavar="[REPOSITORY[:TAG]]")
def images(session: Session, /, repository: str | None, **given: Any) -> None:
    """List images."""
    filters = parse_filters(given["filters"]) or {}
    if repository:
        filters["reference"] = [repository]
    if given["tree"]:
        for name, flag in _NOT_OF_TREES.items():
            if given[name]:
                raise Failed(f"--{flag} is not yet supported with --tree")
    query = {"all": given["all_"] or None, "filters": filters or None, "manifests": given["tree"] or None}
    found = connect(session).get("/images/json", **query)
    if given["tree"]:
        from pogu.cli.commands.image_tree import print_tree

        print_tree(found, all_=given["all_"])
        return
    if not found and repository in _COMMANDS_OF_IMAGES and session.command == "pogu images":
        meant = f'did you mean "pogu image {repository}"?'
        print(f'\nNo images found matching "{repository}": {meant}', file=sys.stderr)
    rows = [row for entry in found for row in _rows(entry, given, repository)]
    form = session.listing_form(given["form"], "imagesFormat", quiet=given["quiet"])
    if form and form.startswith("table ") and given["digests"] and "{{.Digest}}" not in form:
        form += "\t{{.Digest}}"
    print_rows(form, rows, _WITH_DIGESTS if given["digests"] else LISTING, quiet=given["quiet"])


def _rows(entry: dict[str, Any], given: dict[str, Any], wanted: str | None) -> Iterator[dict[str, Any]]:
    """Yield one row for each tag, and for each digest without a tag, as docker does."""
    id_ = entry["Id"] if given["no_trunc"] else entry["Id"].removeprefix("sha256:")[:12]
    common = {
        "ID": id_,
        "CreatedSince": human_age(float(entry["Created"])),
        "CreatedAt": human_moment(entry["Created"]),
        "Size": human_size(entry["Size"]),
        "Containers": _count(entry.get("Containers", -1)),
        "SharedSize": _size(entry.get("SharedSize", -1)),
        "UniqueSize": "N/A",
        "VirtualSize": human_size(entry["Size"], 4),
    }
    digests = dict(text.split("@") for text in entry.get("RepoDigests") or [] if "@" in text)
    tags = [tag for tag in entry.get("RepoTags") or [] if tag != "<none>:<none>"]
    for tag in tags:
        name, _, label = tag.rpartition(":")
        yield {**common, "Repository": name, "Tag": label, "Digest": digests.pop(name, _NONE)}
    if given["quiet"] and tags:
        return
    for name, digest in digests.items():
        if name != _NONE and given["digests"]:
            yield {**common, "Repository": name, "Tag": _NONE, "Digest": digest}
    if not tags and not wanted:
        yield {**common, "Repository": _NONE, "Tag": _NONE, "Digest": _NONE}


def _count(number: int) -> str:
    return "N/A" if number < 0 else str(number)


def _size(number: int) -> str:
    return "N/A" if number < 0 else human_size(number)


@command("rmi", help="Remove one or more images")
@switch("-f", "--force", help="Force removal of the image")
@switch("--no-prune", help="Do not delete untagged parents")
@many("--platform", "platforms", metavar="strings", help="Remove only the given platform: os[/arch[/variant]]")
@argument("names", nargs=-1, required=True, metavar="IMAGE [IMAGE...]")
def rmi(
    session: Session, /, *, names: tuple[str, ...], force: bool, no_prune: bool, platforms: tuple[str, ...]
) -> None:
    """Remove images."""
    client = connect(session)
    wanted = [platform_object(text, "") for given in platforms for text in given.split(",")]
    query = {"force": force or None, "noprune": no_prune or None, "platforms": wanted or None}

    def remove(ref: str) -> None:
        try:
            answer = client.delete(f"/images/{segment(ref)}", **query)
        except ApiError as e:
            if not (force and e.status == 404):
                raise
            print(e, file=sys.stderr)
            return
        for item in answer or []:
            for what, name in item.items():
                print(f"{what}: {name}", flush=True)

    each(names, remove, show=False)


@command("tag", help="Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE")
@argument("source", metavar="SOURCE_IMAGE[:TAG]")
@argument("target", metavar="TARGET_IMAGE[:TAG]")
def tag(session: Session, /, *, source: str, target: str) -> None:
    """Give an image another name."""
    check_reference(target, f'Error parsing reference: "{target}" is not a valid repository/tag: ')
    repository, label = split_tag(target)
    connect(session).post(f"/images/{segment(source)}/tag", repo=repository, tag=label)


def check_reference(name: str, prefix: str = "") -> None:
    """Raise Failed for a name that no image can have."""
    from pogu.engine.images.reference import parse_reference
    from pogu.errors import InvalidArgument

    try:
        parse_reference(name)
    except InvalidArgument as e:
        raise Failed(prefix + e.message) from e


def split_tag(name: str) -> tuple[str, str]:
    """Return (repository, tag) of a reference; the tag is empty where there is none. Digests are refused."""
    if "@" in name:
        raise Failed("refusing to create a tag with a digest reference")
    head, colon, label = name.rpartition(":")
    return (head, label) if colon and "/" not in label else (name, "")


@command("history", help="Show the history of an image")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("-H", "--human", default=True, help="Print sizes and dates in human readable format")
@switch("--no-trunc", help="Don't truncate output")
@value("--platform", help="Show history for the given platform: os[/arch[/variant]]")
@switch("-q", "--quiet", help="Only show image IDs")
@argument("image", metavar="IMAGE")
def history(session: Session, /, image: str, **given: Any) -> None:
    """List what an image was made of."""
    platform = platform_object(given["platform"])
    found = connect(session).get(f"/images/{segment(image)}/history", platform=platform)
    rows = [_history_row(entry, human=given["human"], trunc=not given["no_trunc"]) for entry in found]
    print_rows(given["form"], rows, _HISTORY, quiet=given["quiet"])


_HISTORY = Listing(
    "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
    {"ID": "IMAGE", "CreatedSince": "CREATED", "CreatedBy": "CREATED BY"},
    quiet="ID",
    kind="*image.historyContext",
)


def _history_row(entry: dict[str, Any], *, human: bool, trunc: bool) -> dict[str, Any]:
    by = entry["CreatedBy"].replace("\t", " ")
    id_ = entry["Id"]
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry["Created"]))
    return {
        "ID": id_.removeprefix("sha256:")[:12] if trunc and id_ != "<missing>" else id_,
        "CreatedAt": created,
        "CreatedSince": human_age(float(entry["Created"])) if human else created,
        "CreatedBy": by if not trunc or len(by) <= 45 else f"{by[:44]}…",
        "Size": human_size(entry["Size"]) if human else str(entry["Size"]),
        "Comment": entry["Comment"],
    }
