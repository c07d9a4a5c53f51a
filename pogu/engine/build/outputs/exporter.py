"""Giving out what was built, in the forms that were asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.archive import pack
from pogu.engine.build.client import BuildClient
from pogu.engine.build.logins import credentials
from pogu.engine.build.options import Output
from pogu.engine.build.outputs.document import Document
from pogu.engine.build.progress import Report
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.solving.telling import tell
from pogu.engine.build.workshop import Workshop
from pogu.engine.images import Images, parse_reference
from pogu.errors import InvalidArgument
from pogu.linux.paths import open_root, opened


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of a build: the ID of its image, empty where it gave none to this machine."""

    image_id: str = ""


class Exporter:
    """Gives out the results of builds."""

    def __init__(self, images: Images, workshop: Workshop) -> None:
        self._images = images
        self._workshop = workshop

    async def export(
        self, made: Document, files: Snapshot, output: Output, client: BuildClient, report: Report
    ) -> Exported:
        """Give out one form. Raises InvalidArgument for a form that there is not."""
        if output.type in ("image", "moby", "registry"):
            return await self._image(made, output, client, report)
        if output.type in ("oci", "docker"):
            return await self._archive(made, output, client, report)
        if output.type == "local":
            async with tell(report, "exporting to client directory"), self._workshop.root(files) as root:
                await client.send_directory(root)
            return Exported()
        if output.type == "tar":
            async with tell(report, "exporting to client tarball"), self._workshop.root(files) as root:
                await client.send_archive(_packed(root), {})
            return Exported()
        raise InvalidArgument(f"exporter {output.type!r} could not be found")

    async def _image(self, made: Document, output: Output, client: BuildClient, report: Report) -> Exported:
        async with tell(report, "exporting to image") as told:
            identifier = await self._images.add_built(made.raw, made.layers, tags=output.names)
            told.progress(f"writing image {identifier}", 0, done=True)
            for name in output.names:
                told.progress(f"naming to {parse_reference(name).tagged()}", 0, done=True)
        for name in output.names if output.push or output.type == "registry" else ():
            async with tell(report, f"pushing {name}") as told:
                login = await client.login(parse_reference(name).domain)
                await self._images.push(name, credentials(login), told.pull)
        return Exported(identifier)

    async def _archive(self, made: Document, output: Output, client: BuildClient, report: Report) -> Exported:
        async with tell(report, f"exporting to {output.type} image format"):
            known = made.id in self._images
            identifier = await self._images.add_built(made.raw, made.layers)
            try:
                await client.send_archive(self._images.save_as(identifier, output.names), {})
            finally:
                if not known:
                    await self._images.remove(identifier)
        return Exported()


async def _packed(root: Path) -> AsyncIterator[bytes]:
    with opened(open_root(root)) as fd:
        async for chunk in pack(fd, "/.", ""):
            yield chunk
