"""The threads that put results on a completion queue."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.abi.capi import CApi
from tests.support.abi.rpc import connection, outcome, start_call
from tests.support.programs.process_status import threads
from tools.dev_server import DevServer

RPC = "GetSystemInfo"
CALLS = 100
CALLBACK_THREAD = "temporal-callback"[:15]
"""Linux keeps this many characters of a name."""


@contextmanager
def runtime_whose_callbacks_may_block(api: CApi) -> Iterator[Any]:
    extra = api.new("TemporalStaticLibsRuntimeOptions", callbacks_may_block=True)
    extra.size = api.ffi.sizeof(extra[0])
    options = api.new("TemporalCoreRuntimeOptions")
    made = api.lib.temporal_static_libs_runtime_new(options, extra)
    try:
        assert made.fail == api.NULL, api.take_text(made.fail)
        yield made.runtime
    finally:
        api.lib.temporal_core_runtime_free(made.runtime)


def call_by_queue(api: CApi, queue: Any, client: Any, tag: int) -> None:
    """Call an RPC and wait for the event with its result."""
    lender = api.lend()
    constants = api.ffi.typeof("TemporalCoreRpcService").relements
    options = lender.struct(
        "TemporalCoreRpcCallOptions",
        service=constants["TemporalCoreRpcService_Workflow"],
        rpc=lender.bytes(RPC),
    )
    user_data = api.lib.temporal_static_libs_queue_tag(queue, tag)
    callback = api.lib.temporal_static_libs_on_client_rpc_call
    api.lib.temporal_core_client_rpc_call(client, options, user_data, callback)
    event = api.new("TemporalStaticLibsEvent")
    event.size = api.ffi.sizeof(event[0])
    assert api.lib.temporal_static_libs_queue_next(queue, 60_000, event)
    assert (event.tag, event.success != api.NULL) == (tag, True)
    api.lib.temporal_static_libs_event_free(event)


def wakeups() -> int:
    """How often threads for callbacks have slept and been woken up."""
    total = 0
    for thread, (name, _) in threads(os.getpid()).items():
        if name == CALLBACK_THREAD:
            status = Path(f"/proc/self/task/{thread}/status").read_text()
            (count,) = re.findall(r"^voluntary_ctxt_switches:\s*(\d+)$", status, re.MULTILINE)
            total += int(count)
    return total


def wakeups_of(action: Callable[[int], Any]) -> int:
    before = wakeups()
    for number in range(CALLS):
        action(number)
    return wakeups() - before


def test_results_for_a_queue_need_no_thread_that_runs_callbacks(
    capi: CApi, dev_server: DevServer
) -> None:
    queue = capi.lib.temporal_static_libs_queue_new()
    with (
        runtime_whose_callbacks_may_block(capi) as runtime,
        connection(capi, runtime, dev_server.url) as client,
    ):
        by_callback = wakeups_of(lambda _: outcome(capi, start_call(capi, client, RPC)))
        by_queue = wakeups_of(lambda number: call_by_queue(capi, queue, client, number))
    capi.lib.temporal_static_libs_queue_free(queue)
    # A late thread finds the next callback without sleeping, and the last one may go to sleep while
    # events are awaited.
    assert by_callback > CALLS / 4
    assert by_queue < CALLS / 10
