"""Blobs: pull, check, delete (specification, "Pulling blobs", "Deleting Blobs")."""

from __future__ import annotations

from pogu.errors import NotFound
from pogu.http import Response
from pogu.registry.api import Call, Site
from pogu.registry.api.conditions import not_modified
from pogu.registry.names import check_digest
from pogu.registry.ranges import Unsatisfiable, parse_range
from pogu.registry.refusals import Refused
from pogu.registry.repositories import unknown_blob

_YEAR = "max-age=31536000"  # content named by its digest never changes


async def get(site: Site, call: Call) -> Response:
    """The blob, or a range of it; HEAD gets the header alone."""
    digest = check_digest(call.target.reference)
    size = await site.repositories.blob_size(call.name, digest)
    if size is None:
        if site.upstream is not None:
            return await site.upstream.blob(site, call, digest)
        raise unknown_blob(digest)
    headers = blob_headers(digest)
    if not_modified(call.request, digest):
        return Response(304, headers)
    if call.request.method == "HEAD":
        await site.repositories.renew(call.name, digest)
        return Response(200, [*headers, ("Content-Length", str(size))])
    return await _content(site, call, digest, size, headers)


async def _content(site: Site, call: Call, digest: str, size: int, headers: list[tuple[str, str]]) -> Response:
    request = call.request
    wanted = request.headers.get("range")
    if wanted is not None and request.headers.get("if-range", f'"{digest}"') != f'"{digest}"':
        wanted = None
    try:
        part = parse_range(wanted, size)
    except Unsatisfiable:
        raise Refused(
            "SIZE_INVALID",
            f"the range lies behind the blob's {size} bytes",
            status=416,
            headers=[("Content-Range", f"bytes */{size}")],
        ) from None
    first, last = part or (0, size - 1)
    try:
        body = await site.repositories.store.blob_stream(digest, first, last - first + 1)
    except NotFound:
        raise unknown_blob(digest) from None
    headers.append(("Content-Length", str(last - first + 1)))
    if part is None:
        return Response(200, headers, body)
    return Response(206, [*headers, ("Content-Range", f"bytes {first}-{last}/{size}")], body)


def blob_headers(digest: str) -> list[tuple[str, str]]:
    """The fields that every answer with a blob has."""
    return [
        ("Content-Type", "application/octet-stream"),
        ("Docker-Content-Digest", digest),
        ("Accept-Ranges", "bytes"),
        ("ETag", f'"{digest}"'),
        ("Cache-Control", _YEAR),
        ("X-Content-Type-Options", "nosniff"),
    ]


async def delete(site: Site, call: Call) -> Response:
    """Take the blob out of the repository."""
    digest = check_digest(call.target.reference)
    await site.repositories.delete_blob(call.name, digest, call.origin)
    if site.quotas is not None:
        site.quotas.forget(call.name)
    return Response(202, [("Docker-Content-Digest", digest)])
