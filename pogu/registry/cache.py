"""A pull-through cache: what is not here is fetched from another registry, given to the client and kept.

Content named by its digest is checked and never asked for again. A tag is asked for again once it is no longer fresh;
when the other registry cannot be reached, what is here is given as it is. A blob goes to the client while it comes;
its last byte is held back until the digest has turned out right, so that nobody gets a whole wrong blob. Clients that
ask for the same blob meanwhile share the download, which goes on when they leave.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from pogu.errors import InvalidArgument, PoguError
from pogu.http import Response
from pogu.registry import layout
from pogu.registry.api import Call, Site
from pogu.registry.api import blobs as blob_answers
from pogu.registry.events import Origin
from pogu.registry.layout import read_tag
from pogu.registry.manifests import MAX_BYTES, parse_manifest
from pogu.registry.names import digest_of, is_digest
from pogu.registry.options import Options, seconds
from pogu.registry.refusals import Refused
from pogu.registry.repositories import StoredManifest, unknown_blob
from pogu.registry.uploads import Upload
from pogu.registry.upstream import RemoteRegistry, Reply

log = logging.getLogger(__name__)

CACHE = Origin(actor="(cache)")

_DOWNLOADS = 8  # at a time
_PIECE = 256 * 1024

T = TypeVar("T")


class Cache:
    """Implements `api.Upstream`."""

    def __init__(self, remote: RemoteRegistry, fresh_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._remote = remote
        self._fresh = fresh_seconds
        self._clock = clock
        self._threads = ThreadPoolExecutor(2 * _DOWNLOADS, "upstream")
        self._slots = asyncio.Semaphore(_DOWNLOADS)
        self._downloads: dict[str, Download] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- manifests ---

    async def manifest(self, site: Site, call: Call, reference: str) -> StoredManifest:
        """See api.Upstream."""
        local = await self._local(site, call.name, reference)
        if local is not None and (is_digest(reference) or await self._is_fresh(site, call.name, reference)):
            return local
        try:
            return await self._fetch_manifest(site, call.name, reference, local)
        except (OSError, http.client.HTTPException, Refused) as error:
            away = not isinstance(error, Refused) or error.status >= 429
            if local is not None and away:
                log.warning("%s:%s is given as it is: %s", call.name, reference, error)
                return local
            raise _as_refused(error) from error

    async def _local(self, site: Site, name: str, reference: str) -> StoredManifest | None:
        try:
            return await site.repositories.manifest(name, reference)
        except Refused:
            return None

    async def _is_fresh(self, site: Site, name: str, tag: str) -> bool:
        data = await site.repositories.store.read(layout.tags(name) + tag)
        return data is not None and self._clock() - read_tag(data).time < self._fresh

    async def _fetch_manifest(
        self, site: Site, name: str, reference: str, local: StoredManifest | None
    ) -> StoredManifest:
        if local is not None:  # a HEAD does not count where pulls are counted
            reply = await self._call(self._remote.manifest, "HEAD", name, reference)
            reply.close()
            if reply.headers.get("Docker-Content-Digest") == local.digest:
                await self._keep(site, name, reference, local)
                return local
        reply = await self._call(self._remote.manifest, "GET", name, reference)
        try:
            data = await self._call(reply.response.read, MAX_BYTES + 1)
        finally:
            reply.close()
        algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
        digest = digest_of(data, algorithm)
        if is_digest(reference) and digest != reference:
            raise Refused("UNSUPPORTED", f"the upstream registry sent something else for {reference}", status=502)
        manifest = parse_manifest(data, reply.headers.get("Content-Type"))
        stored = StoredManifest(digest, manifest.media_type, data)
        await self._keep(site, name, reference, stored)
        return stored

    async def _keep(self, site: Site, name: str, reference: str, stored: StoredManifest) -> None:
        manifest = parse_manifest(stored.data, stored.media_type)
        tags = [] if is_digest(reference) else [reference]
        await site.repositories.put_manifest(
            name, stored.digest, stored.data, manifest, tags=tags, origin=CACHE, complete=False
        )

    # --- blobs ---

    async def blob(self, site: Site, call: Call, digest: str) -> Response:
        """See api.Upstream."""
        headers = blob_answers.blob_headers(digest)
        if call.request.method == "HEAD":
            reply = await self._ask_blob("HEAD", call.name, digest)
            reply.close()
            return Response(200, [*headers, ("Content-Length", str(reply.length or 0))])
        async with self._lock(digest):  # one request begins the download, the others find it
            download = self._downloads.get(digest)
            if download is None:
                if await site.repositories.blob_size(call.name, digest) is not None:
                    return await blob_answers.get(site, call)
                download = await self._begin(site, call.name, digest)
        if download.name != call.name:  # having it there says nothing about having it here
            (await self._ask_blob("HEAD", call.name, digest)).close()
        elif call.request.headers.get("range") is None and (body := download.follow()) is not None:
            return Response(200, [*headers, ("Content-Length", str(download.size))], body)
        await download.done()
        async with site.repositories.interlock.using({digest}):
            await site.repositories.link_blob(call.name, digest, download.size)
        return await blob_answers.get(site, call)

    async def _begin(self, site: Site, name: str, digest: str) -> Download:
        reply = await self._ask_blob("GET", name, digest)
        size = reply.length
        if size is None:
            reply.close()
            raise Refused("UNSUPPORTED", "the upstream registry does not say how large the blob is", status=502)
        upload = await site.uploads.start(name, digest.partition(":")[0])
        self._downloads[digest] = download = Download(name, digest, size, upload.file)
        download.task = asyncio.create_task(self._download(site, download, upload, reply))
        return download

    def _lock(self, digest: str) -> asyncio.Lock:
        lock = self._locks.get(digest)
        if lock is None:
            self._locks[digest] = lock = asyncio.Lock()
        return lock

    async def _ask_blob(self, method: str, name: str, digest: str) -> Reply:
        try:
            return await self._call(self._remote.blob, method, name, digest)
        except (OSError, http.client.HTTPException, Refused) as error:
            if isinstance(error, Refused) and error.code == "MANIFEST_UNKNOWN":
                raise unknown_blob(digest) from error
            raise _as_refused(error) from error

    async def _download(self, site: Site, download: Download, upload: Upload, reply: Reply) -> None:
        try:
            async with self._slots, upload.turn:
                await upload.append(self._pieces(reply, download, upload), download.size)
                if upload.offset != download.size:
                    raise Refused("UNSUPPORTED", "the upstream registry broke off", status=502)
                await upload.seal(download.digest)
                async with site.repositories.interlock.using({download.digest}):
                    await site.repositories.store.add_blob(download.digest, upload.file)
                    await site.repositories.link_blob(download.name, download.digest, download.size)
            download.end(None)
        except (OSError, http.client.HTTPException, PoguError) as error:
            log.warning("fetching %s of %s failed: %s", download.digest, download.name, error)
            download.end(_as_refused(error))
        finally:
            self._downloads.pop(download.digest, None)
            reply.close()
            await site.uploads.end(upload)

    async def _pieces(self, reply: Reply, download: Download, upload: Upload) -> AsyncIterator[bytes]:
        while piece := await self._call(reply.response.read1, _PIECE):
            yield piece
            download.progress(upload.offset)

    async def _call(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Download:
    """One blob on its way to a file here, and those who follow it."""

    def __init__(self, name: str, digest: str, size: int, file: Path) -> None:
        self.name = name
        self.digest = digest
        self.size = size
        self.task: asyncio.Task[None] | None = None
        self._file = file
        self._arrived = 0
        self.ended = False
        self._error: Refused | None = None
        self._changed = asyncio.Event()

    def progress(self, arrived: int) -> None:
        """So many bytes are in the file."""
        self._arrived = arrived
        self._wake()

    def end(self, error: Refused | None) -> None:
        """All is there and right, or not."""
        self.ended = True
        self._error = error
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def done(self) -> None:
        """Wait for the end. Raises Refused if it failed."""
        while not self.ended:
            await self._changed.wait()
        if self._error is not None:
            raise self._error

    def follow(self) -> AsyncIterator[bytes] | None:
        """The blob, as it comes; None once all of it is there and the file has gone to its place."""
        try:
            return self._follow(self._file.open("rb", buffering=0))
        except FileNotFoundError:
            return None

    async def _follow(self, file: FileIO) -> AsyncIterator[bytes]:
        sent = 0
        with file:
            while sent < self.size:
                if self._error is not None:
                    raise self._error
                ready = self.size if self.ended else min(self._arrived, self.size - 1)
                if ready <= sent:
                    await self._changed.wait()
                    continue
                piece = await asyncio.to_thread(os.pread, file.fileno(), min(1024 * 1024, ready - sent), sent)
                sent += len(piece)
                yield piece


def connect_upstream(options: Options) -> Cache | None:
    """The cache that the options ask for. Raises InvalidArgument."""
    if not options.upstream:
        return None
    password = ""
    if options.upstream_password_file:
        try:
            password = Path(options.upstream_password_file).read_text().strip()
        except OSError as error:
            raise InvalidArgument(f"cannot read {options.upstream_password_file}: {error.strerror}") from error
    remote = RemoteRegistry(options.upstream, options.upstream_user, password)
    return Cache(remote, seconds(options.upstream_fresh, "upstream-fresh"))


def _as_refused(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    return Refused("UNSUPPORTED", f"the upstream registry cannot be reached: {error}", status=502)
