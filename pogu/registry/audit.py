"""The audit log: one line of JSON for each request that reads or changes content, and for each that is refused."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pogu.errors import InvalidArgument
from pogu.http import Request, Response
from pogu.registry.access import Identity
from pogu.registry.addresses import Addresses
from pogu.registry.targets import Target

_LONGEST = 300  # characters of what clients choose


class AuditLog:
    """A witness of the front that writes to a file, which may be renamed away and is reopened then.

    The line is with the kernel before the answer goes out, so that a crash loses none that was answered. That is one
    short write to the page cache, which is why it is not done in a thread.
    """

    def __init__(self, path: Path, addresses: Addresses) -> None:
        self._path = path
        self._addresses = addresses
        self._fd = self._open()
        self._checked = time.monotonic()

    def __call__(self, request: Request, target: Target | None, identity: Identity, response: Response) -> None:
        """Write the line of an answer."""
        if target is None or (target.kind == "base" and response.status < 400):
            return
        if time.monotonic() - self._checked > 1.0:
            self._reopen()
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "client": self._addresses.client(request),
            "user": identity.name,
            "method": request.method,
            "endpoint": target.kind,
            "repository": target.name[:_LONGEST],
            "reference": target.reference[:_LONGEST],
            "status": response.status,
            "agent": request.headers.get("user-agent", "")[:_LONGEST],
        }
        for name, value in response.headers:
            if name == "Docker-Content-Digest":
                line["digest"] = value
        os.write(self._fd, msgspec.json.encode(line) + b"\n")

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise InvalidArgument(f"cannot write the audit log {self._path}: {error.strerror}") from error

    def _reopen(self) -> None:
        self._checked = time.monotonic()
        try:
            status = self._path.stat()
            opened = os.fstat(self._fd)
            if (status.st_dev, status.st_ino) == (opened.st_dev, opened.st_ino):
                return
        except FileNotFoundError:
            pass
        new = self._open()
        os.close(self._fd)
        self._fd = new

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)
