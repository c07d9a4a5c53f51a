"""Retention: which tags a registry deletes by itself, because newer ones are there or they are old."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pogu.registry.events import Origin
from pogu.registry.graph import read_graph
from pogu.registry.layout import Tag
from pogu.registry.patterns import matches
from pogu.registry.repositories import Repositories

log = logging.getLogger(__name__)

RETENTION = Origin(actor="(retention)")


@dataclass(frozen=True, slots=True)
class Retention:
    """Of the tags of a pattern, delete those that are not among the last `keep` pushed and are older than this.

    A condition that is None is fulfilled; a rule has at least one.
    """

    pattern: str
    tags: str = "**"
    keep: int | None = None
    older_seconds: float | None = None


def outdated(tags: dict[str, Tag], rule: Retention, now: float) -> list[str]:
    """The tags of one repository that a rule deletes."""
    if rule.keep is None and rule.older_seconds is None:
        return []
    newest_first = sorted(
        (tag for tag in tags if matches(rule.tags, tag)), key=lambda tag: (tags[tag].time, tag), reverse=True
    )
    candidates = newest_first[rule.keep or 0 :]
    if rule.older_seconds is None:
        return candidates
    return [tag for tag in candidates if now - tags[tag].time > rule.older_seconds]


class Retainer:
    """Applies the rules of one registry."""

    def __init__(
        self, repositories: Repositories, rules: Sequence[Retention], clock: Callable[[], float] = time.time
    ) -> None:
        self._repositories = repositories
        self._rules = rules
        self._clock = clock

    async def apply(self) -> int:
        """Delete what the rules say; a manifest goes with its last tag. Returns how many tags that were."""
        deleted = 0
        for name in await self._repositories.names():
            rules = [rule for rule in self._rules if matches(rule.pattern, name)]
            if rules:
                deleted += await self._apply(name, rules)
        if deleted:
            log.info("retention: %d tags deleted", deleted)
        return deleted

    async def _apply(self, name: str, rules: Sequence[Retention]) -> int:
        tags = await self._repositories.tags_with_times(name)
        gone = {tag for rule in rules for tag in outdated(tags, rule, self._clock())}
        deleted = [tag for tag in sorted(gone) if await self._repositories.drop_tag(name, tag, tags[tag], RETENTION)]
        if deleted:
            await self._drop_manifests(name, {tags[tag].digest for tag in deleted})
        return len(deleted)

    async def _drop_manifests(self, name: str, digests: set[str]) -> None:
        """Delete the manifests that only the deleted tags led to."""
        graph = await read_graph(self._repositories.store, name)
        if not graph.complete:
            return
        left = {tag.digest for tag in (await self._repositories.tags_with_times(name)).values()}
        candidates = graph.reachable(digests)
        stay = graph.reachable(left | (graph.manifests.keys() - candidates))
        for digest in candidates - stay:
            await self._repositories.delete_unused_manifest(name, digest, RETENTION)
