"""A container's file system as a whole: `diff`, `export`, `commit`."""

from __future__ import annotations

import sys

from pogu.cli.client import segment
from pogu.cli.commands.images import check_reference, split_tag
from pogu.cli.connect import connect
from pogu.cli.files import check_output, write_to
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.cli.terminal import is_terminal

_KINDS = "CAD"  # modified, added, deleted


@command("diff", help="Inspect changes to files or directories on a container's filesystem")
@argument("container", metavar="CONTAINER")
def diff(session: Session, /, *, container: str) -> None:
    """Print what a container has changed."""
    for change in connect(session).get(f"/containers/{segment(container)}/changes") or []:
        print(f"{_KINDS[change['Kind']]} {change['Path']}")


@command("export", help="Export a container's filesystem as a tar archive")
@value("-o", "--output", help="Write to a file, instead of STDOUT")
@argument("container", metavar="CONTAINER")
def export(session: Session, /, *, container: str, output: str | None) -> None:
    """Write a container's file system as a tar archive."""
    if output is None and is_terminal(sys.stdout):
        raise Failed("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    check_output(output, "failed to export container")
    write_to(output, connect(session).request("GET", f"/containers/{segment(container)}/export"))


@command("commit", rest=True, help="Create a new image from a container's changes")
@value("-a", "--author", help='Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")')
@many("-c", "--change", help="Apply Dockerfile instruction to the created image")
@value("-m", "--message", help="Commit message")
@switch("-p", "--pause", default=True, help="Pause container during commit")
@argument("container", metavar="CONTAINER")
@argument("reference", required=False, metavar="[REPOSITORY[:TAG]]")
def commit(
    session: Session,
    /,
    *,
    container: str,
    reference: str | None,
    author: str | None,
    change: tuple[str, ...],
    message: str | None,
    pause: bool,
) -> None:
    """Make an image of a container's changes and print its ID."""
    if reference:
        check_reference(reference)
    repository, label = split_tag(reference) if reference else (None, None)
    answer = connect(session).post(
        "/commit",
        {},
        container=container,
        repo=repository,
        tag=label or None,
        author=author,
        comment=message,
        changes=list(change),
        pause=pause,
    )
    print(answer["Id"])
