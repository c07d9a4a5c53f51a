"""Uploads of blobs: whole, in chunks, by mounting; asking how far one is, and giving it up (specification, "Push")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pogu.errors import DeadlineExceeded
from pogu.http import Request, Response
from pogu.registry.access import Need
from pogu.registry.api import Call, Site
from pogu.registry.events import Event
from pogu.registry.names import ALGORITHMS, check_digest, is_name
from pogu.registry.ranges import parse_chunk_range
from pogu.registry.refusals import Refused
from pogu.registry.uploads import Upload, unknown


async def start(site: Site, call: Call) -> Response:
    """POST: begin an upload, take a whole blob at once (`digest`), or mount one (`mount`, `from`)."""
    query = call.request.query
    if (digest := query.get("mount")) is not None:
        if await _mount(site, call, check_digest(digest), query.get("from")):
            return _created(call, digest)
    elif (digest := query.get("digest")) is not None:
        return await _whole(site, call, check_digest(digest))
    algorithm = query.get("digest-algorithm", "sha256")
    if algorithm not in ALGORITHMS:
        raise Refused("DIGEST_INVALID", f"unsupported digest algorithm: use {' or '.join(ALGORITHMS)}")
    await _drain(call.request)
    if site.quotas is not None:
        await site.quotas.check(call.name, 0)
    upload = await site.uploads.start(call.name, algorithm)
    return _progress(call, upload, 202)


async def _mount(site: Site, call: Call, digest: str, source: str | None) -> bool:
    def may(name: str) -> bool:
        return site.access.allows(call.identity, Need(name, "pull"))

    if source is None:
        source = await site.repositories.find_blob(digest, may)
    elif not is_name(source) or not may(source):
        source = None  # that it exists is not told either
    if source is None:
        return False
    size = await site.repositories.blob_size(source, digest) or 0
    if site.quotas is not None:
        await site.quotas.check(call.name, size, digest)
    mounted = await site.repositories.mount(call.name, digest, source, call.origin)
    if mounted and site.quotas is not None:
        site.quotas.added(call.name, digest, size)
    return mounted


async def _whole(site: Site, call: Call, digest: str) -> Response:
    upload = await site.uploads.start(call.name, digest.partition(":")[0])
    try:
        async with upload.turn:
            await _receive(site, call, upload)
            return await _finish(site, call, upload, digest)
    finally:
        await site.uploads.end(upload)


async def patch(site: Site, call: Call) -> Response:
    """PATCH: a chunk, or all there is to come (without `Content-Range`, as docker does it)."""
    upload = await site.uploads.find(call.name, call.target.reference)
    async with _turn(upload):
        await _chunk(site, call, upload)
        return _progress(call, upload, 202)


async def finish(site: Site, call: Call) -> Response:
    """PUT: the last chunk, or none, and the digest of the whole."""
    upload = await site.uploads.find(call.name, call.target.reference)
    text = call.request.query.get("digest")
    if text is None:
        raise Refused("DIGEST_INVALID", "the digest of the blob is missing: PUT …?digest=…")
    digest = check_digest(text)
    async with _turn(upload):
        if call.request.head.length != 0:
            await _chunk(site, call, upload)
        try:
            return await _finish(site, call, upload, digest)
        finally:
            await site.uploads.end(upload)


async def status(site: Site, call: Call) -> Response:
    """GET: how much has arrived."""
    upload = await site.uploads.find(call.name, call.target.reference)
    return _progress(call, upload, 204)


async def cancel(site: Site, call: Call) -> Response:
    """DELETE: give it up."""
    upload = await site.uploads.find(call.name, call.target.reference)
    async with _turn(upload):
        await site.uploads.end(upload)
    return Response(204)


class _turn:  # noqa: N801 # reads as a verb
    """A request's turn with an upload; refused if it has ended while the request waited."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    async def __aenter__(self) -> None:
        await self._upload.turn.acquire()
        if self._upload.ended:
            self._upload.turn.release()
            raise unknown()

    async def __aexit__(self, *_: object) -> None:
        self._upload.turn.release()


async def _chunk(site: Site, call: Call, upload: Upload) -> None:
    """Take one chunk. What comes without a range is added at the end."""
    text = call.request.headers.get("content-range")
    if text is None:
        await _receive(site, call, upload)
        return
    first, length = parse_chunk_range(text)
    if first != upload.offset:
        raise Refused(
            "BLOB_UPLOAD_INVALID",
            f"the chunk begins at {first}; the upload goes on at {upload.offset}",
            status=416,
            headers=_position(call, upload),
        )
    declared = call.request.head.length
    if declared is not None and declared != length:
        raise Refused("SIZE_INVALID", f"Content-Range says {length} bytes, Content-Length says {declared}")
    received = await _receive(site, call, upload)
    if received != length:
        await upload.rewind(first)
        raise Refused("SIZE_INVALID", f"Content-Range says {length} bytes, {received} came")


async def _receive(site: Site, call: Call, upload: Upload) -> int:
    limits = [limit for limit in (site.max_upload, await _allowance(site, call)) if limit is not None]
    most = min(limits) if limits else None
    declared = call.request.head.length
    if most is not None and declared is not None and upload.offset + declared > most:
        raise Refused("SIZE_INVALID", f"the upload is larger than {most} bytes", status=413)
    return await upload.append(_pieces(call.request, site.idle_seconds), most)


async def _allowance(site: Site, call: Call) -> int | None:
    return None if site.quotas is None else await site.quotas.left(call.name)


async def _pieces(request: Request, idle_seconds: float) -> AsyncIterator[bytes]:
    """The body; a sender that is silent for too long is given up."""
    body = request.stream_body()
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                piece = await anext(body, None)
        except TimeoutError:
            raise DeadlineExceeded(f"nothing has come for {idle_seconds:g} s") from None
        if piece is None:
            return
        yield piece


async def _finish(site: Site, call: Call, upload: Upload, digest: str) -> Response:
    await upload.seal(digest)
    size = upload.offset
    repositories = site.repositories
    async with repositories.interlock.using({digest}):
        await repositories.store.add_blob(digest, upload.file)
        event = Event("push", call.name, digest, "application/octet-stream", size, call.origin)
        await repositories.link_blob(call.name, digest, size, event)
    if site.quotas is not None:
        site.quotas.added(call.name, digest, size)
    return _created(call, digest)


def _created(call: Call, digest: str) -> Response:
    return Response(201, [("Location", call.blob_url(digest)), ("Docker-Content-Digest", digest)])


def _progress(call: Call, upload: Upload, status: int) -> Response:
    return Response(status, [*_position(call, upload), ("Docker-Upload-UUID", upload.id)])


def _position(call: Call, upload: Upload) -> list[tuple[str, str]]:
    # An upload without a byte has no last byte; clients know "0-0" for it from Docker's registry.
    return [("Location", call.upload_url(upload.id)), ("Range", f"0-{max(upload.offset - 1, 0)}")]


async def _drain(request: Request) -> None:
    async for _ in request.stream_body():
        pass
