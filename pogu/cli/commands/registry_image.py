"""`pogu registry image`: the registry as a container image, made here of what is installed and given to the daemon."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from pogu import __version__
from pogu.cli.commands.bootstrap import import_archive
from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.pflag import command, switch


@command("image", help="Make a container image that serves a registry, without a registry")
@switch("-q", "--quiet", help="Print only the image's ID")
def image(session: Session, /, *, quiet: bool) -> None:
    """Make the image, name it `latest` and after the version, and print its ID."""
    from pogu.registry.image import CHANGES, NAME, write

    client = connect(session)
    client.get("/version")  # a daemon that is not there is better known before the work than after
    if not quiet:
        print(f"Making {NAME}:{__version__} from busybox and Pogu's own Python", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="pogu-registry-image-", dir="/var/tmp") as folder:  # made private
        archive = Path(folder, "rootfs.tar")
        asyncio.run(write(archive))
        query = {"repo": NAME, "tag": "latest", "message": f"Pogu {__version__}", "changes": list(CHANGES)}
        id_ = import_archive(client, archive, query)
    client.post(f"/images/{NAME}:latest/tag", repo=NAME, tag=__version__)
    print(id_)
