"""Completion queues: taking results and events in a test."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.abi.capi import CApi
from tests.support.abi.rpc import call_options, connection_options

PATIENCE_MILLIS = 60_000
"""Milliseconds within which an expected event must come."""

POINTERS = ("connection", "server", "request", "success", "fail", "failure_details", "log")
"""The pointer fields of an event."""

_READY_MADE = {
    "temporal_core_client_connect": "client_connect",
    "temporal_core_client_rpc_call": "client_rpc_call",
    "temporal_core_ephemeral_server_shutdown": "ephemeral_server_shutdown",
    "temporal_core_ephemeral_server_start_": "ephemeral_server_start",
    "temporal_core_worker_complete_": "worker",
    "temporal_core_worker_finalize_shutdown": "worker",
    "temporal_core_worker_poll_": "worker_poll",
    "temporal_core_worker_validate": "worker",
    "temporal_static_libs_client_connect": "client_connect",
    "temporal_static_libs_worker_ask_server": "worker_ask_server",
}
"""Prefixes of calls' names, and the suffix of the callback that puts the result on a queue."""


def ready_made(api: CApi, function: str) -> Any:
    """Find the callback that puts the result of a call on a queue."""
    (ending,) = {end for begin, end in _READY_MADE.items() if function.startswith(begin)}
    return getattr(api.lib, f"temporal_static_libs_on_{ending}")


def some_bytes(api: CApi) -> Any:
    """Make a byte array like those that the library returns."""
    options = api.new("TemporalCoreClientEnvConfigLoadOptions", path={"data": api.NULL, "size": 1})
    fail = api.lib.temporal_core_client_env_config_load(options).fail
    assert fail != api.NULL
    return fail


class Event:
    """An event from a queue. The test owns its memory; ``free`` frees what it points to."""

    def __init__(self, api: CApi) -> None:
        self.api = api
        self.struct = api.sized("TemporalStaticLibsEvent")

    @property
    def kind(self) -> str:
        """The name of the event's kind, such as ``WorkerPoll``."""
        constants = self.api.ffi.typeof("TemporalStaticLibsEventKind").elements
        name: str = constants[self.struct.kind]
        return name.removeprefix("TemporalStaticLibsEventKind_")

    @property
    def tag(self) -> int:
        """The event's tag."""
        return int(self.struct.tag)

    @property
    def fields(self) -> set[str]:
        """The fields other than 0, without those that every event has."""
        names = (*POINTERS, "status_code", "count", "log_level")
        return {name for name in names if getattr(self.struct, name)}

    def bytes(self, name: str = "success") -> bytes:
        """Copy the bytes that a field points to."""
        array = getattr(self.struct, name)
        return bytes(self.api.ffi.buffer(array.data, array.size))

    def text(self, name: str = "fail") -> str:
        """Copy the text that a field points to."""
        return self.bytes(name).decode()

    def keep(self, name: str) -> Any:
        """Take a pointer out of the event, so that ``free`` does not free it."""
        pointer = getattr(self.struct, name)
        assert pointer != self.api.NULL
        setattr(self.struct, name, self.api.NULL)
        return pointer

    def free(self) -> None:
        """Free what the event points to."""
        self.api.lib.temporal_static_libs_event_free(self.struct)


class CompletionQueue:
    """A queue, and calls with results for it."""

    def __init__(self, api: CApi) -> None:
        self.api = api
        self.handle = api.lib.temporal_static_libs_queue_new()
        assert self.handle != api.NULL
        self.lender = api.lend()
        """Owns the calls' arguments, which the library reads until the calls end."""

    def tag(self, number: int) -> Any:
        """Make the ``user_data`` of one call."""
        tag = self.api.lib.temporal_static_libs_queue_tag(self.handle, number)
        assert tag != self.api.NULL
        return tag

    def put(self, number: int) -> None:
        """Put an event of kind ``Worker`` on the queue, like the end of a call."""
        self.api.lib.temporal_static_libs_on_worker(self.tag(number), self.api.NULL)

    def start(self, function: str, *arguments: Any, tag: int = 0) -> None:
        """Start a call whose result goes to the queue."""
        callback = ready_made(self.api, function)
        getattr(self.api.lib, function)(*arguments, self.tag(tag), callback)

    def start_connect(self, runtime: Any, target: str, tag: int = 0, **fields: Any) -> None:
        """Start connecting; ``fields`` are those of ``TemporalCoreConnectionOptions``."""
        options = connection_options(self.api, self.lender, target, **fields)
        self.start("temporal_core_client_connect", runtime, options, tag=tag)

    def start_call(self, client: Any, rpc: str | None, tag: int = 0, **fields: Any) -> None:
        """Start an RPC call; ``fields`` as for `call_options`."""
        options = call_options(self.api, self.lender, rpc, **fields)
        self.start("temporal_core_client_rpc_call", client, options, tag=tag)

    def next(self, timeout_millis: int = PATIENCE_MILLIS) -> Event | None:
        """Wait for an event."""
        event = Event(self.api)
        there = self.api.lib.temporal_static_libs_queue_next(
            self.handle, timeout_millis, event.struct
        )
        return event if there else None

    def try_next(self) -> Event | None:
        """Take an event if there is one."""
        event = Event(self.api)
        there = self.api.lib.temporal_static_libs_queue_try_next(self.handle, event.struct)
        return event if there else None

    def take(self, kind: str) -> Event:
        """Wait for an event, which must come and be of this kind."""
        event = self.next()
        assert event is not None, f"no {kind} within {PATIENCE_MILLIS} ms"
        assert event.kind == kind, (event.kind, event.fields, _fail_of(event))
        return event

    def connect(self, runtime: Any, target: str, **fields: Any) -> Any:
        """Connect, and return the connection, which the caller frees."""
        self.start_connect(runtime, target, **fields)
        event = self.take("ClientConnect")
        assert event.struct.connection != self.api.NULL, _fail_of(event)
        return event.keep("connection")

    def descriptor(self) -> int:
        """Return its descriptor, or -1."""
        return int(self.api.lib.temporal_static_libs_queue_descriptor(self.handle))

    def wait_until_readable(self) -> None:
        """Wait until there is an event, without taking it."""
        readable, _, _ = select.select([self.descriptor()], [], [], PATIENCE_MILLIS / 1000)
        assert readable, f"no event within {PATIENCE_MILLIS} ms"

    def free(self) -> None:
        """Free the queue; a second call does nothing."""
        handle, self.handle = self.handle, self.api.NULL
        self.api.lib.temporal_static_libs_queue_free(handle)


def _fail_of(event: Event) -> str | None:
    return event.text() if event.struct.fail != event.api.NULL else None


@contextmanager
def completion_queue(api: CApi) -> Iterator[CompletionQueue]:
    """Make a queue, freed at the end."""
    queue = CompletionQueue(api)
    try:
        yield queue
    finally:
        queue.free()
