"""Connects that fail, each for a different reason."""

from __future__ import annotations

import base64
import datetime
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import trustme

from tests.support.abi.capi import CApi, Lender
from tests.support.abi.client_certificates import ClientCertificates
from tests.support.abi.rpc import connect_answer
from tests.support.peers.failing_peers import Serve, answering, closing, encrypted, http2, peer
from tests.support.peers.loopback import unused_address

GRPC = {":status": "200", "content-type": "application/grpc"}
HTML = {"content-type": "text/html"}
REFUSAL = {
    "grpc-status": "7",
    "grpc-message": "go away",
    "grpc-status-details-bin": base64.b64encode(b"\x08\x07\x12\x07go away").decode().rstrip("="),
}
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
NO_LOGIN = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
FUTURE = datetime.datetime(2090, 1, 1, tzinfo=datetime.timezone.utc)
MONTH = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Connect:
    """A target, with other options."""

    target: str
    tls: dict[str, bytes | str] | None = None
    proxy: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def options(self, lender: Lender) -> dict[str, Any]:
        """Return the fields of the connection's options."""
        made: dict[str, Any] = dict(self.fields)
        if self.tls is not None:
            ranges = {name: lender.bytes(value) for name, value in self.tls.items()}
            made["tls_options"] = lender.struct("TemporalCoreClientTlsOptions", **ranges)
        if self.proxy is not None:
            made["http_connect_proxy_options"] = lender.struct(
                "TemporalCoreClientHttpConnectProxyOptions", target_host=lender.bytes(self.proxy)
            )
        return made


class Peers:
    """Servers that fail, and the connects to them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.authority = trustme.CA()
        self.certificates = ClientCertificates.made(self.authority)

    def _peer(self, serve: Serve) -> str:
        return self._stack.enter_context(peer(serve))

    def _server(self, **certificate: Any) -> ssl.SSLContext:
        """Make the TLS context of a server with a certificate of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        self.authority.issue_cert("127.0.0.1", **certificate).configure_cert(context)
        return context

    def _tls(self, **tls: bytes | str) -> dict[str, bytes | str]:
        return {"server_root_ca_cert": self.certificates.authority, **tls}

    def plain(self) -> dict[str, Connect]:
        """List the connects without TLS."""
        secure = encrypted(self._server(), http2(GRPC))
        targets: dict[str, str] = {
            "nobody listens": unused_address(),
            "closed at once": self._peer(closing),
            "the server expects TLS": self._peer(secure),
            "the server speaks HTTP/1": self._peer(answering(BAD_REQUEST)),
            "no such name": "name.invalid:7233",
            "another content type": self._peer(http2({":status": "200", **HTML})),
            "404": self._peer(http2({":status": "404", **HTML})),
            "a status with details": self._peer(http2({**GRPC, **REFUSAL})),
            "no status": self._peer(http2(GRPC)),
        }
        proxies = {
            "the proxy wants a login": self._peer(answering(NO_LOGIN)),
            "the proxy fails": self._peer(answering(BROKEN)),
            "the proxy closes": self._peer(closing),
            "no proxy": unused_address(),
            "the proxy's address is none": "no address",
        }
        return {
            **{name: Connect(f"http://{address}") for name, address in targets.items()},
            **{
                name: Connect("http://127.0.0.1:9", proxy=address)
                for name, address in proxies.items()
            },
        }

    def secure(self) -> dict[str, Connect]:
        """List the connects with TLS and an authority in the options."""
        good = f"https://{self._peer(encrypted(self._server(), http2(GRPC)))}"
        expired = self._server(not_before=PAST, not_after=PAST + MONTH)
        early = self._server(not_before=FUTURE, not_after=FUTURE + MONTH)
        other = trustme.CA().cert_pem.bytes()
        no_http2 = self._server()
        no_http2.set_alpn_protocols(["http/1.1"])
        mine = self.certificates
        servers: dict[str, Serve] = {
            "closed in the handshake": closing,
            "the server does not speak TLS": answering(BAD_REQUEST),
            "no HTTP/2": encrypted(no_http2, closing),
            "expired certificate": encrypted(expired, closing),
            "certificate of the future": encrypted(early, closing),
        }

        def client(key: bytes) -> Connect:
            tls = self._tls(client_cert=mine.certificate, client_private_key=key)
            return Connect(good, tls)

        return {
            **{
                name: Connect(f"https://{self._peer(serve)}", self._tls())
                for name, serve in servers.items()
            },
            "unknown issuer": Connect(good, {"server_root_ca_cert": other}),
            "another name": Connect(good, self._tls(domain="other.example")),
            "encrypted key": client(mine.encrypted_key),
            "encrypted key, old style": client(mine.old_encrypted_key),
            "key of another certificate": client(mine.other_key),
        }

    def with_the_systems_authorities(self) -> dict[str, Connect]:
        """Return the connect that trusts the system's authorities."""
        server = self._peer(encrypted(self._server(), http2(GRPC)))
        return {"the system's authorities": Connect(f"https://{server}", {})}


@contextmanager
def failing_peers() -> Iterator[Peers]:
    """Run peers while the block runs."""
    with ExitStack() as stack:
        yield Peers(stack)


def failures(api: CApi, runtime: Any, connects: dict[str, Connect]) -> dict[str, str]:
    """Connect to all at once; return the failures."""
    lender = api.lend()
    answers = {
        name: connect_answer(api, runtime, it.target, **it.options(lender))
        for name, it in connects.items()
    }
    texts = {}
    for name, answer in answers.items():
        success, fail = answer.wait()
        assert success == api.NULL, f"{name}: connected"
        texts[name] = str(api.take_text(fail))
    return texts
