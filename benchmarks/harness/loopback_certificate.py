"""A certificate for servers on the loopback interface, and the authority to trust for it."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def loopback_certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """Make one for 127.0.0.1.

    Args:
        directory: for the authority's file.

    Returns:
        What a server listens with, and the PEM file of the authority, for clients.
    """
    authority = trustme.CA()
    certificate = directory / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, certificate
