"""`docker rmi` and the removals of a prune: which names and images go, by moby's rules, decided before anything goes.

Given a name, the name is removed, and the image with it when it was the last one and nothing else needs it. Given an
ID, the image is removed, which needs force when it has names in several repositories or stopped containers use it.
Images that others were made from, and images of running containers, cannot be removed at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pogu.engine.images.digests import short_id
from pogu.engine.images.reference import Reference, parse_reference
from pogu.engine.images.store import ImageStore, Update
from pogu.errors import Conflict

# container ID, name, whether it runs
User = tuple[str, str, bool]
InUse = Callable[[str], Sequence[User]]


@dataclass
class Removal:
    """What a removal takes away, in order: names (with the image they pointed to) and images."""

    steps: list[tuple[str, Reference | None]] = field(default_factory=list)  # image ID, name or None for the image

    def untagged(self, identifier: str, reference: Reference) -> None:
        self.steps.append((identifier, reference))

    def deleted(self, identifier: str) -> None:
        self.steps.append((identifier, None))

    def update(self) -> Update:
        """The change to the store."""
        return Update(
            removed_references=[r for _, r in self.steps if r is not None],
            removed_images=[i for i, r in self.steps if r is None],
        )


class Remover:
    """Decides one removal. Reads the store as it is; what it has decided to remove so far counts as gone."""

    def __init__(self, store: ImageStore, in_use: InUse) -> None:
        self._store = store
        self._in_use = in_use
        self.removal = Removal()

    def remove(self, text: str, force: bool, prune: bool) -> Removal:
        """Decide the removal of a name or ID; with `prune`, of unneeded nameless parents too.

        Raises:
            NotFound, InvalidArgument: no such image.
            Conflict: something needs it.
        """
        identifier = self._store.resolve(text).record.id
        by_name = not (identifier.startswith(text) or identifier.startswith(text, 7))
        if by_name:
            if not self._untag(text, identifier, force):
                return self.removal
        elif _single(self._names(identifier)):
            self._check(identifier, active=False, stopped=not force)
            for reference in self._names(identifier):
                self.removal.untagged(identifier, reference)
        self._delete(identifier, force, prune, quiet=by_name)
        return self.removal

    def _untag(self, text: str, identifier: str, force: bool) -> bool:
        """Remove one name; say whether that was the last."""
        users = self._in_use(identifier)
        if not force and users and _single(self._names(identifier)):
            raise Conflict(
                f'conflict: unable to remove repository reference "{text}" (must force) - '
                f"container {short_id(users[0][0])} is using its referenced image {short_id(identifier)}"
            )
        reference = parse_reference(text).key()
        self.removal.untagged(identifier, reference)
        if not reference.digest:
            self._untag_digests(identifier, reference)
        return not self._names(identifier)

    def _untag_digests(self, identifier: str, reference: Reference) -> None:
        """Remove the digests of a repository whose last tag on this image is gone."""
        same = [r for r in self._names(identifier) if r.name == reference.name]
        if all(r.digest for r in same):
            for digest in same:
                self.removal.untagged(identifier, digest)

    def _delete(self, identifier: str, force: bool, prune: bool, quiet: bool) -> None:
        """Remove an image with all its names; when `quiet`, a conflict leaves it where it is."""
        try:
            self._check(identifier, active=not force, stopped=not force)
        except Conflict:
            if quiet:
                return
            raise
        for reference in self._names(identifier):
            self.removal.untagged(identifier, reference)
        parent = self._store.get(identifier).record.parent
        self.removal.deleted(identifier)
        if prune and parent in self._store.images:
            self._delete(parent, force=False, prune=True, quiet=True)

    def _check(self, identifier: str, active: bool, stopped: bool) -> None:
        """Raise Conflict if something needs the image; names and stopped containers count only if asked for."""
        gone = {i for i, r in self.removal.steps if r is None}
        if self._store.children(identifier) - gone:
            raise self._conflict(identifier, "cannot be forced", "image has dependent child images")
        users = self._in_use(identifier)
        running = [user for user in users if user[2]]
        if running:
            text = f"image is being used by running container {short_id(running[0][0])}"
            raise self._conflict(identifier, "cannot be forced", text)
        if active and self._names(identifier):
            raise self._conflict(identifier, "must be forced", "image is referenced in multiple repositories")
        if stopped and users:
            text = f"image is being used by stopped container {short_id(users[0][0])}"
            raise self._conflict(identifier, "must be forced", text)

    def _conflict(self, identifier: str, remedy: str, reason: str) -> Conflict:
        return Conflict(f"conflict: unable to delete {short_id(identifier)} ({remedy}) - {reason}")

    def _names(self, identifier: str) -> list[Reference]:
        gone = {r for _, r in self.removal.steps}
        return [r for r in self._store.references(identifier) if r not in gone]


def _single(references: list[Reference]) -> bool:
    """Tell whether all names are of one repository, with one tag at most; false if there are none."""
    if len(references) <= 1:
        return len(references) == 1
    tags = [r for r in references if not r.digest]
    digests = {r.name for r in references if r.digest}
    first = tags[0] if tags else references[0]
    return len(tags) <= 1 and digests == {first.name}
