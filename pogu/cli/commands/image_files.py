"""Images in and out of files: `pogu save`, `pogu load`, `pogu import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

from pogu.cli.commands.images import check_reference, split_tag
from pogu.cli.connect import connect
from pogu.cli.files import check_output, pieces, write_to
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.cli.platforms import platform_object
from pogu.cli.progress import show_progress
from pogu.cli.terminal import is_terminal


@command("save", help="Save one or more images to a tar archive (streamed to STDOUT by default)")
@value("-o", "--output", help="Write to a file, instead of STDOUT")
@value("--platform", help="Save only the given platform")
@argument("names", nargs=-1, required=True, metavar="IMAGE [IMAGE...]")
def save(session: Session, /, *, names: tuple[str, ...], output: str | None, platform: str | None) -> None:
    """Save images."""
    if output is None and is_terminal(sys.stdout):
        raise Failed("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    check_output(output, "failed to save image")
    query = {"names": list(names), "platform": platform_object(platform)}
    write_to(output, connect(session).request("GET", "/images/get", query=query))


@command("load", help="Load an image from a tar archive or STDIN")
@value("-i", "--input", "source", help="Read from tar archive file, instead of STDIN")
@value("--platform", help="Load only the given platform")
@switch("-q", "--quiet", help="Suppress the load output")
def load(session: Session, /, *, source: str | None, platform: str | None, quiet: bool) -> None:
    """Load images."""
    if source is None and is_terminal(sys.stdin):
        raise Failed("requested load from stdin, but stdin is empty")
    query = {"quiet": quiet, "platform": platform_object(platform)}
    with _opened(source) as stream:
        reply = connect(session).request("POST", "/images/load", query=query, body=pieces(stream))
        show_progress(reply)


def _opened(source: str | None) -> BinaryIO:
    if source is None or source == "-":
        return sys.stdin.buffer
    try:
        return Path(source).open("rb")
    except FileNotFoundError:
        raise Failed(f"open {source}: no such file or directory") from None


@command("import", help="Import the contents from a tarball to create a filesystem image")
@many("-c", "--change", help="Apply Dockerfile instruction to the created image")
@value("-m", "--message", help="Set commit message for imported image")
@value("--platform", help="Set platform if server is multi-platform capable")
@argument("source", metavar="file|URL|-")
@argument("reference", required=False, metavar="[REPOSITORY[:TAG]]")
def import_(session: Session, /, source: str, reference: str | None, **given: Any) -> None:
    """Make an image of a file system."""
    if reference:
        check_reference(reference)
    repository, label = split_tag(reference) if reference else ("", "")
    query = {
        "fromSrc": "-",
        "repo": repository or None,
        "tag": label or None,
        "message": given["message"],
        "changes": list(given["change"]),
        "platform": given["platform"],
    }
    client = connect(session)
    if source.startswith(("http://", "https://")):
        show_progress(client.request("POST", "/images/create", query={**query, "fromSrc": source}))
        return
    with _opened(source) as stream:
        show_progress(client.request("POST", "/images/create", query=query, body=pieces(stream)))
