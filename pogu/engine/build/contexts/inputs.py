"""What a build begins with: the Dockerfile and the contexts, from whichever way they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pogu.engine.archive import ExtractOptions, ThreadReader, decompress, extract, run_in_thread
from pogu.engine.build.client import BuildClient, Selection
from pogu.engine.build.contexts.context import Context
from pogu.engine.build.contexts.directories import ContextDirectories
from pogu.engine.build.contexts.unpacking import memory_beside, unpack
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.files.checksums import FileDigests
from pogu.engine.build.ignore import Ignore, parse_ignore
from pogu.engine.build.progress import Report
from pogu.engine.build.solving.fetching import GitSource, download, is_git_url, passing_directory
from pogu.engine.build.solving.telling import tell
from pogu.errors import InvalidArgument
from pogu.linux.paths import open_root, opened, read_in_root

_LARGEST = 16 << 20  # bytes of a Dockerfile


@dataclass(frozen=True, slots=True)
class Inputs:
    """A Dockerfile, the context, and named contexts besides."""

    dockerfile: bytes
    context: Context
    contexts: Mapping[str, Context] = field(default_factory=dict)
    ignore: Ignore | None = None


class Receiver:
    """Brings inputs to this machine. `spool` is for what serves one build alone."""

    def __init__(self, spool: Path, files: FileDigests, directories: ContextDirectories) -> None:
        self._spool = spool
        self._files = files
        self._directories = directories

    @asynccontextmanager
    async def archive(self, stream: AsyncIterator[bytes], dockerfile: str) -> AsyncIterator[Inputs]:
        """Yield the inputs of an archive, compressed or not.

        Raises:
            InvalidArgument: it is no archive.
            BuildFailed: there is no such Dockerfile in it.
        """
        async with passing_directory(self._spool) as directory:
            reader = ThreadReader(stream)
            where = await run_in_thread(
                lambda: unpack(decompress(reader), memory_beside(directory), directory / "disk"),
                reader.cancel,
                "context",
            )
            yield await self._of_directory(where, dockerfile)

    async def _of_directory(self, directory: Path, dockerfile: str) -> Inputs:
        def read() -> tuple[bytes, Ignore | None]:
            with opened(open_root(directory)) as fd:
                return read_dockerfile(fd, dockerfile), read_ignore(fd, dockerfile)

        text, ignore = await run_in_thread(read, lambda: None, "Dockerfile")
        return Inputs(text, self._whole(directory, ignore), ignore=ignore)

    @asynccontextmanager
    async def remote(self, url: str, dockerfile: str, report: Report) -> AsyncIterator[Inputs]:
        """Yield the inputs of a URL: a git repository, an archive, or a Dockerfile alone.

        Raises:
            InvalidArgument: it cannot be had.
        """
        async with passing_directory(self._spool) as directory:
            async with tell(report, f"[internal] load remote build context {url}") as told:
                if is_git_url(url) or url.startswith("git://"):
                    git = GitSource(url)
                    target = await git.check_out(await git.commit(), directory / "git", keep_git_dir=False)
                    yielded = await self._of_directory(target, dockerfile)
                else:
                    file = directory / "download"
                    await download(url, file, lambda come, total: told.progress("downloading", come, total))
                    yielded = await self._of_download(file, directory / "context", dockerfile)
            yield yielded

    async def _of_download(self, file: Path, target: Path, dockerfile: str) -> Inputs:
        def work() -> bytes | None:
            target.mkdir(mode=0o755)
            try:
                with file.open("rb") as opened_file, opened(open_root(target)) as fd:
                    extract(decompress(opened_file), fd, ExtractOptions())
                return None
            except InvalidArgument:  # no archive: a Dockerfile
                return file.read_bytes()[:_LARGEST]

        text = await run_in_thread(work, lambda: None, "context")
        if text is None:
            return await self._of_directory(target, dockerfile)
        return Inputs(text, self._whole(target, None))

    def _whole(self, directory: Path, ignore: Ignore | None) -> Context:
        """Return a context that is here already."""

        async def here(_needed: Sequence[str]) -> Path:
            return directory

        return Context("context", here, self._files, ignore.ignored if ignore else None)

    @asynccontextmanager
    async def session(
        self, client: BuildClient, dockerfile: str, names: Mapping[str, str], report: Report
    ) -> AsyncIterator[Inputs]:
        """Yield the inputs that a client with a session gives. `names` are named contexts: name -> its directory there.

        Raises:
            BuildFailed: there is no such Dockerfile.
        """
        async with AsyncExitStack() as stack:
            text, ignore = await self._session_dockerfile(client, dockerfile, report, stack)
            context = self._client_directory("context", client, ignore, report, stack)
            others = {
                name: self._client_directory(directory, client, (), report, stack) for name, directory in names.items()
            }
            yield Inputs(text, context, others, Ignore(ignore) if ignore else None)

    async def _session_dockerfile(
        self, client: BuildClient, dockerfile: str, report: Report, stack: AsyncExitStack
    ) -> tuple[bytes, tuple[str, ...]]:
        async with tell(report, "[internal] load build definition from Dockerfile") as told:
            directory = await stack.enter_async_context(self._directories.used(client.directory_key("dockerfile")))
            wanted = (dockerfile, f"{dockerfile}.dockerignore", ".dockerignore")
            with told.counted("transferring dockerfile:") as count:
                await client.fetch_directory("dockerfile", Selection(include=wanted, follow=wanted), directory, count)
            with opened(open_root(directory)) as fd:
                text = read_dockerfile(fd, dockerfile)
                own = _patterns(fd, f"{dockerfile}.dockerignore")
        if own is not None:
            return text, own
        async with tell(report, "[internal] load .dockerignore") as told:
            directory = await stack.enter_async_context(self._directories.used(""))
            name = (".dockerignore",)
            with told.counted("transferring context:") as count:
                await client.fetch_directory("context", Selection(include=name, follow=name), directory, count)
            with opened(open_root(directory)) as fd:
                return text, _patterns(fd, ".dockerignore") or ()

    def _client_directory(
        self, name: str, client: BuildClient, ignore: tuple[str, ...], report: Report, stack: AsyncExitStack
    ) -> Context:
        async def fetch(needed: Sequence[str]) -> Path:
            async with tell(report, "[internal] load build context") as told:
                directory = await stack.enter_async_context(self._directories.used(client.directory_key(name)))
                selection = Selection(exclude=ignore, follow=tuple(needed))
                with told.counted("transferring context:") as count:
                    await client.fetch_directory(name, selection, directory, count)
                return directory

        excluded = Ignore(ignore).ignored if ignore else None
        return Context(name, fetch, self._files, excluded)


def read_dockerfile(root: int, name: str) -> bytes:
    """Return the Dockerfile of a context, a link in it followed inside it. Raises BuildFailed."""
    for each in (name, "dockerfile") if name == "Dockerfile" else (name,):
        try:
            text = read_in_root(root, each, _LARGEST)
        except OSError:
            continue
        if not text.strip():
            raise BuildFailed(f"the Dockerfile ({name}) cannot be empty")
        return text
    raise BuildFailed(f"Cannot locate specified Dockerfile: {name}")


def read_ignore(root: int, dockerfile: str) -> Ignore | None:
    """Return what .dockerignore says, that of the Dockerfile before that of the context; None where there is none."""
    patterns = _patterns(root, f"{dockerfile}.dockerignore")
    if patterns is None:
        patterns = _patterns(root, ".dockerignore")
    return Ignore(patterns) if patterns else None


def _patterns(root: int, name: str) -> tuple[str, ...] | None:
    try:
        return tuple(parse_ignore(read_in_root(root, name, _LARGEST)))
    except OSError:
        return None
