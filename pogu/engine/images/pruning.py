"""`docker image prune`: which images nobody needs."""

from __future__ import annotations

from pogu.engine.images.filters import Filters, boolean, check_keys, labels_match
from pogu.engine.images.listing import parse_until
from pogu.engine.images.record import StoredImage
from pogu.engine.images.removing import InUse
from pogu.engine.images.store import ImageStore
from pogu.errors import InvalidArgument

PRUNE_FILTERS = ("dangling", "label", "label!", "until")


class Candidates:
    """The images a prune may remove.

    Raises:
        InvalidArgument: an unknown filter or value.
    """

    def __init__(self, store: ImageStore, in_use: InUse, filters: Filters) -> None:
        check_keys(filters, PRUNE_FILTERS)
        self._store = store
        self._in_use = in_use
        self._filters = filters
        self._dangling = boolean(filters, "dangling", True)
        until = filters.get("until") or ()
        if len(until) > 1:
            raise InvalidArgument("more than one until filter specified")
        self._until = parse_until(until[0]) if until else None

    def references(self) -> list[str]:
        """Return what to remove, one after the other: every name of an image, or the ID of a nameless one.

        Images with containers are left alone whole; moby would take all their names but one.
        """
        wanted: list[str] = []
        for image in self._store.images.values():
            if self._passes(image) and not self._in_use(image.record.id):
                names = self._store.references(image.record.id)
                if not names:
                    wanted.append(image.record.id)
                elif not self._dangling or all(name.digest for name in names):
                    wanted += [str(name) for name in names]
        return wanted

    def _passes(self, image: StoredImage) -> bool:
        """Apply the filters; images that others were made from go only with those."""
        children = self._store.children(image.record.id)
        if children and (self._dangling or not self._store.references(image.record.id)):
            return False
        if self._until is not None and (image.created_ns is None or image.created_ns > self._until):
            return False
        return labels_match(self._filters, image.labels)
