"""A gRPC server that answers with any headers from a test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Headers = Sequence[tuple[str, str]]
"""Names and values, each shorter than 127 bytes."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_ACK = _END_STREAM = 1
_END_HEADERS = 4


@contextmanager
def raw_http2_server(answer: Callable[[int], Headers | None]) -> Iterator[str]:
    """Serve on the loopback interface; yields the address.

    Args:
        answer: returns the headers that end the call with this number, starting at 0, without a
            message; None for a success with an empty message.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def accept() -> None:
            numbers = iter(range(1 << 30))
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:  # closed
                    return
                accepted.append(client)
                serve(client, numbers)

        def serve(client: socket.socket, numbers: Iterator[int]) -> None:
            try:
                _serve(client, lambda: answer(next(numbers)))
            except (OSError, EOFError):
                client.close()

        thread = threading.Thread(target=accept, name="raw-http2")
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in accepted:
                client.close()
            # Wakes the thread; closing alone does not.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(client: socket.socket, answer: Callable[[], Headers | None]) -> None:
    assert _read(client, len(_PREFACE)) == _PREFACE
    client.sendall(_frame(_SETTINGS, 0, 0, b""))
    while True:
        head = _read(client, 9)
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9], "big")
        payload = _read(client, int.from_bytes(head[:3], "big"))
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            client.sendall(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            trailers = answer()
            response = b"\x88" + _literal("content-type", "application/grpc")
            if trailers is None:
                client.sendall(_frame(_HEADERS, _END_HEADERS, stream, response))
                client.sendall(_frame(_DATA, 0, stream, bytes(5)))
                response, trailers = b"", [("grpc-status", "0")]
            response += b"".join(_literal(*header) for header in trailers)
            client.sendall(_frame(_HEADERS, _END_STREAM | _END_HEADERS, stream, response))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def _literal(name: str, value: str) -> bytes:
    """Encode a literal header for HPACK."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _read(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = client.recv(size - len(received))
        if not part:
            raise EOFError
        received += part
    return received
