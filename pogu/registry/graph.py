"""What the manifests of one repository hold together: indexes and their manifests, subjects and what refers to them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from pogu.errors import NotFound
from pogu.registry import layout
from pogu.registry.layout import read_link
from pogu.registry.manifests import parse_manifest
from pogu.registry.refusals import Refused
from pogu.registry.storage import Record, Store

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Graph:
    """The manifests of a repository by digest, and what each names. `complete` is False if one could not be read."""

    manifests: dict[str, Record] = field(default_factory=dict)
    blobs: dict[str, set[str]] = field(default_factory=dict)
    children: dict[str, set[str]] = field(default_factory=dict)
    referrers: dict[str, set[str]] = field(default_factory=dict)
    complete: bool = True

    def needed_blobs(self) -> set[str]:
        """Every blob that some manifest names."""
        return set().union(*self.blobs.values())

    def reachable(self, roots: Iterable[str]) -> set[str]:
        """The manifests that some lead to: those of an index, and those that are about a manifest."""
        found = {root for root in roots if root in self.manifests}
        todo = list(found)
        while todo:
            digest = todo.pop()
            fresh = (self.children.get(digest, set()) | self.referrers.get(digest, set())) - found
            fresh &= self.manifests.keys()
            found |= fresh
            todo.extend(fresh)
        return found


async def read_graph(store: Store, name: str) -> Graph:
    """Read all manifests of a repository."""
    graph = Graph()
    for record in await store.records(layout.manifests(name)):
        digest = record.key.rpartition("/")[2]
        link = read_link(record.data)
        graph.manifests[digest] = record
        if link.subject is not None:
            graph.referrers.setdefault(link.subject, set()).add(digest)
        try:
            manifest = parse_manifest(await store.blob_bytes(digest), link.media_type)
        except (NotFound, Refused) as error:
            log.warning("%s: the manifest %s cannot be read: %s", name, digest, error)
            graph.complete = False
            continue
        graph.blobs[digest] = {layer.digest for layer in manifest.layers}
        if manifest.config is not None:
            graph.blobs[digest].add(manifest.config.digest)
        graph.children[digest] = {child.digest for child in manifest.manifests}
    return graph
