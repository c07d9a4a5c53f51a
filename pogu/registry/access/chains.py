"""Chains of certificates in the header of a token (`x5c` of RFC 7515), as issuers send them that renew their keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError
from joserfc.jwk import Key

from pogu.registry.access.keys import pem_key

_LONGEST = 10


class Chains:
    """Trusts some certificates (PEM), and what they vouch for. Raises ValueError for what is no certificate."""

    def __init__(self, trusted: Sequence[bytes]) -> None:
        certificates = [x509.load_pem_x509_certificate(each) for each in trusted]
        self.keys = tuple(_key(each) for each in certificates)
        # what the certificates of web sites must have besides is not asked for: only who may sign for whom
        authorities = (
            ExtensionPolicy.permit_all()
            .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
            .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates)
        )
        signers = ExtensionPolicy.permit_all().may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
        self._policy = (
            PolicyBuilder()
            .store(Store(certificates))
            .max_chain_depth(_LONGEST)
            .extension_policies(ca_policy=authorities, ee_policy=signers)
        )

    def key(self, chain: object) -> Key | None:
        """The key of the first certificate of a chain (base64 of DER), if it leads to a trusted one just now."""
        if not isinstance(chain, list) or not 0 < len(chain) <= _LONGEST:
            return None
        try:
            first, *others = [x509.load_der_x509_certificate(base64.b64decode(each, validate=True)) for each in chain]
            self._policy.build_client_verifier().verify(first, others)
            return _key(first)
        except (binascii.Error, ValueError, TypeError, VerificationError):
            return None


def _key(certificate: x509.Certificate) -> Key:
    return pem_key(certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _is_authority(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("the certificate is none of an authority")


def _may_sign_certificates(_: Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the certificate may not sign others")


def _may_sign(_: Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError("the certificate may not sign")
