"""Manifests: pull, push, delete (specification, "Pulling manifests", "Pushing Manifests", "Deleting Manifests")."""

from __future__ import annotations

from pogu.http import Response
from pogu.registry.api import Call, Site
from pogu.registry.api.conditions import condition_of, not_modified
from pogu.registry.manifests import MAX_BYTES, parse_manifest
from pogu.registry.names import check_digest, digest_of, is_tag
from pogu.registry.refusals import Refused
from pogu.registry.repositories import StoredManifest, unknown_manifest

_MAX_TAGS = 64  # pushed at once


async def get(site: Site, call: Call) -> Response:
    """The manifest; HEAD gets the header alone."""
    reference = _reference(call)
    if reference is None:
        raise unknown_manifest(call.name, call.target.reference)
    if site.upstream is not None:
        manifest = await site.upstream.manifest(site, call, reference)
    else:
        manifest = await _stored(site, call, reference)
    return answer(call, manifest)


async def _stored(site: Site, call: Call, reference: str) -> StoredManifest:
    try:
        return await site.repositories.manifest(call.name, reference)
    except Refused:
        await site.repositories.require(call.name)
        raise


def answer(call: Call, manifest: StoredManifest) -> Response:
    """The answer with a manifest."""
    digest = manifest.digest
    headers = [
        ("Content-Type", manifest.media_type),
        ("Docker-Content-Digest", digest),
        ("ETag", f'"{digest}"'),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if not_modified(call.request, digest):
        return Response(304, headers)
    if call.request.method == "HEAD":
        return Response(200, [*headers, ("Content-Length", str(len(manifest.data)))])
    return Response(200, headers, manifest.data)


async def put(site: Site, call: Call) -> Response:
    """Store a manifest under its digest, and under tags."""
    reference = _reference(call)
    if reference is None:
        raise Refused("MANIFEST_INVALID", f"invalid tag: {call.target.reference[:200]!r}")
    tags = _tags(call, reference)
    declared = call.request.head.length
    if declared is not None and declared > MAX_BYTES:
        raise Refused("SIZE_INVALID", f"the manifest is larger than {MAX_BYTES} bytes", status=413)
    data = await call.request.read_body(MAX_BYTES)
    digest = _digest(reference, data)
    manifest = parse_manifest(data, call.request.headers.get("content-type"))
    if site.quotas is not None:
        await site.quotas.check(call.name, len(data), digest)
    await site.repositories.put_manifest(
        call.name,
        digest,
        data,
        manifest,
        tags=tags,
        origin=call.origin,
        condition=condition_of(call.request),
    )
    if site.quotas is not None:
        site.quotas.added(call.name, digest, len(data))
    headers = [("Location", call.manifest_url(reference)), ("Docker-Content-Digest", digest)]
    if manifest.subject is not None:
        headers.append(("OCI-Subject", manifest.subject.digest))
    if call.request.query.get("tag") is not None:
        headers += [("OCI-Tag", tag) for tag in tags]
    return Response(201, headers)


def _reference(call: Call) -> str | None:
    """The tag or (checked) digest, None for what can be neither."""
    text = call.target.reference
    if ":" in text:
        return check_digest(text)
    return text if is_tag(text) else None


def _tags(call: Call, reference: str) -> list[str]:
    """The tags to write: the reference itself, or those that come with a digest (`?tag=1&tag=2`)."""
    more = call.request.query.get_all("tag")
    if ":" not in reference:
        if more:
            raise Refused("MANIFEST_INVALID", "further tags go with a manifest that is pushed by its digest")
        return [reference]
    if len(more) > _MAX_TAGS:
        raise Refused("MANIFEST_INVALID", f"more than {_MAX_TAGS} tags at once", status=414)
    for tag in more:
        if not is_tag(tag):
            raise Refused("MANIFEST_INVALID", f"invalid tag: {tag[:200]!r}")
    return list(dict.fromkeys(more))


def _digest(reference: str, data: bytes) -> str:
    if ":" not in reference:
        return digest_of(data)
    found = digest_of(data, reference.partition(":")[0])
    if found != reference:
        detail = {"expected": reference, "received": found}
        raise Refused("DIGEST_INVALID", "the manifest does not have the digest that was given", detail)
    return reference


async def delete(site: Site, call: Call) -> Response:
    """Delete a tag, or a manifest with all its tags."""
    reference = _reference(call)
    if reference is None:
        raise unknown_manifest(call.name, call.target.reference)
    if ":" in reference:
        await site.repositories.delete_manifest(call.name, reference, call.origin)
    else:
        await site.repositories.require(call.name)
        await site.repositories.delete_tag(call.name, reference, call.origin)
    if site.quotas is not None:
        site.quotas.forget(call.name)
    return Response(202)
