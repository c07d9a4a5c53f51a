"""The file of users and bcrypt hashes that `htpasswd -B` writes, read again whenever it has changed."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt

from pogu.errors import InvalidArgument
from pogu.registry.refusals import Refused

log = logging.getLogger(__name__)

_REMEMBER_SECONDS = 300.0
_MOST_REMEMBERED = 10_000
_MOST_WAITING = 64
_BCRYPT = ("$2a$", "$2b$", "$2x$", "$2y$")
_LONGEST = 72  # bcrypt uses no more bytes of a password


class Passwords:
    """Checks passwords. One that was right is right for some minutes more without bcrypt, which is slow on purpose."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users: dict[str, bytes] = {}
        self._stamp: tuple[int, int] | None = None
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}
        self._threads = ThreadPoolExecutor(2, "bcrypt")
        self._waiting = 0
        # What a password is compared with when there is no such user: how long it takes tells nothing then.
        self._nobody = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt(10))
        try:
            self._reload()
        except OSError as error:
            raise InvalidArgument(f"cannot read the password file {path}: {error.strerror}") from error

    async def check(self, user: str, password: str) -> bool:
        """Whether this is the user's password. Raises Refused (TOOMANYREQUESTS) when too many ask at once."""
        try:
            self._reload()
        except OSError as error:
            log.error("cannot read the password file %s: %s; going on with the old one", self._path, error)
        secret = hashlib.blake2b(f"{user}\0{password}".encode(), key=self._key).digest()
        if self._right.get(secret, 0.0) > time.monotonic():
            return True
        if self._waiting >= _MOST_WAITING:
            raise Refused("TOOMANYREQUESTS", "too many logins at once", headers=[("Retry-After", "1")])
        self._waiting += 1
        try:
            known = self._users.get(user)
            right = await asyncio.get_running_loop().run_in_executor(
                self._threads, _compare, password, known or self._nobody
            )
        finally:
            self._waiting -= 1
        if not right or known is None or self._users.get(user) != known:
            return False
        if len(self._right) >= _MOST_REMEMBERED:
            self._right.clear()
        self._right[secret] = time.monotonic() + _REMEMBER_SECONDS
        return True

    def _reload(self) -> None:
        status = self._path.stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp == self._stamp:
            return
        self._users = _parse(self._path.read_text("utf-8", "replace"), self._path)
        self._right.clear()
        self._stamp = stamp

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _parse(text: str, path: Path) -> dict[str, bytes]:
    users = {}
    for number, line in enumerate(text.splitlines(), 1):
        user, colon, hashed = line.strip().partition(":")
        if not user or user.startswith("#"):
            continue
        if not colon or not hashed.startswith(_BCRYPT):
            log.warning("%s, line %d: %s has no bcrypt hash (htpasswd -B) and cannot log in", path, number, user)
            continue
        users[user] = hashed.strip().encode()
    return users


def _compare(password: str, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST], hashed)
    except ValueError:
        return False
