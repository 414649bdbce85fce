"""A reverse proxy, with TLS, in front of a package index: notes what is asked, and misbehaves.

TLS because pip keeps nothing in its cache that has come without.
"""

from __future__ import annotations

import http.client
import http.server
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness.loopback_certificate import loopback_certificate


@dataclass(frozen=True)
class Answer:
    """What the index answers, or what is made of that.

    Attributes:
        status: of HTTP.
        headers: in the order of the answer. Content-Length stays what it was, whatever the body is.
        body: all of it.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


# Makes another answer of the index's own; None closes the connection in place of an answer.
Fault = Callable[[Answer], Answer | None]


def drop(_answer: Answer) -> None:
    """Close the connection without an answer."""


def cut_short(answer: Answer) -> Answer:
    """Promise the whole body, send half of it, and close the connection."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def flip_a_byte(answer: Answer) -> Answer:
    """Change one bit in the middle of the body."""
    return replace(answer, body=flipped(answer.body))


def refuse(status: int, retry_after: int | None = None) -> Fault:
    """Answer with an error.

    Args:
        status: of HTTP.
        retry_after: seconds, for the header Retry-After; None for no such header.
    """
    headers = [("Content-Length", "0")]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return lambda _answer: Answer(status, tuple(headers), b"")


def wait_for_others(count: int) -> Fault:
    """Answer as the index does, but only when that many requests are being answered at once.

    The connections close without an answer if they are not, for a minute.
    """
    together = threading.Barrier(count, timeout=60)

    def wait(answer: Answer) -> Answer | None:
        try:
            together.wait()
        except threading.BrokenBarrierError:
            return None
        return answer

    return wait


def flipped(content: bytes) -> bytes:
    """The same bytes, but for one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@dataclass(frozen=True)
class Request:
    """One that has come.

    Attributes:
        path: what for.
        time: when, on the clock that never goes back, in seconds.
        status: of the answer; None if there was none.
    """

    path: str
    time: float
    status: int | None


@dataclass(frozen=True)
class _Misbehaviour:
    ending: str
    faults: Iterator[Fault]


class FaultyProxy:
    """A proxy that behaves until it is told otherwise.

    Attributes:
        url: its address.
        certificate: a file with the certificate of who vouches for it.
        requests: those that have come, in the order of their answers.
    """

    def __init__(self, url: str, upstream: str, certificate: Path) -> None:
        self.url = url
        self.certificate = certificate
        self.requests: list[Request] = []
        self._upstream = upstream.removeprefix("http://")
        self._misbehaviours: list[_Misbehaviour] = []
        self._lock = threading.Lock()

    def misbehave(self, ending: str, faults: Iterable[Fault]) -> None:
        """Answer requests with faults, one each; properly when there are no more.

        Args:
            ending: of the paths that are meant: ``/`` is that of pages, ``.whl`` that of wheels.
            faults: `itertools.repeat` gives those that never end.
        """
        self._misbehaviours.append(_Misbehaviour(ending, iter(faults)))

    def asked(self, ending: str) -> list[Request]:
        """The requests whose paths have an ending."""
        return [request for request in self.requests if request.path.endswith(ending)]

    def gaps(self, ending: str) -> list[float]:
        """The times between the requests whose paths have an ending, in seconds."""
        times = sorted(request.time for request in self.asked(ending))
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """Ask the index, and make of its answer what the next fault does."""
        came = time.monotonic()
        answer = self._fault(path)(self._ask(path, headers))
        self.requests.append(Request(path, came, answer.status if answer else None))
        return answer

    def _fault(self, path: str) -> Fault:
        with self._lock:
            for misbehaviour in self._misbehaviours:
                if path.endswith(misbehaviour.ending):
                    for fault in misbehaviour.faults:
                        return fault
        return lambda answer: answer

    def _ask(self, path: str, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            connection.request("GET", path, headers={**headers, "Connection": "close"})
            response = connection.getresponse()
            body = response.read()
            kept = [each for each in response.getheaders() if each[0].lower() != "content-length"]
            return Answer(response.status, (*kept, ("Content-Length", str(len(body)))), body)
        finally:
            connection.close()


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def running_faulty_proxy(upstream: str, directory: Path) -> Iterator[FaultyProxy]:
    """Run one.

    Args:
        upstream: the address of the index's server.
        directory: for the file with the certificate.
    """
    context, certificate = loopback_certificate(directory)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = proxy.answer(self.path, dict(self.headers.items()))
            if answer is None:
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                if name.lower() not in {"connection", "transfer-encoding"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        # The handshake in the thread of the connection, so that a slow one holds up no other.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        proxy = FaultyProxy(f"https://127.0.0.1:{server.server_port}", upstream, certificate)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
