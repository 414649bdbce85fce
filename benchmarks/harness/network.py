"""Ways to a server on this machine: with TLS, and over slow lines with a delay."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks.harness.line import Line, Speed
from benchmarks.harness.loopback_certificate import loopback_certificate

_CHUNK: Final = 16384
# Seconds that a line may be written ahead: shorter sleeps are not precise.
_AHEAD: Final = 0.01

_Result = TypeVar("_Result")


class Network:
    """Ways to one server, each on a port of the loopback interface.

    Attributes:
        certificate: a file with the certificate of the authority that signed theirs.
        url: of the way that is as fast as the machine.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, upstream: str, certificate: Path, tls: ssl.SSLContext
    ) -> None:
        self.certificate = certificate
        self._loop = loop
        self._host, _, port = upstream.removeprefix("http://").partition(":")
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._lines: dict[Speed, int] = {}
        self._tls_port = self._await(self._listen(int(port), _carry, _carry, tls))
        self.url = self._url(self._tls_port)

    def url_over(self, speed: Speed) -> str:
        """The URL over a line; all connections to it share the line."""
        if speed not in self._lines:
            up, down = _Slow(speed, opens=True), _Slow(speed, opens=False)
            self._lines[speed] = self._await(self._listen(self._tls_port, up, down, None))
        return self._url(self._lines[speed])

    def close(self) -> None:
        """End all connections."""
        self._await(self._close())

    def _url(self, port: int) -> str:
        return f"https://{self._host}:{port}"

    def _await(self, awaitable: Awaitable[_Result]) -> _Result:
        async def run() -> _Result:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _listen(
        self, port: int, up: _Carrier, down: _Carrier, tls: ssl.SSLContext | None
    ) -> int:
        """Forward a new port to `port`; return the new one."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            try:
                with suppress(OSError):  # one side closed the connection
                    async with self._closing(writer):
                        await self._connect(reader, writer, port, up, down)
            finally:
                self._connections.discard(task)

        server = await asyncio.start_server(connected, self._host, 0, ssl=tls)
        self._servers.append(server)
        own: int = server.sockets[0].getsockname()[1]
        return own

    async def _connect(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        port: int,
        up: _Carrier,
        down: _Carrier,
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, port)
        async with self._closing(far_writer):
            directions = [
                asyncio.ensure_future(up(reader, far_writer)),
                asyncio.ensure_future(down(far_reader, writer)),
            ]
            try:
                done, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
                for direction in done:
                    direction.result()
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)

    @asynccontextmanager
    async def _closing(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        """Close a connection at the end of a block, and wait, because TLS takes a while."""
        self._open.add(writer)
        try:
            yield
        finally:
            writer.close()
            await writer.wait_closed()
            self._open.discard(writer)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        still_open = list(self._open)
        for writer in still_open:
            writer.transport.abort()
        await asyncio.gather(*connections, return_exceptions=True)
        # Otherwise the loop would stop before their sockets are closed.
        await asyncio.gather(*(w.wait_closed() for w in still_open), return_exceptions=True)


# Forwards bytes until the source ends.
_Carrier = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _carry(source: asyncio.StreamReader, destination: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        destination.write(chunk)
        await destination.drain()


class _Slow:
    """Forwards bytes over one direction of a line."""

    def __init__(self, speed: Speed, *, opens: bool) -> None:
        """Create an idle line.

        Args:
            speed: of the line.
            opens: whether this is the client's direction, in which the first bytes come a round
                trip late for TCP's handshake, which takes no time on the loopback interface.
        """
        self._line = Line(speed)
        self._handshake = 2 * speed.delay if opens else 0.0

    async def __call__(
        self, source: asyncio.StreamReader, destination: asyncio.StreamWriter
    ) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._handshake)
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.ensure_future(_arrive(under_way, destination, clock))
        try:
            chunk = b"more"
            while chunk:
                chunk = await source.read(_CHUNK)
                passage = self._line.put(clock(), len(chunk))
                under_way.put_nowait((passage.arrives, chunk))
                await asyncio.sleep(passage.left - clock() - _AHEAD)
            await arriving
        finally:
            arriving.cancel()


async def _arrive(
    under_way: asyncio.Queue[tuple[float, bytes]],
    destination: asyncio.StreamWriter,
    clock: Callable[[], float],
) -> None:
    while True:
        arrives, chunk = await under_way.get()
        await asyncio.sleep(arrives - clock())
        if not chunk:  # the end
            return
        destination.write(chunk)
        await destination.drain()


@contextmanager
def running_network(upstream: str, directory: Path) -> Iterator[Network]:
    """Open ways to a server until the block ends.

    Args:
        upstream: the server's URL, ``http://HOST:PORT``.
        directory: for the file with the certificate.
    """
    context, certificate = loopback_certificate(directory)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_say_nothing)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        network = Network(loop, upstream, certificate, context)
        try:
            yield network
        finally:
            network.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _say_nothing(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    """Ignore errors of clients that close a connection in the middle of TLS."""
