"""Whose the files of `COPY --chown` become."""

from __future__ import annotations

from pathlib import Path

from pogu.engine.runtime.users import find_group, find_user
from pogu.errors import InvalidArgument
from pogu.linux.paths import open_root, opened


def resolve_owner(root: Path, text: str) -> tuple[int, int]:
    """Return the uid and gid of `user[:group]`; names are looked up in the root's own files.

    A user alone gives the group: the one of its name or number, as in the Dockerfile reference ("COPY --chown"), or the
    user's own where no group is called so.

    Raises:
        InvalidArgument: there is no such user or group.
    """
    user, colon, group = text.partition(":")
    if not user and not group:
        raise InvalidArgument(f"invalid chown string: '{text}'")
    with opened(open_root(root)) as fd:
        uid, own_group = find_user(fd, user or "0")
        if colon and group:
            return uid, find_group(fd, group)
        if user.isascii() and user.isdigit():
            return uid, int(user)
        return uid, own_group
