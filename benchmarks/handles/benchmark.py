"""What a call on a handle costs before it does anything, compared with a system call."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import rates
from benchmarks.harness.comparison import Comparison, Contender, compare

_CALLS: Final = 20_000_000


def _measure(run: Run) -> list[Comparison]:
    calls = str(run.scaled(_CALLS))
    contenders = []
    for name, program in run.link_each([Path(__file__).with_name("calls.c")]).items():
        contenders.append(Contender(name, partial(rates, "call", [program, "cancel", calls])))
    contenders.append(Contender("getpid", partial(rates, "call", [program, "getpid", calls])))
    return compare("the shortest one", contenders, run.in_rounds())


BENCHMARK = Benchmark(
    name="handles",
    title="A call on a handle",
    about=(
        "Canceling a token that is already canceled. What remains is the boundary that stops "
        "panics and the check of the handle, which is one comparison with a number that a fork "
        "changes. It is compared with `getpid` as a system call, the other way to notice a fork."
    ),
    measure=_measure,
)
