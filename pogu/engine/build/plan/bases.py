"""Images that a build begins with: found here, or pulled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pogu.engine.build.client import BuildClient
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.logins import credentials
from pogu.engine.build.progress import Report
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.solving.telling import Told, tell
from pogu.engine.images import Image, Images, parse_reference
from pogu.errors import NotFound, PoguError, Unauthenticated


@dataclass(frozen=True, slots=True)
class Found:
    """An image and its layers."""

    image: Image
    snapshot: Snapshot


class Bases:
    """Finds the images of one build, each once."""

    def __init__(self, images: Images, client: BuildClient, report: Report, *, pull: bool) -> None:
        self._images = images
        self._client = client
        self._report = report
        self._pull = pull
        self._found: dict[tuple[str, str], asyncio.Task[Found]] = {}

    async def find(self, name: str, platform: str, line: int) -> Found:
        """Return an image, pulled if it is not here or `pull` is asked for.

        Raises:
            BuildFailed: the name cannot be one, or there is no such image.
        """
        key = (name, platform)
        if key not in self._found:
            self._found[key] = asyncio.ensure_future(self._find(name, platform))
        try:
            return await asyncio.shield(self._found[key])
        except PoguError as e:
            raise BuildFailed(e.message, line) from None

    async def _find(self, name: str, platform: str) -> Found:
        title = f"[internal] load metadata for {_normal(name)}"
        async with tell(self._report, title) as told:
            image = None if self._pull else self._local(name, platform)
            if image is None:
                image = await self._pulled(name, platform, told)
            return Found(image, Snapshot(tuple(image.layers), image.created))

    def _local(self, name: str, platform: str) -> Image | None:
        try:
            return self._images.resolve(name, platform)
        except NotFound:
            return None

    async def _pulled(self, name: str, platform: str, told: Told) -> Image:
        login = await self._client.login(parse_reference(name).domain)
        try:
            identifiers = await self._images.pull(name, platform, credentials(login), progress=told.pull)
        except (NotFound, Unauthenticated):
            local = self._local(name, platform) if self._pull else None
            if local is None or name.startswith("sha256:"):
                raise
            return local
        return self._images.get(identifiers[0])


def _normal(name: str) -> str:
    try:
        return str(parse_reference(name).tagged())
    except PoguError:
        return name
