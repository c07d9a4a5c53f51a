"""Who a container's process is: names looked up in the image's own passwd and group files, inside its root."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pogu.errors import InvalidArgument
from pogu.linux import paths

_LIMIT = 4 << 20  # bytes of a passwd or group file that are read
_MAXIMUM_ID = 2**31 - 1  # as Docker refuses higher ones


@dataclass(frozen=True, slots=True)
class ResolvedUser:
    """`groups` holds the primary group too, first, as Docker tells the runtime."""

    uid: int = 0
    gid: int = 0
    groups: list[int] = field(default_factory=list)
    home: str = "/"


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    gid: int
    members: list[str]


def resolve_user(root: Path | int, user: str, group_add: list[str] | None = None) -> ResolvedUser:
    """Return the user that `user[:group]` names (names or numbers; "" is root), with the groups it belongs to.

    `root` is the root file system, as a path or an O_PATH descriptor; nothing outside it is read. A number need not
    be in the files; a name must.

    Raises:
        InvalidArgument: the name is not there, or a number is out of range, in Docker's words.
    """
    fd = paths.open_root(root)
    try:
        accounts, groups = _accounts(fd), _groups(fd)
    finally:
        os.close(fd)
    name, _, group = user.partition(":")
    account = _find_account(accounts, name)
    gid = _find_group(groups, group).gid if group else account.gid
    # with a group given, the user's other groups are not taken (initgroups is for logins)
    others = [] if group else [g.gid for g in groups if account.name and account.name in g.members]
    others += [_find_additional(groups, g) for g in group_add or []]
    return ResolvedUser(account.uid, gid, [gid, *dict.fromkeys(g for g in others if g != gid)], account.home or "/")


def find_user(root: int, user: str) -> tuple[int, int]:
    """Return the uid and primary gid of a name or number in the passwd file of a root (a descriptor).

    Raises:
        InvalidArgument: there is none of that name.
    """
    account = _find_account(_accounts(root), user)
    return account.uid, account.gid


def find_group(root: int, group: str) -> int:
    """Return the gid of a group's name or number likewise."""
    return _find_group(_groups(root), group).gid


def _accounts(root: int) -> list[_Account]:
    return [a for line in _lines(root, "/etc/passwd") if (a := _account(line))]


def _groups(root: int) -> list[_Group]:
    return [g for line in _lines(root, "/etc/group") if (g := _group(line))]


def _find_account(accounts: list[_Account], name: str) -> _Account:
    if not name:
        name = "0"
    number = _number(name)
    for account in accounts:
        if account.name == name or account.uid == number:
            return account
    if number is None:
        raise InvalidArgument(f"unable to find user {name}: no matching entries in passwd file")
    return _Account("", _in_range(number), 0, "/")


def _find_group(groups: list[_Group], name: str) -> _Group:
    number = _number(name)
    for group in groups:
        if group.name == name or group.gid == number:
            return group
    if number is None:
        raise InvalidArgument(f"unable to find group {name}: no matching entries in group file")
    return _Group("", _in_range(number), [])


def _find_additional(groups: list[_Group], name: str) -> int:
    number = _number(name)
    for group in groups:
        if group.name == name or group.gid == number:
            return group.gid
    if number is None:
        raise InvalidArgument(f"Unable to find group {name}: no matching entries in group file")
    return _in_range(number)


def _in_range(number: int) -> int:
    if not 0 <= number <= _MAXIMUM_ID:
        raise InvalidArgument(f"uids and gids must be in range 0-{_MAXIMUM_ID}")
    return number


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.lstrip("-").isdigit() and text.count("-") <= 1 else None


def _lines(root: int, path: str) -> list[str]:
    try:
        data = paths.read_in_root(root, path, _LIMIT)
    except OSError:  # many images have neither file
        return []
    return [line.strip() for line in data.decode(errors="replace").splitlines() if line.strip()]


def _account(line: str) -> _Account | None:
    fields = [*line.split(":"), *[""] * 7][:7]
    uid, gid = _number(fields[2]), _number(fields[3])
    return None if uid is None or gid is None or line[0] == "#" else _Account(fields[0], uid, gid, fields[5])


def _group(line: str) -> _Group | None:
    fields = [*line.split(":"), *[""] * 4][:4]
    gid = _number(fields[2])
    return None if gid is None or line[0] == "#" else _Group(fields[0], gid, [m for m in fields[3].split(",") if m])
