"""Servers on the loopback interface that fail, each in a different way."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PATIENCE = 10.0
"""Seconds that a peer waits for its client."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS = 1, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1

Serve = Callable[[socket.socket], None]
"""Serves one client; afterwards, the peer closes the connection."""


@contextmanager
def peer(serve: Serve) -> Iterator[str]:
    """Listen while the block runs, one client at a time; yields ``127.0.0.1:port``."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_accept, args=(listener, serve))
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _accept(listener: socket.socket, serve: Serve) -> None:
    with suppress(OSError):  # no longer listening
        while True:
            client, _ = listener.accept()
            client.settimeout(PATIENCE)
            with client, suppress(OSError):  # the client gave up
                serve(client)


def closing(_client: socket.socket) -> None:
    """Close at once."""


def answering(answer: bytes) -> Serve:
    """Serve by answering the first data received, and waiting for the client to disconnect."""

    def serve(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(answer)
        with suppress(OSError):
            while client.recv(65536):
                pass

    return serve


def encrypted(context: ssl.SSLContext, serve: Serve) -> Serve:
    """Serve over TLS."""

    def serve_encrypted(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secure:
            serve(secure)

    return serve_encrypted


def http2(headers: dict[str, str]) -> Serve:
    """Serve by answering each HTTP/2 request with only these headers."""

    def serve(client: socket.socket) -> None:
        _receive(client, len(PREFACE))
        client.sendall(_frame(SETTINGS, 0, 0, b""))
        while True:
            kind, flags, stream = _receive_frame(client)
            if kind == SETTINGS and not flags & ACK:
                client.sendall(_frame(SETTINGS, ACK, 0, b""))
            elif kind == HEADERS:
                block = b"".join(_field(name, value) for name, value in headers.items())
                client.sendall(_frame(HEADERS, END_STREAM | END_HEADERS, stream, block))

    return serve


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + _uint(stream) + payload


def _uint(value: int) -> bytes:
    return struct.pack(">I", value)


def _receive_frame(client: socket.socket) -> tuple[int, int, int]:
    head = _receive(client, 9)
    _receive(client, int.from_bytes(head[:3], "big"))
    return head[3], head[4], int.from_bytes(head[5:], "big")


def _receive(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        more = client.recv(size - len(received))
        if not more:
            raise ConnectionError("the client left")
        received += more
    return received


def _field(name: str, value: str) -> bytes:
    """Encode a header for HPACK: literal, not indexed, without Huffman coding."""
    raw_name, raw_value = name.encode(), value.encode()
    assert len(raw_name) < 127
    assert len(raw_value) < 127
    return b"\0" + bytes([len(raw_name)]) + raw_name + bytes([len(raw_value)]) + raw_value
