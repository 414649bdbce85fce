"""Peers that break connections: one that closes each connection, and a proxy that breaks them."""

from __future__ import annotations

import selectors
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_LOOPBACK = "127.0.0.1"
_RESETS_ON_CLOSE = struct.pack("ii", 1, 0)
"""``struct linger``: on, with a timeout of zero."""
_TICK = 0.005
_AT_ONCE = 4


@dataclass
class ClosingPeer:
    """A server that closes each connection right after accepting it.

    Attributes:
        url: the URL where it listens.
        accepted: how many connections it accepted.
    """

    url: str
    accepted: int = 0


@contextmanager
def closing_peer() -> Iterator[ClosingPeer]:
    """Run with such a peer."""
    with socket.create_server((_LOOPBACK, 0), backlog=1000) as listener:
        peer = ClosingPeer(f"http://{_LOOPBACK}:{listener.getsockname()[1]}")

        def close_each() -> None:
            with suppress(OSError):  # shut down, below
                while True:
                    connection, _ = listener.accept()
                    peer.accepted += 1
                    connection.close()

        thread = threading.Thread(target=close_each)
        thread.start()
        try:
            yield peer
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def ends_with_closing_peer(
    *command: str | Path,
    directory: Path | None = None,
    environ: Mapping[str, str] | None = None,
    runs: int = 100,
) -> Counter[int]:
    """Run a program that connects once, repeatedly, against a peer that closes each connection.

    Args:
        command: the program and its arguments; the URL is appended.
        directory: where to run it.
        environ: its whole environment; None is this process's.
        runs: the number of runs.

    Returns:
        How often each exit code occurred; negative ones are signals.
    """
    with closing_peer() as peer, ThreadPoolExecutor(_AT_ONCE) as pool:

        def run(_: int) -> int:
            done = subprocess.run(
                [*command, peer.url],
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=60,
            )
            return done.returncode

        ends = Counter(pool.map(run, range(runs)))
        assert peer.accepted >= runs, "the program did not connect"
        return ends


class BreakingProxy:
    """A TCP proxy that can break its connections, with a single thread.

    Attributes:
        url: the URL where it listens.
        broken: how many connections it broke.
    """

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self._server = (host, int(port))
        self._listener = socket.create_server((_LOOPBACK, 0), backlog=100)
        self.url = f"http://{_LOOPBACK}:{self._listener.getsockname()[1]}"
        self.broken = 0
        self._down = False
        self._every: float | None = None
        self._next = 0.0
        self._closed_until = 0.0
        self._peers: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def break_every(self, seconds: float) -> None:
        """Break all connections at this interval from now on, and new ones for a fifth of it."""
        with self._lock:
            self._every, self._next = seconds, time.monotonic()

    def go_down(self) -> None:
        """Act like a server that is down: close all connections, and new ones at once."""
        with self._lock:
            self._down = True
            self._break_all()

    def come_up(self) -> None:
        """Act like a server that is up again."""
        with self._lock:
            self._down = False

    def close(self) -> None:
        """Close everything."""
        self._closing.set()
        self._thread.join()
        self._break_all()
        self._selector.close()
        self._listener.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            ready = [key.fileobj for key, _ in self._selector.select(_TICK)]
            with self._lock:
                for source in ready:
                    assert isinstance(source, socket.socket)
                    if source is self._listener:
                        self._accept()
                    elif source in self._peers:
                        self._forward(source)
                if self._every is not None and time.monotonic() >= self._next:
                    self._next += self._every
                    self._closed_until = time.monotonic() + self._every / 5
                    self._break_all()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._down or time.monotonic() < self._closed_until:
            client.close()
            self.broken += 1
            return
        server = socket.create_connection(self._server)
        for source, destination in ((client, server), (server, client)):
            self._peers[source] = destination
            self._selector.register(source, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        try:
            received = source.recv(65536)
            self._peers[source].sendall(received)
        except OSError:  # one of them is closed
            received = b""
        if not received:
            self._drop(source)

    def _drop(self, source: socket.socket) -> None:
        for end in (source, self._peers[source]):
            del self._peers[end]
            self._selector.unregister(end)
            end.close()

    def _break_all(self) -> None:
        """Break connections alternately with a reset and a close, as at the end of a process."""
        while self._peers:
            source = next(iter(self._peers))
            if self.broken % 2:
                for end in (source, self._peers[source]):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS_ON_CLOSE)
            self._drop(source)
            self.broken += 1
