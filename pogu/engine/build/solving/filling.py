"""COPY, ADD and WORKDIR: sources brought here, what they are for the cache, and the layer that comes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pogu.engine.archive import run_in_thread
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.files.checksums import Checksum, FileDigests
from pogu.engine.build.files.copying import make_workdir
from pogu.engine.build.owners import resolve_owner
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.solving.fetching import GitSource, Told, download, file_name, passing_directory
from pogu.engine.build.solving.placing import Opened, Placement, selected
from pogu.engine.build.steps import ContextFiles, Copy, Inline, Remote, Repository, Source, StageFiles, Step, Workdir
from pogu.engine.build.workshop import Workshop
from pogu.engine.images.digests import sha256
from pogu.engine.images.layers import LayerFile, Lease
from pogu.engine.moments import now_rfc3339
from pogu.errors import InvalidArgument
from pogu.linux.paths import open_root, opened

Results = Mapping[Step, Snapshot]


class Filler:
    """Carries out the steps that bring files into an image. `spool` is a directory for what comes from elsewhere."""

    def __init__(self, workshop: Workshop, files: FileDigests, spool: Path, blob: Callable[[str], Path]) -> None:
        self._workshop = workshop
        self._files = files
        self._spool = spool
        self._blob = blob

    @asynccontextmanager
    async def brought(self, step: Copy, told: Told) -> AsyncIterator[dict[Source, Opened]]:
        """Yield the sources that are not in stages, on this machine.

        Raises:
            BuildFailed: one cannot be had.
        """
        async with AsyncExitStack() as stack:
            here: dict[Source, Opened] = {}
            for source in step.sources:
                if not isinstance(source, StageFiles):
                    try:
                        here[source] = await self._bring(source, step, stack, told)
                    except InvalidArgument as e:
                        raise BuildFailed(e.message, step.line) from None
            yield here

    async def _bring(self, source: Source, step: Copy, stack: AsyncExitStack, told: Told) -> Opened:
        if isinstance(source, ContextFiles):
            path = await source.context.path()
            return Opened(
                path, source.patterns, excluded=source.context.excluded, unpacks=step.unpack, deep=step.parents
            )
        if isinstance(source, Inline):
            return Opened(None, inline=source)
        directory = await stack.enter_async_context(passing_directory(self._spool))
        if isinstance(source, Remote):
            return await _download(source, step, directory, told)
        assert isinstance(source, Repository)
        git = GitSource(source.url)
        commit = await git.commit()
        if source.checksum and not commit.startswith(source.checksum):
            raise InvalidArgument(f"expected checksum to match {source.checksum}, got {commit}")
        wanted = await git.check_out(commit, directory / "repository", keep_git_dir=source.keep_git_dir)
        return Opened(wanted, ("",))

    async def identities(self, step: Copy, here: Mapping[Source, Opened]) -> list[Any]:
        """Return what each source is: for stages their names alone, else a digest of the content.

        Raises:
            BuildFailed: nothing is there.
        """
        return [await self._identity(source, here, step) for source in step.sources]

    async def _identity(self, source: Source, here: Mapping[Source, Opened], step: Copy) -> Any:
        if isinstance(source, StageFiles):
            return ["stage", list(source.patterns)]
        found = here[source]
        if found.inline is not None:
            return ["inline", found.inline.name, sha256(found.inline.content)]
        digest = await run_in_thread(lambda: self._digest(found, step.line, owners=False), lambda: None, "checksum")
        times = isinstance(source, Remote)  # the server's time is part of what ADD makes
        assert found.root is not None
        return ["files", digest, int((found.root / found.patterns[0]).stat().st_mtime) if times else 0]

    def _digest(self, source: Opened, line: int, *, owners: bool) -> list[Any]:
        assert source.root is not None
        with opened(open_root(source.root)) as root:
            paths = selected(source, root, line)
            return [paths, Checksum(root, self._files, owners=owners, excluded=source.excluded).of(paths)]

    async def stage_contents(self, step: Copy, results: Results) -> list[Any]:
        """Return digests of what the step takes from stages. Raises BuildFailed."""
        found = []
        for source in step.sources:
            if isinstance(source, StageFiles):
                work = partial(self._stage_digest, source.patterns, step)
                found.append(await self._workshop.look(results[source.step], work))
        return found

    def _stage_digest(self, patterns: tuple[str, ...], step: Copy, root: Path) -> list[Any]:
        return self._digest(Opened(root, patterns, deep=step.parents), step.line, owners=True)

    async def context_digest(self, files: ContextFiles, line: int) -> list[Any]:
        """Return what a part of a context is. Raises BuildFailed."""
        found = Opened(await files.context.path(), files.patterns, excluded=files.context.excluded)
        return await run_in_thread(lambda: self._digest(found, line, owners=False), lambda: None, "checksum")

    async def copy(
        self, step: Copy, below: Snapshot, results: Results, here: Mapping[Source, Opened], lease: Lease
    ) -> Snapshot:
        """Carry out COPY or ADD on `below`. Raises BuildFailed."""
        async with AsyncExitStack() as stack:
            sources = [await self._opened(source, step, results, here, stack) for source in step.sources]
            if not step.link:
                return await self._workshop.make(below, lease, lambda root: Placement(step, sources, root).place(root))
            owners = await stack.enter_async_context(self._workshop.root(below))
            alone = await self._workshop.make(
                Snapshot(), lease, lambda root: Placement(step, sources, owners).place(root)
            )
        return await self._put_on_top(below, alone, lease)

    async def _opened(
        self, source: Source, step: Copy, results: Results, here: Mapping[Source, Opened], stack: AsyncExitStack
    ) -> Opened:
        if not isinstance(source, StageFiles):
            return here[source]
        root = await stack.enter_async_context(self._workshop.root(results[source.step]))
        return Opened(root, source.patterns, sets_owner=False, deep=step.parents)

    async def _put_on_top(self, below: Snapshot, alone: Snapshot, lease: Lease) -> Snapshot:
        """Return `below` with the layer that was made without it."""
        layer = alone.layers[0]
        async with self._workshop.layers.adding():
            file = LayerFile(self._blob(layer.digest), layer.diff_id, actual=layer.digest)
            made = below.on_top(await self._workshop.layers.add(file, below.chain), now_rfc3339())
            lease.stacks.append(made.layers)
        return made

    async def make_workdir(self, step: Workdir, below: Snapshot, lease: Lease) -> Snapshot:
        """Carry out WORKDIR on `below`. Raises BuildFailed."""

        def make(root: Path) -> None:
            try:
                owner = resolve_owner(root, step.user) if step.user else (0, 0)
                with opened(open_root(root)) as fd:
                    make_workdir(fd, step.path, owner)
            except InvalidArgument as e:
                raise BuildFailed(e.message, step.line) from None
            except OSError as e:
                raise BuildFailed(f"cannot mkdir: {step.path}: {e.strerror or e}", step.line) from None

        return await self._workshop.make(below, lease, make)


async def _download(source: Remote, step: Copy, directory: Path, told: Told) -> Opened:
    name = file_name(source.url)
    if not name and step.destination.endswith("/"):
        raise InvalidArgument(f"cannot determine filename for source {source.url}")
    name = name or "download"
    digest = await download(source.url, directory / name, told)
    if source.checksum and digest != source.checksum:
        raise InvalidArgument(f"digest mismatch {digest}: {source.checksum}")
    return Opened(directory, (_literal(name),), unpacks=step.unpack_downloads)


def _literal(name: str) -> str:
    """Return a name as a pattern that matches it alone."""
    return "".join(f"\\{c}" if c in "*?[\\" else c for c in name)
