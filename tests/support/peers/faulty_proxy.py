"""A reverse proxy with TLS for a package index, which records requests and can inject faults.

It uses TLS because pip does not cache downloads without TLS.
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
    """The index's answer, or a changed one.

    Attributes:
        status: the HTTP status.
        headers: the headers in order. Content-Length is not adapted to a changed body.
        body: the whole body.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


# Changes the index's answer; None closes the connection instead of answering.
Fault = Callable[[Answer], Answer | None]


def drop(_answer: Answer) -> None:
    """Close the connection without an answer."""


def cut_short(answer: Answer) -> Answer:
    """Announce the whole body, send half of it, and close the connection."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def flip_a_byte(answer: Answer) -> Answer:
    """Change one bit in the middle of the body."""
    return replace(answer, body=flipped(answer.body))


def refuse(status: int, retry_after: int | None = None) -> Fault:
    """Answer with an error.

    Args:
        status: the HTTP status.
        retry_after: seconds for the header Retry-After; None for no such header.
    """
    headers = [("Content-Length", "0")]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return lambda _answer: Answer(status, tuple(headers), b"")


def wait_for_others(count: int) -> Fault:
    """Answer like the index, but only while this many requests are in progress.

    Otherwise, the connections close without an answer after a minute.
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
    """The same bytes with one flipped bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@dataclass(frozen=True)
class Request:
    """A request that arrived.

    Attributes:
        path: the requested path.
        time: when it arrived, in seconds of the monotonic clock.
        status: the status of the answer; None if there was none.
    """

    path: str
    time: float
    status: int | None


@dataclass(frozen=True)
class _Misbehavior:
    ending: str
    faults: Iterator[Fault]


class FaultyProxy:
    """A proxy that works normally until faults are set.

    Attributes:
        url: the URL of the proxy.
        certificate: a file with the certificate of its authority.
        requests: the requests that arrived, in the order of their answers.
    """

    def __init__(self, url: str, upstream: str, certificate: Path) -> None:
        self.url = url
        self.certificate = certificate
        self.requests: list[Request] = []
        self._upstream = upstream.removeprefix("http://")
        self._misbehaviors: list[_Misbehavior] = []
        self._lock = threading.Lock()

    def misbehave(self, ending: str, faults: Iterable[Fault]) -> None:
        """Answer requests with faults, one each, and then normally.

        Args:
            ending: the ending of the affected paths: ``/`` for pages, ``.whl`` for wheels.
            faults: use `itertools.repeat` for endless faults.
        """
        self._misbehaviors.append(_Misbehavior(ending, iter(faults)))

    def asked(self, ending: str) -> list[Request]:
        """The requests whose paths have this ending."""
        return [request for request in self.requests if request.path.endswith(ending)]

    def gaps(self, ending: str) -> list[float]:
        """The seconds between the requests whose paths have this ending."""
        times = sorted(request.time for request in self.asked(ending))
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """Request from the index, and apply the next fault to its answer."""
        came = time.monotonic()
        answer = self._fault(path)(self._ask(path, headers))
        self.requests.append(Request(path, came, answer.status if answer else None))
        return answer

    def _fault(self, path: str) -> Fault:
        with self._lock:
            for misbehavior in self._misbehaviors:
                if path.endswith(misbehavior.ending):
                    for fault in misbehavior.faults:
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
        """Ignore clients that disconnect."""


@contextmanager
def running_faulty_proxy(upstream: str, directory: Path) -> Iterator[FaultyProxy]:
    """Run a proxy.

    Args:
        upstream: the URL of the index's server.
        directory: the directory for the file with the certificate.
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
        # Do the handshake in the connection's thread, so that a slow one does not block others.
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
