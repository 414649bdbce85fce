"""`GetSystemInfo` through the C ABI, beside the official Python client."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import measured_span
from benchmarks.harness.comparison import Comparison, Contender, compare_spans
from benchmarks.harness.libraries import Libraries
from tools.dev_server import NO_RATE_LIMITS, DevServer, running_dev_server

_HERE: Final = Path(__file__).parent
#: The clients that only the wheel's archives are measured with: what they differ in from client.c,
#: and their source. Archives from before a change may lack what these need.
_VARIANTS: Final = {"queue": "queue_client.c", "blocking callbacks": "blocking_client.c"}
_COMPRESSIONS: Final = ("gzip", "none")
#: Calls in flight to calls of a sample: about a second's worth each.
_CALLS: Final = {1: 1500, 16: 8000, 64: 10000}


def _measure(run: Run) -> list[Comparison]:
    clients = {
        libraries.contender: _link(run, libraries, "client.c") for libraries in run.libraries
    }
    wheel = run.libraries[0]
    for name, source in _VARIANTS.items():
        clients[f"{wheel.contender}, {name}"] = _link(run, wheel, source)
    comparisons = []
    with running_dev_server(dynamic_config=NO_RATE_LIMITS, progress=run.say) as server:
        for compression in _COMPRESSIONS:
            for in_flight, calls in _CALLS.items():
                condition = f"{in_flight} in flight, compression {compression}"
                run.say(condition)
                contenders = _contenders(
                    clients, server, [compression, str(in_flight)], run.scaled(calls)
                )
                comparisons += compare_spans("call", condition, contenders, run.rounds)
    return comparisons


def _link(run: Run, libraries: Libraries, source: str) -> Path:
    client = run.scratch / f"{Path(source).stem}-{libraries.label}"
    libraries.link([_HERE / source, _HERE / "load.c"], client)
    return client


def _contenders(
    clients: dict[str, Path], server: DevServer, options: list[str], calls: int
) -> list[Contender]:
    def contender(name: str, program: list[str | Path]) -> Contender:
        counts = [str(max(1, calls // 5)), str(calls)]
        return Contender(name, partial(measured_span, [*program, *options, *counts]))

    python = [sys.executable, "-m", "benchmarks.rpc.python_client", server.address]
    return [
        *(contender(name, [client, server.url]) for name, client in clients.items()),
        contender("Python client", [*python]),
    ]


BENCHMARK = Benchmark(
    name="rpc",
    title="RPC calls",
    about=(
        "`GetSystemInfo`, the smallest call, against one dev server with raised rate limits: a C "
        "program that uses the C ABI compared with the official Python client, with a fixed "
        "number of calls in flight. CPU is what the client's process uses, user and system, in "
        "all threads. The Python client decodes the answers; the C program takes their bytes, "
        "like a bridge that passes them on to its language. Both retry; compression is the "
        "transport's. In the C program, the callback of each answer starts the next call. `queue` "
        "is the same program with a completion queue: its main thread takes the answers from the "
        "queue and starts the next calls. `blocking callbacks` is the first program in a runtime "
        "with `callbacks_may_block`, although its callbacks do not block."
    ),
    measure=_measure,
)
