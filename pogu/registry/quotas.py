"""How much a group of repositories may hold. Content that several repositories of the group have counts once.

What is used is added up when it is first asked for, and kept up to date from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pogu.registry import layout
from pogu.registry.layout import read_link
from pogu.registry.patterns import matches
from pogu.registry.refusals import Refused
from pogu.registry.repositories import Repositories


@dataclass(slots=True)
class Quota:
    """Repositories whose names match `pattern` may hold so many bytes together."""

    pattern: str
    most: int
    used: dict[str, int] | None = field(default=None, repr=False)
    """Sizes by digest, None if that is not known."""


class Quotas:
    """The quotas of a registry."""

    def __init__(self, repositories: Repositories, quotas: Sequence[Quota]) -> None:
        self._repositories = repositories
        self._quotas = quotas

    async def left(self, name: str) -> int | None:
        """How many bytes may still come to a repository, None if nothing limits it."""
        left = [quota.most - sum((await self._used(quota)).values()) for quota in self._of(name)]
        return max(min(left), 0) if left else None

    async def check(self, name: str, size: int, digest: str = "") -> None:
        """Raises Refused (DENIED) unless this much content may come; with a size of 0, unless anything may.

        Content that a quota's repositories have already costs nothing more.
        """
        for quota in self._of(name):
            used = await self._used(quota)
            left = max(quota.most - sum(used.values()), 0)
            if digest not in used and (size > left or left == 0):
                needed = max(size, 1)
                raise Refused("DENIED", f"the quota for {name} is used up: {left} bytes are left, {needed} are needed")

    def added(self, name: str, digest: str, size: int) -> None:
        """Content has come to a repository."""
        for quota in self._of(name):
            if quota.used is not None:
                quota.used[digest] = size

    def forget(self, name: str) -> None:
        """Content has left a repository: count again when that is needed."""
        for quota in self._of(name):
            quota.used = None

    async def usage(self) -> list[tuple[str, int, int]]:
        """Each quota's pattern, the bytes used and the most there may be."""
        return [(quota.pattern, sum((await self._used(quota)).values()), quota.most) for quota in self._quotas]

    def _of(self, name: str) -> list[Quota]:
        return [quota for quota in self._quotas if matches(quota.pattern, name)]

    async def _used(self, quota: Quota) -> dict[str, int]:
        if quota.used is None:
            quota.used = await self._count(quota)
        return quota.used

    async def _count(self, quota: Quota) -> dict[str, int]:
        store, sizes = self._repositories.store, {}
        for name in await self._repositories.names():
            if not matches(quota.pattern, name):
                continue
            for record in await store.records(layout.blobs(name)):
                sizes[record.key.rpartition("/")[2]] = int(record.data)
            for record in await store.records(layout.manifests(name)):
                sizes[record.key.rpartition("/")[2]] = read_link(record.data).size
        return sizes
