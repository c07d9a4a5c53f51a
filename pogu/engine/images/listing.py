"""`docker images`, `docker history` and `docker system df`: images as lists, filtered."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable

from pogu.engine.images.filters import Filters, boolean, check_keys, has_labels
from pogu.engine.images.layers import Layers
from pogu.engine.images.record import HistoryEntry, ImageSummary, StoredImage
from pogu.engine.images.reference import Reference
from pogu.engine.images.removing import InUse
from pogu.engine.images.store import ImageStore
from pogu.engine.moments import parse_moment, parse_rfc3339
from pogu.errors import InvalidArgument

LIST_FILTERS = ("dangling", "label", "before", "since", "reference", "until")
_UNKNOWN_TIME = -62135596800  # Go's zero time in Unix seconds


class Lister:
    """Answers questions about all images at once."""

    def __init__(self, store: ImageStore, layers: Layers, in_use: InUse) -> None:
        self._store = store
        self._layers = layers
        self._in_use = in_use

    def summaries(self, filters: Filters, all_: bool, shared_size: bool, containers: bool) -> list[ImageSummary]:
        """Return the images that pass, newest first; intermediate images only with `all_`.

        Raises:
            InvalidArgument: an unknown filter or value.
            NotFound: `before` or `since` names no image.
        """
        check_keys(filters, LIST_FILTERS)
        dangling = boolean(filters, "dangling", False) if filters.get("dangling") else None
        before, since = self._times(filters)
        chosen = []
        for image in self._store.images.values():
            if _in_time(image, before, since) and has_labels(image.labels, filters.get("label") or ()):
                names = self._names(image, filters, dangling, all_)
                if names is not None:
                    chosen.append((image, names))
        shared = self._shared() if shared_size else None
        rows = [self._summary(image, names, shared, containers) for image, names in chosen]
        return sorted(rows, key=lambda row: row.created, reverse=True)

    def _times(self, filters: Filters) -> tuple[int | None, int | None]:
        """The moments an image must be older and newer than; of several the strictest."""
        before = [self._created(text) for text in filters.get("before") or ()]
        for text in filters.get("until") or ():
            before.append(parse_until(text))
        since = [self._created(text) for text in filters.get("since") or ()]
        known_before = [moment for moment in before if moment is not None]
        known_since = [moment for moment in since if moment is not None]
        return min(known_before, default=None), max(known_since, default=None)

    def _created(self, text: str) -> int | None:
        return self._store.resolve(text).created_ns

    def _names(self, image: StoredImage, filters: Filters, dangling: bool | None, all_: bool) -> list[Reference] | None:
        """Return the names to show for an image, None if it is not to be shown."""
        names = self._store.references(image.record.id)
        patterns = filters.get("reference") or ()
        if patterns:
            names = [name for name in names if _matches(name, patterns)]
        if dangling and self._store.children(image.record.id):
            return None
        if names:
            return None if dangling and any(not name.digest for name in names) else names
        hidden = not all_ and self._store.children(image.record.id)
        return None if hidden or dangling is False or patterns else []

    def _summary(
        self, image: StoredImage, names: list[Reference], shared: Counter[str] | None, containers: bool
    ) -> ImageSummary:
        sizes = {chain: self._layers.size(chain) for chain in image.chain_ids}
        created = image.created_ns
        return ImageSummary(
            id=image.record.id,
            parent_id=image.record.parent,
            repo_tags=[name.familiar for name in names if not name.digest],
            repo_digests=[name.familiar for name in names if name.digest],
            created=_UNKNOWN_TIME if created is None else created // 10**9,
            size=sum(sizes.values()),
            shared_size=-1 if shared is None else sum(size for chain, size in sizes.items() if shared[chain] > 1),
            labels=image.labels,
            containers=len(self._in_use(image.record.id)) if containers else -1,
        )

    def _shared(self) -> Counter[str]:
        """Count for each layer the images that have it."""
        return Counter(chain for image in self._store.images.values() for chain in image.chain_ids)

    def history(self, image: StoredImage) -> list[HistoryEntry]:
        """Return how an image came to be, newest step first."""
        chains = iter(image.chain_ids)
        rows: list[HistoryEntry] = []
        for step in image.details.history or ():
            size = 0 if step.empty_layer else self._layers.size(next(chains))
            created = parse_rfc3339(step.created) // 10**9 if step.created else 0
            row = HistoryEntry(
                id="<missing>",
                created=created,
                created_by=step.created_by or "",
                tags=None,
                size=size,
                comment=step.comment or "",
            )
            rows.insert(0, row)
        self._name_steps(image, rows)
        return rows

    def _name_steps(self, image: StoredImage, rows: list[HistoryEntry]) -> None:
        """Name the steps that are images of this machine, following the parents."""
        known: StoredImage | None = image
        for row in rows:
            if known is None:
                return
            row.id = known.record.id
            tags = [r.familiar for r in self._store.references(row.id) if not r.digest]
            row.tags = tags or None
            known = self._store.images.get(known.record.parent)


def parse_until(text: str) -> int:
    """Return the moment of an `until` filter."""
    try:
        return parse_moment(text)
    except InvalidArgument as e:
        raise InvalidArgument(f"invalid value for 'until' filter: {e.message}") from None


def _in_time(image: StoredImage, before: int | None, since: int | None) -> bool:
    created = image.created_ns
    if before is not None and (created is None or created >= before):
        return False
    return since is None or (created is not None and created > since)


def _matches(reference: Reference, patterns: Iterable[str]) -> bool:
    """Match shell patterns, in which `*` stops at a slash, against the familiar and full forms of a name."""
    forms = (reference.familiar, reference.familiar_name, str(reference.tagged()), reference.name)
    return any(_pattern(pattern).fullmatch(form) for pattern in patterns for form in forms)


@functools.lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Translate Go's path.Match: `*`, `?`, `[a-z]`, `[^a-z]`, backslash.

    Raises:
        InvalidArgument: an unfinished class or escape.
    """
    out, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[":
            end = pattern.find("]", at + 2)
            if end < 0:
                raise InvalidArgument("syntax error in pattern")
            inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out += f"[{inner}]"
            at = end
        else:
            if char == "\\":
                at += 1
                if at == len(pattern):
                    raise InvalidArgument("syntax error in pattern")
            out += re.escape(pattern[at])
        at += 1
    try:
        return re.compile(out)
    except re.error:
        raise InvalidArgument("syntax error in pattern") from None
