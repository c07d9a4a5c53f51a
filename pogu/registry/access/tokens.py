"""Tokens of Docker's token authentication: JSON Web Tokens whose `access` claim lists what may be done.

`Verifier` reads those of an issuer whose public keys are known; `Signer` makes them with a key of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from pogu.registry.access import Grant, Identity
from pogu.registry.access.keys import Trust, own_key

_LEEWAY = 60.0  # seconds that two machines' clocks may differ
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_MOST_REMEMBERED = 10_000
_LONGEST = 64 * 1024


class _Form(JWSRegistry):
    """What a token may be: longer than by default, since its header may hold certificates."""

    max_header_length = _LONGEST


_FORM = _Form(algorithms=_ALGORITHMS)


class BadToken(Exception):
    """The token is not valid; the message says why."""


class Verifier:
    """Reads tokens made for `service` by `issuer` (any, if that is empty) and signed with a key that is trusted."""

    def __init__(self, trust: Trust, service: str, issuer: str = "") -> None:
        self._trust = trust
        self._service = service
        self._issuer = issuer
        self._read: dict[str, tuple[float, Identity]] = {}  # until when, and who: signatures are slow to check

    def identify(self, token: str) -> Identity:
        """Whom the token names, with what it grants. Raises BadToken."""
        known = self._read.get(token)
        if known is None or known[0] <= time.time():
            known = self._verify(token)
            if len(self._read) >= _MOST_REMEMBERED:
                self._read.clear()
            self._read[token] = known
        return known[1]

    def _verify(self, token: str) -> tuple[float, Identity]:
        if len(token) > _LONGEST:
            raise BadToken("the token is too long")
        claims = self._claims(token)
        now = time.time()
        expires = _number(claims.get("exp"))
        if expires is None or expires + _LEEWAY <= now:
            raise BadToken("the token has expired")
        if (_number(claims.get("nbf")) or 0.0) - _LEEWAY > now:
            raise BadToken("the token is not valid yet")
        if self._issuer and claims.get("iss") != self._issuer:
            raise BadToken("the token is from another issuer")
        audience = claims.get("aud")
        if self._service not in (audience if isinstance(audience, list) else [audience]):
            raise BadToken("the token is for another service")
        subject = claims.get("sub")
        grants = tuple(_grants(claims.get("access")))
        return expires + _LEEWAY, Identity(subject if isinstance(subject, str) else "", grants)

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims, if a trusted key has signed them.

        A key is never taken from the token itself, but from certificates in its header that trusted ones vouch for.
        """
        for key in [*self._trust.keys, *self._vouched(token)]:
            try:
                claims = jwt.decode(token, key, registry=_FORM).claims
            except (JoseError, ValueError, TypeError):
                continue
            if isinstance(claims, dict):
                return claims
        raise BadToken("the token is not signed by a known key")

    def _vouched(self, token: str) -> list[Key]:
        """The key of the token's chain of certificates (RFC 7515, 4.1.6), if it leads to a trusted one."""
        if self._trust.chains is None:
            return []
        key = self._trust.chains.key(_header(token).get("x5c"))
        return [] if key is None else [key]


class Signer:
    """Makes tokens with a private key that is made once and kept in a file."""

    def __init__(self, path: Path, issuer: str, service: str, seconds: int = 300) -> None:
        self.issuer = issuer
        self.service = service
        self.seconds = seconds
        self._key = own_key(path)

    def verifier(self) -> Verifier:
        """What reads the tokens made here."""
        return Verifier(Trust((self._key,)), self.service, self.issuer)

    def token(self, user: str, grants: Sequence[Grant]) -> str:
        """A token for a user ("" for nobody in particular) that grants this."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": user,
            "aud": self.service,
            "exp": now + self.seconds,
            "nbf": now - 10,
            "iat": now,
            "jti": str(uuid.uuid4()),
            "access": [{"type": grant.kind, "name": grant.name, "actions": sorted(grant.actions)} for grant in grants],
        }
        return self._signed(claims)

    def refresh_token(self, user: str, mark: str) -> str:
        """A token that gets other tokens for a user, as long as `mark` says the same of their password."""
        claims = {
            "iss": self.issuer,
            "sub": user,
            "aud": self._refreshing,
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "mark": mark,
        }
        return self._signed(claims)

    def refreshed(self, token: str) -> tuple[str, str]:
        """The user and mark of a `refresh_token`. Raises BadToken."""
        try:
            claims = jwt.decode(token[:_LONGEST], self._key, algorithms=["ES256"]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise BadToken("the refresh token is not from here") from error
        if claims.get("aud") != self._refreshing or claims.get("iss") != self.issuer:
            raise BadToken("the token is none for refreshing")
        return str(claims.get("sub", "")), str(claims.get("mark", ""))

    @property
    def _refreshing(self) -> str:
        """The audience of refresh tokens, which no registry takes for its own."""
        return f"{self.service} refresh"

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": self._key.thumbprint()}, claims, self._key)


def _header(token: str) -> dict[str, Any]:
    """The header of a token that nobody has checked yet; empty if it is none."""
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _grants(access: object) -> list[Grant]:
    grants = []
    for entry in access if isinstance(access, list) else []:
        if not isinstance(entry, dict):
            continue
        kind, name, actions = entry.get("type"), entry.get("name"), entry.get("actions")
        if isinstance(kind, str) and isinstance(name, str) and isinstance(actions, list):
            grants.append(Grant(kind, name, frozenset(each for each in actions if isinstance(each, str))))
    return grants
