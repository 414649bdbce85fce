"""Calls that are due at a constant rate; pace.c has the reasons."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

_SECOND: Final = 1_000_000_000
_LEAD: Final = _SECOND // 100
_ABSOLUTE: Final = 1  # TFD_TIMER_ABSTIME
_PER_MILLE: Final[Mapping[str, int]] = {"50": 500, "99": 990, "99.9": 999}
_libc: Final = ctypes.CDLL(None, use_errno=True)


async def keep_pace(
    call: Callable[[], Awaitable[object]], calls: int, per_second: int
) -> Mapping[str, float]:
    """Start each call when it is due, and wait for all.

    The kernel's timer wakes the event loop, whose own timers are only precise to a millisecond.

    Returns:
        Percentile to microseconds from when a call was due to its answer.

    Raises:
        Exception: that of a call that failed.
    """
    loop = asyncio.get_running_loop()
    interval = _SECOND // per_second
    first = time.monotonic_ns() + _LEAD
    latencies: list[int] = []
    running: set[asyncio.Future[None]] = set()
    all_started = asyncio.Event()
    timer = _timer(first, interval)
    started = 0

    async def call_and_note_time(due: int) -> None:
        await call()
        latencies.append(time.monotonic_ns() - due)

    def forget_success(task: asyncio.Future[None]) -> None:
        # A failed call stays, and is raised below: without it, the latencies would look better.
        if not task.cancelled() and task.exception() is None:
            running.discard(task)

    def start_what_is_due() -> None:
        nonlocal started
        (more,) = struct.unpack("Q", os.read(timer, 8))
        for number in range(started, min(calls, started + more)):
            task = asyncio.ensure_future(call_and_note_time(first + number * interval))
            running.add(task)
            task.add_done_callback(forget_success)
            started = number + 1
        if started == calls:
            loop.remove_reader(timer)
            all_started.set()

    loop.add_reader(timer, start_what_is_due)
    await all_started.wait()
    os.close(timer)
    await asyncio.gather(*running)
    return percentiles(latencies)


def percentiles(latencies: list[int]) -> Mapping[str, float]:
    """Percentile to the smallest latency that at least so many calls do not exceed.

    Args:
        latencies: those of all calls, in nanoseconds.

    Returns:
        Microseconds.
    """
    ordered = sorted(latencies)
    ranks = {name: -(-len(ordered) * per_mille // 1000) for name, per_mille in _PER_MILLE.items()}
    return {name: ordered[rank - 1] / 1e3 for name, rank in ranks.items()}


def _timer(first: int, interval: int) -> int:
    """A descriptor that is readable while a call is due; the os module has none before 3.13."""
    timer: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    times = struct.pack("qqqq", *divmod(interval, _SECOND), *divmod(first, _SECOND))
    if timer < 0 or _libc.timerfd_settime(timer, _ABSOLUTE, times, None) != 0:
        raise OSError(ctypes.get_errno(), "the kernel has no timer")
    return timer
