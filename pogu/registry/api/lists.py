"""Lists: repositories, tags and referrers (specification, "Content Discovery"; `_catalog` as in Docker's registry)."""

from __future__ import annotations

from typing import Any

import msgspec

from pogu.http import Response
from pogu.registry.api import Call, Site
from pogu.registry.manifests import MAX_BYTES, OCI_INDEX
from pogu.registry.names import check_digest
from pogu.registry.paging import next_link, page

_JSON = ("Content-Type", "application/json")


async def base(_site: Site, _call: Call) -> Response:
    """`/v2/`: the specification is implemented, and the credentials are right."""
    return Response(200, [_JSON], b"{}")


async def catalog(site: Site, call: Call) -> Response:
    """The repositories that whoever asks may pull from."""
    names = [name for name in await site.repositories.names() if site.access.sees(call.identity, name)]
    chosen, last = page(names, call.request.query)
    headers = [_JSON]
    if last is not None:
        headers.append(next_link(f"{call.base}/v2/_catalog", last, n=call.request.query.get("n")))
    return Response(200, headers, msgspec.json.encode({"repositories": chosen}))


async def tags(site: Site, call: Call) -> Response:
    """The tags of a repository."""
    await site.repositories.require(call.name)
    chosen, last = page(await site.repositories.tags(call.name), call.request.query)
    headers = [_JSON]
    if last is not None:
        path = f"{call.base}/v2/{call.name}/tags/list"
        headers.append(next_link(path, last, n=call.request.query.get("n")))
    return Response(200, headers, msgspec.json.encode({"name": call.name, "tags": chosen}))


async def referrers(site: Site, call: Call) -> Response:
    """An index of what is about a manifest; a repository or manifest that is not there has nothing about it."""
    subject = check_digest(call.target.reference)
    query = call.request.query
    entries = await site.repositories.referrers(call.name, subject)
    kind = query.get("artifactType")
    headers = [("Content-Type", OCI_INDEX)]
    if kind is not None:
        entries = [entry for entry in entries if entry.get("artifactType") == kind]
        headers.append(("OCI-Filters-Applied", "artifactType"))
    if last := query.get("last"):
        entries = [entry for entry in entries if entry["digest"] > last]
    chosen = _fitting(entries)
    if len(chosen) < len(entries):
        path = f"{call.base}/v2/{call.name}/referrers/{subject}"
        headers.append(next_link(path, chosen[-1]["digest"], artifactType=kind))
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": chosen}
    return Response(200, headers, msgspec.json.encode(index))


def _fitting(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the first entries as fit in a manifest of the size that every client takes, but at least one."""
    left = MAX_BYTES - 200
    for count, entry in enumerate(entries):
        left -= len(msgspec.json.encode(entry)) + 1
        if left < 0:
            return entries[: max(count, 1)]
    return entries
