"""Base images without a registry: `busybox` and `debian:SUITE`, made of this machine's Debian packages.

`rootfs` gives the archive alone, for whoever imports it elsewhere; `bootstrap` imports it into an engine.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.archive import CHUNK, produce_in_thread
from pogu.engine.images.busybox import write_busybox
from pogu.engine.images.debian import suite_of, write_debian
from pogu.engine.images.images import Images
from pogu.engine.images.loading import temporary_directory
from pogu.engine.images.progress import Progress, silent
from pogu.engine.images.reference import Reference, parse_reference
from pogu.errors import InvalidArgument, NotFound, PoguError

_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KNOWN = "busybox, debian, debian:SUITE (bookworm, trixie, sid…)"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A base image: its name, what its configuration says, and how its file system is made."""

    reference: Reference
    changes: tuple[str, ...]
    message: str
    write: Callable[[Path], Awaitable[None]]  # makes the archive at a path, its directory being free to use


def recipe(name: str) -> Recipe:
    """Return how to make the image `name`.

    Raises:
        InvalidArgument: there is no recipe for it; the message lists which there are.
    """
    reference = parse_reference(name)
    if reference.familiar_name == "busybox" and not reference.digest:
        return Recipe(reference.tagged(), (_PATH, 'CMD ["sh"]'), "busybox-static of Debian", write_busybox)
    if reference.familiar_name == "debian" and not reference.digest:
        suite = suite_of(reference.tag)
        named = reference.with_tag(suite if reference.tag in ("", "latest") else reference.tag)
        return Recipe(
            named, (_PATH, 'CMD ["bash"]'), f"Debian {suite}, minimal", lambda path: write_debian(suite, path)
        )
    raise InvalidArgument(f"there is no recipe for the image {name}; there are: {KNOWN}")


@asynccontextmanager
async def rootfs(name: str, directory: Path) -> AsyncIterator[Path]:
    """Make the archive of an image's root file system, uncompressed; gone when the context ends.

    Raises:
        InvalidArgument: no such recipe.
        Unsupported: a program is missing on this machine.
        PoguError: making it failed.
    """
    how = recipe(name)
    async with temporary_directory(directory, "bootstrap-") as work:
        work.chmod(0o755)  # apt's sandbox user reads its settings there
        await how.write(work / "rootfs.tar")
        yield work / "rootfs.tar"


async def bootstrap(images: Images, name: str, progress: Progress = silent) -> str:
    """Make the image `name`, replacing one of that name, and return its ID.

    Debian gets the name `debian:latest` too, if it is this machine's release or nothing has that name.

    Raises: as `rootfs`.
    """
    how = recipe(name)
    progress({"status": f"Making {how.reference.familiar} from Debian packages"})
    async with rootfs(name, images.spool) as archive:
        progress({"status": f"Importing {how.reference.familiar} ({archive.stat().st_size / 1e6:.1f} MB)"})
        return await add(images, name, _read(archive), progress)


async def add(images: Images, name: str, archive: AsyncIterator[bytes], progress: Progress = silent) -> str:
    """Import an archive that `rootfs` made as the image `name`, with its other names; return its ID."""
    how = recipe(name)
    reference = how.reference
    identifier = await images.import_(
        archive, reference.familiar_name, reference.tag, message=how.message, changes=how.changes
    )
    if reference.tag in (suite_of(""), "latest") or not _exists(images, reference.familiar_name):
        await images.tag(identifier, reference.familiar_name, "latest")
    progress({"status": identifier})
    return identifier


def _exists(images: Images, name: str) -> bool:
    try:
        images.resolve(name)
    except NotFound:
        return False
    return True


def _read(path: Path) -> AsyncIterator[bytes]:
    def work(emit: Callable[[bytes], None]) -> None:
        with path.open("rb") as file:
            while data := file.read(CHUNK):
                emit(data)

    return produce_in_thread(work, "bootstrap")


def main(arguments: list[str]) -> int:
    """`python -m pogu.engine.images.bootstrap IMAGE FILE`: make the archive alone."""
    if len(arguments) != 2:
        print(f"usage: python -m {__spec__.name} IMAGE FILE; images: {KNOWN}", file=sys.stderr)
        return 2
    name, target = arguments[0], Path(arguments[1])

    async def make() -> None:
        async with rootfs(name, target.absolute().parent) as archive:
            archive.rename(target)

    try:
        asyncio.run(make())
    except PoguError as e:
        print(f"bootstrap: {e.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
