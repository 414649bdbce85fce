"""A TCP proxy that can stop forwarding, for calls that time out."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """A TCP proxy for a server that can be made to stop forwarding."""

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.silent = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    self._threads.append(threading.Thread(target=self._forward, args=pair))
                    self._threads[-1].start()

    def _forward(self, source: socket.socket, destination: socket.socket) -> None:
        with suppress(OSError):  # closed
            while received := source.recv(65536):
                if not self.silent.is_set():
                    destination.sendall(received)

    def close(self) -> None:
        for open_socket in self._sockets:
            with suppress(OSError):  # the other side has already closed it
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self._threads:
            thread.join()
