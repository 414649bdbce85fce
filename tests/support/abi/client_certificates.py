"""Valid and invalid client certificates for a TLS server."""

from __future__ import annotations

from dataclasses import dataclass

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class ClientCertificates:
    """PEM texts.

    Attributes:
        authority: the CA's certificate.
        certificate: the client's certificate.
        key: the client's key.
        other_key: the key of another certificate.
        encrypted_key: the client's key, encrypted in the format of PKCS #8.
        old_encrypted_key: the same key in OpenSSL's older format.
    """

    authority: bytes
    certificate: bytes
    key: bytes
    other_key: bytes
    encrypted_key: bytes
    old_encrypted_key: bytes

    @classmethod
    def made(cls, authority: trustme.CA | None = None) -> ClientCertificates:
        """Make the certificates."""
        authority = authority or trustme.CA()
        client, other = (authority.issue_cert(f"{name}@example.org") for name in ("one", "two"))
        key = load_pem_private_key(client.private_key_pem.bytes(), None)
        encrypted, old = (
            key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"password"))
            for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
        )
        return cls(
            authority=authority.cert_pem.bytes(),
            certificate=client.cert_chain_pems[0].bytes(),
            key=client.private_key_pem.bytes(),
            other_key=other.private_key_pem.bytes(),
            encrypted_key=encrypted,
            old_encrypted_key=old,
        )
