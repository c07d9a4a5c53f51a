"""Answering a registry's challenge: Basic, or a Bearer token from the token server that it names.

The flows are distribution's ("Token Authentication Specification", "OAuth2 Token Authentication"): a token is asked for
with the name and password, or with a refresh token, or by nobody, for the scopes that are needed and no more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

import msgspec

from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.challenges import Challenge, parse_challenges
from pogu.engine.registries.connections import Connections
from pogu.engine.registries.credentials import Credentials
from pogu.engine.registries.failures import refusal
from pogu.errors import PoguError, Unauthenticated

_CLIENT = "docker"  # the client ID that token servers know
_LARGEST = 1 << 20  # bytes of a token server's answer
_LEAST_SECONDS = 60  # a token that does not say how long it lives
_EARLY_SECONDS = 5


class _Token(msgspec.Struct):
    token: str | None = ""
    access_token: str | None = ""
    refresh_token: str | None = ""
    expires_in: int | None = 0


class Authorizer:
    """Knows how one server wants to be asked, for one who asks. Safe to use from several threads."""

    def __init__(self, connections: Connections, credentials: Credentials, secure: bool) -> None:
        self._connections = connections
        self._credentials = credentials
        self._secure = secure
        self._lock = threading.Lock()
        self._basic = False
        self._tokens: dict[str, tuple[str, float]] = {}  # scopes -> token, time.monotonic() of its end
        self.identity_token = ""  # what the token server gave to be kept in place of the password

    def header(self, scopes: Sequence[str]) -> dict[str, str]:
        """Return the headers of a request that needs `scopes`, from what is known so far."""
        if self._credentials.registrytoken:
            return {"Authorization": f"Bearer {self._credentials.registrytoken}"}
        if self._basic:
            return {"Authorization": self._credentials.basic}
        with self._lock:
            token, end = self._tokens.get(" ".join(scopes), ("", 0.0))
        return {"Authorization": f"Bearer {token}"} if token and time.monotonic() < end else {}

    def answer(
        self, challenge: str, scopes: Sequence[str], what: str, canceller: Canceller, offline: bool = False
    ) -> None:
        """Learn from a 401, so that `header` has what is asked for. `offline` asks for a refresh token, too.

        Raises:
            Unauthenticated: there is nobody to answer for.
            RegistryError: the token server refuses.
        """
        challenges = parse_challenges(challenge)
        bearer = next((c for c in challenges if c.scheme == "bearer"), None)
        if bearer is not None:
            self._fetch(bearer, scopes, canceller, offline)
            return
        if not any(c.scheme == "basic" for c in challenges):
            raise Unauthenticated(f"{what}: unauthorized: authentication required")
        if not self._credentials.basic:
            raise Unauthenticated(f"{what}: no basic auth credentials")
        self._basic = True

    def _fetch(self, challenge: Challenge, scopes: Sequence[str], canceller: Canceller, offline: bool) -> None:
        realm = challenge.parameters.get("realm", "")
        parts = urlsplit(realm)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise PoguError(f"no usable realm was specified for the token auth challenge: {realm!r}")
        known = self._credentials.identitytoken or self._credentials.basic
        if known and self._secure and parts.scheme != "https":
            raise PoguError(f"refusing to send credentials to {realm}, which is not https")
        asked = list(scopes) or challenge.parameters.get("scope", "").split()
        token = self._ask(realm, challenge.parameters.get("service", ""), asked, canceller, offline)
        value = token.access_token or token.token
        if not value:
            raise PoguError("authorization server did not include a token in the response")
        end = time.monotonic() + max(token.expires_in or 0, _LEAST_SECONDS) - _EARLY_SECONDS
        self.identity_token = token.refresh_token or self.identity_token
        with self._lock:
            self._tokens[" ".join(scopes)] = (value, end)

    def _ask(self, realm: str, service: str, scopes: Sequence[str], canceller: Canceller, offline: bool) -> _Token:
        if self._credentials.identitytoken:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": self._credentials.identitytoken,
                "service": service,
                "client_id": _CLIENT,
                "scope": " ".join(scopes),
            }
            fields = {"Content-Type": "application/x-www-form-urlencoded"}
            return self._token("POST", realm, fields, urlencode(form).encode(), canceller)
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        pair = self._credentials.pair()
        if pair:
            query.append(("account", pair[0]))
        if offline:
            query += [("offline_token", "true"), ("client_id", _CLIENT)]
        url = realm + ("&" if urlsplit(realm).query else "?") + urlencode(query)
        return self._token("GET", url, {"Authorization": self._credentials.basic} if pair else {}, None, canceller)

    def _token(self, method: str, url: str, fields: dict[str, str], body: bytes | None, canceller: Canceller) -> _Token:
        with self._connections.request(method, url, fields, body, canceller=canceller) as answer:
            data = answer.read(_LARGEST)
        if answer.status != 200:
            raise refusal(answer.status, data, url.partition("?")[0])
        try:
            return msgspec.json.decode(data, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise PoguError(f"unable to decode token response: {e}") from None
