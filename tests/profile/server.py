"""A gRPC server that answers all methods, with TLS and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import trustme

from tests.support.abi.client_certificates import ClientCertificates


@dataclass(frozen=True)
class AnsweringServer:
    """A server that serves.

    Attributes:
        url: of its port without TLS.
        gzip_url: of one whose answers are compressed.
        tls_url: of its port with TLS.
        certificates: what a client needs for TLS: the server asks for its certificate.
    """

    url: str
    gzip_url: str
    tls_url: str
    certificates: ClientCertificates


@contextmanager
def answering_server(answers: Callable[[str], bytes]) -> Iterator[AnsweringServer]:
    """Serve while the block runs.

    Args:
        answers: gives the encoded answer to a method, named as in ``/package.Service/Method``.
    """
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            answer = answers(details.method)
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)

    # Two, because a gRPC server in Python compresses whether a client accepts it or not.
    plain, gzip = (
        grpc.server(
            ThreadPoolExecutor(max_workers=8), handlers=[Handler()], compression=compression
        )
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip)
    )
    credentials = grpc.ssl_server_credentials(
        [(own.private_key_pem.bytes(), b"".join(pem.bytes() for pem in own.cert_chain_pems))],
        root_certificates=authority.cert_pem.bytes(),
        require_client_auth=True,
    )
    address = "127.0.0.1:0"
    port, gzip_port = (server.add_insecure_port(address) for server in (plain, gzip))
    tls_port = plain.add_secure_port(address, credentials)
    plain.start()
    gzip.start()
    try:
        yield AnsweringServer(
            f"http://127.0.0.1:{port}",
            f"http://127.0.0.1:{gzip_port}",
            f"https://127.0.0.1:{tls_port}",
            ClientCertificates.made(authority),
        )
    finally:
        for stopping in [server.stop(grace=None) for server in (plain, gzip)]:
            stopping.wait()
