"""A gRPC server that stalls at a chosen place: while connecting, or in an answer.

One thread serves all connections. The peer always keeps reading, so it notices when a client closes
its side, and then closes its own. So a test can count the connections that a client leaves open.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

_DEADLINE = 30.0
_Result = TypeVar("_Result")

FILLER = b"\xc2\x3e\x40" + bytes(64)
"""A message with only field 1000, which no type has, so every reader skips it."""


class Place(Enum):
    """The place where the peer stalls."""

    SYN = "SYN"
    """The queue of new connections is full, so the kernel drops further requests."""
    ACCEPT = "accept"
    """Accepts a connection and sends nothing."""
    CONNECT = "CONNECT"
    """A proxy that does not answer CONNECT."""
    TUNNEL = "tunnel"
    """A proxy that answers 200 and then sends nothing."""
    TLS = "TLS"
    """Receives the ClientHello and sends nothing."""
    SETTINGS = "SETTINGS"
    """Completes the HTTP/2 handshake and answers pings, but not calls."""
    HEADERS = "headers"
    """Sends only the headers of a response."""
    BODY = "body"
    """Sends the headers and half a message."""
    TRAILERS = "trailers"
    """Sends the headers and the whole message, but no trailers."""


IN_AN_ANSWER = (Place.SETTINGS, Place.HEADERS, Place.BODY, Place.TRAILERS)
"""The places that a call can reach on a working connection."""


class Then(Enum):
    """What the peer does at the place where it stalls."""

    SILENCE = "silence"
    RESET = "reset"
    """Resets the stream with CANCEL."""
    CLOSE = "close"
    """Closes the connection."""


@dataclass(frozen=True)
class Reply:
    """The peer's reply to a call.

    Attributes:
        status: the gRPC status. One other than 0 is sent in headers that end the response.
        message: the message of the status.
        proto: the response, for status 0.
        stop: where to stall; None for a complete answer.
        then: what to do there.
        delay: seconds to wait before the reply.
    """

    status: int = 0
    message: str = ""
    proto: bytes = FILLER
    stop: Place | None = None
    then: Then = Then.SILENCE
    delay: float = 0.0


@dataclass
class Call:
    """A call that reached the peer.

    Attributes:
        case: the header ``x-case``, or empty.
        rpc: the last part of the path.
        headers: all headers.
        time: when it arrived, in seconds of the monotonic clock.
        connection: the number of the connection, starting at 1.
        reset: whether the client abandoned the call by resetting its stream.
    """

    case: str
    rpc: str
    headers: dict[str, str]
    time: float
    connection: int
    reset: bool = False


class StallingPeer:
    """A peer that works until a test makes it stall.

    Attributes:
        calls: the calls that arrived, in order, including ``GetSystemInfo``.
        accepted: how many connections were accepted in total.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, proxy: bool = False) -> None:
        """Start to listen.

        Args:
            tls: the TLS context; None for no TLS. HTTP/2 is set as its protocol.
            proxy: expect an HTTP CONNECT first, and also act as the server behind the proxy.
        """
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        self.tls = tls
        self.proxy = proxy
        self.calls: list[Call] = []
        self.accepted = 0
        self.place: Place | None = None
        self._scripts: dict[str, Iterator[Reply]] = {}
        self._open: set[_Connection] = set()
        # Created now, so that a test that counts descriptors later does not count them.
        self._fillers = [socket.socket() for _ in range(4)]
        self._full = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._loop.add_reader(self._listener, self._accept)
        self._thread = threading.Thread(target=self._loop.run_forever, name="stalling-peer")
        self._thread.start()

    @property
    def target(self) -> str:
        """The target to connect to: the peer, or a server reachable only through its proxy."""
        scheme = "http" if self.tls is None else "https"
        # The port of tcpmux, where nobody listens.
        return f"{scheme}://{'127.0.0.1:1' if self.proxy else self.address}"

    @property
    def open_connections(self) -> int:
        """How many connections the clients have not closed."""
        return self._do(lambda: len(self._open))

    def asked(self, case: str) -> list[Call]:
        """List the calls with a header ``x-case``."""
        return [call for call in self.calls if call.case == case]

    def script(self, case: str, replies: Iterable[Reply]) -> None:
        """Answer calls with a header ``x-case`` with these replies, and completely afterwards."""
        self._scripts[case] = iter(replies)

    def stall(self, place: Place) -> None:
        """Stall at a place from now on.

        Open connections are not affected, except by a place in an answer.
        """
        if place is Place.TLS and self.tls is None:
            raise ValueError("a peer without TLS has no such place")
        if place in (Place.CONNECT, Place.TUNNEL) and not self.proxy:
            raise ValueError("a peer that is not a proxy has no such place")
        self.place = place
        if place is Place.SYN:
            self._do(self._fill_the_queue)

    def behave(self) -> None:
        """Do not stall from now on; stalled connections stay stalled."""
        self.place = None
        self._do(self._take_from_the_queue)

    def drop(self) -> None:
        """Close every open connection, so that clients have to connect again."""
        self._do(self._abort_all)

    def close(self) -> None:
        """Close everything.

        Raises:
            AssertionError: a socket or the thread is left over.
        """
        self._do(self._close_listener)
        end = time.monotonic() + _DEADLINE
        while self.open_connections and time.monotonic() < end:
            self.drop()
        left = self.open_connections
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_DEADLINE)
        assert not self._thread.is_alive(), "the peer's thread did not end"
        self._loop.close()
        assert not left, f"{left} connections did not close"

    def reply_to(self, call: Call) -> Reply:
        """Choose the reply to a call; called by connections."""
        reply = next(self._scripts.get(call.case, iter(())), None)
        if reply is not None:
            return reply
        return Reply(stop=self.place if self.place in IN_AN_ANSWER else None)

    def lost(self, connection: _Connection) -> None:
        """Count a closed connection; called by connections."""
        self._open.discard(connection)

    def _do(self, action: Callable[[], _Result]) -> _Result:
        """Run an action on the peer's thread, and wait for it."""

        async def doing() -> _Result:
            return action()

        task: Coroutine[Any, Any, _Result] = doing()
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(_DEADLINE)

    def _abort_all(self) -> None:
        for connection in list(self._open):
            connection.abort()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # closed before it was accepted
            return
        self.accepted += 1
        connection = _Connection(self, self.accepted, self.place)
        self._open.add(connection)
        self._loop.create_task(self._serve(connection, client))

    async def _serve(self, connection: _Connection, client: socket.socket) -> None:
        await self._loop.connect_accepted_socket(lambda: connection, client)

    def _fill_the_queue(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.listen(0)
        self._full = True
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(self._listener.getsockname())
            if not select.select([], [filler], [], 0.1)[1]:
                return
        raise AssertionError("the queue of new connections did not fill up")

    def _take_from_the_queue(self) -> None:
        if self._full:
            self._full = False
            self._close_fillers()
            self._fillers = [socket.socket() for _ in range(4)]
            self._listener.listen(128)
            self._loop.add_reader(self._listener, self._accept)

    def _close_fillers(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    def _close_listener(self) -> None:
        self._close_fillers()
        self._loop.remove_reader(self._listener)
        self._listener.close()


class _Connection(asyncio.Protocol):
    """A connection: CONNECT if the peer is a proxy, TLS if it is set, then HTTP/2."""

    def __init__(self, peer: StallingPeer, number: int, place: Place | None) -> None:
        self._peer = peer
        self._number = number
        self._place = place
        self._transport: asyncio.Transport | None = None
        self._aborted = False
        self._tunneled = not peer.proxy
        self._received = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if peer.tls is not None:
            self._tls = peer.tls.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._encrypted = False
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._greeted = False
        self._calls: dict[int, Call] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._aborted:
            transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._peer.lost(self)

    def abort(self) -> None:
        self._aborted = True
        if self._transport is not None:  # accepted but not served yet
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._place is Place.ACCEPT:
            return
        try:
            if self._tunneled:
                self._in_the_tunnel(data)
            else:
                self._asked_for_a_tunnel(data)
        except (ProtocolError, ssl.SSLError):
            self.abort()

    def _asked_for_a_tunnel(self, data: bytes) -> None:
        self._received += data
        if self._place is Place.CONNECT or b"\r\n\r\n" not in self._received:
            return
        assert self._received.startswith(b"CONNECT 127.0.0.1:1 "), self._received
        self._tunneled = True
        self._write(b"HTTP/1.1 200 OK\r\n\r\n")

    def _in_the_tunnel(self, data: bytes) -> None:
        if self._place in (Place.TUNNEL, Place.TLS):
            return
        self._http_data(data if self._tls is None else self._decrypted(self._tls, data))

    def _decrypted(self, tls: ssl.SSLObject, data: bytes) -> bytes:
        self._incoming.write(data)
        plain = b""
        try:
            if not self._encrypted:
                tls.do_handshake()
                self._encrypted = True
            while part := tls.read(65536):
                plain += part
        except ssl.SSLWantReadError:
            pass
        self._write(self._outgoing.read())
        return plain

    def _http_data(self, data: bytes) -> None:
        if not data:
            return
        if not self._greeted:
            self._greeted = True
            self._http.initiate_connection()
        for event in self._http.receive_data(data):
            if isinstance(event, RequestReceived):
                self._calls[event.stream_id] = self._call(event)
            elif isinstance(event, DataReceived):
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._answer(event.stream_id, self._calls[event.stream_id])
            elif isinstance(event, StreamReset):
                self._calls[event.stream_id].reset = True
        self._flush()

    def _call(self, event: RequestReceived) -> Call:
        headers = {str(name): str(value) for name, value in event.headers}
        rpc = headers[":path"].rsplit("/", 1)[-1]
        call = Call(headers.get("x-case", ""), rpc, headers, time.monotonic(), self._number)
        self._peer.calls.append(call)
        return call

    def _answer(self, stream: int, call: Call) -> None:
        reply = self._peer.reply_to(call)
        if reply.delay:
            asyncio.get_running_loop().call_later(reply.delay, self._reply_late, stream, reply)
        else:
            self._reply(stream, reply)

    def _reply_late(self, stream: int, reply: Reply) -> None:
        assert self._transport is not None
        if not (self._transport.is_closing() or self._calls[stream].reset):
            self._reply(stream, reply)
            self._flush()

    def _reply(self, stream: int, reply: Reply) -> None:
        self._send(stream, reply)
        if reply.then is Then.RESET:
            self._http.reset_stream(stream, ErrorCodes.CANCEL)
        elif reply.then is Then.CLOSE:
            self._flush()
            assert self._transport is not None
            self._transport.close()

    def _send(self, stream: int, reply: Reply) -> None:
        http, stop = self._http, reply.stop
        headers = [(":status", "200"), ("content-type", "application/grpc")]
        ending = [("grpc-status", str(reply.status)), ("grpc-message", reply.message)]
        if stop is Place.SETTINGS:
            return
        if reply.status:
            http.send_headers(stream, headers + ending, end_stream=True)
            return
        http.send_headers(stream, headers)
        if stop is Place.HEADERS:
            return
        message = b"\0" + len(reply.proto).to_bytes(4, "big") + reply.proto
        if stop is Place.BODY:
            http.send_data(stream, message[: len(message) // 2])
            return
        http.send_data(stream, message)
        if stop is not Place.TRAILERS:
            http.send_headers(stream, ending, end_stream=True)

    def _flush(self) -> None:
        data = self._http.data_to_send()
        if self._tls is not None and data:
            self._tls.write(data)
            data = self._outgoing.read()
        self._write(data)


@contextmanager
def stalling_peer(
    tls: ssl.SSLContext | None = None, *, proxy: bool = False
) -> Iterator[StallingPeer]:
    """Run a peer; arguments as for :class:`StallingPeer`."""
    peer = StallingPeer(tls, proxy=proxy)
    try:
        yield peer
    finally:
        peer.close()
