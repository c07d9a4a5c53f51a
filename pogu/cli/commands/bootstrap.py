"""`pogu image bootstrap`: a base image from Debian packages, made here and imported through the API."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from pogu.cli.client import ApiError, Client, segment
from pogu.cli.connect import connect
from pogu.cli.files import pieces
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, switch


@command("bootstrap", help="Make a base image (busybox, debian:SUITE) from Debian packages, without a registry")
@switch("-q", "--quiet", help="Print only the image's ID")
@argument("name", metavar="NAME")
def bootstrap(session: Session, /, *, name: str, quiet: bool) -> None:
    """Make the image and print its ID."""
    client = connect(session)
    client.get("/version")  # a daemon that is not there is better known before the work than after
    if not quiet:
        print(f"Making {name} from Debian packages", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="pogu-bootstrap-", dir="/var/tmp") as folder:  # made private
        print(asyncio.run(_make(client, name, Path(folder))))


async def _make(client: Client, name: str, folder: Path) -> str:
    from pogu.engine.images.bootstrap import recipe, rootfs

    how = recipe(name)
    async with rootfs(name, folder) as archive:
        repository, tag = how.reference.familiar_name, how.reference.tag
        query = {
            "repo": repository,
            "tag": tag,
            "message": how.message,
            "changes": list(how.changes),
        }
        return await asyncio.to_thread(_import, client, archive, query)


def _import(client: Client, archive: Path, query: dict[str, Any]) -> str:
    id_ = import_archive(client, archive, query)
    try:
        client.get(f"/images/{segment(query['repo'])}:latest/json")
    except ApiError:  # nothing has the short name yet
        client.post(f"/images/{segment(query['repo'])}:{query['tag']}/tag", repo=query["repo"], tag="latest")
    return id_


def import_archive(client: Client, archive: Path, query: dict[str, Any]) -> str:
    """Have the daemon make an image of the archive of a root file system; return its ID. Raises Failed."""
    id_ = ""
    with archive.open("rb") as stream:
        reply = client.request("POST", "/images/create", query={"fromSrc": "-", **query}, body=pieces(stream))
        for message in reply.json_lines():
            if "error" in message:
                raise Failed(str(message["error"]))
            id_ = str(message.get("status", id_))
    return id_
