"""The program that hostile tests run: one group of cases against one shared library.

``python hostile_cases.py DECLARATIONS LIBRARY PROGRESS GROUP``; the last line of the file PROGRESS
is the case that was running at the end.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.abi.capi import CApi, function_names
from tests.support.abi.completion_queue import some_bytes
from tests.support.abi.hostile import (
    Breakage,
    Call,
    Options,
    breakages,
    dispose,
    free_handle,
    struct_name,
)
from tests.support.abi.hostile_fuzz import FUZZ
from tests.support.abi.hostile_world import World
from tests.support.abi.log_capture import LogCapture

THREADS = 64
CALLS_A_THREAD = 20

Group = Callable[[World], None]


def function_type(api: CApi, function: str) -> Any:
    return api.ffi.typeof(getattr(api.lib, function))


READY_MADE = "temporal_static_libs_on_"
"""The prefix of callbacks that put a result on a queue."""


def consumes(function: str) -> bool:
    """Whether the function frees its arguments."""
    return function.endswith(("_free", "_respond")) or function.startswith(READY_MADE)


def is_async(declared: Any) -> bool:
    return bool(declared.args) and declared.args[-1].kind == "function"


def arguments(world: World, function: str) -> list[Any]:
    """Return valid arguments; for an asynchronous function, without user_data and callback."""
    api = world.api
    declared = function_type(api, function)
    types = declared.args[:-2] if is_async(declared) else declared.args
    made: list[Any] = []
    for ctype in types:
        if ctype.kind == "pointer" and ctype.item.kind == "struct":
            made.append(api.NULL if consumes(function) else world.valid(struct_name(ctype)))
        elif ctype.kind == "struct":
            made.append(world.kept.keep(api.ffi.new(f"{ctype.cname} *"))[0])
        else:
            made.append(api.ffi.cast(ctype, 1))
    if function.startswith(READY_MADE):
        made[0] = world.tag()
    if function in ("temporal_core_worker_initiate_shutdown", FINALIZE):
        made[0] = world.worker()
        world.handles[f"worker of {function} {id(made)}"] = made[0]
    return made


KINDS = ("workflow_activation", "activity_task", "nexus_task")
FINALIZE = "temporal_core_worker_finalize_shutdown"


def run(world: World, function: str, given: list[Any]) -> bytes | None:
    """Call, wait for the answer, free it, and return its failure."""
    if is_async(function_type(world.api, function)):
        call = world.call(function, *given)
        if (function == FINALIZE or "_poll_" in function) and given[0] != world.api.NULL:
            return None  # answered at the latest when the worker is freed
        answer = call.wait()
        # RPC calls end with status, message and details, everything else with its message.
        fail: bytes | None = answer[2 if function == "temporal_core_client_rpc_call" else -1]
        return fail
    return dispose_result(world, function, *given)


def dispose_result(world: World, function: str, *given: Any) -> bytes | None:
    api = world.api
    result = getattr(api.lib, function)(*given)
    if function == "temporal_static_libs_queue_tag" and result != api.NULL:
        # A tag is freed by its use.
        api.lib.temporal_static_libs_on_worker(result, api.NULL)
    if function in TAKES and result:
        api.lib.temporal_static_libs_event_free(given[-1])
    return dispose(api, result)


TAKES = ("temporal_static_libs_queue_next", "temporal_static_libs_queue_try_next")
"""The functions that take an event from a queue."""


MAY_BE_NULL = {
    "temporal_core_byte_array_free": {0, 1},
    "temporal_core_metric_attributes_new_append": {1},
    "temporal_core_metric_record_duration": {2},
    "temporal_core_metric_record_float": {2},
    "temporal_core_metric_record_integer": {2},
    "temporal_core_metric_record_integer_signed": {2},
    "temporal_static_libs_client_connect": {2},
    "temporal_static_libs_runtime_new": {1},
}
"""Pointers for which NULL is valid."""


def null_pointers(world: World) -> None:
    """Pass NULL for each pointer argument of every function, and for all at once."""
    api = world.api
    for function in function_names(DECLARED):
        declared = function_type(api, function)
        given = arguments(world, function)
        pointers = [i for i, value in enumerate(given) if is_pointer(declared.args[i])]
        for index in pointers:
            world.case(f"{function}: argument {index} NULL")
            # A tag is for one call.
            broken = arguments(world, function) if index and spends_a_tag(function) else [*given]
            broken[index] = api.NULL
            fail = run(world, function, broken)
            fails = can_fail(declared) and not consumes(function)
            if fails and index not in MAY_BE_NULL.get(function, set()):
                assert fail is not None, f"{function}: NULL argument {index} is accepted"
        world.case(f"{function}: all arguments NULL")
        run(world, function, [api.NULL if i in pointers else v for i, v in enumerate(given)])
        if is_async(declared):
            world.case(f"{function}: callback NULL")
            user_data = api.ffi.new("char *")
            getattr(api.lib, function)(*given, user_data, api.NULL)
            getattr(api.lib, function)(*given, api.NULL, api.NULL)
        world.case(f"{function}: valid arguments")
        run(world, function, given)


def spends_a_tag(function: str) -> bool:
    return function.startswith(READY_MADE)


def is_pointer(ctype: Any) -> bool:
    return bool(ctype.kind == "pointer")


def can_fail(declared: Any) -> bool:
    """Whether the function can report a failure."""
    if is_async(declared):
        return True
    result = declared.result
    if result.kind == "pointer":
        return True
    return bool(result.kind == "struct" and any(name == "fail" for name, _ in result.fields))


def ranges(world: World) -> None:
    """Break every struct that is passed by value, in every way."""
    api = world.api
    for function in function_names(DECLARED):
        declared = function_type(api, function)
        if function.endswith("_respond"):
            continue  # `responses`
        for index, ctype in enumerate(declared.args):
            if ctype.kind != "struct":
                continue

            def make(ctype: Any = ctype) -> Options:
                lend = api.lend()
                return Options(lend, lend.struct(ctype.cname))

            for breakage, options in breakages(api, make):
                world.case(f"{function}: argument {index} {breakage.path}")
                given = arguments(world, function)
                given[index] = options.pointer[0]
                fail = run(world, function, given)
                if breakage.must_fail and can_fail(declared):
                    assert fail is not None, f"{function}: {breakage.path} is accepted"


def broken_options(
    world: World,
    name: str,
    make: Callable[[], Options],
    use: Callable[[Any], bytes | None],
    *,
    unread: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
) -> None:
    """Break options in every way. Invalid options must be refused, unless they are ``unread``."""
    accepted = []
    assert use(world.kept.keep(make()).pointer) is None, f"{name}: valid options are refused"
    for breakage, options in breakages(world.api, make, skip):
        world.case(f"{name}: {breakage.path}")
        world.kept.keep(options)
        fail = use(options.pointer)
        if fail is None and must_fail(breakage, unread):
            accepted.append(breakage.path)
    assert not accepted, f"{name}: accepted although invalid: {accepted}"


def must_fail(breakage: Breakage, unread: frozenset[str]) -> bool:
    return breakage.must_fail and not any(part in breakage.path for part in unread)


def runtime_options(world: World) -> None:
    """Make runtimes with broken options, for each of the three kinds of metrics."""
    api = world.api

    def use(options: Any) -> bytes | None:
        made = api.lib.temporal_core_runtime_new(options)
        assert made.runtime != api.NULL
        fail = (
            None if made.fail == api.NULL else bytes(api.ffi.buffer(made.fail.data, made.fail.size))
        )
        meter = api.lib.temporal_core_metric_meter_new(made.runtime)
        free_handle(api, meter)
        # Calls on a failed runtime are refused.
        call = world.call("temporal_core_client_connect", made.runtime, api.NULL)
        assert call.fail is not None
        api.lib.temporal_core_byte_array_free(made.runtime, made.fail)
        free_handle(api, made.runtime)
        return fail

    for metrics in ("prometheus", "opentelemetry", "custom_meter"):
        broken_options(
            world,
            metrics,
            partial(world.runtime_options, metrics),
            use,
            skip=frozenset({"bind_address"}) if metrics == "opentelemetry" else frozenset(),
        )

    def use_extra(extra: Any) -> bytes | None:
        options = world.runtime_options().pointer
        options.telemetry.logging.forward_to = api.NULL
        return dispose_result(world, "temporal_static_libs_runtime_new", options, extra)

    queue = world.handles["TemporalStaticLibsQueue"]
    struct = "TemporalStaticLibsRuntimeOptions"
    broken_options(world, struct, lambda: sized(world, struct, log_queue=queue), use_extra)


def sized(world: World, struct: str, **fields: Any) -> Options:
    """Make options that begin with their size."""
    lend = world.api.lend()
    return Options(lend, lend.keep(world.api.sized(struct, **fields)))


def connection_options(world: World) -> None:
    """Make connections with broken options."""

    def use(options: Any) -> bytes | None:
        return run(world, "temporal_core_client_connect", [world.runtime, options])

    broken_options(world, "connect", world.connection_options, use)

    def use_extra(extra: Any) -> bytes | None:
        options = world.connection_options().pointer
        function = "temporal_static_libs_client_connect"
        return run(world, function, [world.runtime, options, extra])

    token = world.handles["TemporalCoreCancellationToken"]
    struct = "TemporalStaticLibsConnectOptions"
    make = partial(sized, world, struct, cancellation_token=token)
    broken_options(world, struct, make, use_extra)


def rpc_options(world: World) -> None:
    """Make RPC calls with broken options."""

    def use(options: Any) -> bytes | None:
        return run(world, "temporal_core_client_rpc_call", [world.client, options])

    broken_options(world, "rpc", world.rpc_options, use)


def responses(world: World) -> None:
    """Answer RPCs with broken responses, both successes and failures."""
    api = world.api
    respond = api.lib.temporal_core_client_grpc_override_request_respond

    def make(status: int) -> Callable[[], Options]:
        def made() -> Options:
            lend = api.lend()
            response = lend.struct(
                "TemporalCoreClientGrpcOverrideResponse",
                status_code=status,
                headers=lend.array(["name\nvalue"]),
                fail_message=lend.bytes("message"),
                fail_details=lend.bytes(b"\x08\x01"),
            )
            return Options(lend, response)

        return made

    def use(response: Any) -> bytes | None:
        def answer(_rpc: str, request: Any) -> bool:
            respond(request, response[0])
            return True

        world.override.respond = answer
        try:
            arguments = [world.client, world.rpc_options().pointer]
            return run(world, "temporal_core_client_rpc_call", arguments)
        finally:
            world.override.respond = None

    unread = frozenset({".fail_message", ".fail_details"})
    broken_options(world, "success", make(0), use, unread=unread)
    for breakage, options in breakages(api, make(5)):
        world.case(f"failure: {breakage.path}")
        use(world.kept.keep(options).pointer)


def worker_use(world: World) -> Callable[[Any], bytes | None]:
    """Return a function that makes a worker, polls, and frees it while it polls."""
    api = world.api

    def use(options: Any) -> bytes | None:
        made = api.lib.temporal_core_worker_new(world.client, options)
        if made.worker == api.NULL:
            return api.take(made.fail)
        run(world, "temporal_core_worker_validate", [made.worker])
        for kind in KINDS:
            world.call(f"temporal_core_worker_poll_{kind}", made.worker)
        api.lib.temporal_core_worker_initiate_shutdown(made.worker)
        free_handle(api, made.worker)
        return None

    return use


def worker_options(world: World) -> None:
    """Make workers with broken options."""
    use = worker_use(world)
    broken_options(world, "worker", world.worker_options, use)


def slot_suppliers(world: World) -> None:
    """Make workers with broken slot suppliers, versioning and poller behaviors."""
    from tests.support.abi.worker import autoscaling, resource_based

    use = worker_use(world)
    skip = frozenset(n for n, _ in world.api.ffi.typeof("TemporalCoreWorkerOptions").fields)
    keep_tuner = skip - {"tuner"}
    suppliers = {"activity": resource_based()}
    broken_options(
        world,
        "resource-based",
        lambda: world.worker_options(suppliers=suppliers),
        use,
        skip=keep_tuner,
    )

    def custom() -> Options:
        return world.worker_options(suppliers={"activity": world.custom_supplier()})

    broken_options(world, "custom", custom, use, skip=keep_tuner)

    def deployment() -> Options:
        options = world.worker_options(plugins={})
        strategy = options.pointer.versioning_strategy
        strategy.tag = 1
        strategy.deployment_based.version.deployment_name = options.lender.bytes("name")
        strategy.deployment_based.version.build_id = options.lender.bytes("build")
        strategy.deployment_based.use_worker_versioning = True
        return options

    broken_options(world, "deployment", deployment, use, skip=skip - {"versioning_strategy"})

    def scaling() -> Options:
        options = world.worker_options()
        options.pointer.activity_task_poller_behavior.simple_maximum = world.api.NULL
        options.pointer.activity_task_poller_behavior = autoscaling(options.lender, 1, 5, 2)
        return options

    name = "activity_task_poller_behavior"
    broken_options(world, "autoscaling", scaling, use, skip=skip - {name})


def replayer_options(world: World) -> None:
    """Make replayers with broken options."""
    api = world.api

    def use(options: Any) -> bytes | None:
        made = api.lib.temporal_core_worker_replayer_new(world.runtime, options)
        if made.worker == api.NULL:
            assert made.worker_replay_pusher == api.NULL
            return api.take(made.fail)
        world.call("temporal_core_worker_poll_workflow_activation", made.worker)
        free_handle(api, made.worker)
        free_handle(api, made.worker_replay_pusher)
        return None

    broken_options(world, "replayer", world.worker_options, use)


def small_options(world: World) -> None:
    """Make metrics, attributes and environment configurations with broken options."""
    api, lib = world.api, world.api.lib
    meter = world.handles["TemporalCoreMetricMeter"]
    broken_options(
        world,
        "metric",
        world.metric_options,
        lambda options: dispose(api, lib.temporal_core_metric_new(meter, options)),
    )
    for value_type in (1, 2, 3, 4):
        broken_options(
            world,
            f"attribute {value_type}",
            partial(world.metric_attribute, value_type),
            lambda attribute: dispose(
                api, lib.temporal_core_metric_attributes_new(meter, attribute, 1)
            ),
        )
    for function, struct in (
        ("temporal_core_client_env_config_load", "TemporalCoreClientEnvConfigLoadOptions"),
        (
            "temporal_core_client_env_config_profile_load",
            "TemporalCoreClientEnvConfigProfileLoadOptions",
        ),
    ):
        broken_options(
            world,
            struct,
            partial(world.env_config_options, struct),
            partial(dispose_result, world, function),
        )


def server_options(world: World) -> None:
    """Start ephemeral servers with broken options and an executable that ends at once."""
    for function, make in (
        ("temporal_core_ephemeral_server_start_dev_server", world.dev_server_options),
        ("temporal_core_ephemeral_server_start_test_server", world.test_server_options),
    ):
        for breakage, options in breakages(world.api, make):
            world.case(f"{function}: {breakage.path}")
            world.kept.keep(options)
            assert run(world, function, [world.runtime, options.pointer]) is not None


def bool_arguments(world: World) -> None:
    """Pass bools with invalid values, which C allows by accident."""
    ffi, lib = world.api.ffi, world.api.lib
    random = world.handles["TemporalCoreRandom"]
    for raw in (0, 1, 2, 0xFF):
        world.case(f"random ranges: max_inclusive = {raw}")
        int32 = ffi.cast(
            "int32_t (*)(void *, int32_t, int32_t, uint8_t)",
            ffi.addressof(lib, "temporal_core_random_int32_range"),
        )
        double = ffi.cast(
            "double (*)(void *, double, double, uint8_t)",
            ffi.addressof(lib, "temporal_core_random_double_range"),
        )
        assert -1 <= int32(random, -1, 5, raw) <= 5
        assert -1 <= double(random, -1.0, 5.0, raw) <= 5


def metric_values(world: World) -> None:
    """Record every kind of metric through every function, with extreme values."""
    api, lib = world.api, world.api.lib
    meter = world.handles["TemporalCoreMetricMeter"]
    values: dict[str, list[Any]] = {
        "integer": [0, 2**64 - 1],
        "integer_signed": [-(2**63), 2**63 - 1],
        "float": [float("nan"), float("inf"), -float("inf"), -0.0, 1e308],
        "duration": [0, 2**64 - 1],
    }
    for kind in range(1, 8):
        options = world.metric_options()
        options.pointer.kind = kind
        options.pointer.name = options.lender.bytes(f"kind_{kind}")
        metric = lib.temporal_core_metric_new(meter, options.pointer)
        assert metric != api.NULL
        for function, extremes in values.items():
            for value in extremes:
                world.case(f"kind {kind}: record_{function}({value})")
                record = getattr(lib, f"temporal_core_metric_record_{function}")
                record(metric, value, api.NULL)
                record(metric, value, world.handles["TemporalCoreMetricAttributes"])
        free_handle(api, metric)


def worker_life(world: World) -> None:
    """Shut down twice, finalize too early and twice, and use the worker afterwards."""
    api, lib = world.api, world.api.lib
    worker = world.worker()
    world.case("finalize with polls in flight")
    polls = [world.call(f"temporal_core_worker_poll_{kind}", worker) for kind in KINDS]
    assert b"Cannot finalize" in (world.call(FINALIZE, worker).fail or b"")
    world.case("initiate_shutdown three times")
    for _ in range(3):
        lib.temporal_core_worker_initiate_shutdown(worker)
    assert [poll.wait() for poll in polls] == [(None, None)] * 3
    world.case("finalize")
    assert world.call(FINALIZE, worker).fail is None
    world.case("finalize again")
    assert world.call(FINALIZE, worker).fail is not None
    for kind in KINDS:
        world.case(f"{kind} after finalize")
        assert world.call(f"temporal_core_worker_poll_{kind}", worker).fail is not None
        empty = world.kept.bytes(None)
        complete = f"temporal_core_worker_complete_{kind}"
        assert world.call(complete, worker, empty).fail is not None
    world.case("the rest after finalize")
    assert world.call("temporal_core_worker_validate", worker).fail is not None
    heartbeat = lib.temporal_core_worker_record_activity_heartbeat
    assert api.take(heartbeat(worker, world.kept.bytes(None)))
    assert api.take(lib.temporal_core_worker_replace_client(worker, world.client))
    lib.temporal_core_worker_request_workflow_eviction(worker, world.kept.bytes("run"))
    lib.temporal_core_worker_initiate_shutdown(worker)
    free_handle(api, worker)
    world.case("freed with a completion in flight, before the first poll")
    worker = world.worker()
    completion = world.kept.bytes(b"\n\x03run\x12\0")
    call = world.call("temporal_core_worker_complete_workflow_activation", worker, completion)
    free_handle(api, worker)
    call.wait(10)
    world.case("a worker that was never used")
    free_handle(api, world.worker())


def callbacks_that_free(world: World) -> None:
    """Free every handle that a call uses inside the call's own callback."""
    api, lib = world.api, world.api.lib

    def freeing(function: str, handle: Any, *more: Any, also: Any = None) -> None:
        for _ in range(20):
            subject = handle()
            call = Call(api, function_type(api, function).args[-1])

            def inside(subject: Any = subject) -> None:
                free_handle(api, subject)

            call.inside = inside
            world.calls.append(call)
            getattr(lib, function)(subject, *more, call.user_data, call.callback)
            call.wait()

    def runtime() -> Any:
        return lib.temporal_core_runtime_new(api.new("TemporalCoreRuntimeOptions")).runtime

    options = world.rpc_options().pointer
    bad_options = world.rpc_options(b"NoSuchCall").pointer
    world.case("rpc_call frees the connection, on a runtime thread")
    freeing("temporal_core_client_rpc_call", world.connect, options)
    world.case("rpc_call frees the connection, on the caller's thread")
    freeing("temporal_core_client_rpc_call", world.connect, bad_options)
    connection = world.connection_options().pointer
    world.case("client_connect frees the runtime, on a runtime thread")
    freeing("temporal_core_client_connect", runtime, connection)
    world.case("client_connect frees the runtime, on the caller's thread")
    freeing("temporal_core_client_connect", runtime, api.NULL)
    server = world.test_server_options().pointer
    world.case("ephemeral_server_start frees the runtime")
    freeing("temporal_core_ephemeral_server_start_test_server", runtime, server)
    world.case("worker_validate frees the worker")
    freeing("temporal_core_worker_validate", world.worker)
    world.case("finalize_shutdown frees the worker")

    def drained() -> Any:
        worker = world.worker()
        lib.temporal_core_worker_initiate_shutdown(worker)
        for kind in KINDS:
            assert world.call(f"temporal_core_worker_poll_{kind}", worker).wait() == (None, None)
        return worker

    freeing(FINALIZE, drained)
    world.case("a poll frees the worker")

    def shutting_down() -> Any:
        worker = world.worker()
        lib.temporal_core_worker_initiate_shutdown(worker)
        return worker

    freeing("temporal_core_worker_poll_activity_task", shutting_down)
    world.case("a completion frees the worker")
    completion = world.kept.bytes(b"\xff")
    freeing("temporal_core_worker_complete_activity_task", world.worker, completion)

    world.case("rpc_call frees connection and runtime, the last of both")
    for rpc in (b"DescribeNamespace", b"NoSuchCall"):
        for _ in range(10):
            own = runtime()
            client = world.connect(own)
            call = Call(api, "TemporalCoreClientRpcCallCallback")

            def both(own: Any = own, client: Any = client) -> None:
                free_handle(api, own)
                free_handle(api, client)

            call.inside = both
            world.calls.append(call)
            options = world.rpc_options(rpc).pointer
            lib.temporal_core_client_rpc_call(client, options, call.user_data, call.callback)
            call.wait()


