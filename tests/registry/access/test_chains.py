"""Tokens with the certificates of their key in the header, of an issuer whose authority the registry trusts."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.registry.access.test_tokens import ISSUER, KEY, SERVICE, bearer, encoded, token
from tests.registry.client import Client
from tests.registry.serving import serving

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Signatory:
    """A key with its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def jwk(self) -> ECKey:
        return ECKey.import_key(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def der(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()


def certified(
    name: str, by: Signatory | None = None, *, ca: bool = False, ends: datetime.timedelta = 30 * DAY
) -> Signatory:
    """A key that `by` vouches for, or it itself, and until when from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * DAY)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Signatory(key, certificate)


ROOT = certified("root", ca=True)
BETWEEN = certified("between", ROOT, ca=True)
SIGNER = certified("signer", BETWEEN)


def chained(name: str, signer: Signatory, chain: Sequence[Any]) -> str:
    """A token to push that `signer` has signed, with a chain of certificates."""
    claims = jwt.decode(token(name, "pull", "push"), KEY).claims
    return jwt.encode({"alg": "ES256", "x5c": list(chain)}, claims, signer.jwk)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    roots = Path(tmp_path_factory.mktemp("roots")) / "roots.pem"
    roots.write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    with serving(
        token_keys=str(roots), token_service=SERVICE, token_issuer=ISSUER, token_realm="https://auth.example/token"
    ) as client:
        yield client


def push(registry: Client, name: str, signer: Signatory, chain: Sequence[Any]) -> int:
    headers = bearer(chained(name, signer, chain))
    return registry.request("POST", f"/v2/{name}/blobs/uploads/", headers=headers).status_code


def test_who_an_authority_vouches_for_is_trusted(registry: Client, name: str) -> None:
    assert push(registry, name, SIGNER, [SIGNER.der, BETWEEN.der]) == 202
    assert push(registry, name, SIGNER, [SIGNER.der, BETWEEN.der, ROOT.der]) == 202
    direct = certified("direct", ROOT)
    assert push(registry, name, direct, [direct.der]) == 202
    assert push(registry, name, ROOT, []) == 202, "the trusted key itself needs no chain"


def test_who_nobody_vouches_for_is_not(registry: Client, name: str) -> None:
    other = certified("root", ca=True)  # only its name is that of the one that is trusted
    stranger = certified("stranger", other)
    for signer, chain in (
        (SIGNER, [SIGNER.der]),
        (stranger, [stranger.der]),
        (stranger, [stranger.der, other.der]),
        (stranger, [stranger.der, ROOT.der]),
        (stranger, [SIGNER.der, BETWEEN.der]),  # somebody else's certificates
    ):
        assert push(registry, name, signer, chain) == 401


def test_who_is_no_authority_vouches_for_nobody(registry: Client, name: str) -> None:
    below = certified("below", SIGNER)
    assert push(registry, name, below, [below.der, SIGNER.der, BETWEEN.der]) == 401


def test_a_certificate_that_has_ended(registry: Client, name: str) -> None:
    late = certified("late", BETWEEN, ends=-DAY)
    assert push(registry, name, late, [late.der, BETWEEN.der]) == 401
    old = certified("old", ROOT, ca=True, ends=-DAY)
    young = certified("young", old)
    assert push(registry, name, young, [young.der, old.der]) == 401


@pytest.mark.parametrize("chain", [[], ["?"], [""], ["AAAA"], ["AAAA"] * 1000])
def test_a_chain_that_is_none(registry: Client, name: str, chain: list[Any]) -> None:
    assert push(registry, name, SIGNER, chain) == 401


@pytest.mark.parametrize("chain", [1, "x", [1], [None], [[]], {}, [{"a": []}]])
def test_a_header_that_makes_no_sense(registry: Client, name: str, chain: Any) -> None:
    _, claims, signature = chained(name, SIGNER, [SIGNER.der, BETWEEN.der]).split(".")
    header = encoded(json.dumps({"alg": "ES256", "x5c": chain}).encode())
    for forged in (f"{header}.{claims}.{signature}", f"x.{claims}.{signature}", f"{encoded(b'[1]')}.{claims}.x"):
        headers = bearer(forged)
        assert registry.request("POST", f"/v2/{name}/blobs/uploads/", headers=headers).status_code == 401
