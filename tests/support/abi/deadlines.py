"""Calls that a stalling peer keeps waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.loopback_certificate import loopback_certificate
from tests.support.abi.capi import Answer, CApi
from tests.support.abi.footprint import Footprint
from tests.support.abi.rpc import Outcome, connection_options, outcome, start_call
from tests.support.peers.stalling_peer import Place, StallingPeer, stalling_peer
from tests.support.programs.waiting import until

TIMEOUT = 300
"""The timeout, in milliseconds, of calls that should time out."""
LATE = 3.0
"""Seconds after which an answer is late, even on a busy machine."""
SLOW = 60_000
"""A timeout in milliseconds that no test reaches."""

TIMED_OUT = Outcome(None, 1, "Timeout expired", b"")
CANCELLED = Outcome(None, 0, "Cancelled", None)

CONNECT = "temporal_static_libs_client_connect"

# The answer to a failed test's call may still come, and its callback must exist.
_kept: list[Answer] = []


@dataclass(frozen=True)
class Way:
    """A place to stall, and how a client connects.

    Attributes:
        place: where the peer stops.
        tls: connect with TLS.
        proxy: connect through an HTTP CONNECT proxy.
        dns: with DNS load balancing.
    """

    place: Place
    tls: bool = False
    proxy: bool = False
    dns: bool = False

    def __str__(self) -> str:
        """Return a name for a test's ID."""
        through = ("tls", "proxy", "dns")
        return "-".join([self.place.name, *(name for name in through if getattr(self, name))])


BEFORE_A_CALL = (
    Way(Place.SYN),
    Way(Place.SYN, proxy=True),
    Way(Place.SYN, dns=True),
    Way(Place.ACCEPT),
    Way(Place.ACCEPT, tls=True),
    Way(Place.ACCEPT, proxy=True),
    Way(Place.ACCEPT, dns=True),
    Way(Place.CONNECT, proxy=True),
    Way(Place.TUNNEL, proxy=True),
    Way(Place.TUNNEL, proxy=True, tls=True),
    Way(Place.TLS, tls=True),
    Way(Place.TLS, tls=True, proxy=True),
    Way(Place.TLS, tls=True, dns=True),
)
"""The places where connecting can stall."""
IN_A_CALL = (
    Way(Place.SETTINGS),
    Way(Place.SETTINGS, tls=True),
    Way(Place.HEADERS),
    Way(Place.BODY),
    Way(Place.BODY, tls=True),
    Way(Place.BODY, proxy=True),
    Way(Place.BODY, dns=True),
    Way(Place.TRAILERS),
)
"""The places where a call can stall on a working connection."""


class Journey:
    """A peer for a way, and the client's options to connect to it."""

    def __init__(self, api: CApi, peer: StallingPeer, way: Way, authority: Path) -> None:
        self.api = api
        self.peer = peer
        self.place = way.place
        self.lender = api.lend()
        self.fields: dict[str, Any] = {}
        lend = self.lender
        if way.tls:
            self.fields["tls_options"] = lend.struct(
                "TemporalCoreClientTlsOptions",
                server_root_ca_cert=lend.bytes(authority.read_bytes()),
            )
        if way.proxy:
            self.fields["http_connect_proxy_options"] = lend.struct(
                "TemporalCoreClientHttpConnectProxyOptions", target_host=lend.bytes(peer.address)
            )
        if way.dns:
            self.fields["dns_load_balancing_options"] = lend.struct(
                "TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=SLOW
            )

    def stall(self) -> None:
        """Make the peer stall at the way's place from now on."""
        self.peer.stall(self.place)

    def start_connect(
        self, runtime: Any, *, timeout_millis: int = 0, token: Any = None, **fields: Any
    ) -> Answer:
        """Start to connect, with a timeout and a token."""
        extra = connect_extra(self.api, self.lender, timeout_millis=timeout_millis, token=token)
        return start_connect(self.api, runtime, self.peer.target, extra, **self.fields, **fields)

    def lose_connections(self) -> None:
        """Close the clients' connections, and wait until the clients notice.

        A call made before that could still be sent on the old connection, and fail with it.
        """
        before = Footprint.now()
        open_connections = self.peer.open_connections
        assert open_connections
        self.peer.drop()
        expected = before.descriptors - 2 * open_connections
        until(lambda: Footprint.now().descriptors <= expected, "end of the client's connections")
        time.sleep(0.05)  # The sockets are closed, and calls notice soon.


@contextmanager
def journey(api: CApi, way: Way, directory: Path) -> Iterator[Journey]:
    """Run a peer that works until a test makes it stall.

    Args:
        api: the library.
        way: where to stall, and how to connect.
        directory: the directory for the file of the certificate's authority.
    """
    context, authority = loopback_certificate(directory)
    with stalling_peer(context if way.tls else None, proxy=way.proxy) as peer:
        yield Journey(api, peer, way, authority)


def connect_extra(api: CApi, lender: Any, *, timeout_millis: int = 0, token: Any = None) -> Any:
    """Make ``TemporalStaticLibsConnectOptions``."""
    assert hasattr(api.lib, CONNECT), f"the library has no {CONNECT}"
    extra = lender.struct("TemporalStaticLibsConnectOptions", timeout_millis=timeout_millis)
    extra.size = api.ffi.sizeof("TemporalStaticLibsConnectOptions")
    extra.cancellation_token = token or api.NULL
    return extra


def start_connect(
    api: CApi, runtime: Any, target: str | bytes | None, extra: Any, **fields: Any
) -> Answer:
    """Start to connect; ``fields`` are those of ``TemporalCoreConnectionOptions``."""
    assert hasattr(api.lib, CONNECT), f"the library has no {CONNECT}"
    lender = api.lend()
    options = connection_options(api, lender, target, **fields)
    answer = api.start("TemporalCoreClientConnectCallback", CONNECT, runtime, options, extra)
    answer.options = lender  # type: ignore[attr-defined]
    return kept(answer)


def kept(answer: Answer) -> Answer:
    """Keep an answer for as long as the process lives."""
    _kept.append(answer)
    return answer


def connect_failure(api: CApi, answer: Answer, deadline: float = LATE) -> str:
    """Wait for a connect that fails; return its message."""
    success, fail = answer.wait(deadline)
    assert success == api.NULL
    message = api.take_text(fail)
    assert message is not None
    assert not answer.answered_again()
    return message


def make_calls(
    api: CApi, client: Any, count: int = 1, *, case: str = "", **kwargs: Any
) -> list[Answer]:
    """Start calls, identified by a header ``x-case``; ``kwargs`` as for `rpc.start_call`."""
    metadata = [f"x-case\n{case}", *kwargs.pop("metadata", [])]
    rpc = kwargs.pop("rpc", "CountWorkflowExecutions")
    return [kept(start_call(api, client, rpc, metadata=metadata, **kwargs)) for _ in range(count)]


def make_call(api: CApi, client: Any, case: str = "", **kwargs: Any) -> Answer:
    """Start one such call."""
    (answer,) = make_calls(api, client, case=case, **kwargs)
    return answer


def outcomes(api: CApi, answers: list[Answer], deadline: float = LATE) -> set[Outcome]:
    """Wait for calls with a common deadline; return the set of outcomes."""
    end = time.monotonic() + deadline
    return {outcome(api, answer, max(end - time.monotonic(), 0.001)) for answer in answers}


@contextmanager
def cancellation_token(api: CApi) -> Iterator[Any]:
    """Make a token, freed at the end."""
    token = api.lib.temporal_core_cancellation_token_new()
    try:
        yield token
    finally:
        api.lib.temporal_core_cancellation_token_free(token)
