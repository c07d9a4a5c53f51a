"""The keys of tokens: those whose signatures are trusted, and the own one that signs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from pogu.errors import InvalidArgument
from pogu.registry.storage.files import write_whole

if TYPE_CHECKING:
    from pogu.registry.access.chains import Chains


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures are trusted: `keys`, and those of certificates that `chains` vouches for."""

    keys: tuple[Key, ...]
    chains: Chains | None = None


def load_trust(path: Path) -> Trust:
    """What a file says whose tokens to trust: a JSON Web Key (Set), or PEM blocks of keys and certificates.

    Raises:
        InvalidArgument: it cannot be read, or has none.
    """
    try:
        data = path.read_bytes()
        trust = Trust(_json_keys(data)) if data.lstrip()[:1] == b"{" else _pem_trust(data)
    except OSError as error:
        raise InvalidArgument(f"cannot read the keys of the tokens' issuer: {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, JoseError) as error:
        raise InvalidArgument(f"{path} holds neither PEM nor a JSON Web Key Set: {error}") from error
    if not trust.keys:
        raise InvalidArgument(f"{path} holds no key")
    return trust


def _json_keys(data: bytes) -> tuple[Key, ...]:
    value = json.loads(data)
    return tuple(KeySet.import_key_set(value if "keys" in value else {"keys": [value]}).keys)


def _pem_trust(data: bytes) -> Trust:
    keys: list[Key] = []
    certificates: list[bytes] = []
    for block in data.split(b"-----BEGIN ")[1:]:
        pem = b"-----BEGIN " + block
        if block.startswith(b"CERTIFICATE-----"):
            certificates.append(pem)
        else:
            keys.append(pem_key(pem))
    if not certificates:
        return Trust(tuple(keys))
    from pogu.registry.access.chains import Chains  # noqa: PLC0415 # what reads certificates is needed only with some

    chains = Chains(certificates)
    return Trust((*keys, *chains.keys), chains)


def pem_key(pem: bytes) -> Key:
    """The key in a block of PEM. Raises ValueError."""
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(pem)
        except (ValueError, TypeError, JoseError):
            continue
    raise ValueError("unknown kind of key")


def own_key(path: Path) -> ECKey:
    """The private key in a file, which is made if it is not there. Raises InvalidArgument."""
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