def orders_of_freeing(world: World) -> None:
    """Free runtime, connection, worker and replayer with calls in flight, in every order."""
    api, lib = world.api, world.api.lib
    names = ("runtime", "client", "worker", "replayer", "pusher", "meter", "metric")
    orders = list(itertools.permutations(names[:5]))[:: 4 if not LONG else 1]
    for order in orders:
        world.case(f"freed in the order {' '.join(order)}, calls in flight")
        runtime = lib.temporal_core_runtime_new(world.runtime_options().pointer)
        assert runtime.fail == api.NULL
        client = world.connect(runtime.runtime)
        worker = lib.temporal_core_worker_new(client, world.worker_options().pointer).worker
        replayer = lib.temporal_core_worker_replayer_new(
            runtime.runtime, world.worker_options().pointer
        )
        meter = lib.temporal_core_metric_meter_new(runtime.runtime)
        metric = lib.temporal_core_metric_new(meter, world.metric_options().pointer)
        handles = {
            "runtime": runtime.runtime,
            "client": client,
            "worker": worker,
            "replayer": replayer.worker,
            "pusher": replayer.worker_replay_pusher,
        }
        for handle in (worker, replayer.worker):
            for kind in ("workflow_activation", "activity_task"):
                world.call(f"temporal_core_worker_poll_{kind}", handle)
        options = world.rpc_options().pointer
        world.call("temporal_core_client_rpc_call", client, options)
        for name in order:
            free_handle(api, handles[name])
            lib.temporal_core_metric_record_integer(metric, 1, api.NULL)
        free_handle(api, meter)
        free_handle(api, metric)
        world.settle()


