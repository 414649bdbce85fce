"""Unusable certificates: each failure names the certificate and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme

from tests.support.abi.capi import CApi
from tests.support.abi.text_collection import collected

ISSUER = "tls_options.server_root_ca_cert"


@pytest.fixture(scope="module")
def texts(capi: CApi, declared: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return collected(capi, declared, tmp_path_factory.mktemp("texts"), "connects")["connects"]


def trusting(capi: CApi, declared: str, scratch: Path, file: Path, directory: Path) -> str:
    """Return the failure of a connect on a system that trusts only these other authorities."""
    environment = {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(directory)}
    group = "system authorities"
    (text,) = collected(capi, declared, scratch, group, environment=environment)[group].values()
    return text


OF_THE_TLS_LIBRARY = re.compile(r"UnknownIssuer|\(UNIX\)|IpAddress\(|DnsName|invalid peer")
"""Text that means nothing to the user, or repeats what was already said."""

ENCRYPTED = "Invalid options: tls_options.client_private_key is encrypted; "
FOREIGN = "Invalid options: tls_options.client_private_key does not belong to "
FAILED = "Connection failed: "


@pytest.mark.parametrize(
    ("what", "beginning", "telling"),
    [
        pytest.param(what, beginning, telling, id=what.replace(" ", "-"))
        for what, beginning, *telling in (
            ("unknown issuer", FAILED, "unknown issuer", ISSUER),
            ("another name", FAILED, "other.example", "127.0.0.1", "tls_options.domain"),
            ("expired certificate", FAILED, "expired", "clock"),
            ("certificate of the future", FAILED, "not valid yet", "clock"),
            ("encrypted key", ENCRYPTED, "openssl pkey -in KEY -out PLAIN"),
            ("encrypted key, old style", ENCRYPTED, "openssl pkey -in KEY -out PLAIN"),
            ("key of another certificate", FOREIGN, "tls_options.client_cert"),
        )
    ],
)
def test_unusable_certificate(
    texts: dict[str, str], what: str, beginning: str, telling: list[str]
) -> None:
    assert texts[what].startswith(beginning)
    assert [words for words in telling if words not in texts[what]] == []
    assert OF_THE_TLS_LIBRARY.findall(texts[what]) == []


def test_system_without_authorities(capi: CApi, declared: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing"
    text = trusting(capi, declared, tmp_path, nowhere, nowhere)
    assert text.startswith("Connection failed: ")
    assert "no CA certificates were found on this system" in text
    assert "install ca-certificates" in text
    assert ISSUER in text


def test_authority_that_the_system_does_not_know(capi: CApi, declared: str, tmp_path: Path) -> None:
    known = tmp_path / "known.pem"
    trustme.CA().cert_pem.write_to_path(str(known))
    text = trusting(capi, declared, tmp_path, known, tmp_path / "nothing")
    assert text.startswith("Connection failed: ")
    assert f"the server's certificate has an unknown issuer; set {ISSUER}" in text
