"""`GetSystemInfo` through the C ABI, compared with the official Python client."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import latencies, rates
from benchmarks.harness.comparison import Comparison, Contender, compare
from tools.dev_server import NO_RATE_LIMITS, DevServer, running_dev_server

_HERE: Final = Path(__file__).parent
C_ABI, PYTHON = "C ABI", "Python client"
CALLBACKS, QUEUE, ONE_THREAD = "callbacks", "queue", "one thread"
BLOCKING: Final = "blocking callbacks"
GZIP: Final = "gzip"
#: Ways to use the C ABI, and their programs. Only the wheel's archives are measured with them:
#: archives from before a change may lack what they need.
_VARIANTS: Final[Mapping[str, str]] = {
    CALLBACKS: "client.c",
    QUEUE: "queue_client.c",
    BLOCKING: "blocking_client.c",
    ONE_THREAD: "one_thread_client.c",
}
_COMPRESSIONS: Final = ("gzip", "none")
#: Name to program; None is the Python client.
_Clients: TypeAlias = Mapping[str, Path | None]
#: Calls in flight to calls of a sample: half a second to three seconds each.
_CALLS: Final[Mapping[int, int]] = {1: 3000, 16: 16000, 64: 24000}
_MOST_IN_FLIGHT, _QUICK_IN_FLIGHT = max(_CALLS), 16
#: Of a sample at half load: enough calls for a 99.9th percentile.
_PACED_SECONDS: Final = 5


@dataclass(frozen=True)
class _Load:
    """The load that a client makes.

    Attributes:
        options: its arguments for the kind of load.
        calls: how many, after a fifth of that to warm up.
        sample: runs the client, such as `rates`.
    """

    options: tuple[str, str]
    calls: int
    sample: Callable[..., Mapping[str, float]]


@dataclass(frozen=True)
class _Server:
    """Makes contenders that call one server.

    Attributes:
        server: the server.
        run: the run, which may scale the load down.
    """

    server: DevServer
    run: Run

    def contender(
        self, name: str, program: Path | None, compression: str, load: _Load
    ) -> Contender:
        """A client under a load.

        Args:
            name: what the report calls it.
            program: the client in C; None is the one in Python.
            compression: gzip or none.
            load: the load.
        """
        python = (sys.executable, "-m", "benchmarks.rpc.python_client", self.server.address)
        client = python if program is None else (program, self.server.url)
        calls = self.run.scaled(load.calls)
        options = [compression, *load.options, str(max(1, calls // 5)), str(calls)]
        return Contender(name, partial(load.sample, "call", [*client, *options]))


def _at_once(in_flight: int) -> _Load:
    return _Load(("at-once", str(in_flight)), _CALLS[in_flight], rates)


def _at_rate(per_second: int) -> _Load:
    return _Load(("at-rate", str(per_second)), per_second * _PACED_SECONDS, latencies)


def _measure(run: Run) -> list[Comparison]:
    clients: dict[str, Path | None] = {
        **run.link_each(client_sources("client.c")),
        PYTHON: None,
    }
    variants = {
        name: run.link(run.libraries[0], client_sources(file)) for name, file in _VARIANTS.items()
    }
    with running_dev_server(dynamic_config=NO_RATE_LIMITS, progress=run.say) as server:
        known = _Server(server, run)
        throughput = _throughput(run, known, clients)
        by_variant = _throughput_of_variants(run, known, variants)
        latency = _latency(run, known, clients, _half(throughput, PYTHON), PYTHON)
        latency_of_variants = (
            [] if run.quick else _latency(run, known, variants, _half(by_variant, CALLBACKS), C_ABI)
        )
        return [*throughput, *latency, *by_variant, *latency_of_variants]


def client_sources(name: str) -> list[Path]:
    """The C files of a client: the one with this name, and those that all clients share."""
    return [_HERE / file for file in (name, "load.c", "pace.c")]


def _throughput(run: Run, server: _Server, clients: _Clients) -> list[Comparison]:
    comparisons = []
    for compression in _COMPRESSIONS:
        for in_flight in _CALLS:
            condition = f"{in_flight} in flight, compression {compression}"
            run.say(condition)
            contenders = [
                server.contender(name, program, compression, _at_once(in_flight))
                for name, program in clients.items()
            ]
            comparisons += compare(condition, contenders, run.in_rounds())
    return comparisons


def _throughput_of_variants(run: Run, server: _Server, variants: _Clients) -> list[Comparison]:
    comparisons = []
    for in_flight in (_QUICK_IN_FLIGHT,) if run.quick else _CALLS:
        condition = f"{in_flight} in flight"
        run.say(f"{condition}, {', '.join(variants)} and {GZIP}")
        contenders = [
            server.contender(name, program, "none", _at_once(in_flight))
            for name, program in variants.items()
        ]
        gzip = server.contender(GZIP, variants[CALLBACKS], "gzip", _at_once(in_flight))
        comparisons += compare(condition, [*contenders, gzip], run.in_rounds())
    return comparisons


def _half(comparisons: list[Comparison], contender: str) -> int:
    """Half of the calls per second that a contender makes with the most in flight."""
    (most,) = (
        comparison.median(contender)
        for comparison in comparisons
        if comparison.quantity == "calls per second"
        and comparison.condition
        in (f"{_MOST_IN_FLIGHT} in flight", f"{_MOST_IN_FLIGHT} in flight, compression none")
    )
    return max(1, round(most / 2))


def half_load(of: str) -> str:
    """The condition in which clients make half of the calls per second that one of them can."""
    return f"half load of the {of}"


def _latency(
    run: Run, server: _Server, clients: _Clients, per_second: int, of: str
) -> list[Comparison]:
    condition = half_load(of)
    run.say(f"{condition}: {per_second:,} calls per second")
    run.note(f"Half load of the {of} was {per_second:,} calls per second.")
    contenders = [
        server.contender(name, program, "none", _at_rate(per_second))
        for name, program in clients.items()
    ]
    return compare(condition, contenders, run.in_rounds())


BENCHMARK = Benchmark(
    name="rpc",
    title="RPC calls",
    about=(
        "`GetSystemInfo`, the smallest call, against one dev server with raised rate limits. A C "
        "program that uses the C ABI is compared with the official Python client. The Python "
        "client decodes the answers; the C program takes their bytes, like a bridge that passes "
        "them on to its language. Both retry; compression is the transport's. CPU is what the "
        "client's process uses, user and system, in all threads.\n\n"
        "Throughput is with a fixed number of calls in flight. Latency is at half load: calls are "
        f"due at half of the rate that the client reaches with {_MOST_IN_FLIGHT} in flight and "
        "without compression, whether or not earlier ones are answered, and latency counts from "
        "when a call was due, so it includes any wait before the call was started.\n\n"
        f"The tables without the Python client compare ways to use the C ABI. `{CALLBACKS}`: the "
        "callback of each answer starts the next call, without compression. The others each "
        f"change one thing. `{QUEUE}`: the main thread takes the answers from a completion queue "
        f"and starts the next calls. `{BLOCKING}`: the runtime has `callbacks_may_block`, although "
        f"its callbacks do not block. `{ONE_THREAD}`: the runtime has one thread instead of one "
        f"per processor. `{GZIP}`: messages are compressed, as they are by default. A quick run "
        "skips parts of these tables."
    ),
    measure=_measure,
)
