"""A client for another registry, as far as a cache needs one: manifests and blobs, with Basic and token logins.

Everything here blocks and runs in threads of its own, so that a slow registry does not hold up the disk.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from pogu.errors import InvalidArgument
from pogu.registry.manifests import MEDIA_TYPES
from pogu.registry.refusals import Refused

_TIMEOUT = 60.0
_REDIRECTS = 5
_FIELD = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_ACCEPT = ", ".join(sorted(MEDIA_TYPES))


@dataclass(slots=True)
class Reply:
    """An answer whose body has not been read. Close it."""

    status: int
    headers: http.client.HTTPMessage
    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection

    @property
    def length(self) -> int | None:
        """The bytes of the content, if that is said."""
        value = self.headers.get("Content-Length", "")
        return int(value) if value.isascii() and value.isdigit() else None

    def close(self) -> None:
        """Let go of the connection, which belongs to the response where the server closes it."""
        self.response.close()
        self.connection.close()


@dataclass(slots=True)
class RemoteRegistry:
    """Another registry at `url` (`https://registry-1.docker.io`), with a login if it needs one."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InvalidArgument(f"--upstream: {self.url!r} is not an address like https://registry.example.org")
        self.url = self.url.rstrip("/")

    def manifest(self, method: str, name: str, reference: str) -> Reply:
        """Ask for a manifest. Raises Refused, OSError or HTTPException."""
        return self._get(method, name, f"/v2/{name}/manifests/{quote(reference, safe=':')}", {"Accept": _ACCEPT})

    def blob(self, method: str, name: str, digest: str) -> Reply:
        """Ask for a blob. Raises Refused, OSError or HTTPException."""
        return self._get(method, name, f"/v2/{name}/blobs/{digest}", {})

    def _get(self, method: str, name: str, path: str, headers: dict[str, str]) -> Reply:
        scope = f"repository:{name}:pull"
        with self._lock:
            expires, authorization = self._tokens.get(scope, (0.0, ""))
        known = {"Authorization": authorization} if expires > time.monotonic() else {}
        reply = self._follow(method, self.url + path, {**headers, **known})
        if reply.status == 401:
            challenge = reply.headers.get("WWW-Authenticate", "")
            reply.close()
            reply = self._follow(method, self.url + path, {**headers, "Authorization": self._login(challenge, scope)})
        if reply.status != 200:
            reply.close()
            raise _refused(reply)
        return reply

    def _login(self, challenge: str, scope: str) -> str:
        """The `Authorization` that answers a challenge."""
        basic = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        kind, _, rest = challenge.partition(" ")
        if kind.lower() != "bearer":
            if not self.user:
                raise Refused("DENIED", "the upstream registry wants a user and password")
            return basic
        fields = {match[1].lower(): match[2] or match[3] or "" for match in _FIELD.finditer(rest)}
        realm = urljoin(self.url, fields.get("realm", ""))
        if urlsplit(realm).scheme != "https" and urlsplit(self.url).scheme == "https":
            raise Refused("DENIED", "the upstream registry wants passwords sent without encryption")
        query = urlencode({"service": fields.get("service", ""), "scope": scope})
        reply = self._follow("GET", f"{realm}?{query}", {"Authorization": basic} if self.user else {})
        try:
            answer: Any = json.loads(reply.response.read(1024 * 1024)) if reply.status == 200 else {}
        finally:
            reply.close()
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str):
            raise Refused("DENIED", f"the upstream registry gives no token (status {reply.status})")
        lifetime = max(float(answer.get("expires_in") or 60), 60.0) * 0.8
        with self._lock:
            self._tokens[scope] = (time.monotonic() + lifetime, f"Bearer {token}")
        return f"Bearer {token}"

    def _follow(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        """One request, with its redirects; credentials stay with the host they are for."""
        host = urlsplit(url).netloc
        for _ in range(_REDIRECTS):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise Refused("UNSUPPORTED", "the upstream registry redirects to no web address", status=502)
            sent = headers if parts.netloc == host else {k: v for k, v in headers.items() if k != "Authorization"}
            reply = _request(method, parts.scheme, parts.netloc, url, sent)
            if reply.status not in (301, 302, 303, 307, 308):
                return reply
            url = urljoin(url, reply.headers.get("Location", ""))
            reply.close()
        raise Refused("UNSUPPORTED", "the upstream registry redirects without end", status=502)


def _request(method: str, scheme: str, netloc: str, url: str, headers: dict[str, str]) -> Reply:
    connection: http.client.HTTPConnection
    if scheme == "https":
        connection = http.client.HTTPSConnection(netloc, timeout=_TIMEOUT, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(netloc, timeout=_TIMEOUT)
    try:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, headers={"User-Agent": "pogu-registry", **headers})
        response = connection.getresponse()
    except BaseException:
        connection.close()
        raise
    return Reply(response.status, response.headers, response, connection)


def _refused(reply: Reply) -> Refused:
    if reply.status == 404:
        return Refused("MANIFEST_UNKNOWN", "unknown to the upstream registry")
    if reply.status == 429:
        wait = reply.headers.get("Retry-After", "60")
        return Refused(
            "TOOMANYREQUESTS",
            "the upstream registry takes no more requests for now",
            headers=[("Retry-After", wait if wait.isdigit() else "60")],
        )
    if reply.status in (401, 403):
        return Refused("DENIED", "the upstream registry does not let us have this")
    return Refused("UNSUPPORTED", f"the upstream registry answers {reply.status}", status=502)
