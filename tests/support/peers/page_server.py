"""A web server on the loopback interface, with pages from a test."""

from __future__ import annotations

import base64
import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

Page = bytes | str | int
"""The content as bytes, a redirect's target as text, or the status of a page without content."""


class _Server(http.server.ThreadingHTTPServer):
    pages: Mapping[str, Page]
    authorization: str | None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        wanted = self.server.authorization
        page = self.server.pages.get(self.path, 404)
        if wanted is not None and self.headers.get("Authorization") != wanted:
            page = 401
        content = page if isinstance(page, bytes) else b""
        self.send_response(page if isinstance(page, int) else 302 if isinstance(page, str) else 200)
        if isinstance(page, str):
            self.send_header("Location", page)
        # GitHub's content type for release files.
        is_file = self.path.endswith((".tar.gz", ".zip"))
        self.send_header("Content-Type", "application/octet-stream" if is_file else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(
    pages: Mapping[str, Page], account: str | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve pages.

    Args:
        pages: pages by path.
        account: ``name:password`` that each request needs; None for no authentication.
        tls: the TLS context of the server; None for no TLS.

    Yields:
        The host and the port.
    """
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.pages = pages
        server.authorization = None
        if account is not None:
            server.authorization = f"Basic {base64.b64encode(account.encode()).decode()}"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
