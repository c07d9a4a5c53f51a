"""Sending a blob to a repository: whole where it is small, else in a stream that goes on where it was cut off.

OCI distribution specification 1.1, "Pushing blobs": a session is begun with POST, filled with PATCH and ended with a
PUT that says the digest; GET on the session says how much has come. Blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from pogu.engine.registries.connections import Answer, Body
from pogu.engine.registries.failures import RegistryError, Unreachable, refusal
from pogu.engine.registries.repository import Repository
from pogu.errors import PoguError

WHOLE = 1 << 20  # bytes; what is no larger goes in one request
_PIECE = 256 << 10
_FIRST_PAUSE = 0.5  # seconds before the second attempt; doubled for each that follows
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


@dataclass(frozen=True, slots=True)
class Blob:
    """What is to be sent. `read_at(offset, size)` gives its bytes."""

    digest: str
    size: int
    read_at: Callable[[int, int], bytes]


def mount(repository: Repository, digest: str, path: str) -> str | None:
    """Have the registry take a blob over from another repository of its own.

    Returns None when it has, and the URL of an upload session when it has not.
    """
    query = urlencode({"mount": digest, "from": path})
    with repository.request("POST", repository.url("blobs", "uploads/") + f"?{query}", {}, b"") as answer:
        answer.drain()
    return None if answer.status == 201 else _location(answer)


class Upload:
    """One blob on its way to a repository. `seen` is told how many bytes have been sent."""

    def __init__(self, repository: Repository, blob: Blob, seen: Callable[[int], None], attempts: int = 5) -> None:
        self._repository = repository
        self._blob = blob
        self._seen = seen
        self._attempts = attempts
        self._sent = 0  # bytes that the registry has, as far as is known

    def run(self, session: str | None = None) -> None:
        """Send the blob, as often as it takes; `session` is one that was begun already.

        Raises:
            Unreachable, RegistryError: it cannot be sent.
        """
        pause, left = _FIRST_PAUSE, self._attempts
        while True:
            before = self._sent
            try:
                session = session or self._begin()
                self._finish(self._fill(session))
                return
            except (Unreachable, RegistryError) as e:
                if isinstance(e, RegistryError) and not e.passing:
                    raise
                left = self._attempts - 1 if self._sent > before else left - 1
                if left <= 0:
                    raise
                self._repository.canceller.sleep(pause)
                pause *= 2
            session = self._resume(session) if session else None

    def _begin(self) -> str:
        self._sent = 0
        url = self._repository.url("blobs", "uploads/")
        with self._repository.request("POST", url, {}, b"") as answer:
            answer.drain()
        return _location(answer)

    def _resume(self, session: str) -> str | None:
        """Ask how much has come; None where the session is gone."""
        try:
            with self._ask("GET", session, {}) as answer:
                answer.drain()
            come = _RANGE.match(answer.headers.get("range", ""))
            self._sent = int(come[1]) + 1 if come else 0
            return _location(answer) if "location" in answer.headers else session
        except PoguError:
            self._repository.canceller.check()
            return None

    def _fill(self, session: str) -> str:
        """Send what is missing; return the session to be finished. Small blobs are left for the finish."""
        if self._blob.size <= WHOLE and not self._sent:
            return session
        left = self._blob.size - self._sent
        if not left:
            return session
        fields = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(left),
            "Content-Range": f"{self._sent}-{self._blob.size - 1}",
        }
        with self._ask("PATCH", session, fields, self._pieces(self._sent)) as answer:
            answer.drain()
        self._sent = self._blob.size
        return _location(answer)

    def _pieces(self, offset: int) -> Iterator[bytes]:
        while offset < self._blob.size:
            piece = self._blob.read_at(offset, min(_PIECE, self._blob.size - offset))
            if not piece:
                raise PoguError(f"{self._blob.digest} is shorter than it was")
            yield piece
            offset += len(piece)
            self._seen(offset)

    def _finish(self, session: str) -> None:
        data = b"" if self._sent else self._blob.read_at(0, self._blob.size)
        url = session + ("&" if urlsplit(session).query else "?") + urlencode({"digest": self._blob.digest})
        with self._ask("PUT", url, {"Content-Type": "application/octet-stream"}, data) as answer:
            answer.drain()
        self._seen(self._blob.size)

    def _ask(self, method: str, url: str, fields: dict[str, str], body: Body = None) -> Answer:
        answer = self._repository.attempt(method, url, fields, body)
        if answer.status < 300:
            return answer
        with answer:
            data = answer.read(WHOLE)
        raise refusal(answer.status, data, url.partition("?")[0], "BLOB_UPLOAD_UNKNOWN")


def _location(answer: Answer) -> str:
    location = answer.headers.get("location", "")
    if not location:
        raise PoguError(f"{answer.url}: the registry does not say where the upload goes on")
    return urljoin(answer.url, location)