def queues(world: World) -> None:
    """Use events of every size, tags of a freed queue, and calls in flight when it is freed."""
    api, lib = world.api, world.api.lib
    whole = api.ffi.sizeof("TemporalStaticLibsEvent")
    queue = lib.temporal_static_libs_queue_new()
    memory = api.ffi.new("uint8_t[]", 2 * whole)
    event: Any = api.ffi.cast("TemporalStaticLibsEvent *", memory)
    lib.temporal_static_libs_on_worker(lib.temporal_static_libs_queue_tag(queue, 1), api.NULL)
    for size in (*range(2 * whole), 2**32, 2**63, 2**64 - 1):
        if size != whole:
            world.case(f"an event of the size {size}")
            api.ffi.buffer(memory)[:] = b"\xa5" * (2 * whole)
            event.size = size
            for timeout in (0, -1, 2**63 - 1):
                assert not lib.temporal_static_libs_queue_next(queue, timeout, event)
            assert not lib.temporal_static_libs_queue_try_next(queue, event)
    world.case("an event of the right size")
    event.size = whole
    assert lib.temporal_static_libs_queue_next(queue, -(2**63), event)
    for _ in range(3):
        lib.temporal_static_libs_event_free(event)

    world.case("tags of a queue that is freed meanwhile")
    tags = [lib.temporal_static_libs_queue_tag(queue, number) for number in range(2000)]

    def put(some: list[Any]) -> None:
        for tag in some:
            lib.temporal_static_libs_on_worker_poll(tag, some_bytes(api), api.NULL)

    threads = [threading.Thread(target=put, args=(tags[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    lib.temporal_static_libs_queue_free(queue)
    for thread in threads:
        thread.join()

    for freed in ("at once", "after some events"):
        world.case(f"calls in flight, and the queue freed {freed}")
        for _ in range(20):
            queue = lib.temporal_static_libs_queue_new()
            worker = world.worker()
            in_flight(world, queue, worker)
            if freed != "at once":
                lib.temporal_static_libs_queue_descriptor(queue)
                for _ in range(5):
                    event.size = whole
                    assert lib.temporal_static_libs_queue_next(queue, -1, event)
                    lib.temporal_static_libs_event_free(event)
            lib.temporal_static_libs_queue_free(queue)
            free_handle(api, worker)


def in_flight(world: World, queue: Any, worker: Any) -> None:
    """Start calls of each kind with results for a queue."""
    lib = world.api.lib

    def start(function: str, callback: str, *arguments: Any) -> None:
        tag = lib.temporal_static_libs_queue_tag(queue, 1)
        ready_made = getattr(lib, f"temporal_static_libs_on_{callback}")
        getattr(lib, function)(*arguments, tag, ready_made)

    for _ in range(5):
        options = world.rpc_options().pointer
        start("temporal_core_client_rpc_call", "client_rpc_call", world.client, options)
        options = world.connection_options().pointer
        start("temporal_core_client_connect", "client_connect", world.runtime, options)
    options = world.test_server_options().pointer
    start_server = "temporal_core_ephemeral_server_start_test_server"
    start(start_server, "ephemeral_server_start", world.runtime, options)
    for kind in KINDS:
        start(f"temporal_core_worker_poll_{kind}", "worker_poll", worker)
    start("temporal_core_worker_validate", "worker", worker)
    start("temporal_static_libs_worker_ask_server", "worker_ask_server", worker)
    lib.temporal_core_worker_initiate_shutdown(worker)


def two_runtimes(world: World) -> None:
    """Let two runtimes with separate log callbacks log at once, and free one of them meanwhile."""
    api, lib = world.api, world.api.lib
    captures = [LogCapture(api), LogCapture(api)]
    runtimes = []
    for capture in captures:
        lend = world.kept
        options = lend.struct(
            "TemporalCoreRuntimeOptions", telemetry=capture.telemetry(lend, "error")
        )
        runtimes.append(lib.temporal_core_runtime_new(options).runtime)
    clients = [world.connect(runtime) for runtime in runtimes]
    bad = world.kept.array([b"no spaces allowed\nvalue"])

    def log(index: int, times: int) -> None:
        for _ in range(times):
            lib.temporal_core_client_update_metadata(clients[index], bad)

    world.case("both log at once")
    threads = [threading.Thread(target=log, args=(i % 2, 50)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [len(capture.messages("Error")) for capture in captures]
    assert counts == [200, 200], counts
    world.case("one is freed while both log")
    threads = [threading.Thread(target=log, args=(i % 2, 50)) for i in range(8)]
    for thread in threads:
        thread.start()
    free_handle(api, runtimes[0])
    after = len(captures[0].messages("Error"))
    for thread in threads:
        thread.join()
    log(0, 5)
    assert len(captures[0].messages("Error")) == after
    assert len(captures[1].messages("Error")) == 400
    for handle in (*clients, runtimes[1]):
        free_handle(api, handle)


def many_threads(world: World) -> None:
    """Use 64 threads at once for RPCs, cancellations, updates, metrics, workers, random numbers."""
    api, lib = world.api, world.api.lib
    errors: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def work(number: int) -> None:
        start.wait()
        for turn in range(CALLS_A_THREAD):
            token = lib.temporal_core_cancellation_token_new()
            options = world.rpc_options()
            options.pointer.cancellation_token = token
            call = world.call("temporal_core_client_rpc_call", world.client, options.pointer)
            if turn % 3 == 0:
                lib.temporal_core_cancellation_token_cancel(token)
            free_handle(api, token)
            lib.temporal_core_client_update_metadata(
                world.client, options.lender.array([f"name\n{number}"])
            )
            metric = world.handles["TemporalCoreMetric"]
            lib.temporal_core_metric_record_integer(metric, turn, api.NULL)
            lib.temporal_core_random_int32_range(world.handles["TemporalCoreRandom"], 0, 9, False)
            if number % 16 == 0 and turn % 5 == 0:
                worker = world.worker()
                world.call("temporal_core_worker_poll_workflow_activation", worker)
                lib.temporal_core_worker_initiate_shutdown(worker)
                free_handle(api, worker)
            call.wait()

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    world.case(f"{THREADS} threads")
    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]


def panics(world: World) -> None:
    """Cause a real panic of the async runtime with one of its settings; it becomes a failure."""
    api, lib = world.api, world.api.lib
    world.case("TOKIO_WORKER_THREADS=0")
    os.environ["TOKIO_WORKER_THREADS"] = "0"
    try:
        made = lib.temporal_core_runtime_new(api.new("TemporalCoreRuntimeOptions"))
    finally:
        del os.environ["TOKIO_WORKER_THREADS"]
    fail = api.take(made.fail) or b""
    assert fail.startswith(b"Invalid options: panic: "), fail
    free_handle(api, made.runtime)
    made = lib.temporal_core_runtime_new(api.new("TemporalCoreRuntimeOptions"))
    assert made.fail == api.NULL, api.take(made.fail)
    free_handle(api, made.runtime)


GROUPS: dict[str, Group] = {
    group.__name__: group
    for group in (
        null_pointers,
        ranges,
        runtime_options,
        connection_options,
        rpc_options,
        responses,
        worker_options,
        slot_suppliers,
        replayer_options,
        small_options,
        server_options,
        bool_arguments,
        metric_values,
        worker_life,
        callbacks_that_free,
        orders_of_freeing,
        queues,
        two_runtimes,
        many_threads,
        panics,
        *FUZZ,
    )
}

LONG = "TEMPORAL_LIBS_FUZZ_EXAMPLES" in os.environ
DECLARED = ""


def main() -> None:
    """Run one group."""
    global DECLARED
    declarations, library, progress, name = sys.argv[1:]
    DECLARED = Path(declarations).read_text(encoding="utf-8")
    api = CApi(DECLARED, Path(library))
    failed = 0
    with open(progress, "w", encoding="utf-8", buffering=1) as lines:
        world = World(api, lambda case: print(case, file=lines))
        try:
            world.case("making everything")
            world.open()
            GROUPS[name](world)
            world.case("freeing everything")
            world.close()
        except BaseException:
            traceback.print_exc()
            failed = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Not the ordinary exit: after a failure, callbacks could run while the interpreter ends.
    os._exit(failed)


if __name__ == "__main__":
    main()
