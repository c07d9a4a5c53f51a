"""Tokens of Docker's token authentication: JSON Web Tokens whose `access` claim lists what may be done.

`Verifier` reads those of an issuer whose public keys are known; `Signer` makes them with a key of its own.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from pogu.errors import InvalidArgument
from pogu.registry.access import Grant, Identity
from pogu.registry.storage.files import write_whole

_LEEWAY = 60.0  # seconds that two machines' clocks may differ
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_MOST_REMEMBERED = 10_000
_LONGEST = 64 * 1024


class BadToken(Exception):
    """The token is not valid; the message says why."""


class Verifier:
    """Reads tokens made for `service` by `issuer` (any, if that is empty) and signed with one of the keys."""

    def __init__(self, keys: Sequence[Key], service: str, issuer: str = "") -> None:
        self._keys = keys
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
        """The claims, if one of the keys has signed them. A key is never taken from the token itself."""
        for key in self._keys:
            try:
                claims = jwt.decode(token, key, algorithms=_ALGORITHMS).claims
            except (JoseError, ValueError, TypeError):
                continue
            if isinstance(claims, dict):
                return claims
        raise BadToken("the token is not signed by a known key")


class Signer:
    """Makes tokens with a private key that is made once and kept in a file."""

    def __init__(self, path: Path, issuer: str, service: str, seconds: int = 300) -> None:
        self.issuer = issuer
        self.service = service
        self.seconds = seconds
        self._key = _own_key(path)

    def verifier(self) -> Verifier:
        """What reads the tokens made here."""
        return Verifier([self._key], self.service, self.issuer)

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
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": self._key.thumbprint()}, claims, self._key)


def _own_key(path: Path) -> ECKey:
    try:
        return ECKey.import_key(json.loads(path.read_bytes()))
    except FileNotFoundError:
        key = ECKey.generate_key("P-256", private=True)
        old = os.umask(0o077)
        try:
            write_whole(path, json.dumps(key.as_dict(private=True)).encode())
        finally:
            os.umask(old)
        return key
    except (ValueError, JoseError) as error:
        raise InvalidArgument(f"{path} is not a key: {error}") from error


def load_keys(path: Path) -> list[Key]:
    """The public keys in a file: a JSON Web Key (Set), or PEM blocks of keys and certificates.

    Raises:
        InvalidArgument: it cannot be read, or has none.
    """
    try:
        data = path.read_bytes()
        keys = _json_keys(data) if data.lstrip()[:1] == b"{" else _pem_keys(data)
    except OSError as error:
        raise InvalidArgument(f"cannot read the keys of the tokens' issuer: {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, JoseError) as error:
        raise InvalidArgument(f"{path} holds neither PEM nor a JSON Web Key Set: {error}") from error
    if not keys:
        raise InvalidArgument(f"{path} holds no key")
    return keys


def _json_keys(data: bytes) -> list[Key]:
    value = json.loads(data)
    return list(KeySet.import_key_set(value if "keys" in value else {"keys": [value]}).keys)


def _pem_keys(data: bytes) -> list[Key]:
    from cryptography import x509  # noqa: PLC0415 # joserfc brings it; only needed here
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    keys: list[Key] = []
    for block in data.split(b"-----BEGIN ")[1:]:
        pem = b"-----BEGIN " + block
        if block.startswith(b"CERTIFICATE-----"):
            public = x509.load_pem_x509_certificate(pem).public_key()
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        keys.append(_pem_key(pem))
    return keys


def _pem_key(pem: bytes) -> Key:
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(pem)
        except (ValueError, TypeError, JoseError):
            continue
    raise ValueError("unknown kind of key")


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
